//! Port mirroring: copies of packets as they arrive, as they leave, and where a filter asks for one.
//!
//! Junos: `forwarding-options port-mirroring`, `security forwarding-options mirror-filter`. Place: ingress copies are taken before a packet
//! is looked at, egress copies when the batch is through, behind every other stage; so neither path knows of them. State: a sampler for each
//! instance, the worker's own, and the copies of one step. Spec: mirror-1..25.

mod table;

use ravelin_contract::{Event, MirrorLoss};
use ravelin_program::MirrorTo;
use ravelin_types::{Family, Instant, InterfaceId, Mac, MirrorId, PortId};
use ravelin_wire::rewrite::{self, Partial};
use ravelin_wire::{ETHERNET_LEN, Network, VLAN_LEN, ethertype, put_u16, u16_at};

use crate::counters::MirrorCounts;
use crate::explain::{Fact, Recorder};
use crate::output::Events;
use crate::packet::{Ingress, Packet};
use crate::rules::Snapshot;
use crate::step::{Slot, Turn};
use crate::verdict::{Egress, Verdict};
pub(crate) use table::MirrorTable;
use table::{Target, Way};

/// Copies a step makes at most: one of every packet as it came, and one as it left. Spec: mirror-18.
pub const COPIES_MAX: usize = 2 * crate::BATCH_MAX;
/// Bytes of the longest copy; no frame of a port is longer.
pub const COPY_LEN_MAX: usize = crate::output::ANSWER_LEN_MAX;
/// How often a next hop that does not answer is asked for.
const ASK_EVERY_NS: u64 = 1_000_000_000;

/// A copy that waits to be sent.
#[derive(Debug)]
pub struct Copy {
    pub mirror: MirrorId,
    pub port: PortId,
    pub unit: Option<InterfaceId>,
    start: usize,
    end: usize,
    buf: Box<[u8]>,
}

impl Copy {
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.buf[self.start..self.end]
    }
}

/// The copies of one step; allocated once.
#[derive(Debug)]
pub(crate) struct Copies {
    list: Vec<Copy>,
    used: usize,
}

impl Copies {
    pub(crate) fn new() -> Self {
        let copy = |_| Copy {
            mirror: MirrorId(0),
            port: PortId(0),
            unit: None,
            start: 0,
            end: 0,
            buf: vec![0; VLAN_LEN + COPY_LEN_MAX].into(),
        };
        Self { list: (0..COPIES_MAX).map(copy).collect(), used: 0 }
    }

    pub(crate) fn clear(&mut self) {
        self.used = 0;
    }

    pub(crate) fn all(&self) -> &[Copy] {
        &self.list[..self.used]
    }

    fn next(&mut self) -> Option<&mut Copy> {
        let copy = self.list.get_mut(self.used)?;
        self.used += 1;
        Some(copy)
    }
}

/// Which packets of an instance are copied. Spec: mirror-8.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sampler {
    /// Packets since the last that was chosen.
    seen: u32,
    /// Packets behind it that are still to be copied.
    run: u32,
    asked: Option<Instant>,
}

impl Sampler {
    fn takes(&mut self, target: &Target) -> bool {
        self.seen += 1;
        if self.seen >= target.rate {
            (self.seen, self.run) = (0, target.run_length);
            return true;
        }
        let runs = self.run > 0;
        self.run = self.run.saturating_sub(1);
        runs
    }

    /// Whether a next hop is to be asked for now.
    fn asks(&mut self, now: Instant) -> bool {
        let due = self.asked.is_none_or(|asked| now.0.saturating_sub(asked.0) >= ASK_EVERY_NS);
        if due {
            self.asked = Some(now);
        }
        due
    }
}

/// What is left to do for a frame's transport checksum, in the copy at least.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sum<'a> {
    Whole,
    /// To be finished.
    Left(Partial),
    /// To be made, of what the packet shows.
    Anew(&'a Network),
}

/// What it takes to copy a frame.
struct Copier<'a, R> {
    world: &'a Snapshot,
    samplers: &'a mut [Sampler],
    counters: &'a mut [MirrorCounts],
    events: &'a mut Events,
    copies: &'a mut Copies,
    now: Instant,
    rec: &'a mut R,
}

/// Copies a packet by an instance, as it is now: what a filter's `port-mirror` and `port-mirror-instance` do, too.
/// Spec: mirror-25.
pub(crate) fn copy<R: Recorder>(turn: &mut Turn<'_, R>, frame: &[u8], mirror: MirrorId, sum: Sum<'_>) {
    let state = &mut *turn.state;
    let mut copier = Copier {
        world: turn.world,
        samplers: &mut state.mirrors,
        counters: &mut state.counters.mirrors,
        events: &mut state.events,
        copies: &mut turn.out.copies,
        now: turn.now,
        rec: turn.rec,
    };
    copier.copy(mirror, frame, sum);
}

/// Copies a frame fresh from the wire, if the interface is mirrored. Spec: mirror-11.
#[inline]
pub(crate) fn arrived<R: Recorder>(turn: &mut Turn<'_, R>, packet: &Packet<'_>) {
    if turn.world.rules.mirrors.ingress.is_empty() || packet.handed.is_some() || !turn.world.armed {
        return;
    }
    let Ingress::Port(port) = packet.ingress else { return };
    let rules = &turn.world.rules;
    if rules.port(port).is_none_or(|port| !port.enabled) {
        return;
    }
    let unit = rules.unit_of(port, vlan_of(packet.bytes()));
    if let Some(mirror) = rules.mirrors.ingress.of(port, unit) {
        copy(turn, packet.bytes(), mirror, Sum::Whole);
    }
}

/// Copies what leaves by interfaces that are mirrored, and what mirror filters hold of. Spec: mirror-12, mirror-21.
pub(crate) fn left<R: Recorder>(turn: &mut Turn<'_, R>, packets: &[Packet<'_>], flows: &[Slot]) {
    let table = &turn.world.rules.mirrors;
    if table.egress.is_empty() && table.filters.is_empty() {
        return;
    }
    let state = &mut *turn.state;
    let (verdicts, answers, copies) = turn.out.parts();
    let mut copier = Copier {
        world: turn.world,
        samplers: &mut state.mirrors,
        counters: &mut state.counters.mirrors,
        events: &mut state.events,
        copies,
        now: turn.now,
        rec: turn.rec,
    };
    for ((packet, slot), verdict) in packets.iter().zip(flows).zip(verdicts) {
        if let Verdict::Send { egress: Egress::Port(port), unit, partial } = *verdict {
            copier.leaves((port, unit), came_by(slot), packet.bytes(), partial.into());
        }
    }
    for answer in answers.iter().filter(|answer| answer.onward.is_none()) {
        if let Egress::Port(port) = answer.egress {
            copier.leaves((port, answer.unit), answer.came_by, answer.bytes(), answer.partial.into());
        }
    }
}

impl From<Option<Partial>> for Sum<'_> {
    fn from(partial: Option<Partial>) -> Self {
        partial.map_or(Self::Whole, Self::Left)
    }
}

impl<R: Recorder> Copier<'_, R> {
    fn leaves(
        &mut self,
        (port, unit): (PortId, InterfaceId),
        came_by: Option<InterfaceId>,
        frame: &[u8],
        sum: Sum<'_>,
    ) {
        let world = self.world;
        let table = &world.rules.mirrors;
        if let Some(mirror) = table.egress.of(port, Some(unit)) {
            self.copy(mirror, frame, sum);
        }
        if table.filters.is_empty() {
            return;
        }
        let Ok(parsed) = ravelin_wire::parse(frame) else { return };
        let Some(network) = parsed.network else { return };
        for filter in &table.filters {
            if filter.holds(&network, (came_by, unit)) {
                self.copy(filter.mirror, frame, sum);
            }
        }
    }

    /// Copies a frame if it is its turn. The decision comes first: what is not chosen reserves nothing. Spec: mirror-10.
    fn copy(&mut self, mirror: MirrorId, frame: &[u8], sum: Sum<'_>) {
        let world = self.world;
        let Some(link) = Header::of(frame) else { return };
        let Some(target) = world.rules.mirrors.target(mirror) else { return };
        let Some(way) = target.way(link.family) else { return };
        let Some(sampler) = self.samplers.get_mut(mirror.index()) else { return };
        if !sampler.takes(target) {
            return;
        }
        if let Err(loss) = self.make(mirror, (target, way), (frame, link), sum) {
            self.counters[mirror.index()].lose(loss);
            return;
        }
        self.rec.fact(Fact::Mirrored { mirror, port: way.port });
    }

    fn make(
        &mut self,
        mirror: MirrorId,
        (target, way): (&Target, &Way),
        (frame, link): (&[u8], Header),
        sum: Sum<'_>,
    ) -> Result<(), MirrorLoss> {
        let world = self.world;
        if !world.rules.port(way.port).is_some_and(|p| p.enabled) || !world.forwarding.is_up(way.port) {
            return Err(MirrorLoss::NoBinding);
        }
        let cut = frame.len().min(link.len.saturating_add(target.len_max));
        // A checksum that is to be finished covers what is cut off, too.
        let taken = if matches!(sum, Sum::Whole) { cut } else { frame.len() };
        if taken > COPY_LEN_MAX || cut - link.len > way.mtu {
            return Err(MirrorLoss::NoFrame);
        }
        let copy = self.copies.next().ok_or(MirrorLoss::Reserve)?;
        (copy.mirror, copy.port, copy.unit) = (mirror, way.port, way.unit);
        copy.start = VLAN_LEN;
        copy.buf[VLAN_LEN..VLAN_LEN + taken].copy_from_slice(&frame[..taken]);
        let copied = &mut copy.buf[VLAN_LEN..VLAN_LEN + taken];
        let left = match sum {
            Sum::Whole => None,
            Sum::Left(partial) => Some(partial),
            Sum::Anew(network) => rewrite::prepare_partial(copied, network),
        };
        if let Some(partial) = left {
            rewrite::finish(copied, partial);
        }
        copy.end = VLAN_LEN + cut;
        self.address(mirror, way, link);
        Ok(())
    }

    /// Gives the copy made last the link header that its output asks for.
    fn address(&mut self, mirror: MirrorId, way: &Way, link: Header) {
        let dst = match way.to {
            MirrorTo::AsItIs => None,
            MirrorTo::Station(mac) => Some(mac),
            MirrorTo::NextHop(family, addr) => Some(self.next_hop(mirror, way, (family, addr))),
        };
        let Some(copy) = self.copies.list.get_mut(self.copies.used - 1) else { return };
        let Some(dst) = dst else {
            if let Some(vlan) = way.vlan {
                copy.buf.copy_within(VLAN_LEN..VLAN_LEN + 12, 0);
                put_u16(&mut copy.buf[..], 12, ethertype::VLAN);
                put_u16(&mut copy.buf[..], 14, vlan);
                copy.start = 0;
            }
            return;
        };
        // The EtherType stays where it is; what stands before it is written anew.
        let kind_at = VLAN_LEN + link.len - 2;
        let head = if way.vlan.is_some() { 12 + VLAN_LEN } else { 12 };
        copy.start = kind_at - head;
        let bytes = &mut copy.buf[copy.start..kind_at];
        bytes[..6].copy_from_slice(&dst.0);
        bytes[6..12].copy_from_slice(&way.station.0);
        if let Some(vlan) = way.vlan {
            put_u16(bytes, 12, ethertype::VLAN);
            put_u16(bytes, 14, vlan);
        }
    }

    /// The station of a next hop; every station's address while it is not known. Spec: mirror-15.
    fn next_hop(
        &mut self,
        mirror: MirrorId,
        way: &Way,
        (family, addr): (Family, ravelin_types::Addr),
    ) -> Mac {
        let Some(unit) = way.unit else { return Mac([0xff; 6]) };
        if let Some(mac) = self.world.forwarding.resolve(unit, family, addr) {
            return mac;
        }
        if self.samplers[mirror.index()].asks(self.now) {
            self.events.push(Event::NeighbourWanted { interface: unit, addr: addr.to_ip(family) });
        }
        Mac([0xff; 6])
    }
}

/// The unit that a packet came by; `None`: the kernel sent it.
pub(crate) fn came_by(slot: &Slot) -> Option<InterfaceId> {
    match slot {
        Slot::Flow(flow) => flow.came_by(),
        Slot::Arp { unit, from_host, .. } => (!from_host).then_some(*unit),
        // Where a filter asks for it, nothing goes the short way.
        Slot::Done(_) | Slot::Express { .. } | Slot::Outlined { .. } => None,
    }
}

/// What the link header of a frame says: its length with all tags, and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    len: usize,
    family: Option<Family>,
}

/// Tags that are looked behind: a customer's and a provider's (IEEE 802.1Q).
const TAGS_MAX: usize = 2;
/// The EtherType of a provider's tag.
const SERVICE_TAG: u16 = 0x88a8;

impl Header {
    /// `None`: too short to be an Ethernet frame.
    fn of(frame: &[u8]) -> Option<Self> {
        let mut len = ETHERNET_LEN;
        for _ in 0..=TAGS_MAX {
            if frame.len() < len {
                return None;
            }
            match u16_at(frame, len - 2) {
                ethertype::VLAN | SERVICE_TAG if len < ETHERNET_LEN + TAGS_MAX * VLAN_LEN => len += VLAN_LEN,
                ethertype::IPV4 => return Some(Self { len, family: Some(Family::V4) }),
                ethertype::IPV6 => return Some(Self { len, family: Some(Family::V6) }),
                _ => break,
            }
        }
        Some(Self { len, family: None })
    }
}

/// The VLAN that an untouched frame is in; 0 is a priority and none (IEEE 802.1Q 9.6).
fn vlan_of(frame: &[u8]) -> Option<u16> {
    let tagged = frame.len() >= ETHERNET_LEN + VLAN_LEN && u16_at(frame, 12) == ethertype::VLAN;
    tagged.then(|| u16_at(frame, 14) & 0x0fff).filter(|id| *id != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(rate: u32, run_length: u32, packets: u32) -> Vec<u32> {
        let target = Target { rate, run_length, ..Target::default() };
        let mut sampler = Sampler::default();
        (1..=packets).filter(|_| sampler.takes(&target)).collect()
    }

    /// Spec: mirror-8.
    #[test]
    fn every_nth_packet_and_the_run_behind_it_are_chosen() {
        assert_eq!(chosen(1, 0, 4), [1, 2, 3, 4]);
        assert_eq!(chosen(10, 0, 35), [10, 20, 30]);
        assert_eq!(chosen(4, 1, 14), [4, 5, 8, 9, 12, 13]);
        // A run as long as the rate leaves nothing out behind the first.
        assert_eq!(chosen(3, 5, 8), [3, 4, 5, 6, 7, 8]);
        assert_eq!(chosen(65_535, 0, 65_536), [65_535]);
    }

    #[test]
    fn link_headers_are_measured_with_all_their_tags() {
        let frame = |tags: &[u16], kind: u16| {
            let mut bytes = vec![2; 12];
            for tag in tags {
                bytes.extend(tag.to_be_bytes());
                bytes.extend([0, 5]);
            }
            bytes.extend(kind.to_be_bytes());
            bytes
        };
        let of = |tags: &[u16], kind| Header::of(&frame(tags, kind)).map(|h| (h.len, h.family));
        assert_eq!(of(&[], 0x0800), Some((14, Some(Family::V4))));
        assert_eq!(of(&[0x8100], 0x86dd), Some((18, Some(Family::V6))));
        assert_eq!(of(&[0x88a8, 0x8100], 0x0800), Some((22, Some(Family::V4))));
        assert_eq!(of(&[0x8100, 0x8100, 0x8100], 0x0800), Some((22, None)));
        assert_eq!(of(&[], 0x0806), Some((14, None)));
        assert_eq!(Header::of(&[0; 13]), None);
        // A tag that ends the frame.
        assert_eq!(Header::of(&frame(&[], 0x8100)), None);
        assert_eq!(vlan_of(&frame(&[0x8100], 0x0800)), Some(5));
        assert_eq!(vlan_of(&frame(&[], 0x8100)), None);
    }
}
