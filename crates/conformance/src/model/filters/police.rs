//! Policers: buckets that fill with time, and what becomes of packets that find too little in them (policer-1..23).

use ravelin_model::{Colouring, Policer, Scaled, ThreeColourPolicer};

use super::{Books, Direction, Marks, Model, Place, Term, level};

/// An instance: of a filter, its family first, or of none, and the name that it is shown by (policer-21).
pub type PolicerName = (Option<(bool, String)>, String);

/// Packets and bytes that were green, yellow and red.
pub type Colours = ([u64; 3], [u64; 3]);

/// Of what it takes a whole to pass: bytes in parts of one bit each millisecond and eight thousand, or packets in thousands.
type Parts = u128;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Spec {
    /// Bytes or packets; what is beyond is discarded, or marked so.
    Two {
        limit: Rate,
        by_packet: bool,
        discards: bool,
        class: Option<u8>,
        loss: Option<u8>,
    },
    Single {
        aware: bool,
        committed: Rate,
        excess: Parts,
        discards: bool,
    },
    Double {
        aware: bool,
        committed: Rate,
        peak: Rate,
        discards: bool,
    },
}

/// Parts that come in each millisecond, and how many there can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rate {
    each: u64,
    most: Parts,
}

#[derive(Clone, Debug)]
pub(super) struct Instance {
    spec: Spec,
    /// What the two buckets hold.
    holds: [Parts; 2],
    at: u64,
    seen: Colours,
}

/// Green, yellow and red.
type Colour = usize;

impl Spec {
    fn two(policer: &Policer) -> Self {
        let (limit, by_packet) = match (&policer.exceeding, &policer.exceeding_pps) {
            (_, Some(pps)) => (rate(pps.packets, pps.burst, 1000), true),
            (Some(bits), None) => (rate(bits.bandwidth, bits.burst, 8000), false),
            (None, None) => (Rate { each: 0, most: 0 }, false),
        };
        let then = &policer.then;
        let (class, loss) = (then.forwarding_class.map(|class| class.0), then.loss_priority.map(level));
        Self::Two { limit, by_packet, discards: then.discard, class, loss }
    }

    fn three(policer: &ThreeColourPolicer) -> Option<Self> {
        let discards = policer.red.iter().any(|red| red.discard);
        let aware = |colouring: &Colouring| colouring.aware;
        if let Some(two) = &policer.two_rate {
            let committed = rate(two.committed_rate, two.committed_burst, 8000);
            let peak = rate(two.peak_rate, two.peak_burst, 8000);
            return Some(Self::Double { aware: aware(&two.colouring), committed, peak, discards });
        }
        let single = policer.single_rate.as_ref()?;
        let committed = rate(single.committed_rate, single.committed_burst, 8000);
        let excess = rate(None, single.excess_burst, 8000).most;
        Some(Self::Single { aware: aware(&single.colouring), committed, excess, discards })
    }

    fn full(&self) -> [Parts; 2] {
        match self {
            Self::Two { limit, .. } => [limit.most, 0],
            Self::Single { committed, excess, .. } => [committed.most, *excess],
            Self::Double { committed, peak, .. } => [committed.most, peak.most],
        }
    }
}

/// So many a second, and so many at once; of a bit an eighth.
fn rate(each: Option<Scaled>, most: Option<Scaled>, whole: u64) -> Rate {
    let number = |of: Option<Scaled>| of.map_or(0, |of| of.0);
    Rate { each: number(each), most: Parts::from(number(most)) * Parts::from(whole) }
}

impl Instance {
    fn new(spec: Spec, at: u64) -> Self {
        let holds = spec.full();
        Self { spec, holds, at, seen: Default::default() }
    }

    fn fill(&mut self, now: u64) {
        let ms = now - self.at;
        self.at = now;
        let came = |rate: &Rate| Parts::from(rate.each) * Parts::from(ms);
        match &self.spec {
            Spec::Two { limit, .. } => self.holds[0] = limit.most.min(self.holds[0] + came(limit)),
            Spec::Single { committed, excess, .. } => {
                let all = self.holds[0] + came(committed);
                self.holds[0] = all.min(committed.most);
                self.holds[1] = (*excess).min(self.holds[1] + (all - self.holds[0]));
            }
            Spec::Double { committed, peak, .. } => {
                self.holds[0] = committed.most.min(self.holds[0] + came(committed));
                self.holds[1] = peak.most.min(self.holds[1] + came(peak));
            }
        }
    }

    /// The colour of a packet that brings one.
    fn colour(&mut self, bytes: usize, brings: Colour) -> Colour {
        let parts = bytes as Parts * 8000;
        let [first, second] = &mut self.holds;
        let take = |bucket: &mut Parts, parts: Parts| {
            let has = *bucket >= parts;
            *bucket -= if has { parts } else { 0 };
            has
        };
        match self.spec {
            Spec::Two { by_packet, .. } => {
                let passes = take(first, if by_packet { 1000 } else { parts });
                if passes { 0 } else { 2 }
            }
            Spec::Single { aware, .. } => {
                let brings = if aware { brings } else { 0 };
                match brings {
                    0 if take(first, parts) => 0,
                    0 | 1 if take(second, parts) => 1,
                    _ => 2,
                }
            }
            Spec::Double { aware, .. } => {
                let brings = if aware { brings } else { 0 };
                if brings == 2 || *second < parts {
                    return 2;
                }
                *second -= parts;
                if brings == 0 && take(first, parts) { 0 } else { 1 }
            }
        }
    }
}

impl<'a> Model<'a> {
    /// Packets and bytes of the instances that have seen any.
    #[must_use]
    pub fn policed(&self) -> Vec<(PolicerName, Colours)> {
        let seen = self.books.policers.iter().filter(|(_, of)| of.seen.0 != [0; 3]);
        seen.map(|(name, of)| (name.clone(), of.seen)).collect()
    }

    /// By the policer of a term; `None`: the packet goes no further.
    pub(super) fn polices(
        &mut self,
        (six, filter): (bool, &str),
        (term, suffix): (&Term<'_>, &str),
        bytes: usize,
        marks: Marks,
    ) -> Option<Marks> {
        let Some((shown, spec)) = self.policer_of(term, suffix) else { return Some(marks) };
        self.police((Some((six, filter.to_owned())), shown), spec, bytes, marks)
    }

    /// By the policer of a place.
    pub(super) fn polices_place(
        &mut self,
        place: Place<'_>,
        is_four: bool,
        bytes: usize,
        marks: Marks,
    ) -> Option<Marks> {
        let Some((shown, spec)) = self.policer_at(place, is_four) else { return Some(marks) };
        self.police((None, shown), spec, bytes, marks)
    }

    fn police(&mut self, name: PolicerName, spec: Spec, bytes: usize, marks: Marks) -> Option<Marks> {
        let now = self.now;
        let of = self.books.policers.entry(name).or_insert_with(|| Instance::new(spec, now));
        of.fill(now);
        let colour = of.colour(bytes, [0, 1, 1, 2][usize::from(marks.loss)]);
        of.seen.0[colour] += 1;
        of.seen.1[colour] += bytes as u64;
        match of.spec {
            Spec::Two { .. } if colour == 0 => Some(marks),
            Spec::Two { discards: true, .. } => None,
            Spec::Two { class, loss, .. } => {
                Some(Marks { class: class.unwrap_or(marks.class), loss: loss.unwrap_or(marks.loss) })
            }
            Spec::Single { discards: true, .. } | Spec::Double { discards: true, .. } if colour == 2 => None,
            Spec::Single { .. } | Spec::Double { .. } => Some(Marks { loss: [0, 2, 3][colour], ..marks }),
        }
    }

    fn policer_of(&self, term: &Term<'_>, suffix: &str) -> Option<(String, Spec)> {
        let (then, firewall) = (term.then, &self.config.firewall);
        let colours = &then.three_colour;
        let (name, is_shared, spec) = match &then.policer {
            Some(name) => {
                let known = firewall.policers.iter().find(|known| known.name == *name)?;
                (name, known.filter_specific, Spec::two(known))
            }
            None => {
                let name = colours.single_rate.as_ref().or(colours.two_rate.as_ref())?;
                let known = firewall.three_colour.iter().find(|known| known.name == *name)?;
                (name, known.filter_specific, Spec::three(known)?)
            }
        };
        let of_term = if is_shared { String::new() } else { format!("-{}", term.name) };
        Some((format!("{name}{of_term}{suffix}"), spec))
    }

    fn policer_at(&self, (unit, direction): Place<'_>, is_four: bool) -> Option<(String, Spec)> {
        let family = self.family(unit, is_four)?;
        let (name, letter) = match direction {
            Direction::Input => (family.policer_input.as_ref()?, "i"),
            Direction::Output => (family.policer_output.as_ref()?, "o"),
        };
        let known = self.config.firewall.policers.iter().find(|known| known.name == *name)?;
        let family = if is_four { "inet" } else { "inet6" };
        Some((format!("{name}-{unit}-{family}-{letter}"), Spec::two(known)))
    }

    /// A commit leaves alone what it does not change (policer-23).
    pub(in crate::model) fn keep_policers(&mut self) {
        let mut there: Vec<(PolicerName, Spec)> = Vec::new();
        for (place, is_four) in self.places() {
            there.extend(
                self.policer_at((&place.0, place.1), is_four).map(|(name, spec)| ((None, name), spec)),
            );
            for name in self.list((&place.0, place.1), is_four) {
                there.extend(self.policers_in(name, (&place.0, place.1), is_four));
            }
        }
        let names4 = self.config.firewall.filters4().map(|filter| (filter.name.as_str(), true));
        let names6 = self.config.firewall.inet6.iter().map(|filter| (filter.name.as_str(), false));
        for (name, is_four) in names4.chain(names6) {
            let is_specific = self.terms(is_four, name).is_some_and(|(_, is_specific)| is_specific);
            if !is_specific {
                there.extend(self.policers_in(name, ("", Direction::Input), is_four));
            }
        }
        let Books { policers, .. } = &mut self.books;
        policers.retain(|name, of| there.iter().any(|(known, spec)| known == name && *spec == of.spec));
    }

    fn policers_in(&self, name: &str, place: Place<'_>, is_four: bool) -> Vec<(PolicerName, Spec)> {
        let Some((terms, is_specific)) = self.terms(is_four, name) else { return Vec::new() };
        let suffix = super::suffix(place, is_specific);
        let filter = format!("{name}{suffix}");
        let of = terms.iter().filter_map(|term| self.policer_of(term, &suffix));
        of.map(|(shown, spec)| ((Some((!is_four, filter.clone())), shown), spec)).collect()
    }

    fn places(&self) -> Vec<((String, Direction), bool)> {
        let units = self.config.interfaces.iter().flat_map(|interface| {
            interface.units.iter().map(move |unit| format!("{}.{}", interface.name, unit.number))
        });
        let both = |unit: String| [Direction::Input, Direction::Output].map(|way| (unit.clone(), way));
        let all = units.flat_map(both);
        all.flat_map(|place| [(place.clone(), true), (place, false)]).collect()
    }
}
