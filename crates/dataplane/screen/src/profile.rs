//! A screen profile as the packet path asks it, built from the program by the control thread.

use ravelin_program::{
    Aggregation, Allowance, Screen, ScreenDirection, ScreenProfile, ScreenSet, Screens, SideLimits, Sweeps,
    SynFlood, SynProtection, UdpFlood, UserDefined,
};
use ravelin_types::{Addr, Family, ZoneId};

use crate::packet::{Packet, Way};
use crate::ranges::Ranges;

/// Profiles by zone.
#[derive(Clone, Debug, Default)]
pub struct ScreenTable {
    profiles: Box<[Profile]>,
    /// By zone id; `NONE`: the zone has no screen.
    by_zone: Box<[u16]>,
}

const NONE: u16 = u16::MAX;
/// What looks into datagrams, or at addresses and protocols alone.
const PLAIN: ScreenSet = ScreenSet::of(&[
    Screen::Teredo,
    Screen::BadInnerHeader,
    Screen::Ipv6Malformed,
    Screen::UserDefinedHeader,
]);

/// One `ids-option`, ready to judge.
#[derive(Clone, Debug)]
pub struct Profile {
    pub(crate) on: ScreenSet,
    pub(crate) alarm_only: bool,
    direction: ScreenDirection,
    pub(crate) aggregation: Aggregation,
    pub(crate) hop_options: Numbers,
    pub(crate) destination_options: Numbers,
    pub(crate) headers: Numbers,
    pub(crate) header_limit: Option<u8>,
    pub(crate) fragment_white: Ranges,
    pub(crate) icmp_flood: Option<u32>,
    pub(crate) udp_flood: Option<(u32, Ranges)>,
    pub(crate) syn_flood: Option<SynLimits>,
    pub(crate) sweeps: Option<Sweeps>,
    pub(crate) syn_ack_ack: Option<u32>,
    pub(crate) source_sessions: Option<u32>,
    pub(crate) destination_sessions: Option<u32>,
    pub(crate) by_source: Option<Side>,
    pub(crate) by_destination: Option<Side>,
    pub(crate) protection: SynProtection,
    /// Seconds between two notifications of one screen; at least 1.
    pub(crate) trap_interval: u32,
}

/// A set of the numbers of IPv6 options or headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers([u64; 4]);

/// The thresholds of `tcp syn-flood`.
#[derive(Clone, Debug)]
pub(crate) struct SynLimits {
    pub alarm: u32,
    pub attack: u32,
    pub source: u32,
    pub destination: u32,
    pub timeout: u32,
    pub queue_size: u32,
    white_lists: Box<[(Ranges, Ranges)]>,
}

/// What one side's addresses are allowed: in all, and by protocol.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    all: Allowed,
    tcp: Allowed,
    udp: Allowed,
    icmp: Allowed,
}

/// An [`Allowance`] whose white-list can be searched.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allowed {
    pub sessions: Option<u32>,
    pub packet_rate: Option<u32>,
    pub session_rate: Option<u32>,
    pub white: Ranges,
}

impl ScreenTable {
    /// Builds the table; allocates, so not on the packet path.
    #[must_use]
    pub fn new(screens: &Screens) -> Self {
        let Screens { profiles, zones, protection, trap_interval, white_lists: _ } = screens;
        let most = zones.iter().map(|(zone, _)| zone.index() + 1).max().unwrap_or(0);
        let mut by_zone = vec![NONE; most];
        for (zone, index) in zones {
            by_zone[zone.index()] = *index;
        }
        let one = |profile| Profile::new(profile, *protection, *trap_interval);
        Self { profiles: profiles.iter().map(one).collect(), by_zone: by_zone.into_boxed_slice() }
    }

    /// Requests that the largest queue of a profile may hold; `None`: no profile has a SYN flood screen.
    #[must_use]
    pub fn proxied_max(&self) -> Option<u32> {
        self.profiles.iter().filter_map(|profile| Some(profile.syn_flood.as_ref()?.queue_size)).max()
    }

    /// Whether any zone looks at packets that leave by it.
    #[must_use]
    pub fn judges_output(&self) -> bool {
        self.profiles.iter().any(|profile| profile.looks(Way::Out))
    }

    /// The zone's profile, when it looks at packets that go this way.
    #[inline]
    #[must_use]
    pub fn of(&self, zone: ZoneId, way: Way) -> Option<&Profile> {
        let index = *self.by_zone.get(zone.index())?;
        self.profiles.get(usize::from(index)).filter(|profile| profile.looks(way))
    }

    /// The zones whose limits a session counts under, each with its profile: the one that it comes from and the one that it goes to. One
    /// within a zone counts once.
    #[must_use]
    pub fn of_session(&self, from: ZoneId, to: ZoneId) -> [(ZoneId, Option<&Profile>); 2] {
        let own = self.of(from, Way::In);
        let beyond = self.of(to, Way::Out).filter(|_| from != to || own.is_none());
        [(from, own), (to, beyond)]
    }
}

impl Profile {
    #[must_use]
    pub fn new(profile: &ScreenProfile, protection: SynProtection, trap_interval: u32) -> Self {
        let ScreenProfile {
            name: _,
            alarm_without_drop,
            direction,
            aggregation,
            checks,
            user_defined: UserDefined { hop_options, destination_options, headers },
            header_limit,
            fragment_white_list,
            icmp_flood,
            udp_flood,
            syn_flood,
            sweeps,
            syn_ack_ack,
            source_sessions,
            destination_sessions,
            by_source,
            by_destination,
        } = profile;
        let mut on = *checks;
        for (screen, is_set) in [
            (Screen::HopUserDefined, !hop_options.is_empty()),
            (Screen::DestinationUserDefined, !destination_options.is_empty()),
            (Screen::UserDefinedHeader, !headers.is_empty()),
            (Screen::Ipv6HeaderLimit, header_limit.is_some()),
        ] {
            if is_set {
                on.add(screen);
            }
        }
        let white = |UdpFlood { threshold, white_list }: &UdpFlood| (*threshold, Ranges::new(white_list));
        Self {
            on,
            alarm_only: *alarm_without_drop,
            direction: *direction,
            aggregation: *aggregation,
            hop_options: Numbers::new(hop_options),
            destination_options: Numbers::new(destination_options),
            headers: Numbers::new(headers),
            header_limit: *header_limit,
            fragment_white: Ranges::new(fragment_white_list),
            icmp_flood: *icmp_flood,
            udp_flood: udp_flood.as_ref().map(white),
            syn_flood: syn_flood.as_ref().map(SynLimits::new),
            sweeps: (*sweeps != Sweeps::default()).then_some(*sweeps),
            syn_ack_ack: *syn_ack_ack,
            source_sessions: *source_sessions,
            destination_sessions: *destination_sessions,
            by_source: Side::new(by_source),
            by_destination: Side::new(by_destination),
            protection,
            trap_interval: trap_interval.max(1),
        }
    }

    fn looks(&self, way: Way) -> bool {
        match self.direction {
            ScreenDirection::Both => true,
            ScreenDirection::Input => way == Way::In,
            ScreenDirection::Output => way == Way::Out,
        }
    }

    /// Whether a packet of a session can be found fault with that is as plain as most: a UDP datagram, or a TCP segment
    /// with ACK and without SYN, FIN, RST and URG, whole, between two addresses, without IP options or extension headers.
    #[must_use]
    pub fn minds_plain(&self) -> bool {
        let counts = |side: &Option<Side>| {
            let all = side.iter().flat_map(|side| [&side.all, &side.tcp, &side.udp]);
            all.into_iter().any(|allowed| allowed.packet_rate.is_some())
        };
        let by_rate = self.udp_flood.is_some() || counts(&self.by_source) || counts(&self.by_destination);
        by_rate || self.on.meets(PLAIN)
    }

    /// Whether SYNs may be answered with cookies in zones of this profile, so that an ACK without a
    /// session may be the answer to one.
    #[must_use]
    pub fn sends_cookies(&self) -> bool {
        self.syn_flood.is_some() && self.protection == SynProtection::Cookie && !self.alarm_only
    }

    /// Seconds that a half-open connection may wait in the SYN proxy's queue.
    #[must_use]
    pub fn proxy_timeout(&self) -> Option<u32> {
        self.syn_flood.as_ref().map(|limits| limits.timeout)
    }
}

impl Numbers {
    fn new(ranges: &[(u8, u8)]) -> Self {
        let mut bits = [0; 4];
        for number in ranges.iter().flat_map(|(low, high)| *low..=*high) {
            bits[usize::from(number >> 6)] |= 1 << (number & 63);
        }
        Self(bits)
    }

    pub(crate) const fn has(self, number: u8) -> bool {
        self.0[(number >> 6) as usize] >> (number & 63) & 1 == 1
    }
}

impl SynLimits {
    fn new(flood: &SynFlood) -> Self {
        let SynFlood { alarm, attack, source, destination, timeout, queue_size, white_lists } = flood;
        Self {
            alarm: *alarm,
            attack: *attack,
            source: *source,
            destination: *destination,
            timeout: *timeout,
            queue_size: *queue_size,
            white_lists: white_lists
                .iter()
                .map(|pair| (Ranges::new(&pair.sources), Ranges::new(&pair.destinations)))
                .collect(),
        }
    }

    /// Within one list both sides that are given must hold. Spec: screen-44.
    pub(crate) fn exempts(&self, packet: &Packet<'_>) -> bool {
        let network = packet.network;
        let holds = |ranges: &Ranges, addr| ranges.is_empty() || ranges.contains(network.family, addr);
        self.white_lists.iter().any(|(sources, destinations)| {
            holds(sources, network.src)
                && holds(destinations, network.dst)
                && !(sources.is_empty() && destinations.is_empty())
        })
    }
}

impl Side {
    /// `None`: nothing of it is configured.
    fn new(side: &SideLimits) -> Option<Self> {
        let SideLimits { all, tcp, udp, icmp } = side;
        let new = Self {
            all: Allowed::new(all),
            tcp: Allowed::new(tcp),
            udp: Allowed::new(udp),
            icmp: Allowed::new(icmp),
        };
        [&new.all, &new.tcp, &new.udp, &new.icmp].iter().any(|a| a.limits()).then_some(new)
    }

    /// The allowance in all, and that of the packet's protocol, where they limit anything.
    pub(crate) fn of(&self, packet: &Packet<'_>) -> (Option<&Allowed>, Option<&Allowed>) {
        use ravelin_types::Proto;
        let own = match packet.network.proto {
            Proto::TCP => Some(&self.tcp),
            Proto::UDP => Some(&self.udp),
            Proto::ICMP | Proto::ICMPV6 => Some(&self.icmp),
            _ => None,
        };
        (Some(&self.all).filter(|a| a.limits()), own.filter(|a| a.limits()))
    }
}

impl Allowed {
    fn new(allowance: &Allowance) -> Self {
        let Allowance { sessions, packet_rate, session_rate, white_list } = allowance;
        Self {
            sessions: *sessions,
            packet_rate: *packet_rate,
            session_rate: *session_rate,
            white: Ranges::new(white_list),
        }
    }

    fn limits(&self) -> bool {
        self.sessions.is_some() || self.packet_rate.is_some() || self.session_rate.is_some()
    }
}

/// The first `len` bits of an address.
pub(crate) fn cut(family: Family, addr: Addr, len4: u8, len6: u8) -> Addr {
    let (bits, len) = match family {
        Family::V4 => (32, len4),
        Family::V6 => (128, len6),
    };
    let host = bits - u32::from(len).min(bits);
    if host >= 128 { Addr(0) } else { Addr(addr.0 >> host << host) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_cut_to_their_prefix() {
        let addr = Addr::v4([10, 1, 2, 3]);
        assert_eq!(cut(Family::V4, addr, 32, 128), addr);
        assert_eq!(cut(Family::V4, addr, 24, 128), Addr::v4([10, 1, 2, 0]));
        assert_eq!(cut(Family::V4, addr, 1, 128), Addr(0));
        assert_eq!(cut(Family::V6, Addr(u128::MAX), 32, 64), Addr(u128::MAX << 64));
        assert_eq!(cut(Family::V6, Addr(u128::MAX), 32, 1), Addr(1 << 127));
    }

    #[test]
    fn a_zone_without_a_screen_has_no_profile() {
        let profile = |direction| ScreenProfile { direction, ..ScreenProfile::default() };
        let table = ScreenTable::new(&Screens {
            profiles: vec![profile(ScreenDirection::Input), profile(ScreenDirection::Output)],
            zones: vec![(ZoneId(3), 0), (ZoneId(5), 1)],
            protection: SynProtection::Cookie,
            trap_interval: 2,
            white_lists: Vec::new(),
        });
        let has = |zone, way| table.of(ZoneId(zone), way).is_some();
        assert!(has(3, Way::In) && !has(3, Way::Out) && !has(5, Way::In) && has(5, Way::Out));
        assert!(!has(0, Way::In) && !has(4, Way::In) && !has(6, Way::In) && !has(u16::MAX, Way::In));
        assert!(ScreenTable::default().of(ZoneId(1), Way::In).is_none());
    }
}
