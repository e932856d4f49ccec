//! What leaves that did not come: answers of the firewall and the pieces of what is cut, byte for byte; and how much came and went by each
//! unit, as seen from outside.

use std::collections::BTreeMap;

use proptest::prelude::*;
use ravelin_conformance::model::{Model, Outcome, Reply, Says, Tally};
use ravelin_contract::DataPlane;
use ravelin_sim::SimPlane;
use ravelin_types::{Addr, DropReason, Family, Mac};
use ravelin_wire::build::{self, Ip, Payload};
use ravelin_wire::{checksum, put_u16};

use crate::kit::{From, Run, frame};

/// A frame that the engine sent of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said {
    pub unit: String,
    pub to_kernel: bool,
    pub frame: Vec<u8>,
}

/// Bytes of a quote: what every host must take of IPv4 (RFC 1812 4.3.2.3), the least MTU of IPv6 (RFC 4443 3).
const QUOTES: (usize, usize) = (576 - 28, 1280 - 48);
/// The station that packets of the model come from.
const NEIGHBOUR: Mac = Mac([2, 0, 0, 0, 1, 1]);

/// A reply as it is on the wire.
fn written(plane: &SimPlane, reply: &Reply) -> Said {
    let ((family, src), (_, dst)) = (Addr::from_ip(reply.src), Addr::from_ip(reply.dst));
    let about = &reply.about;
    let payload = match reply.says {
        Says::Segment { flags, seq, ack, window } => {
            let mut segment = Payload::tcp_segment(about.dport, about.sport, flags, seq, ack, &[]);
            put_u16(&mut segment.bytes, 14, window);
            segment
        }
        Says::Error { kind, code, rest } => {
            let mut quote = frame(about)[14..].to_vec();
            quote.truncate(if family == Family::V4 { QUOTES.0 } else { QUOTES.1 });
            Payload::icmp(family, kind, code, rest, &quote)
        }
    };
    let rules = plane.rules().unwrap();
    let unit = rules.units().find(|unit| unit.name == reply.unit).unwrap();
    let [a, b, c, d] = dst.octets4();
    let dst_mac = if reply.by_route { Mac([2, 1, a, b, c, d]) } else { NEIGHBOUR };
    let src_mac = Mac(rules.port(unit.port).unwrap().mac);
    let vlan = unit.vlan.filter(|_| !reply.to_kernel);
    let ip = Ip { src_mac, dst_mac, vlan, ..Ip::new(family, src, dst) };
    Said { unit: reply.unit.clone(), to_kernel: reply.to_kernel, frame: build::frame(&ip, &payload) }
}

/// What the firewall said is what the model says that it says.
pub fn agree_on_replies(plane: &SimPlane, model: &mut Model<'_>, said: &[Said]) -> Result<(), TestCaseError> {
    let replies = model.take_replies();
    let wanted: Vec<_> = replies.iter().map(|reply| written(plane, reply)).collect();
    prop_assert_eq!(said, &wanted[..], "{:?}", replies);
    Ok(())
}

/// The same of a batch whose packets filters look at before any other is done with.
pub fn agree_on_replies_in_any_order(
    plane: &SimPlane,
    model: &mut Model<'_>,
    said: &[Said],
) -> Result<(), TestCaseError> {
    let replies = model.take_replies();
    let mut wanted: Vec<_> = replies.iter().map(|reply| written(plane, reply)).collect();
    let mut said = said.to_vec();
    wanted.sort();
    said.sort();
    prop_assert_eq!(said, wanted, "{:?}", replies);
    Ok(())
}

/// The pieces of a datagram on a link that takes so much (RFC 791 3.2); one, where it needs no cutting or may not be cut.
pub fn cut(datagram: &[u8], mtu: usize) -> Vec<Vec<u8>> {
    let may_be_cut = datagram[0] >> 4 == 4 && datagram[6] & 0x40 == 0;
    if datagram.len() <= mtu || !may_be_cut {
        return vec![datagram.to_vec()];
    }
    let header = usize::from(datagram[0] & 15) * 4;
    let (whole, body) = datagram.split_at(header);
    let mut later = [&whole[..20], &copied(&whole[20..])].concat();
    later[0] = 0x40 + (later.len() / 4) as u8;
    let (mut pieces, mut at) = (Vec::new(), 0);
    while at < body.len() {
        let mut piece = if at == 0 { whole.to_vec() } else { later.clone() };
        let header = piece.len();
        let end = body.len().min(at + (mtu - header) / 8 * 8);
        piece.extend(&body[at..end]);
        let (len, more) = (piece.len() as u16, if end < body.len() { 0x2000 } else { 0 });
        put_u16(&mut piece, 2, len);
        put_u16(&mut piece, 6, (at / 8) as u16 | more);
        put_u16(&mut piece, 10, 0);
        let sum = !checksum::fold(checksum::sum(&piece[..header]));
        put_u16(&mut piece, 10, sum);
        pieces.push(piece);
        at = end;
    }
    pieces
}

/// Options that go into every piece, filled up to whole words (RFC 791 3.1: the first bit of the number).
fn copied(options: &[u8]) -> Vec<u8> {
    let (mut rest, mut out) = (options, Vec::new());
    while let [kind, tail @ ..] = rest {
        let len = match (kind, tail.first()) {
            (0, _) => break,
            (1, _) => 1,
            (_, Some(len)) if (2..=rest.len()).contains(&usize::from(*len)) => usize::from(*len),
            _ => break,
        };
        if kind & 0x80 != 0 {
            out.extend(&rest[..len]);
        }
        rest = &rest[len..];
    }
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// Packets and bytes in and out of each unit, as a wire tap would count them.
#[derive(Debug, Default)]
pub struct Tap {
    units: BTreeMap<String, [u64; 4]>,
    /// Answers of the firewall, and what the kernel got.
    answers: u64,
    to_kernel: u64,
}

impl Tap {
    fn count(&mut self, unit: &str, at: usize, frame: &[u8]) {
        let counts = self.units.entry(unit.to_owned()).or_default();
        counts[at] += 1;
        counts[at + 1] += frame.len() as u64;
    }

    /// A frame that came by a unit. What can't be taken apart counts for none.
    pub fn came(&mut self, unit: &str, frame: &[u8], outcome: &Outcome) {
        let unreadable =
            [DropReason::MappedAddress, DropReason::MalformedTransport, DropReason::MalformedIcmp];
        if !matches!(outcome, Outcome::Dropped(reason) if unreadable.contains(reason)) {
            self.count(unit, 0, frame);
        }
    }

    /// Everything that left in a run, of packets that came by these units.
    pub fn ran(&mut self, units: &[&str], packets: &[(From, ravelin_conformance::model::Packet)], run: &Run) {
        for ((from, packet), fate) in packets.iter().zip(&run.fates) {
            if let From::Port(port) = from {
                self.came(units[*port], &frame(packet), &fate.outcome);
            }
            match &fate.outcome {
                Outcome::Left { unit, .. } => fate.left.iter().for_each(|frame| self.count(unit, 2, frame)),
                Outcome::Host => self.to_kernel += 1,
                Outcome::Answered | Outcome::Dropped(_) => {}
            }
        }
        self.answered(&run.said);
    }

    pub fn answered(&mut self, said: &[Said]) {
        for said in said {
            self.answers += 1;
            if said.to_kernel { self.to_kernel += 1 } else { self.count(&said.unit, 2, &said.frame) }
        }
    }

    pub fn kernel_got(&mut self) {
        self.to_kernel += 1;
    }

    /// A frame left by a unit.
    pub fn left(&mut self, unit: &str, frame: &[u8]) {
        self.count(unit, 2, frame);
    }

    pub fn agrees(&self, plane: &SimPlane) -> Result<(), TestCaseError> {
        let (rules, counters) = (plane.rules().unwrap(), plane.telemetry().interfaces().unwrap());
        let mut shown = BTreeMap::new();
        for of in counters {
            let counts = [of.rx_packets, of.rx_bytes, of.tx_packets, of.tx_bytes];
            if counts != [0; 4] {
                shown.insert(rules.unit(of.interface).unwrap().name.clone(), counts);
            }
        }
        prop_assert_eq!(&shown, &self.units);
        let global = plane.telemetry().global().unwrap();
        prop_assert_eq!((global.answers, global.host_packets), (self.answers, self.to_kernel));
        let sent = self.units.values().fold((0, 0), |(packets, bytes), of| (packets + of[2], bytes + of[3]));
        prop_assert_eq!((global.tx_packets, global.tx_bytes), sent);
        Ok(())
    }
}

/// What policies have counted, by name, and sessions: those that there are are those that came and did not go.
pub fn agree_on_policies(plane: &SimPlane, model: &Model<'_>) -> Result<(), TestCaseError> {
    let names = plane.last_apply_result().map(|result| result.policy_names).unwrap_or_default();
    let mut shown: BTreeMap<String, Tally> = BTreeMap::new();
    for of in plane.telemetry().policies().unwrap() {
        let (_, name) = names.iter().find(|(id, _)| *id == of.id).unwrap();
        let counts =
            Tally { hits: of.hits, gained: of.gained, lost: of.lost, packets: of.packets, bytes: of.bytes };
        prop_assert_eq!(of.sessions, of.gained - of.lost, "{}", name);
        if counts != Tally::default() {
            shown.insert(name.to_string(), counts);
        }
    }
    // Of what is no more nothing is told.
    let wanted = model.tallies().iter().filter(|(name, _)| names.iter().any(|(_, of)| of == *name));
    prop_assert_eq!(shown, wanted.map(|(name, tally)| (name.clone(), *tally)).collect::<BTreeMap<_, _>>());
    Ok(())
}
