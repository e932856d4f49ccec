//! What of stateful NAT64 needs no state: which packets are translated at all, and which turn back.
//!
//! Bindings, filtering and timers are sessions, as for any other NAT. State: none. Spec: rfc6146-1..9.

use ravelin_types::{Addr, Family, IcmpKind, Proto};

use crate::refused::Answer;
use crate::{Ends, Ports, Prefix64};

/// A packet as NAT64 looks at it; `icmp` is the type of an ICMP message.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    pub src: Addr,
    pub dst: Addr,
    pub proto: Proto,
    pub icmp: Option<u8>,
}

/// Why NAT64 leaves a packet alone or drops it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ineligible {
    /// The destination is not behind the prefix: not for NAT64, to be routed.
    OtherDestination,
    /// The source is of the prefix: it would go round in a loop (RFC 6146 3.5).
    SourceInPrefix,
    /// A source that can't be answered: a group, none, the host itself, or of one link.
    Source,
    /// An IPv4 destination that is a group, none or loopback, or that the well-known prefix may not stand for (RFC 6052 3.1).
    Destination,
    /// Neither TCP nor UDP nor ICMP (RFC 6146 3.4).
    Protocol,
    /// An ICMP message that is neither a query with an identifier nor an error.
    IcmpType,
}

impl Ineligible {
    /// What the sender is told, if its packet is dropped for this.
    #[must_use]
    pub const fn answer(self, family: Family) -> Option<Answer> {
        let (kind, code) = match (self, family) {
            (Self::Protocol, Family::V4) => (3, 2),
            (Self::Protocol, Family::V6) => (1, 4),
            (Self::Destination, Family::V6) => (1, 0),
            (
                Self::OtherDestination
                | Self::SourceInPrefix
                | Self::Source
                | Self::Destination
                | Self::IcmpType,
                _,
            ) => {
                return None;
            }
        };
        Some(Answer { kind, code, rest: 0 })
    }
}

/// The IPv4 destination of an IPv6 packet that NAT64 translates.
///
/// # Errors
/// Why it doesn't.
pub fn eligible6(prefix: &Prefix64, packet: &Candidate) -> Result<Addr, Ineligible> {
    let dst = prefix.extract(packet.dst).ok_or(Ineligible::OtherDestination)?;
    let src = packet.src;
    if prefix.contains(src) {
        return Err(Ineligible::SourceInPrefix);
    }
    if !is_host(src, Family::V6) || src.is_link_local6() {
        return Err(Ineligible::Source);
    }
    if !is_host(dst, Family::V4) || !prefix.may_represent(dst) {
        return Err(Ineligible::Destination);
    }
    carried(Proto::ICMPV6, packet)?;
    Ok(dst)
}

/// The IPv6 source of an IPv4 packet that NAT64 translates; that its destination has a binding is for sessions to say.
///
/// # Errors
/// Why it doesn't.
pub fn eligible4(prefix: &Prefix64, packet: &Candidate) -> Result<Addr, Ineligible> {
    if !is_host(packet.src, Family::V4) || !prefix.may_represent(packet.src) {
        return Err(Ineligible::Source);
    }
    carried(Proto::ICMP, packet)?;
    Ok(prefix.embed(packet.src))
}

/// What a hairpinned packet leaves with: from the first host's binding, as IPv6 sees it, to the second host itself.
///
/// A packet turns back when [`eligible6`] gives an IPv4 destination that is an address of the NAT64's own pools (RFC 6146 3.8). It goes
/// [`crate::siit::to_ipv4`] and at once, as if it had come from there, [`crate::siit::to_ipv6`].
#[must_use]
pub fn hairpin_ends(prefix: &Prefix64, binding: (Addr, u16), inside: (Addr, u16)) -> Ends {
    Ends { src: prefix.embed(binding.0), dst: inside.0, ports: Ports::Both { src: binding.1, dst: inside.1 } }
}

fn is_host(addr: Addr, family: Family) -> bool {
    let limited = family == Family::V4 && addr.low32() == u32::MAX;
    !(addr.is_multicast(family) || addr.is_unspecified() || addr.is_loopback(family) || limited)
}

fn carried(icmp: Proto, packet: &Candidate) -> Result<(), Ineligible> {
    match packet.proto {
        Proto::TCP | Proto::UDP => Ok(()),
        proto if proto == icmp => match packet.icmp.map(|kind| IcmpKind::of(icmp, kind)) {
            Some(IcmpKind::EchoRequest | IcmpKind::EchoReply | IcmpKind::Error) | None => Ok(()),
            Some(IcmpKind::Other) => Err(Ineligible::IcmpType),
        },
        _ => Err(Ineligible::Protocol),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn addr(text: &str) -> Addr {
        Addr::from_ip(text.parse::<IpAddr>().unwrap()).1
    }

    fn six(src: &str, dst: &str, proto: u8, icmp: Option<u8>) -> Result<Addr, Ineligible> {
        let packet = Candidate { src: addr(src), dst: addr(dst), proto: Proto(proto), icmp };
        eligible6(&Prefix64::WELL_KNOWN, &packet)
    }

    // Proves: rfc6146-1, rfc6146-2, rfc6146-3.
    #[test]
    fn ipv6_packets_are_judged_by_source_destination_and_protocol() {
        let (host, dst) = ("2001:db8::1", "64:ff9b::8.8.8.8");
        let v4 = Addr::v4([8, 8, 8, 8]);
        for (src, dst, proto, icmp, expected) in [
            (host, dst, 6, None, Ok(v4)),
            (host, dst, 17, None, Ok(v4)),
            (host, dst, 58, Some(128), Ok(v4)),
            (host, dst, 58, Some(1), Ok(v4)),
            (host, dst, 58, Some(135), Err(Ineligible::IcmpType)),
            (host, dst, 132, None, Err(Ineligible::Protocol)),
            (host, dst, 1, Some(8), Err(Ineligible::Protocol)),
            (host, "2001:db8::2", 6, None, Err(Ineligible::OtherDestination)),
            ("64:ff9b::1.1.1.1", dst, 6, None, Err(Ineligible::SourceInPrefix)),
            ("fe80::1", dst, 6, None, Err(Ineligible::Source)),
            ("::", dst, 6, None, Err(Ineligible::Source)),
            ("::1", dst, 6, None, Err(Ineligible::Source)),
            ("ff02::1", dst, 6, None, Err(Ineligible::Source)),
            (host, "64:ff9b::10.0.0.1", 6, None, Err(Ineligible::Destination)),
            (host, "64:ff9b::224.0.0.1", 6, None, Err(Ineligible::Destination)),
        ] {
            assert_eq!(six(src, dst, proto, icmp), expected, "{src} {dst} {proto} {icmp:?}");
        }
    }

    // Proves: rfc6146-3.
    #[test]
    fn a_network_specific_prefix_reaches_private_addresses_but_no_group() {
        let own = Prefix64::new(addr("2001:db8:64::"), 96).unwrap();
        let to = |dst: &str| {
            let packet =
                Candidate { src: addr("2001:db8::1"), dst: addr(dst), proto: Proto::TCP, icmp: None };
            eligible6(&own, &packet)
        };
        assert_eq!(to("2001:db8:64::10.0.0.1"), Ok(Addr::v4([10, 0, 0, 1])));
        assert_eq!(to("2001:db8:64::255.255.255.255"), Err(Ineligible::Destination));
        assert_eq!(to("2001:db8:64::127.0.0.1"), Err(Ineligible::Destination));
    }

    // Proves: rfc6146-5.
    #[test]
    fn ipv4_packets_come_from_a_host_behind_the_prefix() {
        let from = |src: &str, proto, icmp| {
            let packet = Candidate { src: addr(src), dst: addr("203.0.113.1"), proto, icmp };
            eligible4(&Prefix64::WELL_KNOWN, &packet)
        };
        assert_eq!(from("8.8.4.4", Proto::TCP, None), Ok(addr("64:ff9b::8.8.4.4")));
        assert_eq!(from("8.8.4.4", Proto::ICMP, Some(3)), Ok(addr("64:ff9b::8.8.4.4")));
        assert_eq!(from("8.8.4.4", Proto::ICMP, Some(13)), Err(Ineligible::IcmpType));
        assert_eq!(from("8.8.4.4", Proto::GRE, None), Err(Ineligible::Protocol));
        assert_eq!(from("10.0.0.1", Proto::TCP, None), Err(Ineligible::Source));
        assert_eq!(from("255.255.255.255", Proto::TCP, None), Err(Ineligible::Source));
    }

    // Proves: rfc6146-4.
    #[test]
    fn the_sender_of_another_protocol_is_told() {
        let told = |family| Ineligible::Protocol.answer(family).map(|a| (a.kind, a.code));
        assert_eq!(told(Family::V4), Some((3, 2)));
        assert_eq!(told(Family::V6), Some((1, 4)));
        assert_eq!(Ineligible::SourceInPrefix.answer(Family::V6), None);
    }

    #[test]
    fn a_hairpin_comes_from_the_binding_behind_the_prefix() {
        let pool = addr("203.0.113.5");
        let ends = hairpin_ends(&Prefix64::WELL_KNOWN, (pool, 1024), (addr("2001:db8::2"), 80));
        assert_eq!(ends.src, addr("64:ff9b::203.0.113.5"));
        assert_eq!((ends.dst, ends.ports), (addr("2001:db8::2"), Ports::Both { src: 1024, dst: 80 }));
    }
}
