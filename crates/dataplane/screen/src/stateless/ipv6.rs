//! Screens on IPv6 extension headers and their options.
//!
//! Junos: `ip ipv6-extension-header`, `ip ipv6-extension-header-limit`, `ip ipv6-malformed-header`.
//! Spec: screen-19..23.

use ravelin_program::{Screen, ScreenSet};
use ravelin_types::{Family, Proto};

use super::{Found, Search};
use crate::packet::Packet;
use crate::profile::{Numbers, Profile};

const HEADERS: ScreenSet = ScreenSet::of(&[
    Screen::RoutingHeader,
    Screen::FragmentHeader,
    Screen::EspHeader,
    Screen::AhHeader,
    Screen::NoNextHeader,
    Screen::Shim6Header,
    Screen::MobilityHeader,
    Screen::HipHeader,
    Screen::UserDefinedHeader,
    Screen::Ipv6HeaderLimit,
    Screen::Ipv6Malformed,
]);
const HOP_OPTIONS: ScreenSet = ScreenSet::of(&[
    Screen::HopJumbo,
    Screen::HopRouterAlert,
    Screen::HopQuickStart,
    Screen::HopCalipso,
    Screen::HopSmfDpd,
    Screen::HopRpl,
    Screen::HopUserDefined,
]);
const DESTINATION_OPTIONS: ScreenSet = ScreenSet::of(&[
    Screen::DestinationTunnelLimit,
    Screen::DestinationHomeAddress,
    Screen::DestinationIlnpNonce,
    Screen::DestinationLineId,
    Screen::DestinationUserDefined,
]);

const HOP: u8 = Proto::HOP_BY_HOP.0;
const ROUTING: u8 = Proto::IPV6_ROUTE.0;
const FRAGMENT: u8 = Proto::IPV6_FRAGMENT.0;
const ESP: u8 = Proto::ESP.0;
const AH: u8 = Proto::AH.0;
const NO_NEXT: u8 = Proto::IPV6_NO_NEXT.0;
const DESTINATION: u8 = Proto::IPV6_DEST_OPTIONS.0;
const MOBILITY: u8 = 135;
const HIP: u8 = 139;
const SHIM6: u8 = 140;

/// More headers than any parser here lets through; ends the walk over hostile chains behind AH.
const WALK_MAX: usize = 40;

/// Which headers went by, to judge their order.
#[derive(Default)]
struct Seen {
    count: usize,
    malformed: bool,
    hop: u8,
    routing: u8,
    fragment: u8,
    authentication: u8,
    destination: u8,
}

pub(super) fn headers(profile: &Profile, packet: &Packet<'_>, found: &mut Found) -> Search {
    let on = profile.on;
    let wanted = on.meets(HEADERS) || on.meets(HOP_OPTIONS) || on.meets(DESTINATION_OPTIONS);
    if !wanted || packet.network.family == Family::V4 {
        return Search::Continue(());
    }
    let bytes = packet.l3();
    let (Some(mut next), mut at) = (bytes.get(6).copied(), 40) else { return Search::Continue(()) };
    let mut seen = Seen { malformed: packet.network.src.is_multicast(Family::V6), ..Seen::default() };
    for _ in 0..WALK_MAX {
        for screen in screen_of(next).into_iter().filter(|s| on.has(*s)) {
            found.hit(screen)?;
        }
        if on.has(Screen::UserDefinedHeader) && profile.headers.has(next) {
            found.hit(Screen::UserDefinedHeader)?;
        }
        let Some(len) = length(next, bytes, at) else { break };
        let header = bytes.get(at..at + len).unwrap_or_default();
        seen.note(next);
        if header.is_empty() {
            seen.malformed = true;
            break;
        }
        match next {
            HOP => options(on, &HOP_NAMES, profile.hop_options, header, &mut seen, found)?,
            DESTINATION => {
                options(on, &DESTINATION_NAMES, profile.destination_options, header, &mut seen, found)?;
            }
            _ => {}
        }
        // Behind the header of a later fragment stands the middle of the datagram.
        if next == FRAGMENT && packet.is_later_fragment() {
            break;
        }
        next = header[0];
        at += len;
    }
    if profile.header_limit.is_some_and(|limit| seen.count > usize::from(limit)) {
        found.hit(Screen::Ipv6HeaderLimit)?;
    }
    if on.has(Screen::Ipv6Malformed) && seen.malformed {
        found.hit(Screen::Ipv6Malformed)?;
    }
    Search::Continue(())
}

const fn screen_of(header: u8) -> Option<Screen> {
    Some(match header {
        ROUTING => Screen::RoutingHeader,
        FRAGMENT => Screen::FragmentHeader,
        ESP => Screen::EspHeader,
        AH => Screen::AhHeader,
        NO_NEXT => Screen::NoNextHeader,
        SHIM6 => Screen::Shim6Header,
        MOBILITY => Screen::MobilityHeader,
        HIP => Screen::HipHeader,
        _ => return None,
    })
}

/// Bytes of an extension header; `None`: it is none, or nothing behind it can be read.
fn length(header: u8, bytes: &[u8], at: usize) -> Option<usize> {
    let units = usize::from(bytes.get(at + 1).copied().unwrap_or(0));
    match header {
        HOP | ROUTING | DESTINATION | MOBILITY | HIP | SHIM6 => Some(8 + units * 8),
        FRAGMENT => Some(8),
        AH => Some(8 + units * 4),
        _ => None,
    }
}

impl Seen {
    /// RFC 8200 section 4.1: hop-by-hop comes first, each header once, destination options twice at most.
    fn note(&mut self, header: u8) {
        let (counter, most) = match header {
            HOP => {
                self.malformed |= self.count > 0;
                (&mut self.hop, 1)
            }
            ROUTING => (&mut self.routing, 1),
            FRAGMENT => (&mut self.fragment, 1),
            AH => (&mut self.authentication, 1),
            DESTINATION => (&mut self.destination, 2),
            _ => {
                self.count += 1;
                return;
            }
        };
        *counter = counter.saturating_add(1);
        self.malformed |= *counter > most;
        self.count += 1;
    }
}

/// Option numbers of the IANA registry "Destination Options and Hop-by-Hop Options", and their screens.
type Names = [(u8, Screen)];

const HOP_NAMES: [(u8, Screen); 6] = [
    (0xc2, Screen::HopJumbo),
    (0x05, Screen::HopRouterAlert),
    (0x26, Screen::HopQuickStart),
    (0x07, Screen::HopCalipso),
    (0x08, Screen::HopSmfDpd),
    (0x63, Screen::HopRpl),
];
const DESTINATION_NAMES: [(u8, Screen); 4] = [
    (0x04, Screen::DestinationTunnelLimit),
    (0xc9, Screen::DestinationHomeAddress),
    (0x8b, Screen::DestinationIlnpNonce),
    (0x8c, Screen::DestinationLineId),
];

/// Walks the options of one header. RFC 8200 section 4.2.
fn options(
    on: ScreenSet,
    names: &Names,
    own: Numbers,
    header: &[u8],
    seen: &mut Seen,
    found: &mut Found,
) -> Search {
    let is_hop = names[0].1 == Screen::HopJumbo;
    let user = if is_hop { Screen::HopUserDefined } else { Screen::DestinationUserDefined };
    let mut rest = &header[2..];
    while let [kind, tail @ ..] = rest {
        if *kind == 0 {
            rest = tail;
            continue;
        }
        if let Some((_, screen)) = names.iter().find(|(number, s)| number == kind && on.has(*s)) {
            found.hit(*screen)?;
        }
        if on.has(user) && own.has(*kind) {
            found.hit(user)?;
        }
        let len = tail.first().map(|len| usize::from(*len) + 2);
        let Some(next) = len.and_then(|len| rest.get(len..)) else {
            seen.malformed = true;
            break;
        };
        rest = next;
    }
    Search::Continue(())
}
