//! What no packet from the wire may be, and where its destination lies when no session says so (RFC 1122 3.2.1.3, RFC 1812 5.3, RFC 4291
//! 2.5 and 2.7; flow-28, flow-31, flow-32, flow-38).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ravelin_types::DropReason;

use super::{Model, Packet, Station};

/// Protocols whose ports or SPI the firewall looks at, and the bytes that hold them.
const SHOWN: [(u8, u16); 3] = [(50, 8), (51, 8), (132, 8)];

impl Model<'_> {
    /// The zone of a packet's unit, if it can be read.
    pub(super) fn parsed(&self, unit: &str, packet: &Packet) -> Result<String, DropReason> {
        let Packet { src, dst, proto, len, .. } = *packet;
        let is_mapped = |addr: IpAddr| matches!(addr, IpAddr::V6(addr) if addr.to_ipv4_mapped().is_some());
        if is_mapped(src) || is_mapped(dst) {
            return Err(DropReason::MappedAddress);
        }
        if SHOWN.iter().any(|(of, least)| *of == proto && len < *least) {
            return Err(DropReason::MalformedTransport);
        }
        self.zone_of(unit).ok_or(DropReason::NoZone)
    }

    /// The zone that a packet enters.
    pub(super) fn entered(&self, unit: &str, packet: &Packet) -> Result<String, DropReason> {
        let Packet { src, dst, proto, .. } = *packet;
        let zone = self.parsed(unit, packet)?;
        // Who has no address yet asks for one: by DHCP, or whether it is free.
        let may_be_none = if src.is_ipv4() { proto == 17 } else { proto == 58 && dst.is_multicast() };
        let is_many = |addr: IpAddr| addr.is_multicast() || addr == IpAddr::V4(Ipv4Addr::BROADCAST);
        if is_many(src) || src.is_loopback() || src.is_unspecified() && !may_be_none {
            return Err(DropReason::InvalidSource);
        }
        if dst.is_unspecified() || dst.is_loopback() {
            return Err(DropReason::InvalidDestination);
        }
        if packet.station != Station::Own && !dst.is_multicast() && !self.is_ours((unit, &zone), dst) {
            return Err(DropReason::InvalidDestination);
        }
        Ok(zone)
    }

    /// Whether a packet that comes by a unit is for the firewall: for an address of its, or for all on the link.
    pub(super) fn is_ours(&self, (unit, zone): (&str, &str), dst: IpAddr) -> bool {
        let is_broadcast = || self.prefixes(unit).any(|net| is_broadcast(net, dst));
        self.is_own(zone, dst) || is_link_scoped(dst) || is_broadcast()
    }

    /// The unit that a packet leaves by which is not for the firewall.
    pub(super) fn way_out(&self, zone: &str, dst: IpAddr) -> Result<String, DropReason> {
        if dst.is_multicast() {
            return Err(DropReason::NoRoute);
        }
        let unit = self.route(zone, dst).ok_or(DropReason::NoRoute)?;
        let is_all =
            |net: IpNet| is_broadcast(net, dst) || dst.is_ipv4() && has_hosts(net) && net.network() == dst;
        if self.prefixes(&unit).any(is_all) { Err(DropReason::InvalidDestination) } else { Ok(unit) }
    }
}

pub(super) fn has_hosts(net: IpNet) -> bool {
    net.prefix_len() < 31
}

pub(super) fn is_broadcast(net: IpNet, dst: IpAddr) -> bool {
    dst.is_ipv4() && has_hosts(net) && net.broadcast() == dst
}

/// What never leaves its link.
fn is_link_scoped(dst: IpAddr) -> bool {
    match dst {
        IpAddr::V4(dst) => dst.is_broadcast() || dst.octets()[..3] == [224, 0, 0],
        IpAddr::V6(dst) => dst.is_unicast_link_local() || is_link_group(dst),
    }
}

/// Of link-local scope, well-known or not (RFC 4291 2.7).
const fn is_link_group(dst: Ipv6Addr) -> bool {
    dst.segments()[0] & 0xff0f == 0xff02
}

/// Who can't be spoken to from another link (flow-38, RFC 4291 2.5.6).
pub(super) fn is_nowhere_beyond(src: IpAddr) -> bool {
    src.is_unspecified() || matches!(src, IpAddr::V6(src) if src.is_unicast_link_local())
}

/// Whether there is no way back to a packet's sender that could be asked for (screen-17).
pub(super) fn is_of_link(packet: &Packet) -> bool {
    let Packet { src, dst, .. } = *packet;
    if src.is_unspecified() { is_link_scoped(dst) } else { is_nowhere_beyond(src) }
}
