//! A worker's counters: written by the worker alone, read between batches.

use ravelin_contract::{MirrorLoss, Traffic};
use ravelin_program::Screen;
use ravelin_types::{DropReason, Instant, InterfaceId, MirrorId};

use crate::fabric::FABRICS;

/// Packets and bytes of one unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnitCounters {
    pub rx_packets: u64,
    pub rx_bytes: u64,
    pub tx_packets: u64,
    pub tx_bytes: u64,
}

/// Hits of a policy or NAT rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    pub hits: u64,
    pub failed: u64,
    /// Live sessions.
    pub sessions: u64,
    /// As `hits`, of the pool that a NAT rule names: they are cleared on their own.
    pub pool_hits: u64,
    pub first_s: u64,
    pub last_s: u64,
    /// Packets of sessions whose policy counts, by wing.
    pub packets: [u64; 2],
    pub bytes: [u64; 2],
    /// What was not sent on of these; in bytes it may be below zero, and then wraps, where packets left longer than they came.
    pub unsent: Traffic,
    /// Sessions that a policy came to have and lost again: created, ended, and moved by a commit.
    pub gained: u64,
    pub lost: u64,
    pub pace: Pace,
}

/// How many came in the last whole span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// The span that is under way, from the first of the plane's life on.
    span: u32,
    counted: u32,
    /// Of the span before it.
    before: u32,
}

/// Copies of one instance or mirror filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MirrorCounts {
    pub packets: u64,
    pub bytes: u64,
    /// By reason.
    pub lost: [u64; MirrorLoss::COUNT],
}

/// Packets that a term with `count` held of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FilterHits {
    pub packets: u64,
    pub bytes: u64,
}

/// Packets of a fabric link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FabricCounts {
    pub sent: u64,
    pub received: u64,
}

/// Packet memory of a backend, in buffers of one size; told by the backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketBuffers {
    /// Bytes of one.
    pub bytes: u32,
    pub capacity: u64,
    pub free: u64,
    /// With the links.
    pub lent: u64,
}

/// Everything a worker counts.
#[derive(Clone, Debug)]
pub struct Counters {
    pub rx_packets: u64,
    pub rx_bytes: u64,
    pub tx_packets: u64,
    pub tx_bytes: u64,
    pub host_packets: u64,
    pub answers: u64,
    /// Packets given to other workers.
    pub handed_over: u64,
    pub sessions_created: u64,
    pub sessions_closed: u64,
    pub drops: [u64; DropReason::COUNT],
    pub units: Vec<UnitCounters>,
    /// By policy id.
    pub policies: Vec<Hits>,
    /// By NAT rule id.
    pub nat_rules: Vec<Hits>,
    /// By counter of filters.
    pub filters: Vec<FilterHits>,
    /// By zone, then by screen.
    pub screens: Vec<[u64; Screen::COUNT]>,
    /// By unit that packets came in by, then by screen.
    pub unit_screens: Vec<[u64; Screen::COUNT]>,
    /// By number of the mirror.
    pub mirrors: Vec<MirrorCounts>,
    /// By number of the fabric link.
    pub fabrics: [FabricCounts; FABRICS],
    /// Ordinary ones, and those of long packets.
    pub buffers: [PacketBuffers; 2],
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self {
            rx_packets: 0,
            rx_bytes: 0,
            tx_packets: 0,
            tx_bytes: 0,
            host_packets: 0,
            answers: 0,
            handed_over: 0,
            sessions_created: 0,
            sessions_closed: 0,
            drops: [0; DropReason::COUNT],
            units: Vec::new(),
            policies: Vec::new(),
            filters: Vec::new(),
            screens: Vec::new(),
            unit_screens: Vec::new(),
            mirrors: Vec::new(),
            fabrics: [FabricCounts::default(); FABRICS],
            buffers: [PacketBuffers::default(); 2],
            nat_rules: Vec::new(),
        }
    }

    /// Counts a drop. Backends use it for what dies on their side (queue full).
    pub fn drop(&mut self, reason: DropReason) {
        self.drops[reason.index()] += 1;
    }

    /// Counts what became of a copy. Backends tell, which send it.
    pub fn mirrored(&mut self, mirror: MirrorId, bytes: usize, outcome: Result<(), MirrorLoss>) {
        let Some(counts) = self.mirrors.get_mut(mirror.index()) else { return };
        match outcome {
            Ok(()) => {
                counts.packets += 1;
                counts.bytes += bytes as u64;
            }
            Err(loss) => counts.lose(loss),
        }
    }

    /// Counts packets, drops and sessions from zero again; units, rules, screens, filters and fabric links go on.
    pub fn clear_flow(&mut self) {
        let whole = Self {
            units: std::mem::take(&mut self.units),
            policies: std::mem::take(&mut self.policies),
            nat_rules: std::mem::take(&mut self.nat_rules),
            filters: std::mem::take(&mut self.filters),
            screens: std::mem::take(&mut self.screens),
            unit_screens: std::mem::take(&mut self.unit_screens),
            mirrors: std::mem::take(&mut self.mirrors),
            fabrics: self.fabrics,
            buffers: self.buffers,
            ..Self::new()
        };
        *self = whole;
    }

    #[inline(always)]
    pub(crate) fn received(&mut self, unit: InterfaceId, bytes: usize) {
        if let Some(unit) = self.units.get_mut(unit.index()) {
            unit.rx_packets += 1;
            unit.rx_bytes += bytes as u64;
        }
    }

    /// Sent over a fabric link: by no unit of this node.
    pub(crate) fn peer_sent(&mut self, bytes: usize) {
        self.tx_packets += 1;
        self.tx_bytes += bytes as u64;
    }

    #[inline(always)]
    pub(crate) fn sent(&mut self, unit: InterfaceId, bytes: usize) {
        self.tx_packets += 1;
        self.tx_bytes += bytes as u64;
        if let Some(unit) = self.units.get_mut(unit.index()) {
            unit.tx_packets += 1;
            unit.tx_bytes += bytes as u64;
        }
    }
}

impl MirrorCounts {
    pub(crate) fn lose(&mut self, loss: MirrorLoss) {
        self.lost[loss.index()] += 1;
    }
}

impl Pace {
    /// Seconds of a span.
    pub const SPAN_S: u64 = 10;

    fn count(&mut self, now: Instant) {
        self.turn(now);
        self.counted = self.counted.saturating_add(1);
    }

    /// Those that came in the last span that is over.
    #[must_use]
    pub fn last(mut self, now: Instant) -> u32 {
        self.turn(now);
        self.before
    }

    fn turn(&mut self, now: Instant) {
        let span = (now.as_secs() / Self::SPAN_S) as u32;
        if span != self.span {
            let before = if span == self.span.wrapping_add(1) { self.counted } else { 0 };
            *self = Self { span, counted: 0, before };
        }
    }
}

impl Hits {
    /// A session is its now.
    pub(crate) fn gain(&mut self, now: Instant) {
        self.sessions += 1;
        self.gained += 1;
        self.pace.count(now);
    }

    /// A session is its no more.
    pub(crate) fn lose(&mut self) {
        self.sessions -= 1;
        self.lost += 1;
    }

    /// A packet came, which leaves as it is unless more is said.
    #[inline(always)]
    pub(crate) fn passed(&mut self, wing: usize, bytes: u64) {
        self.packets[wing] += 1;
        self.bytes[wing] += bytes;
    }

    /// A packet that came has not left, or not yet.
    pub(crate) fn kept(&mut self, wing: usize, bytes: u64) {
        self.unsent.packets[wing] = self.unsent.packets[wing].wrapping_add(1);
        self.unsent.bytes[wing] = self.unsent.bytes[wing].wrapping_add(bytes);
    }

    /// What came.
    #[must_use]
    pub fn came(&self) -> Traffic {
        Traffic { packets: self.packets, bytes: self.bytes }
    }

    /// What was sent on of it.
    #[must_use]
    pub fn sent(&self) -> Traffic {
        self.came().minus(self.unsent)
    }

    /// Counts hits, and when they were, from zero again.
    pub fn clear_hits(&mut self) {
        (self.hits, self.first_s, self.last_s) = (0, 0, 0);
    }

    /// Counts packets, bytes and sessions from zero again. Those that live are still told as such.
    pub fn clear_traffic(&mut self) {
        (self.packets, self.bytes, self.unsent) = ([0; 2], [0; 2], Traffic::default());
        (self.gained, self.lost) = (0, 0);
    }

    /// Counts from zero again. Sessions live on.
    pub fn clear(&mut self) {
        let Self { sessions, pool_hits, .. } = *self;
        *self = Self { sessions, pool_hits, ..Self::default() };
    }

    pub(crate) fn hit(&mut self, now: Instant) {
        self.hits += 1;
        self.pool_hits += 1;
        self.last_s = now.as_secs().max(1);
        if self.first_s == 0 {
            self.first_s = self.last_s;
        }
    }
}
