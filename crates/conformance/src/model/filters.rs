//! Firewall filters, one term after another: of the unit that a packet came by, of the firewall itself, and of the unit that it leaves by
//! (firewall-filter-1..9, 46..75).

mod conditions;
mod copies;
mod police;

use std::collections::BTreeMap;

use ravelin_model::{
    Family, FilterFrom4, FilterFrom6, FilterReject, FilterTerm4, FilterTerm6, FilterThen, FirewallFilter4,
    FirewallFilter6, LossPriorityWord,
};
use ravelin_types::DropReason;

pub use copies::Copied;
pub use police::{Colours, PolicerName};

use super::nat::{Source, carried};
use super::reply::Came;
use super::{Expected, Judgement, Model, Outcome, Packet, Session, Tuple, dropped, tuple};

/// Where the filters of the firewall itself stand.
const LOOPBACK: &str = "lo0.0";

/// What a packet is marked with: the queue of its forwarding class, and its loss priority from low to high.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    class: u8,
    loss: u8,
}

/// A counter by the family, the filter and its own name.
pub type CounterName = (bool, String, String);

/// What a term with `syslog` tells: the filter, with its family, the number of the term, what becomes of the packet there, the unit that it
/// came by, what it is known by, and its bytes.
pub type Logged = (bool, String, usize, &'static str, String, Tuple, usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Input,
    Output,
}

/// Why a packet goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Denied {
    Discarded,
    Rejected(FilterReject),
    Policed,
}

/// A unit, and a way through it.
type Place<'p> = (&'p str, Direction);

impl Denied {
    const fn reason(self) -> DropReason {
        match self {
            Self::Discarded => DropReason::FilterDiscard,
            Self::Rejected(_) => DropReason::FilterReject,
            Self::Policed => DropReason::PolicerDiscard,
        }
    }
}

/// The conditions of a term.
#[derive(Clone, Copy, Debug)]
enum From<'a> {
    Four(&'a FilterFrom4),
    Six(&'a FilterFrom6),
}

/// A term where it stands.
#[derive(Clone, Debug)]
struct Term<'a> {
    /// `OUTER-INNER` of one that is nested.
    name: String,
    from: From<'a>,
    then: &'a FilterThen,
    reject: Option<FilterReject>,
}

/// A packet as a filter sees it, with the unit that received it.
#[derive(Clone, Copy, Debug)]
struct Seen<'p> {
    packet: &'p Packet,
    by: &'p str,
    marks: Marks,
}

/// What filters have counted and told.
#[derive(Debug, Default)]
pub(super) struct Books {
    counters: BTreeMap<CounterName, (u64, u64)>,
    logged: Vec<Logged>,
    policers: BTreeMap<PolicerName, police::Instance>,
    copies: Vec<Copied>,
    /// By what the packet at hand is to be copied.
    mirror: Option<Option<String>>,
}

impl<'a> Model<'a> {
    /// Packets and bytes, of the counters that have any.
    #[must_use]
    pub const fn filter_counters(&self) -> &BTreeMap<CounterName, (u64, u64)> {
        &self.books.counters
    }

    /// What terms have told, in any order.
    #[must_use]
    pub fn logged(&self) -> &[Logged] {
        &self.books.logged
    }

    /// By the input filter of the unit that a packet came by.
    pub(super) fn enters(&mut self, came: Came<'_>, packet: &Packet) -> Result<(), DropReason> {
        (self.marks, self.came_in) = (Marks::default(), false);
        let seen = Seen { packet, by: came.unit, marks: self.marks };
        match self.walk((came.unit, Direction::Input), seen) {
            Ok(marks) => {
                self.marks = marks;
                Ok(())
            }
            Err(denied) => Err(self.denies(came, packet, denied)),
        }
    }

    /// By that of the firewall itself, as the packet came: once, though it may open a session in place of one that it had
    /// (firewall-filter-65).
    pub(super) fn comes_in(&mut self, came: Came<'_>, packet: &Packet) -> Result<(), DropReason> {
        if std::mem::replace(&mut self.came_in, true) {
            return Ok(());
        }
        let seen = Seen { packet, by: came.unit, marks: self.marks };
        let walked = self.walk((LOOPBACK, Direction::Input), seen);
        walked.map(|_| ()).map_err(|denied| self.denies(came, packet, denied))
    }

    /// What becomes of a packet that is to leave, as it does: by the filter of the firewall's own traffic, and by that of the unit.
    pub(super) fn leaving(
        &mut self,
        came: Came<'_>,
        packet: &Packet,
        judgement: Judgement,
        got: &Outcome,
    ) -> Judgement {
        let Expected::Forward { unit, source, to, tcp } = &judgement.expected else { return judgement };
        let end = match (source, got) {
            (Source::Is(end), _) => *end,
            (Source::OneOf { .. }, Outcome::Left { packet, .. }) => (packet.src, packet.sport),
            (Source::OneOf { or: Some(reason), .. }, Outcome::Dropped(other)) if reason == other => {
                return judgement;
            }
            (Source::OneOf { .. }, _) if !self.stands_at(unit, to.0.is_ipv4()) => return judgement,
            // What the filter saw can't be told.
            (Source::OneOf { .. }, _) => {
                self.is_open = true;
                return judgement;
            }
        };
        let proto = carried(packet.proto, packet.src, to.0);
        let left = Packet { src: end.0, sport: end.1, dst: to.0, dport: to.1, proto, tcp: *tcp, ..*packet };
        let unit = unit.clone();
        match self.goes_out(came, &unit, &left) {
            Ok(()) => judgement,
            Err(denied) => {
                // What has changed its family, and what is the firewall's own, is told nothing (firewall-filter-64).
                if packet.src.is_ipv4() == left.src.is_ipv4() && !came.of_kernel {
                    self.denies(came, packet, denied);
                }
                let opens = judgement.opens.map(|session| Box::new(Session { left, ..*session }));
                Judgement { opens, ..dropped(denied.reason()) }
            }
        }
    }

    /// The same of an error, about which nothing is said.
    pub(super) fn error_leaves(&mut self, by: &str, unit: &str, left: &Packet) -> Result<(), DropReason> {
        let came = Came { unit: by, zone: "", of_kernel: false };
        self.goes_out(came, unit, left).map_err(Denied::reason)
    }

    /// `left`: as it leaves, with the hops that it came with.
    fn goes_out(&mut self, came: Came<'_>, unit: &str, left: &Packet) -> Result<(), Denied> {
        let ttl = if came.of_kernel { left.ttl } else { left.ttl - 1 };
        let left = Packet { ttl, ..*left };
        let mut seen = Seen { packet: &left, by: came.unit, marks: self.marks };
        if came.of_kernel {
            seen.marks = self.walk((LOOPBACK, Direction::Output), seen)?;
        }
        self.walk((unit, Direction::Output), seen).map(|_| ())
    }

    /// What its sender is told, from the unit that it came by (firewall-filter-51, 52, 64).
    fn denies(&mut self, came: Came<'_>, packet: &Packet, denied: Denied) -> DropReason {
        match denied {
            Denied::Discarded | Denied::Policed => {}
            Denied::Rejected(FilterReject::TcpReset) => self.resets(came, packet),
            Denied::Rejected(FilterReject::Plain) => self.complains(came, packet, ((3, 13), (1, 1)), 0),
            Denied::Rejected(FilterReject::Code(code)) => {
                self.complains(came, packet, ((3, code), (1, code)), 0);
            }
        }
        denied.reason()
    }

    fn stands_at(&self, unit: &str, is_four: bool) -> bool {
        let family = self.family(unit, is_four);
        let is_policed = family.is_some_and(|family| family.policer_output.is_some());
        is_policed || !self.list((unit, Direction::Output), is_four).is_empty()
    }

    /// Through the filters that stand at a place, as if their terms stood in one (firewall-filter-5).
    fn walk(&mut self, place: Place<'_>, seen: Seen<'_>) -> Result<Marks, Denied> {
        let is_four = seen.packet.src.is_ipv4();
        let bytes = seen.packet.size();
        let mut seen = seen;
        if place.1 == Direction::Input {
            seen.marks = self.polices_place(place, is_four, bytes, seen.marks).ok_or(Denied::Policed)?;
        }
        let names = self.list(place, is_four);
        self.books.mirror = None;
        let walked = if names.is_empty() { Ok(seen.marks) } else { self.walk_terms(place, names, seen) };
        if let Some(instance) = self.books.mirror.take() {
            self.copies(instance.as_deref(), seen.packet);
        }
        let marks = walked?;
        match place.1 {
            Direction::Input => Ok(marks),
            // The policer of an interface judges what it comes to with the marks that the filter gave.
            Direction::Output => self.polices_place(place, is_four, bytes, marks).ok_or(Denied::Policed),
        }
    }

    fn walk_terms(&mut self, place: Place<'_>, names: Vec<&'a str>, seen: Seen<'_>) -> Result<Marks, Denied> {
        let is_four = seen.packet.src.is_ipv4();
        let mut seen = seen;
        for name in names {
            let Some((terms, is_specific)) = self.terms(is_four, name) else { continue };
            let suffix = suffix(place, is_specific);
            let filter = format!("{name}{suffix}");
            for (number, term) in terms.into_iter().enumerate() {
                if !self.holds_of(&term, &seen) {
                    continue;
                }
                self.books.note((!is_four, &filter, &suffix), (number, &term), &seen);
                let then = term.then;
                // Of several instances the last one named holds.
                if then.port_mirror || then.port_mirror_instance.is_some() {
                    self.books.mirror = Some(then.port_mirror_instance.clone());
                }
                seen.marks.class = then.forwarding_class.map_or(seen.marks.class, |class| class.0);
                seen.marks.loss = then.loss_priority.map_or(seen.marks.loss, level);
                let passed =
                    self.polices((!is_four, &filter), (&term, &suffix), seen.packet.size(), seen.marks);
                seen.marks = passed.ok_or(Denied::Policed)?;
                match (then.discard, then.next.is_some(), term.reject) {
                    (true, ..) => return Err(Denied::Discarded),
                    (_, true, _) => {}
                    (.., Some(reject)) => return Err(Denied::Rejected(reject)),
                    (.., None) => return Ok(seen.marks),
                }
            }
        }
        Err(Denied::Discarded)
    }

    /// The names of the filters at a place, in order.
    fn list(&self, (unit, direction): Place<'_>, is_four: bool) -> Vec<&'a str> {
        let Some(family) = self.family(unit, is_four) else { return Vec::new() };
        let (single, list) = match direction {
            Direction::Input => (&family.filter_input, &family.filter_input_list),
            Direction::Output => (&family.filter_output, &family.filter_output_list),
        };
        single.iter().chain(list).map(String::as_str).collect()
    }

    fn family(&self, name: &str, is_four: bool) -> Option<&'a Family> {
        let units = self.config.interfaces.iter().flat_map(|interface| {
            interface.units.iter().map(move |unit| (format!("{}.{}", interface.name, unit.number), unit))
        });
        let (_, unit) = units.into_iter().find(|(known, _)| known == name)?;
        if is_four { unit.inet.as_ref() } else { unit.inet6.as_ref() }
    }

    /// The terms of a filter, those of nested ones in their places, and whether each place has counters of its own.
    fn terms(&self, is_four: bool, name: &str) -> Option<(Vec<Term<'a>>, bool)> {
        let firewall = &self.config.firewall;
        if is_four {
            let known: Vec<&FirewallFilter4> = firewall.filters4().collect();
            let of = |name: &str| known.iter().find(|filter| filter.name == name).copied();
            let filter = of(name)?;
            let terms = filter.terms.iter().flat_map(|term| match &term.filter {
                None => vec![(term.name.clone(), term)],
                Some(inner) => {
                    let terms = of(inner).map_or(&[][..], |inner| &inner.terms);
                    terms.iter().map(|t| (format!("{}-{}", term.name, t.name), t)).collect()
                }
            });
            let one = |(name, t): (String, &'a FilterTerm4)| Term {
                name,
                from: From::Four(&t.from),
                then: &t.then,
                reject: t.reject,
            };
            let terms = terms.map(one).collect();
            Some((terms, filter.interface_specific))
        } else {
            let of = |name: &str| -> Option<&'a FirewallFilter6> {
                firewall.inet6.iter().find(|filter| filter.name == name)
            };
            let filter = of(name)?;
            let terms = filter.terms.iter().flat_map(|term| match &term.filter {
                None => vec![(term.name.clone(), term)],
                Some(inner) => {
                    let terms = of(inner).map_or(&[][..], |inner| &inner.terms);
                    terms.iter().map(|t| (format!("{}-{}", term.name, t.name), t)).collect()
                }
            });
            let one = |(name, t): (String, &'a FilterTerm6)| Term {
                name,
                from: From::Six(&t.from),
                then: &t.then,
                reject: t.reject,
            };
            let terms = terms.map(one).collect();
            Some((terms, filter.interface_specific))
        }
    }
}

impl Books {
    /// A term holds of a packet (firewall-filter-47).
    fn note(
        &mut self,
        (six, filter, suffix): (bool, &str, &str),
        (number, term): (usize, &Term<'_>),
        seen: &Seen<'_>,
    ) {
        let Seen { packet, by, .. } = *seen;
        let then = term.then;
        if let Some(counter) = &then.count {
            let name = (six, filter.to_owned(), format!("{counter}{suffix}"));
            let (packets, bytes) = self.counters.entry(name).or_default();
            *packets += 1;
            *bytes += packet.size() as u64;
        }
        if then.syslog {
            let does = match (then.discard, then.next.is_some(), term.reject) {
                (true, ..) => "discard",
                (false, false, Some(_)) => "reject",
                _ => "accept",
            };
            let told = (six, filter.to_owned(), number, does, by.to_owned(), tuple(packet), packet.size());
            self.logged.push(told);
        }
    }
}

/// What stands behind the names of a filter that is of its place.
fn suffix((unit, direction): Place<'_>, is_specific: bool) -> String {
    let letter = if direction == Direction::Input { "i" } else { "o" };
    if is_specific { format!("-{unit}-{letter}") } else { String::new() }
}

const fn level(word: LossPriorityWord) -> u8 {
    match word {
        LossPriorityWord::Low => 0,
        LossPriorityWord::MediumLow => 1,
        LossPriorityWord::MediumHigh => 2,
        LossPriorityWord::High => 3,
    }
}
