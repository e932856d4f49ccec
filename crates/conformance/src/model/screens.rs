//! Screens as docs/spec/screen.md tells them: lists of what came, gone through from the start each time.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_model::{AddressLimit, Config, IdsOption, MatchDirection, ScreenSynFlood, SideLimit, Threshold};
use ravelin_program::Screen;

use super::segment::{ACK, FIN, SYN, URG};
use super::{Packet, Session, Tuple, tuple};

/// Microseconds of a sweep and packets of a flood that have no threshold.
const SWEEP_US: u32 = 5000;
const FLOOD: u32 = 1000;
/// Targets that make a sweep.
const TARGETS: usize = 10;
const NETBIOS: u16 = 139;

/// A packet that a profile judges, and what surrounds it.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub zone: &'a str,
    pub packet: &'a Packet,
    /// Milliseconds.
    pub now: u64,
    pub look: Look,
    pub is_spoofed: bool,
}

/// Which screens a packet is still to be judged by (screen-8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It has no session: all.
    First,
    /// It has one.
    OfSession,
    /// It had one, whose screens it passed: those that are for packets without a session.
    Rest,
    /// It is an ICMP error, which opens none (screen-72).
    OfError,
}

/// What is counted together within a second.
type Key = (Screen, String, IpAddr, u32);

/// What one source tried since its window began.
struct Window {
    of: Key,
    ends_us: u64,
    targets: BTreeSet<(IpAddr, u16)>,
}

/// Everything that screens remember.
#[derive(Default)]
pub(super) struct Screens {
    /// What was counted, and in which second.
    counted: Vec<(Key, u64)>,
    windows: Vec<Window>,
    /// Who scans, and until when.
    scanners: Vec<(Key, u64)>,
    /// When a request was last answered in a server's place.
    answered_at: Option<u64>,
    pub hits: BTreeMap<(String, Screen), u64>,
    pub notices: Vec<Notice>,
    /// Of which screen of which zone was told in which interval.
    noticed: BTreeSet<(String, Screen, u64)>,
}

/// What is told of a packet: the screen, its zone, and whether the packet went no further.
pub type Notice = (Tuple, String, Screen, bool);

/// Seconds in which a screen of a zone is told of once (screen-4).
const TRAP_INTERVAL: u64 = 2;

/// A packet that a screen stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    Dropped,
    /// The firewall answers it in the place of whom it asks (screen-42).
    Answered,
}

/// Milliseconds that a number which the firewall gave out is good for (screen-59).
const COOKIES_MS: u64 = 128_000;

pub(super) fn looks(option: &IdsOption, leaves: bool) -> bool {
    match option.match_direction {
        None | Some(MatchDirection::Input) => !leaves,
        Some(MatchDirection::Output) => leaves,
        Some(MatchDirection::InputOutput) => true,
    }
}

/// A limit that a session counts under: of which zone, for which address or prefix, and of which protocol.
pub(super) type Hold = (Screen, String, IpAddr, u8);

impl Screens {
    /// Judges a packet by a profile. `Ok(true)`: it passes without its urgent flag (screen-30).
    pub(super) fn judge(
        &mut self,
        config: &Config,
        option: &IdsOption,
        asked: &Asked<'_>,
    ) -> Result<bool, Stopped> {
        let of_all = asked.look != Look::Rest;
        let opens = matches!(asked.look, Look::First | Look::Rest);
        let packet = asked.packet;
        let nukes = packet.tcp.is_some_and(|tcp| tcp.has(URG)) && packet.dport == NETBIOS;
        let is_mended = of_all && option.tcp.winnuke && nukes;
        if of_all {
            for screen in stateless(option, packet) {
                self.hit(option, asked.zone, screen)?;
            }
        }
        if is_mended {
            *self.hits.entry((asked.zone.to_owned(), Screen::Winnuke)).or_default() += 1;
        }
        if asked.look != Look::OfSession && option.ip.spoofing && asked.is_spoofed {
            self.hit(option, asked.zone, Screen::Spoofing)?;
        }
        if of_all {
            self.rates(config, option, asked)?;
        }
        if opens {
            self.sweeps(option, asked)?;
            self.requests(option, asked)?;
            self.sides(config, option, asked, (Screen::BySourceRate, Screen::ByDestinationRate))?;
        }
        Ok(is_mended && !option.alarm_without_drop)
    }

    /// Counts a session about to be made under the limits of a zone, as those that live were when they began; what it counts under
    /// (screen-54..57, screen-78).
    pub(super) fn limits(
        &mut self,
        config: &Config,
        option: &IdsOption,
        asked: &Asked<'_>,
        live: &[Session],
    ) -> Result<Vec<Hold>, Stopped> {
        let (packet, zone) = (asked.packet, asked.zone.to_owned());
        let limit = &option.limit_session;
        let mut found = Vec::new();
        if let Some(most) = limit.source {
            found.push(((Screen::SourceSessions, zone.clone(), packet.src, 0), most));
        }
        if let Some(most) = limit.destination {
            found.push(((Screen::DestinationSessions, zone.clone(), packet.dst, 0), most));
        }
        for (side, from_source) in [(&limit.by_source, true), (&limit.by_destination, false)] {
            let addr = if from_source { packet.src } else { packet.dst };
            let cut = aggregated(option, addr, from_source);
            for (limit, is_own) in [(Some(&side.all), false), (own(side, packet), true)] {
                let limit = limit.filter(|limit| !exempts(config, &limit.white_lists, addr));
                let Some(most) = limit.and_then(|limit| limit.sessions) else { continue };
                let screen = match (from_source, is_own) {
                    (true, false) => Screen::BySourceSessions,
                    (true, true) => Screen::BySourceProtocolSessions,
                    (false, false) => Screen::ByDestinationSessions,
                    (false, true) => Screen::ByDestinationProtocolSessions,
                };
                found.push(((screen, zone.clone(), cut, if is_own { packet.proto } else { 0 }), most));
            }
        }
        for (hold, most) in &found {
            let count = live.iter().filter(|s| s.holds.contains(hold)).count();
            if count >= *most as usize {
                self.hit(option, asked.zone, hold.0)?;
            }
        }
        Ok(found.into_iter().map(|(hold, _)| hold).collect())
    }

    /// Tells of what a packet tripped (screen-4).
    pub(super) fn notice(
        &mut self,
        trap_interval: Option<u32>,
        asked: &Asked<'_>,
        before: &BTreeMap<(String, Screen), u64>,
        is_stopped: bool,
    ) {
        let interval = asked.now / 1000 / trap_interval.map_or(TRAP_INTERVAL, u64::from);
        let new = self.hits.iter().filter(|(of, count)| before.get(of).copied().unwrap_or(0) < **count);
        for (zone, screen) in new.map(|(of, _)| of.clone()) {
            if self.noticed.insert((zone.clone(), screen, interval)) {
                self.notices.push((tuple(asked.packet), zone, screen, is_stopped));
            }
        }
    }

    fn hit(&mut self, option: &IdsOption, zone: &str, screen: Screen) -> Result<(), Stopped> {
        *self.hits.entry((zone.to_owned(), screen)).or_default() += 1;
        if option.alarm_without_drop { Ok(()) } else { Err(Stopped::Dropped) }
    }

    /// Counts one and stops what is more than the limit in this second (screen-50).
    fn rate(&mut self, option: &IdsOption, key: Key, limit: u32, now: u64) -> Result<(), Stopped> {
        let second = now / 1000;
        self.counted.push((key.clone(), second));
        let counted = self.counted.iter().filter(|(other, at)| *other == key && *at == second).count();
        let (screen, zone, ..) = key;
        if counted > limit as usize { self.hit(option, &zone, screen) } else { Ok(()) }
    }

    /// screen-40, screen-41, screen-55
    fn rates(&mut self, config: &Config, option: &IdsOption, asked: &Asked<'_>) -> Result<(), Stopped> {
        let Asked { zone, packet, now, .. } = *asked;
        if let Some(flood) = option.icmp.flood.as_ref().filter(|_| is_icmp(packet)) {
            let key = (Screen::IcmpFlood, zone.to_owned(), packet.dst, 0);
            self.rate(option, key, flood.threshold.unwrap_or(FLOOD), now)?;
        }
        if let Some(flood) = option.udp.flood.as_ref().filter(|_| packet.proto == 17) {
            let white = |addr| exempts(config, &flood.white_lists, addr);
            if !white(packet.src) && !white(packet.dst) {
                let key = (Screen::UdpFlood, zone.to_owned(), packet.dst, u32::from(packet.dport));
                self.rate(option, key, flood.threshold.unwrap_or(FLOOD), now)?;
            }
        }
        self.sides(config, option, asked, (Screen::BySourcePackets, Screen::ByDestinationPackets))
    }

    /// Packets, or new sessions, of one address and to one, in all and by protocol.
    fn sides(
        &mut self,
        config: &Config,
        option: &IdsOption,
        asked: &Asked<'_>,
        (source, destination): (Screen, Screen),
    ) -> Result<(), Stopped> {
        let Asked { zone, packet, now, .. } = *asked;
        let limit = &option.limit_session;
        let all = [(&limit.by_source, source, packet.src), (&limit.by_destination, destination, packet.dst)];
        for (side, screen, addr) in all {
            let of_packets = matches!(screen, Screen::BySourcePackets | Screen::ByDestinationPackets);
            let own_screen = match screen {
                Screen::BySourcePackets => Screen::BySourceProtocolPackets,
                Screen::ByDestinationPackets => Screen::ByDestinationProtocolPackets,
                Screen::BySourceRate => Screen::BySourceProtocolRate,
                _ => Screen::ByDestinationProtocolRate,
            };
            let kinds =
                [(Some(&side.all), screen, 0), (own(side, packet), own_screen, u32::from(packet.proto))];
            for (limit, screen, extra) in kinds {
                let Some(limit) = limit else { continue };
                let most = if of_packets { limit.packet_rate } else { limit.session_rate };
                let Some(most) = most.filter(|_| !exempts(config, &limit.white_lists, addr)) else {
                    continue;
                };
                let cut = aggregated(option, addr, screen_is_of_source(screen));
                self.rate(option, (screen, zone.to_owned(), cut, extra), most, now)?;
            }
        }
        Ok(())
    }

    /// screen-45..49
    fn sweeps(&mut self, option: &IdsOption, asked: &Asked<'_>) -> Result<(), Stopped> {
        let Asked { zone, packet, .. } = *asked;
        if packet.dst.is_multicast() {
            return Ok(());
        }
        let span = |found: &Option<Threshold>| found.as_ref().map(|t| t.threshold.unwrap_or(SWEEP_US));
        let (sweep, screen, scan, scan_screen) = match packet.proto {
            1 | 58 => (span(&option.icmp.ip_sweep), Screen::IpSweep, None, Screen::IpSweep),
            6 => (
                span(&option.tcp.tcp_sweep),
                Screen::TcpSweep,
                span(&option.tcp.port_scan),
                Screen::TcpPortScan,
            ),
            17 => (
                span(&option.udp.udp_sweep),
                Screen::UdpSweep,
                span(&option.udp.port_scan),
                Screen::UdpPortScan,
            ),
            _ => return Ok(()),
        };
        let key = |screen| (screen, zone.to_owned(), packet.src, 0);
        if let Some(span) = sweep
            && self.tries(key(screen), (packet.dst, 0), span, asked.now).is_some()
        {
            self.hit(option, zone, screen)?;
        }
        if let Some(span) = scan {
            let now_us = asked.now * 1000;
            let who = key(scan_screen);
            let scans = self.scanners.iter().any(|(other, until)| *other == who && now_us < *until);
            let scans = scans || {
                // One window for each address that it tries ports of.
                let to = match packet.dst {
                    IpAddr::V4(dst) => u32::from(dst),
                    IpAddr::V6(dst) => u128::from(dst) as u32,
                };
                let pair = (scan_screen, zone.to_owned(), packet.src, to);
                match self.tries(pair, (packet.dst, packet.dport), span, asked.now) {
                    Some(true) => {
                        self.scanners.push((who, now_us + u64::from(span)));
                        true
                    }
                    over => over.is_some(),
                }
            };
            if scans {
                self.hit(option, zone, scan_screen)?;
            }
        }
        Ok(())
    }

    /// One more target of a source. `Some(true)`: the tenth; `Some(false)`: it has had ten.
    fn tries(&mut self, of: Key, target: (IpAddr, u16), span_us: u32, now: u64) -> Option<bool> {
        let now_us = now * 1000;
        self.windows.retain(|window| now_us < window.ends_us);
        let at = match self.windows.iter().position(|window| window.of == of) {
            Some(at) => at,
            None => {
                let ends_us = now_us + u64::from(span_us);
                self.windows.push(Window { of, ends_us, targets: BTreeSet::new() });
                self.windows.len() - 1
            }
        };
        let targets = &mut self.windows[at].targets;
        let had = targets.len();
        if had < TARGETS {
            targets.insert(target);
        }
        match (had, targets.len()) {
            (TARGETS, _) => Some(false),
            (_, TARGETS) => Some(true),
            _ => None,
        }
    }

    /// Whether a segment that ends a handshake may be one of the firewall's own (screen-62).
    pub(super) fn awaits_cookies(&self, now: u64) -> bool {
        self.answered_at.is_some_and(|at| now < at + COOKIES_MS)
    }

    /// Requests of one source, to one destination, and to one of its services (screen-42). How a handshake goes on that the
    /// firewall answered is no part of this model.
    fn requests(&mut self, option: &IdsOption, asked: &Asked<'_>) -> Result<(), Stopped> {
        let Asked { zone, packet, now, .. } = *asked;
        let Some(flood) = &option.tcp.syn_flood else { return Ok(()) };
        if !packet.tcp.is_some_and(|tcp| tcp.opens()) || is_left_alone(flood, packet) {
            return Ok(());
        }
        let source = (Screen::SynFloodSource, zone.to_owned(), packet.src, 0);
        self.rate(option, source, flood.source.unwrap_or(4000), now)?;
        let destination = (Screen::SynFloodDestination, zone.to_owned(), packet.dst, 0);
        self.rate(option, destination, flood.destination.unwrap_or(4000), now)?;
        let port = u32::from(packet.dport);
        let service = |screen| (screen, zone.to_owned(), packet.dst, port);
        // Neither of the two drops anything: they are found, whatever the profile does about it.
        let found = |screens: &mut Self, screen, most| {
            let second = now / 1000;
            screens.counted.push((service(screen), second));
            let counted = screens.counted.iter().filter(|(key, at)| *key == service(screen) && *at == second);
            let is_over = counted.count() > most as usize;
            if is_over {
                *screens.hits.entry((zone.to_owned(), screen)).or_default() += 1;
            }
            is_over
        };
        if !found(self, Screen::SynFlood, flood.attack.unwrap_or(200)) {
            return Ok(());
        }
        found(self, Screen::SynFloodAlarm, flood.alarm.unwrap_or(512));
        if option.alarm_without_drop {
            return Ok(());
        }
        self.answered_at = Some(now);
        Err(Stopped::Answered)
    }
}

/// Requests that a list of the screen lets be: both of its sides must hold where both are given (screen-44).
fn is_left_alone(flood: &ScreenSynFlood, packet: &Packet) -> bool {
    let within = |list: &[IpNet], addr| list.is_empty() || list.iter().any(|net| net.contains(addr));
    flood.white_lists.iter().any(|list| {
        let says_something = !list.sources.is_empty() || !list.destinations.is_empty();
        says_something && within(&list.sources, &packet.src) && within(&list.destinations, &packet.dst)
    })
}

/// What one packet alone trips, in the order of screen-7.
fn stateless(option: &IdsOption, packet: &Packet) -> Vec<Screen> {
    let (ip, icmp, tcp) = (&option.ip, &option.icmp, &option.tcp);
    let has = |kind: u8| packet.options.first() == Some(&kind);
    let flags = packet.tcp.map_or(0, |tcp| tcp.flags);
    let is_tcp = packet.tcp.is_some();
    let routes = has(131) || has(137);
    let unknown = if packet.src.is_ipv4() { 137 } else { 143 };
    let large = packet.size() > 1024;
    [
        (Screen::BadOption, ip.bad_option && is_bad(packet.options)),
        (Screen::SourceRoute, ip.source_route_option && routes),
        (Screen::LooseSourceRoute, ip.loose_source_route_option && has(131)),
        (Screen::StrictSourceRoute, ip.strict_source_route_option && has(137)),
        (Screen::RecordRoute, ip.record_route_option && has(7)),
        (Screen::TimestampOption, ip.timestamp_option && has(68)),
        (Screen::SecurityOption, ip.security_option && has(130)),
        (Screen::StreamOption, ip.stream_option && has(136)),
        (Screen::UnknownProtocol, ip.unknown_protocol && packet.proto >= unknown),
        (Screen::IcmpLarge, icmp.large && is_icmp(packet) && large),
        (Screen::Land, tcp.land && flags & SYN != 0 && packet.src == packet.dst),
        (Screen::TcpNoFlag, tcp.no_flag && is_tcp && flags & 0x3f == 0),
        (Screen::SynFin, tcp.syn_fin && flags & SYN != 0 && flags & FIN != 0),
        (Screen::FinNoAck, tcp.fin_no_ack && flags & FIN != 0 && flags & ACK == 0),
    ]
    .into_iter()
    .filter_map(|(screen, trips)| trips.then_some(screen))
    .collect()
}

/// The one option that the generator writes, and its length (screen-10).
fn is_bad(options: &[u8]) -> bool {
    match options {
        [] => false,
        [7 | 131 | 137, len, pointer, ..] => {
            *len < 3 || (len - 3) % 4 != 0 || *pointer < 4 || usize::from(*len) > options.len()
        }
        [68, len, pointer, ..] => *len < 4 || *pointer < 5 || usize::from(*len) > options.len(),
        [136, len, ..] => *len != 4,
        [_, len, ..] => *len < 2 || usize::from(*len) > options.len(),
        [_] => true,
    }
}

/// ICMP of the packet's own family.
const fn is_icmp(packet: &Packet) -> bool {
    packet.proto == if packet.src.is_ipv4() { 1 } else { 58 }
}

const fn screen_is_of_source(screen: Screen) -> bool {
    matches!(
        screen,
        Screen::BySourcePackets
            | Screen::BySourceProtocolPackets
            | Screen::BySourceRate
            | Screen::BySourceProtocolRate
    )
}

/// The limit of the packet's protocol.
const fn own<'a>(side: &'a SideLimit, packet: &Packet) -> Option<&'a AddressLimit> {
    match packet.proto {
        6 => Some(&side.tcp),
        17 => Some(&side.udp),
        1 | 58 => Some(&side.icmp),
        _ => None,
    }
}

fn exempts(config: &Config, names: &[String], addr: IpAddr) -> bool {
    let lists = config.security.screen.white_lists.iter().filter(|list| names.contains(&list.name));
    lists.into_iter().flat_map(|list| &list.addresses).any(|net| net.contains(&addr))
}

/// The prefix that is counted in an address' place (screen-56).
fn aggregated(option: &IdsOption, addr: IpAddr, of_source: bool) -> IpAddr {
    let masks = &option.aggregation;
    let len = match (addr.is_ipv4(), of_source) {
        (true, true) => masks.source4.unwrap_or(32),
        (true, false) => masks.destination4.unwrap_or(32),
        (false, true) => masks.source6.unwrap_or(128),
        (false, false) => masks.destination6.unwrap_or(128),
    };
    IpNet::new(addr, len).map_or(addr, |net| net.network())
}
