//! The calls of the packet path: what a profile says of one packet.
//!
//! Place: before static NAT on the first path, before the generation check on the fast path. Spec: screen-7..9.

use std::ops::ControlFlow;

use ravelin_program::{Screen, ScreenSet, SynProtection};
use ravelin_types::{Instant, Proto};

use crate::meter::{Kind, Meters, Sweep};
use crate::packet::{Packet, Surroundings};
use crate::profile::{Allowed, Profile, Side, SynLimits};
use crate::stateless::{self, Found, Search};

/// What is to become of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScreenAction {
    Pass,
    /// Pass after [`crate::clear_urgent`].
    Repair,
    Drop(Screen),
    /// Answer this SYN in the server's place; no session.
    Challenge(SynProtection),
}

/// The action, what was found (all counted), and what of it is to be told of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScreenVerdict {
    pub action: ScreenAction,
    pub hits: ScreenSet,
    pub notify: ScreenSet,
}

impl ScreenVerdict {
    pub const PASS: Self =
        Self { action: ScreenAction::Pass, hits: ScreenSet::NONE, notify: ScreenSet::NONE };
}

/// Judges a packet that has no session.
#[must_use]
pub fn check_first(
    profile: &Profile,
    meters: &Meters,
    packet: &Packet<'_>,
    around: &impl Surroundings,
    now: Instant,
) -> ScreenVerdict {
    without_session(profile, meters, packet, (around, Asked::Nothing), now)
}

/// Judges a packet whose session came to its end with it: [`check_fast`] has looked at it, and what that has
/// counted is not counted again.
#[must_use]
pub fn check_rest(
    profile: &Profile,
    meters: &Meters,
    packet: &Packet<'_>,
    around: &impl Surroundings,
    now: Instant,
) -> ScreenVerdict {
    without_session(profile, meters, packet, (around, Asked::AsOfSession), now)
}

/// Judges an ICMP error: it belongs to the session of what it quotes and opens none, so that it counts as a packet and not
/// as an attempt at anything. Spec: screen-72.
#[must_use]
pub fn check_error(
    profile: &Profile,
    meters: &Meters,
    packet: &Packet<'_>,
    around: &impl Surroundings,
    now: Instant,
) -> ScreenVerdict {
    without_session(profile, meters, packet, (around, Asked::OpensNone), now)
}

/// What a packet was asked before, or is not to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    AsOfSession,
    OpensNone,
}

fn without_session(
    profile: &Profile,
    meters: &Meters,
    packet: &Packet<'_>,
    (around, asked): (&impl Surroundings, Asked),
    now: Instant,
) -> ScreenVerdict {
    let mut found = Found::new(profile);
    let mut challenge = None;
    let search = (|| {
        if asked != Asked::AsOfSession {
            stateless::check(profile, packet, around, &mut found)?;
        }
        if profile.on.has(Screen::Spoofing) && around.is_spoofed() {
            found.hit(Screen::Spoofing)?;
        }
        if asked != Asked::AsOfSession {
            floods(profile, meters, packet, now, &mut found)?;
        }
        if asked == Asked::OpensNone {
            return Search::Continue(());
        }
        sweeps(profile, meters, packet, now, &mut found)?;
        if let Some(limits) = &profile.syn_flood {
            challenge = syn_flood(limits, meters, packet, now, &mut found)?;
        }
        // A request that is answered in the server's place opens no session yet.
        if challenge.is_none() || profile.alarm_only {
            session_rates(profile, meters, packet, now, &mut found)?;
        }
        Search::Continue(())
    })();
    let challenge = challenge.filter(|()| !profile.alarm_only).map(|()| profile.protection);
    if challenge == Some(SynProtection::Cookie) {
        meters.note_challenge(now);
    }
    verdict(profile, meters, packet, (found, search, challenge), now)
}

/// Judges a packet of a session. Sweeps, connection floods and spoofing are for packets without one.
#[must_use]
pub fn check_fast(
    profile: &Profile,
    meters: &Meters,
    packet: &Packet<'_>,
    around: &impl Surroundings,
    now: Instant,
) -> ScreenVerdict {
    let mut found = Found::new(profile);
    let mut search = stateless::check(profile, packet, around, &mut found);
    if search.is_continue() {
        search = floods(profile, meters, packet, now, &mut found);
    }
    verdict(profile, meters, packet, (found, search, None), now)
}

/// Judges a later fragment before it is known whether its first has come or ever will. `None`: nothing but its datagram decides.
/// What comes behind `block-frag` in the order of screens is left to [`check_fast`] and [`check_first`]. Spec: screen-77.
#[must_use]
pub fn check_later(
    profile: &Profile,
    meters: &Meters,
    packet: &Packet<'_>,
    around: &impl Surroundings,
    now: Instant,
) -> Option<ScreenVerdict> {
    if !profile.on.has(Screen::BlockFrag) {
        return None;
    }
    let mut found = Found::new(profile);
    match stateless::check(profile, packet, around, &mut found) {
        search @ Search::Break(Screen::BlockFrag) => {
            Some(verdict(profile, meters, packet, (found, search, None), now))
        }
        Search::Break(_) | Search::Continue(()) => None,
    }
}

fn verdict(
    profile: &Profile,
    meters: &Meters,
    packet: &Packet<'_>,
    (found, search, challenge): (Found, Search, Option<SynProtection>),
    now: Instant,
) -> ScreenVerdict {
    if found.hits.is_empty() {
        return ScreenVerdict::PASS;
    }
    let action = match (search, challenge) {
        (Search::Break(screen), _) => ScreenAction::Drop(screen),
        (Search::Continue(()), Some(protection)) => ScreenAction::Challenge(protection),
        (Search::Continue(()), None) if found.repair => ScreenAction::Repair,
        (Search::Continue(()), None) => ScreenAction::Pass,
    };
    let notify = meters.notices(profile, packet.zone, found.hits, now);
    ScreenVerdict { action, hits: found.hits, notify }
}

/// Packets a second. Spec: screen-40, screen-41, screen-55.
fn floods(
    profile: &Profile,
    meters: &Meters,
    packet: &Packet<'_>,
    now: Instant,
    found: &mut Found,
) -> Search {
    let network = packet.network;
    let destination = (network.family, network.dst);
    if let Some(limit) = profile.icmp_flood.filter(|_| packet.is_icmp()) {
        let hash = meters.hash(Kind::Icmp, packet.zone, destination, 0);
        if meters.is_over(hash, now, limit) {
            found.hit(Screen::IcmpFlood)?;
        }
    }
    if let (Some((limit, white)), Proto::UDP) = (&profile.udp_flood, network.proto) {
        let exempt =
            white.contains(network.family, network.src) || white.contains(network.family, network.dst);
        // Later fragments have no port: together they count as the datagram to port 0.
        let port = u32::from(packet.udp_port().unwrap_or(0));
        if !exempt && meters.is_over(meters.hash(Kind::Udp, packet.zone, destination, port), now, *limit) {
            found.hit(Screen::UdpFlood)?;
        }
    }
    let rate = |allowed: &Allowed| allowed.packet_rate;
    let screens = [Screen::BySourcePackets, Screen::BySourceProtocolPackets];
    let source = Counted { kind: Kind::SourcePackets, screens, rate };
    source.check(&profile.by_source, (profile, meters, packet, now), found)?;
    let screens = [Screen::ByDestinationPackets, Screen::ByDestinationProtocolPackets];
    let destination = Counted { kind: Kind::DestinationPackets, screens, rate };
    destination.check(&profile.by_destination, (profile, meters, packet, now), found)
}

/// New sessions a second. Spec: screen-55.
fn session_rates(
    profile: &Profile,
    meters: &Meters,
    packet: &Packet<'_>,
    now: Instant,
    found: &mut Found,
) -> Search {
    let rate = |allowed: &Allowed| allowed.session_rate;
    let screens = [Screen::BySourceRate, Screen::BySourceProtocolRate];
    let source = Counted { kind: Kind::SourceRate, screens, rate };
    source.check(&profile.by_source, (profile, meters, packet, now), found)?;
    let screens = [Screen::ByDestinationRate, Screen::ByDestinationProtocolRate];
    let destination = Counted { kind: Kind::DestinationRate, screens, rate };
    destination.check(&profile.by_destination, (profile, meters, packet, now), found)
}

/// One rate of one side, in all and by protocol.
struct Counted {
    kind: Kind,
    screens: [Screen; 2],
    rate: fn(&Allowed) -> Option<u32>,
}

impl Counted {
    fn check(
        &self,
        side: &Option<Side>,
        (profile, meters, packet, now): (&Profile, &Meters, &Packet<'_>, Instant),
        found: &mut Found,
    ) -> Search {
        let Some(side) = side else { return Search::Continue(()) };
        let network = packet.network;
        let addr = match self.kind {
            Kind::SourcePackets | Kind::SourceRate => network.src,
            _ => network.dst,
        };
        let (all, own) = side.of(packet);
        let protocol = u32::from(network.proto.0) + 1;
        for (allowed, screen, extra) in [(all, self.screens[0], 0), (own, self.screens[1], protocol)] {
            let allowed = allowed.filter(|allowed| !allowed.white.contains(network.family, addr));
            let Some(limit) = allowed.and_then(self.rate) else { continue };
            let cut = profile.cut(self.kind, network.family, addr);
            let hash = meters.hash(self.kind, packet.zone, (network.family, cut), extra);
            if meters.is_over(hash, now, limit) {
                found.hit(screen)?;
            }
        }
        Search::Continue(())
    }
}

/// Ten targets of one source within the threshold. Spec: screen-45..49.
fn sweeps(
    profile: &Profile,
    meters: &Meters,
    packet: &Packet<'_>,
    now: Instant,
    found: &mut Found,
) -> Search {
    let Some(sweeps) = &profile.sweeps else { return Search::Continue(()) };
    let network = packet.network;
    let many = network.dst.is_multicast(network.family);
    if many || packet.is_later_fragment() {
        return Search::Continue(());
    }
    let (sweep, kind, screen) = match network.proto {
        _ if packet.is_icmp() => (sweeps.ip_sweep, Kind::IpSweep, Screen::IpSweep),
        Proto::TCP => (sweeps.tcp_sweep, Kind::TcpSweep, Screen::TcpSweep),
        Proto::UDP => (sweeps.udp_sweep, Kind::UdpSweep, Screen::UdpSweep),
        _ => return Search::Continue(()),
    };
    let source = (network.family, network.src);
    if let Some(span) = sweep {
        let target = meters.hash(kind, packet.zone, (network.family, network.dst), 1) as u32;
        let hash = meters.hash(kind, packet.zone, source, 0);
        if meters.sweeps.visit(hash, target, now.0, u64::from(span) * 1000) != Sweep::Below {
            found.hit(screen)?;
        }
    }
    if let (Some(span), Some(tcp)) = (sweeps.tcp_port_scan, packet.tcp()) {
        let scan = (Kind::TcpScan, Kind::TcpScanner, tcp.dport);
        if is_scan(meters, packet, scan, span, now) {
            found.hit(Screen::TcpPortScan)?;
        }
    }
    if let (Some(span), Some(port)) = (sweeps.udp_port_scan, packet.udp_port()) {
        let scan = (Kind::UdpScan, Kind::UdpScanner, port);
        if is_scan(meters, packet, scan, span, now) {
            found.hit(Screen::UdpPortScan)?;
        }
    }
    Search::Continue(())
}

/// Ports are counted by source and destination; who scans one destination is refused for all.
fn is_scan(
    meters: &Meters,
    packet: &Packet<'_>,
    (scan, scanner, port): (Kind, Kind, u16),
    span: u32,
    now: Instant,
) -> bool {
    let network = packet.network;
    let who = meters.hash(scanner, packet.zone, (network.family, network.src), 0);
    if meters.sweeps.is_marked(who, now.0) {
        return true;
    }
    let destination = meters.hash(scan, packet.zone, (network.family, network.dst), 1) as u32;
    let pair = meters.hash(scan, packet.zone, (network.family, network.src), destination);
    let span = u64::from(span) * 1000;
    match meters.sweeps.visit(pair, u32::from(port) + 1, now.0, span) {
        Sweep::Below => false,
        Sweep::Over => true,
        Sweep::Found => {
            meters.sweeps.mark(who, now.0, now.0.saturating_add(span));
            true
        }
    }
}

/// Connection requests. `Some`: answer this one in the server's place. Spec: screen-42, screen-44.
fn syn_flood(
    limits: &SynLimits,
    meters: &Meters,
    packet: &Packet<'_>,
    now: Instant,
    found: &mut Found,
) -> ControlFlow<Screen, Option<()>> {
    use ControlFlow::Continue;
    let network = packet.network;
    let Some(tcp) = packet.tcp().filter(|tcp| tcp.flags.opens()) else { return Continue(None) };
    if limits.exempts(packet) {
        return Continue(None);
    }
    let hash = |kind, addr, extra| meters.hash(kind, packet.zone, (network.family, addr), extra);
    let over = |hash, limit| meters.is_over(hash, now, limit);
    // Of a flood's sources each is new, and its place far away: it comes while the other hashes are made.
    let source = hash(Kind::SynSource, network.src, 0);
    meters.prefetch_rate(source);
    let port = u32::from(tcp.dport);
    let destination = hash(Kind::SynDestination, network.dst, 0);
    let service = hash(Kind::SynAttack, network.dst, port);
    if over(source, limits.source) {
        found.hit(Screen::SynFloodSource)?;
    }
    if over(destination, limits.destination) {
        found.hit(Screen::SynFloodDestination)?;
    }
    if !over(service, limits.attack) {
        return Continue(None);
    }
    // Proxying drops nothing, so neither of these two ends the search.
    found.hits.add(Screen::SynFlood);
    if over(Meters::akin(service, Kind::SynAlarm), limits.alarm) {
        found.hits.add(Screen::SynFloodAlarm);
    }
    Continue(Some(()))
}
