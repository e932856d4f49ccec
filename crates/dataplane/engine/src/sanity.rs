//! What no packet may be: damaged headers, addresses that nobody sends from or to, and an echo the wrong way round.

use ravelin_program::RefusedAddresses;
use ravelin_types::{Addr, DropReason, Family, IcmpKind, Proto};
use ravelin_wire::{L4, Malformed, Network};

/// Addresses that no packet from the wire may carry (RFC 1122 3.2.1.3, RFC 4291 2.5, 2.7).
pub(crate) fn check_addresses(network: &Network) -> Result<(), DropReason> {
    let Network { family, src, dst, .. } = *network;
    let unspecified_allowed = match family {
        // DHCP clients have no address yet.
        Family::V4 => network.proto == Proto::UDP,
        // Duplicate address detection and multicast listener reports.
        Family::V6 => network.proto == Proto::ICMPV6 && dst.is_multicast(family),
    };
    let limited_broadcast = family == Family::V4 && src.low32() == u32::MAX;
    let bad_source = src.is_multicast(family)
        || src.is_loopback(family)
        || limited_broadcast
        || (src.is_unspecified() && !unspecified_allowed);
    if bad_source {
        return Err(DropReason::InvalidSource);
    }
    if dst.is_unspecified() || dst.is_loopback(family) {
        return Err(DropReason::InvalidDestination);
    }
    Ok(())
}

/// Addresses that open no session where the configuration says so. Spec: flow-30.
pub(crate) fn check_opening(network: &Network, refused: RefusedAddresses) -> Result<(), DropReason> {
    if refused == RefusedAddresses::default() {
        return Ok(());
    }
    let is_refused = |addr: Addr| match network.family {
        Family::V4 => {
            let (first, second) = (addr.low32() >> 24, addr.low32() >> 16);
            (refused.link_local && second == 0xa9fe) || (refused.reserved && matches!(first, 0 | 240..))
        }
        Family::V6 => refused.link_local && addr.is_link_local6(),
    };
    if is_refused(network.src) {
        return Err(DropReason::InvalidSource);
    }
    if is_refused(network.dst) { Err(DropReason::InvalidDestination) } else { Ok(()) }
}

/// Whether a message of ICMP is one that a wing's packets are: with the identifier 0 the key of an echo request is that of its reply, and
/// ICMPv6 type 0 has a key that a reply may have, too. Spec: session-16.
pub(crate) fn is_of_wing(network: &Network, wing: usize) -> bool {
    !matches!(network.l4, L4::Icmp { .. }) || is_echo_reply(network) == (wing == 1)
}

pub(crate) fn is_echo_reply(network: &Network) -> bool {
    matches!(network.l4, L4::Icmp { kind, .. } if IcmpKind::of(network.proto, kind) == IcmpKind::EchoReply)
}

/// Why a frame that could not be taken apart is dropped.
pub(crate) fn malformed(error: Malformed) -> DropReason {
    match error {
        Malformed::Ethernet => DropReason::MalformedEthernet,
        Malformed::Ipv4Header => DropReason::MalformedIpv4,
        Malformed::Ipv4Checksum => DropReason::BadIpv4Checksum,
        Malformed::Ipv6Header => DropReason::MalformedIpv6,
        Malformed::ExtensionHeader => DropReason::MalformedExtension,
        Malformed::TooManyExtensions => DropReason::TooManyExtensions,
        Malformed::MappedAddress => DropReason::MappedAddress,
        Malformed::Transport => DropReason::MalformedTransport,
        Malformed::IcmpLength => DropReason::MalformedIcmp,
    }
}
