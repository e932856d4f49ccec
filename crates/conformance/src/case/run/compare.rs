//! What came against what should have come.

use ravelin_types::Mac;
use ravelin_wire::ethertype;

use super::resolve::{self, Known};
use super::{MACS, Put, Runner, Seen, opened};
use crate::bench::{Arrival, Place};
use crate::case::{CopyOf, Outcome, Pattern, What};
use crate::datagram::Datagram;

/// What should have come, and whether it did.
struct Wanted {
    text: String,
    note: Option<String>,
}

/// What a frame should be.
enum Frame<'a> {
    Datagram(Datagram),
    Ether(&'a (u16, Vec<u8>)),
    /// Nothing to compare it with could be made.
    Unknown(String),
}

impl Runner<'_> {
    pub(super) fn compare(&mut self, outcomes: &[Outcome], put: &Put, seen: Seen) -> Result<(), What> {
        let Seen { arrivals, mut drops } = seen;
        let copies: Vec<_> =
            outcomes.iter().filter_map(|o| if let Outcome::Copy(of) = o { Some(of) } else { None }).collect();
        let (arrivals, notes) = self.copies(&copies, put, arrivals);
        let mut notes = notes.into_iter();
        let mut frames = arrivals.iter();
        let mut wanted = Vec::new();
        self.waiting = None;
        for outcome in outcomes {
            wanted.push(match outcome {
                Outcome::Drop(reason) => {
                    let at = drops.iter().position(|r| r == reason);
                    if let Some(at) = at {
                        drops.swap_remove(at);
                    }
                    let note = at.is_none().then(|| "no such drop".to_owned());
                    Wanted { text: format!("drop {}", reason.name()), note }
                }
                Outcome::Held => {
                    self.waiting = put.datagram.clone();
                    Wanted { text: "held".into(), note: None }
                }
                Outcome::Copy(of) => {
                    Wanted { text: format!("copy {}", of.port), note: notes.next().flatten() }
                }
                Outcome::Count(count) => {
                    let came = frames.by_ref().take(*count).count();
                    let note = (came < *count).then(|| format!("{came} came"));
                    Wanted { text: format!("sent {count}"), note }
                }
                Outcome::Forward { .. }
                | Outcome::Host { .. }
                | Outcome::Answer { .. }
                | Outcome::AnswerEther { .. } => self.frame(outcome, put, frames.next()),
            });
        }
        let left = frames.len() + drops.len();
        if left == 0 && wanted.iter().all(|w| w.note.is_none()) {
            return Ok(());
        }
        let drops = drops.iter().map(|r| format!("drop {}", r.name()));
        let got: Vec<_> = arrivals.iter().map(|a| self.shown(a)).chain(drops).collect();
        Err(What::Mismatch(report(&wanted, &got)))
    }

    /// Takes out the copies that are expected; what is left, and of each whether it came. Copies and the packets themselves
    /// leave by different ports, so nothing is said of their order.
    fn copies(
        &self,
        wanted: &[&CopyOf],
        put: &Put,
        arrivals: Vec<Arrival>,
    ) -> (Vec<Arrival>, Vec<Option<String>>) {
        let outputs: Vec<&str> = wanted.iter().map(|of| of.port.as_str()).collect();
        let is_copy = |a: &Arrival| matches!(&a.place, Place::Port(port) if outputs.contains(&port.as_str()));
        let (mut copies, others): (Vec<_>, Vec<_>) = arrivals.into_iter().partition(is_copy);
        let notes = wanted.iter().map(|of| {
            let sources: Vec<&[u8]> = match of.left {
                true => others.iter().map(|a| a.frame.as_slice()).collect(),
                false => vec![&put.frame],
            };
            let expected: Vec<_> = sources.iter().map(|frame| self.copied(of, frame)).collect();
            let here = |a: &Arrival| a.place == Place::Port(of.port.clone());
            match copies.iter().position(|a| here(a) && expected.contains(&a.frame)) {
                Some(at) => {
                    copies.remove(at);
                    None
                }
                None if !copies.iter().any(here) => Some("nothing came".to_owned()),
                None => {
                    Some(format!("expected one of {:?}", expected.iter().map(|e| hex(e)).collect::<Vec<_>>()))
                }
            }
        });
        let notes = notes.collect();
        (others.into_iter().chain(copies).collect(), notes)
    }

    /// A frame as its copy leaves.
    fn copied(&self, of: &CopyOf, frame: &[u8]) -> Vec<u8> {
        let mut l3_at = MACS + 2;
        while frame.get(l3_at - 2..l3_at) == Some(&ethertype::VLAN.to_be_bytes()[..]) {
            l3_at += 4;
        }
        let end = of.cut.map_or(frame.len(), |cut| frame.len().min(l3_at + cut));
        let tag = of.vlan.map(|tag| [ethertype::VLAN.to_be_bytes(), tag.to_be_bytes()].concat());
        let tag = tag.unwrap_or_default();
        match of.to {
            None => [&frame[..MACS], &tag, &frame[MACS..end]].concat(),
            Some(to) => {
                let own = self.bench.station(&of.port).unwrap_or_default();
                [&to.0[..], &own.0, &tag, &frame[l3_at - 2..end]].concat()
            }
        }
    }

    /// Judges one frame against one outcome.
    fn frame(&mut self, outcome: &Outcome, put: &Put, arrival: Option<&Arrival>) -> Wanted {
        let seen = arrival.and_then(|a| opened(&a.frame)).and_then(|(_, _, l3)| Datagram::read(l3));
        let (kind, unit, to) = match outcome {
            Outcome::Forward { unit, to, .. } => ("", unit, *to),
            Outcome::Host { unit, .. } => ("host ", unit, None),
            Outcome::Answer { unit, .. } | Outcome::AnswerEther { unit, .. } => ("answer ", unit, None),
            Outcome::Drop(_) | Outcome::Held | Outcome::Count(_) | Outcome::Copy(_) => {
                unreachable!("no frame comes of these")
            }
        };
        let frame = self.expected(outcome, put, seen.as_ref());
        let text = match &frame {
            Frame::Datagram(datagram) => format!("{kind}{unit} {datagram}"),
            Frame::Ether((ethertype, payload)) => {
                format!("{kind}{unit} ether {ethertype:04x} {}", hex(payload))
            }
            Frame::Unknown(why) => format!("{kind}{unit} {why}"),
        };
        let note = match (arrival, &frame) {
            (None, _) => Some("nothing came".to_owned()),
            (_, Frame::Unknown(why)) => Some(why.clone()),
            (Some(arrival), frame) => self.differs(arrival, (unit, kind == "host "), to, frame),
        };
        if let (None, Frame::Datagram(datagram), Outcome::Forward { .. }) = (&note, frame, outcome) {
            self.last = Some(datagram);
        }
        Wanted { text, note }
    }

    /// What should come of the packet, the firewall's own changes worked in.
    fn expected<'p>(&mut self, outcome: &'p Outcome, put: &'p Put, seen: Option<&Datagram>) -> Frame<'p> {
        let given = put.datagram.as_ref();
        let forwarded = given.map(|d| Datagram { ttl: d.ttl.saturating_sub(1), ..d.clone() });
        let (pattern, base): (Option<&Pattern>, _) = match outcome {
            Outcome::Forward { pattern, .. } => (pattern.as_deref(), forwarded.as_ref()),
            Outcome::Host { pattern, .. } => (pattern.as_deref(), given),
            Outcome::Answer { pattern, .. } => (Some(pattern), None),
            Outcome::AnswerEther { frame, .. } => return Frame::Ether(frame),
            Outcome::Drop(_) | Outcome::Held | Outcome::Count(_) | Outcome::Copy(_) => (None, None),
        };
        let Some(pattern) = pattern else {
            return match (base, &put.ether) {
                (Some(base), _) => Frame::Datagram(base.clone()),
                (None, Some(ether)) => Frame::Ether(ether),
                (None, None) => Frame::Unknown("a packet to compare with is missing".into()),
            };
        };
        let known = Known { base, given, last: self.last.as_ref(), seen };
        match resolve::datagram(pattern, &known, &mut self.variables) {
            Ok(datagram) => Frame::Datagram(datagram),
            Err(what) => Frame::Unknown(what.to_string()),
        }
    }

    /// The first thing in which a frame is not what it should be.
    fn differs(
        &self,
        arrival: &Arrival,
        (unit, to_host): (&str, bool),
        to: Option<Mac>,
        frame: &Frame<'_>,
    ) -> Option<String> {
        let Some((tag, kind, l3)) = opened(&arrival.frame) else {
            return Some("what came is no Ethernet frame".into());
        };
        let wanted_tag = match &arrival.place {
            Place::Host(name) if to_host && name == unit => None,
            Place::Port(port) if !to_host => match self.port_of(unit) {
                Some((of, tag)) if of == *port => tag,
                _ => return Some("it left elsewhere".into()),
            },
            Place::Host(_) | Place::Port(_) => return Some("it left elsewhere".into()),
        };
        if tag != wanted_tag {
            return Some(format!("its VLAN is {tag:?}"));
        }
        if let Some(to) = to.filter(|to| arrival.frame[..6] != to.0) {
            return Some(format!("it did not go to {to}"));
        }
        let (wanted_kind, wanted) = match frame {
            Frame::Ether((kind, payload)) => (*kind, payload.clone()),
            Frame::Datagram(datagram) => {
                let kind = if datagram.src.is_ipv4() { ethertype::IPV4 } else { ethertype::IPV6 };
                (kind, datagram.bytes())
            }
            Frame::Unknown(why) => return Some(why.clone()),
        };
        if kind != wanted_kind {
            return Some(format!("its EtherType is {kind:04x}"));
        }
        if wanted == l3 {
            return None;
        }
        let at = wanted.iter().zip(l3).position(|(w, g)| w != g).unwrap_or(wanted.len().min(l3.len()));
        let around = |bytes: &[u8]| hex(&bytes[at.min(bytes.len())..bytes.len().min(at + 8)]);
        Some(format!(
            "byte {at} of the datagram: expected {} of {}, got {} of {}",
            around(&wanted),
            wanted.len(),
            around(l3),
            l3.len()
        ))
    }

    fn shown(&self, arrival: &Arrival) -> String {
        let Some((tag, kind, l3)) = opened(&arrival.frame) else { return hex(&arrival.frame) };
        let place = match &arrival.place {
            Place::Host(unit) => format!("host {unit}"),
            Place::Port(port) => tag.map_or_else(|| port.clone(), |tag| format!("{port} vlan={tag}")),
        };
        match Datagram::read(l3) {
            Some(datagram) => format!("{place} {datagram}"),
            None => format!("{place} ether {kind:04x} {}", hex(l3)),
        }
    }
}

fn report(wanted: &[Wanted], got: &[String]) -> String {
    let mut out = Vec::new();
    for Wanted { text, note } in wanted {
        out.push(format!("    expected  {text}"));
        out.extend(note.iter().map(|note| format!("              ^ {note}")));
    }
    out.extend(got.iter().map(|text| format!("    got       {text}")));
    if got.is_empty() {
        out.push("    got       nothing".into());
    }
    out.join("\n")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
