//! Screens of IPv6 extension headers and of tunnels, as docs/spec/screen.md tells them: of what a datagram was made of, and not of
//! its bytes.

use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_model::{IdsOption, NumberRange};
use ravelin_program::Screen;

/// What stands between the fixed IPv6 header and the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Header {
    HopByHop(Options),
    Destination(Options),
    Routing,
    /// At offset 0, with nothing to come.
    AtomicFragment,
    Authentication,
}

/// Options by number; `is_torn`: the last of them says that it goes on beyond its header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub kinds: Vec<u8>,
    pub is_torn: bool,
}

/// What a datagram carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// A header that is told by its number alone, and what stands for the number behind it.
    Number(u8, Option<u8>),
    /// UDP of no tunnel.
    Udp,
    /// Protocol 4 or 41.
    Ip(Inner),
    /// `is_plain`: version 0 without a route.
    Gre { is_plain: bool, inner: Inner },
    /// An ICMPv6 message.
    Icmp6(Message),
    /// UDP to Teredo's port; `is_ip6`: what is behind the indications begins as an IPv6 header does.
    Teredo { is_ip6: bool, inner: Inner },
}

/// An ICMPv6 message as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub kind: u8,
    pub code: u8,
    pub hop_limit: u8,
    /// Bytes of it before its options, eight or more.
    pub fixed: usize,
    /// What each option of eight bytes says of its length, in units of eight bytes.
    pub options: Vec<u8>,
    /// The address that it asks for, or tells of, is a group's.
    pub is_of_group: bool,
    pub is_summed: bool,
}

/// A datagram within another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inner {
    pub src: IpAddr,
    pub dst: IpAddr,
    /// Its header is whole and says what its carrier says.
    pub is_readable: bool,
}

/// A datagram as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    pub src: IpAddr,
    pub dst: IpAddr,
    /// Of IPv6 alone.
    pub headers: Vec<Header>,
    pub carried: Carried,
}

impl Header {
    /// By IANA's registry of protocol numbers.
    #[must_use]
    pub const fn number(&self) -> u8 {
        match self {
            Self::HopByHop(_) => 0,
            Self::Destination(_) => 60,
            Self::Routing => 43,
            Self::AtomicFragment => 44,
            Self::Authentication => 51,
        }
    }
}

impl Message {
    /// screen-27
    fn is_malformed(&self) -> bool {
        // The bytes that a message of neighbour discovery has before its options (RFC 4861 4.1 to 4.5).
        let discovery = match self.kind {
            133 => Some(8),
            134 => Some(16),
            135 | 136 => Some(24),
            137 => Some(40),
            _ => None,
        };
        let least = match self.kind {
            // An error quotes a header (RFC 4443 3).
            1..=4 => 48,
            // Multicast listener discovery names a group (RFC 2710 3).
            130..=132 => 24,
            _ => discovery.unwrap_or(8),
        };
        // An option that ends where the message does not: one of another length than it has.
        let is_cut = self.options.iter().any(|units| *units != 1);
        let is_bad = self.hop_limit != 255 || self.code != 0 || is_cut;
        let asks_for_group = matches!(self.kind, 135 | 136) && self.is_of_group;
        !self.is_summed || self.fixed < least || discovery.is_some() && (is_bad || asks_for_group)
    }
}

impl Datagram {
    /// The protocol behind the headers.
    #[must_use]
    pub fn protocol(&self) -> u8 {
        match &self.carried {
            Carried::Number(number, _) => *number,
            Carried::Udp | Carried::Teredo { .. } => 17,
            Carried::Icmp6(_) => 58,
            Carried::Ip(Inner { src: IpAddr::V4(_), .. }) => 4,
            Carried::Ip(_) => 41,
            Carried::Gre { .. } => 47,
        }
    }

    /// What a profile finds, in its order; with `alarm-without-drop` all of it counts, else the first.
    #[must_use]
    pub fn found(&self, option: &IdsOption) -> Vec<Screen> {
        let mut found = Vec::new();
        if self.src.is_ipv6() {
            self.walk(option, &mut found);
        }
        let unknown = if self.src.is_ipv4() { 137 } else { 143 };
        // An authentication header is what the packet is of, as far as its session goes.
        let is_hidden = self.headers.contains(&Header::Authentication);
        if option.ip.unknown_protocol && !is_hidden && self.protocol() >= unknown {
            found.push(Screen::UnknownProtocol);
        }
        if let Carried::Icmp6(message) = &self.carried
            && option.icmp.icmpv6_malformed
            && !is_hidden
            && message.is_malformed()
        {
            found.push(Screen::Icmpv6Malformed);
        }
        if !is_hidden {
            self.tunnels(option, &mut found);
        }
        let mut once = Vec::new();
        found.into_iter().for_each(|screen| {
            if !once.contains(&screen) {
                once.push(screen)
            }
        });
        once
    }

    /// screen-19 to screen-23
    fn walk(&self, option: &IdsOption, found: &mut Vec<Screen>) {
        let named = &option.ip.extension_header;
        let behind = match &self.carried {
            Carried::Number(_, behind) => *behind,
            _ => None,
        };
        let mut is_malformed = false;
        for header in &self.headers {
            self.number(option, header.number(), found);
            let (options, names, user, own) = match header {
                Header::HopByHop(options) => {
                    let of = &named.hop_by_hop;
                    let names = [
                        (0xc2, of.jumbo_payload, Screen::HopJumbo),
                        (0x05, of.router_alert, Screen::HopRouterAlert),
                        (0x26, of.quick_start, Screen::HopQuickStart),
                        (0x07, of.calipso, Screen::HopCalipso),
                        (0x08, of.smf_dpd, Screen::HopSmfDpd),
                        (0x63, of.rpl, Screen::HopRpl),
                    ];
                    (options, names.to_vec(), Screen::HopUserDefined, &of.user_defined)
                }
                Header::Destination(options) => {
                    let of = &named.destination;
                    let names = [
                        (0x04, of.tunnel_encapsulation_limit, Screen::DestinationTunnelLimit),
                        (0xc9, of.home_address, Screen::DestinationHomeAddress),
                        (0x8b, of.ilnp_nonce, Screen::DestinationIlnpNonce),
                        (0x8c, of.line_identification, Screen::DestinationLineId),
                    ];
                    (options, names.to_vec(), Screen::DestinationUserDefined, &of.user_defined)
                }
                Header::Routing | Header::AtomicFragment | Header::Authentication => continue,
            };
            for kind in &options.kinds {
                let by_name = names.iter().filter(|(number, is_on, _)| number == kind && *is_on);
                found.extend(by_name.map(|(.., screen)| *screen));
                if is_in(own, *kind) {
                    found.push(user);
                }
            }
            is_malformed |= options.is_torn;
        }
        self.number(option, self.protocol(), found);
        behind.into_iter().for_each(|number| self.number(option, number, found));
        // A header that is told by its number is one when something stands behind it.
        let count = self.headers.len() + usize::from(behind.is_some());
        if option.ip.extension_header_limit.is_some_and(|most| count > usize::from(most)) {
            found.push(Screen::Ipv6HeaderLimit);
        }
        if option.ip.malformed_header && (is_malformed || self.is_out_of_order()) {
            found.push(Screen::Ipv6Malformed);
        }
    }

    fn is_out_of_order(&self) -> bool {
        let times = |number: u8| self.headers.iter().filter(|header| header.number() == number).count();
        let late = self.headers.iter().skip(1).any(|header| matches!(header, Header::HopByHop(_)));
        late || [(0, 1), (43, 1), (44, 1), (51, 1), (60, 2)]
            .iter()
            .any(|(number, most)| times(*number) > *most)
    }

    /// A next-header value of the chain.
    fn number(&self, option: &IdsOption, number: u8, found: &mut Vec<Screen>) {
        let named = &option.ip.extension_header;
        let names = [
            (43, named.routing, Screen::RoutingHeader),
            (44, named.fragment, Screen::FragmentHeader),
            (50, named.esp, Screen::EspHeader),
            (51, named.ah, Screen::AhHeader),
            (59, named.no_next, Screen::NoNextHeader),
            (135, named.mobility, Screen::MobilityHeader),
            (139, named.hip, Screen::HipHeader),
            (140, named.shim6, Screen::Shim6Header),
        ];
        let by_name = names.iter().filter(|(other, is_on, _)| *other == number && *is_on);
        found.extend(by_name.map(|(.., screen)| *screen));
        if is_in(&named.user_defined, number) {
            found.push(Screen::UserDefinedHeader);
        }
    }

    /// screen-34 to screen-38
    fn tunnels(&self, option: &IdsOption, found: &mut Vec<Screen>) {
        let named = &option.ip.tunnel;
        let outer4 = self.src.is_ipv4();
        let (inner, is_tunnel, own) = match &self.carried {
            Carried::Number(..) | Carried::Udp | Carried::Icmp6(_) => return,
            Carried::Gre { is_plain: false, .. } | Carried::Teredo { is_ip6: false, .. } => return,
            Carried::Ip(inner) => {
                let own = match (inner.src.is_ipv4(), outer4) {
                    (true, true) => (named.ipip_4in4, Screen::Ipip4in4),
                    (true, false) => (named.ipip_4in6, Screen::Ipip4in6),
                    (false, true) => (named.ipip_6in4, Screen::Ipip6in4),
                    (false, false) => (named.ipip_6in6, Screen::Ipip6in6),
                };
                (inner, true, own)
            }
            Carried::Gre { inner, .. } => {
                let own = match (inner.src.is_ipv4(), outer4) {
                    (true, true) => (named.gre_4in4, Screen::Gre4in4),
                    (true, false) => (named.gre_4in6, Screen::Gre4in6),
                    (false, true) => (named.gre_6in4, Screen::Gre6in4),
                    (false, false) => (named.gre_6in6, Screen::Gre6in6),
                };
                (inner, true, own)
            }
            // The port may be anything's: the inner header makes it a tunnel.
            Carried::Teredo { inner, .. } => (inner, inner.is_readable, (named.teredo, Screen::Teredo)),
        };
        if named.bad_inner_header && !inner.is_readable {
            found.push(Screen::BadInnerHeader);
        }
        if matches!(self.carried, Carried::Ip(_)) && inner.is_readable {
            let special = self.special(inner);
            let on = [
                (named.isatap, Screen::Isatap),
                (named.ipip_6over4, Screen::Ipip6over4),
                (named.ipip_6to4relay, Screen::Ipip6to4Relay),
                (named.dslite, Screen::DsLite),
            ];
            let found_of = on.iter().filter(|(is_on, screen)| *is_on && special.contains(screen));
            found.extend(found_of.map(|(_, screen)| *screen));
        }
        if is_tunnel && own.0 {
            found.push(own.1);
        }
    }

    /// screen-35, screen-36
    fn special(&self, inner: &Inner) -> Vec<Screen> {
        let lies = |addr: &IpAddr, net: &str| net.parse::<IpNet>().is_ok_and(|net| net.contains(addr));
        let inners = [inner.src, inner.dst];
        let words = |addr: &IpAddr| match addr {
            IpAddr::V6(addr) => addr.segments(),
            IpAddr::V4(_) => [0; 8],
        };
        let mut out = Vec::new();
        if self.src.is_ipv4() && inner.src.is_ipv6() {
            if inners.iter().map(words).any(|w| matches!((w[4], w[5]), (0 | 0x0200, 0x5efe))) {
                out.push(Screen::Isatap);
            }
            // Its lower half is an IPv4 address.
            let is_6over4 = |w: [u16; 8]| w[..6] == [0xfe80, 0, 0, 0, 0, 0] && w[6] != 0;
            if lies(&self.dst, "239.192.0.0/16") || inners.iter().map(words).any(is_6over4) {
                out.push(Screen::Ipip6over4);
            }
            if [self.src, self.dst].iter().any(|addr| lies(addr, "192.88.99.0/24")) {
                out.push(Screen::Ipip6to4Relay);
            }
        }
        if self.src.is_ipv6() && inner.src.is_ipv4() && inners.iter().any(|addr| lies(addr, "192.0.0.0/29")) {
            out.push(Screen::DsLite);
        }
        out
    }
}

fn is_in(ranges: &[NumberRange], number: u8) -> bool {
    ranges.iter().any(|range| (range.low..=range.high.unwrap_or(range.low)).contains(&number))
}
