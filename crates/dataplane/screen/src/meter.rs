//! What the device remembers for screens: rates, sweeps and exact counts, shared by all workers.
//!
//! Allocated once; keyed by a secret hash; nothing grows. Spec: screen-50..57.

mod limit;
mod rate;
mod sweep;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ravelin_mem::siphash13;
use ravelin_program::{Screen, ScreenSet};
use ravelin_types::{Addr, Family, Instant, ZoneId};

use crate::packet::Packet;
use crate::profile::{Allowed, Profile, Side, cut};
pub(crate) use limit::{LimitTable, Place, Refusal};
pub(crate) use rate::{Rate, RateTable};
pub(crate) use sweep::{Sweep, SweepTable};

/// How much memory meters take; the defaults are argued in docs/adr/0004-screen-meters.md.
#[derive(Clone, Copy, Debug)]
pub struct MetersSize {
    /// 64 bytes and four keys each.
    pub rate_buckets: usize,
    /// 64 bytes and one source each.
    pub sweep_cells: usize,
    /// 128 bytes and fifteen keys each.
    pub limit_buckets: usize,
}

impl Default for MetersSize {
    fn default() -> Self {
        Self { rate_buckets: 1 << 15, sweep_cells: 1 << 15, limit_buckets: 1 << 15 }
    }
}

impl MetersSize {
    /// Sizes exact counts for a session table: four keys a bucket when every session has keys of its own.
    #[must_use]
    pub fn for_sessions(sessions_max: usize) -> Self {
        let limit_buckets = (sessions_max / 2).clamp(1 << 10, 1 << 19);
        Self { limit_buckets, ..Self::default() }
    }
}

/// Rates, sweeps and session counts of the device.
#[derive(Debug)]
pub struct Meters {
    key: (u64, u64),
    pub(crate) rates: RateTable,
    pub(crate) sweeps: SweepTable,
    limits: LimitTable,
    notices: RateTable,
    /// Keys that no cell was free for, over all time.
    unmetered: AtomicU64,
    /// When a cookie was last sent, in nanoseconds.
    challenged: AtomicU64,
}

/// What a key is about: part of every hash, so that no two screens share a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Icmp = 1,
    Udp,
    SynAttack,
    SynAlarm,
    SynSource,
    SynDestination,
    SourcePackets,
    SourceRate,
    DestinationPackets,
    DestinationRate,
    IpSweep,
    TcpSweep,
    UdpSweep,
    TcpScan,
    UdpScan,
    TcpScanner,
    UdpScanner,
    SourceSessions,
    DestinationSessions,
    BySource,
    ByDestination,
    Silent,
    Proxied,
}

/// Notices are one a screen and zone: 256 buckets hold a thousand.
const NOTICE_BUCKETS: usize = 256;
/// Keys that one session can be counted under.
const HOLDS: usize = 6;

/// Odd, so that no two numbers have the same product.
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Where the notices of a screen in a zone are counted. Zones and screens are the operator's choice and no sender's: there is
/// nothing to hide, and no two share a place's name.
const fn notice(zone: ZoneId, screen: Screen) -> u64 {
    (((zone.0 as u64) << 16 | screen as u64) << 1 | 1).wrapping_mul(ODD)
}

/// What a session is counted under. Kept in its record and given back by [`Meters::release`] once, when it
/// ends. Does nothing when dropped.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a session that is not released stays counted"]
pub struct SessionHold([Place; HOLDS]);

/// One connection that is open and has said nothing; [`Meters::release_silent`] takes it.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a connection that is not released stays counted"]
pub struct SilentHold(Place);

/// A hold whose session may not come to be: given back when dropped.
#[derive(Debug)]
#[must_use = "dropped at once, it counts nothing"]
pub struct Reservation<'a> {
    meters: &'a Meters,
    hold: SessionHold,
    /// Limits that an alarm-without-drop profile let pass.
    pub alarms: ScreenSet,
}

impl Meters {
    #[must_use]
    pub fn new(key: (u64, u64), size: MetersSize) -> Self {
        Self {
            key,
            rates: RateTable::new(size.rate_buckets),
            sweeps: SweepTable::new(size.sweep_cells),
            limits: LimitTable::new(size.limit_buckets),
            notices: RateTable::new(NOTICE_BUCKETS),
            unmetered: AtomicU64::new(0),
            challenged: AtomicU64::new(0),
        }
    }

    /// Packets and sessions that could not be counted because a bucket was full, and passed.
    #[must_use]
    pub fn unmetered(&self) -> u64 {
        self.unmetered.load(Relaxed)
    }

    pub(crate) fn hash(&self, kind: Kind, zone: ZoneId, (family, addr): (Family, Addr), extra: u32) -> u64 {
        let facts = u64::from(kind as u8) | u64::from(family as u8) << 8 | u64::from(zone.0) << 16;
        let facts = facts | u64::from(extra) << 32;
        match family {
            // The two words of an IPv6 address; of IPv4 the one that is not constant. The length keeps them apart.
            Family::V4 => siphash13(self.key, [facts, addr.0 as u64]),
            Family::V6 => siphash13(self.key, [facts, (addr.0 >> 64) as u64, addr.0 as u64]),
        }
    }

    /// The hash of another kind of count of the same key: as hard to tell, and had for nothing.
    pub(crate) const fn akin(hash: u64, kind: Kind) -> u64 {
        hash ^ (kind as u64).wrapping_mul(ODD)
    }

    /// Brings close where a rate is counted.
    pub(crate) fn prefetch_rate(&self, hash: u64) {
        self.rates.prefetch(hash);
    }

    /// Counts one of a rate; `true`: over the limit.
    pub(crate) fn is_over(&self, hash: u64, now: Instant, limit: u32) -> bool {
        match self.rates.count(hash, now.as_secs() as u32, limit) {
            Rate::Within => false,
            Rate::Crossed | Rate::Over => true,
            Rate::Unmetered => {
                self.unmetered.fetch_add(1, Relaxed);
                false
            }
        }
    }

    /// Which of these hits are to be told of: one a screen, zone and trap interval. Spec: screen-4.
    #[must_use]
    pub fn notices(&self, profile: &Profile, zone: ZoneId, hits: ScreenSet, now: Instant) -> ScreenSet {
        let interval = now.as_secs() / u64::from(profile.trap_interval) + 1;
        let first =
            |screen: &Screen| self.notices.count(notice(zone, *screen), interval as u32, 1) == Rate::Within;
        hits.iter().filter(first).collect()
    }

    pub(crate) fn note_challenge(&self, now: Instant) {
        self.challenged.fetch_max(now.0.max(1), Relaxed);
    }

    /// Whether a cookie that is still good may be under way: an ACK without a session is worth a look.
    #[must_use]
    pub fn awaits_cookies(&self, now: Instant) -> bool {
        let last = self.challenged.load(Relaxed);
        last != 0 && now.0.saturating_sub(last) < crate::cookie::LIFETIME.as_nanos() as u64
    }

    /// Counts a session that is about to be installed, under every limit of the profile, or says which
    /// limit it exceeds; then nothing is counted. Call it when everything else permits. Spec: screen-54..57.
    ///
    /// # Errors
    /// The limit that is reached.
    pub fn reserve<'a>(&'a self, profile: &Profile, packet: &Packet<'_>) -> Result<Reservation<'a>, Screen> {
        let mut reservation = Reservation { meters: self, hold: SessionHold::NONE, alarms: ScreenSet::NONE };
        if !profile.limits_sessions() {
            return Ok(reservation);
        }
        for (at, key) in self.session_keys(profile, packet).into_iter().enumerate() {
            let Some((screen, limit, hash)) = key else { continue };
            reservation.hold.0[at] = self.hold(profile, screen, (hash, limit), &mut reservation.alarms)?;
        }
        Ok(reservation)
    }

    fn hold(
        &self,
        profile: &Profile,
        screen: Screen,
        (hash, limit): (u64, u32),
        alarms: &mut ScreenSet,
    ) -> Result<Place, Screen> {
        // A profile that only alarms counts on beyond its limit.
        let most = if profile.alarm_only { u32::MAX } else { limit };
        match self.limits.reserve(hash, most) {
            Ok((place, had)) => {
                if had >= limit {
                    alarms.add(screen);
                }
                Ok(place)
            }
            Err(Refusal::Limit) => Err(screen),
            Err(Refusal::Full) => {
                self.unmetered.fetch_add(1, Relaxed);
                Ok(Place::NONE)
            }
        }
    }

    /// The limits a session counts under: screen, limit and key.
    fn session_keys(&self, profile: &Profile, packet: &Packet<'_>) -> [Option<(Screen, u32, u64)>; HOLDS] {
        let network = packet.network;
        let whole = |kind, addr| self.hash(kind, packet.zone, (network.family, addr), 0);
        let source = profile
            .source_sessions
            .map(|limit| (Screen::SourceSessions, limit, whole(Kind::SourceSessions, network.src)));
        let destination = profile
            .destination_sessions
            .map(|limit| (Screen::DestinationSessions, limit, whole(Kind::DestinationSessions, network.dst)));
        let side = |side: &Option<Side>, kind, addr, screens: [Screen; 2]| {
            let Some(side) = side else { return [None, None] };
            let (all, own) = side.of(packet);
            let key = |allowed: Option<&Allowed>, screen, extra| {
                let allowed = allowed.filter(|a| !a.white.contains(network.family, addr))?;
                let cut = profile.cut(kind, network.family, addr);
                let hash = self.hash(kind, packet.zone, (network.family, cut), extra);
                allowed.sessions.map(|limit| (screen, limit, hash))
            };
            [key(all, screens[0], 0), key(own, screens[1], u32::from(network.proto.0) + 1)]
        };
        let sources = [Screen::BySourceSessions, Screen::BySourceProtocolSessions];
        let destinations = [Screen::ByDestinationSessions, Screen::ByDestinationProtocolSessions];
        let [by_source, by_source_own] = side(&profile.by_source, Kind::BySource, network.src, sources);
        let [by_destination, by_destination_own] =
            side(&profile.by_destination, Kind::ByDestination, network.dst, destinations);
        [source, destination, by_source, by_source_own, by_destination, by_destination_own]
    }

    /// Counts a session that is there already, beyond its limits too. Spec: sync-6.
    pub fn reserve_carried(&self, profile: &Profile, packet: &Packet<'_>) -> SessionHold {
        let mut hold = SessionHold::NONE;
        if profile.limits_sessions() {
            for (place, key) in hold.0.iter_mut().zip(self.session_keys(profile, packet)) {
                if let Some((_, _, hash)) = key
                    && let Ok((at, _)) = self.limits.reserve(hash, u32::MAX)
                {
                    *place = at;
                }
            }
        }
        hold
    }

    /// Gives back what a session was counted under: in the one deletion, once.
    pub fn release(&self, hold: SessionHold) {
        for place in hold.0.into_iter().filter(|place| *place != Place::NONE) {
            self.limits.release(place);
        }
    }

    /// Counts a TCP connection whose handshake is done and whose client has said nothing yet, and says whether a profile that only alarms
    /// has something to tell. Release it with its first data or its end. Spec: screen-43.
    ///
    /// # Errors
    /// The source has as many as `syn-ack-ack-proxy` allows.
    pub fn reserve_silent(
        &self,
        profile: &Profile,
        packet: &Packet<'_>,
    ) -> Result<(SilentHold, ScreenSet), Screen> {
        let mut alarms = ScreenSet::NONE;
        let Some(limit) = profile.syn_ack_ack else { return Ok((SilentHold(Place::NONE), alarms)) };
        let network = packet.network;
        let hash = self.hash(Kind::Silent, packet.zone, (network.family, network.src), 0);
        let screen = Screen::SynAckAckProxy;
        let place = self.hold(profile, screen, (hash, limit), &mut alarms)?;
        Ok((SilentHold(place), alarms))
    }

    pub fn release_silent(&self, hold: SilentHold) {
        if hold.0 != Place::NONE {
            self.limits.release(hold.0);
        }
    }

    /// Counts one request in the zone's SYN proxy queue. Spec: screen-42.
    pub(crate) fn reserve_proxied(&self, zone: ZoneId, queue_size: u32) -> Result<Place, Screen> {
        let hash = self.hash(Kind::Proxied, zone, (Family::V4, Addr(0)), 0);
        self.limits.reserve(hash, queue_size).map(|(place, _)| place).map_err(|_| Screen::SynProxyQueue)
    }

    pub(crate) fn release_proxied(&self, place: Place) {
        self.limits.release(place);
    }
}

impl Profile {
    fn limits_sessions(&self) -> bool {
        self.source_sessions.is_some()
            || self.destination_sessions.is_some()
            || self.by_source.is_some()
            || self.by_destination.is_some()
    }

    /// The prefix of an address that the kind counts.
    pub(crate) fn cut(&self, kind: Kind, family: Family, addr: Addr) -> Addr {
        let masks = &self.aggregation;
        match kind {
            Kind::BySource | Kind::SourcePackets | Kind::SourceRate => {
                cut(family, addr, masks.source4, masks.source6)
            }
            _ => cut(family, addr, masks.destination4, masks.destination6),
        }
    }
}

impl SessionHold {
    /// Of a session that is counted nowhere.
    pub const NONE: Self = Self([Place::NONE; HOLDS]);

    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}

impl Default for SessionHold {
    fn default() -> Self {
        Self::NONE
    }
}

impl Reservation<'_> {
    /// The session is installed: what it counts under, for its record.
    pub fn keep(mut self) -> SessionHold {
        std::mem::take(&mut self.hold)
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.meters.release(std::mem::take(&mut self.hold));
    }
}
