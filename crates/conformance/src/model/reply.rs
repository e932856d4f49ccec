//! What the firewall says of its own: resets and ICMP errors, to whom and which way, and no more of them than it may (flow-7, flow-19..21,
//! policy-10, policy-11, policy-20, tcp-34; RFC 792, RFC 1122 3.2.2, RFC 4443 2.4, RFC 9293 3.10.7.1).

use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_types::DropReason;

use super::entrance::{has_hosts, is_broadcast};
use super::{ACK, FIN, Model, Packet, RST, SYN, Station};

/// Milliseconds that an answer costs, and that can be saved up: 500 a second, 50 at once (docs/manual/operating.md).
const COST_MS: u64 = 2;
const SAVED_MS: u64 = 50 * COST_MS;

/// Something that the firewall says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The unit that it leaves by; on the side of the kernel where that had asked.
    pub unit: String,
    pub to_kernel: bool,
    /// Whom a route leads to; else it goes back to the station that the packet came from.
    pub by_route: bool,
    pub src: IpAddr,
    pub dst: IpAddr,
    pub says: Says,
    /// The packet as it came.
    pub about: Packet,
}

/// What it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// A TCP segment without data.
    Segment { flags: u8, seq: u32, ack: u32, window: u16 },
    /// An ICMP error with the packet for its quote.
    Error { kind: u8, code: u8, rest: u32 },
}

/// Type and code of an error, in ICMP and in ICMPv6.
type Both = ((u8, u8), (u8, u8));

pub(super) const NET_UNREACHABLE: Both = ((3, 0), (1, 0));
pub(super) const TIME_EXCEEDED: Both = ((11, 0), (3, 0));
const PORT_UNREACHABLE: Both = ((3, 3), (1, 4));
/// IPv6 has no word for it but that of a port.
const PROTOCOL_UNREACHABLE: Both = ((3, 2), (1, 4));
const PROBLEM: Both = ((12, 0), (4, 0));
const TOO_BIG: Both = ((3, 4), (2, 0));

/// Where a packet came from: a unit and its zone; from the kernel, or from the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct Came<'c> {
    pub unit: &'c str,
    /// That of the unit.
    pub zone: &'c str,
    pub of_kernel: bool,
}

impl Model<'_> {
    /// What was said since it was asked last, in order.
    pub fn take_replies(&mut self) -> Vec<Reply> {
        std::mem::take(&mut self.replies)
    }

    /// Answers that can be given now.
    #[must_use]
    pub const fn replies_left(&self) -> u64 {
        (SAVED_MS - self.spent_ms) / COST_MS
    }

    /// `then reject` (policy-10).
    pub(super) fn rejects(&mut self, came: Came<'_>, packet: &Packet) {
        match packet.proto {
            6 => self.resets(came, packet),
            17 => self.complains(came, packet, PORT_UNREACHABLE, 0),
            _ => {}
        }
    }

    /// A reset that the sender believes.
    pub(super) fn resets(&mut self, came: Came<'_>, packet: &Packet) {
        let Some(tcp) = packet.tcp.filter(|tcp| !tcp.has(RST)) else { return };
        let counted = u32::from(tcp.len) + u32::from(tcp.has(SYN)) + u32::from(tcp.has(FIN));
        let (flags, seq, ack) = match tcp.has(ACK) {
            true => (RST, tcp.ack, 0),
            false => (RST | ACK, 0, tcp.seq.wrapping_add(counted)),
        };
        self.says(came, packet, packet.dst, Says::Segment { flags, seq, ack, window: 0 });
    }

    /// Who sends a reset that is not the next byte is asked for one that is (tcp-34).
    pub(super) fn challenges_as_told(
        &mut self,
        came: Came<'_>,
        packet: &Packet,
        (at, way): (usize, usize),
        reason: DropReason,
    ) {
        let known = self.sessions[at].tcp.as_ref().filter(|_| reason == DropReason::TcpRstNotExpected);
        if let Some(stands) = known.and_then(|tcp| tcp.challenge(way)) {
            self.challenges(came, packet, stands);
        }
    }

    /// The other end's word on where the conversation stands (tcp-34).
    pub(super) fn challenges(
        &mut self,
        came: Came<'_>,
        packet: &Packet,
        (seq, ack, window): (u32, u32, u16),
    ) {
        self.says(came, packet, packet.dst, Says::Segment { flags: ACK, seq, ack, window });
    }

    /// An error about a packet, by the unit that it came by. The kernel takes none from an address of its own.
    pub(super) fn complains(&mut self, came: Came<'_>, packet: &Packet, what: Both, rest: u32) {
        let is_four = packet.src.is_ipv4();
        let (kind, code) = if is_four { what.0 } else { what.1 };
        let own = self.own_address(came.unit, is_four);
        let Some(src) = (if came.of_kernel { Some(packet.dst) } else { own }) else { return };
        // About what is an error itself nothing is said (RFC 4443 2.1: types below 128).
        let is_error = match packet.message {
            Some((kind, _)) if packet.proto == 1 => matches!(kind, 3 | 4 | 5 | 11 | 12),
            Some((kind, _)) => kind < 128,
            None => false,
        };
        if !is_error {
            self.says(came, packet, src, Says::Error { kind, code, rest });
        }
    }

    /// Why a static rule can do nothing with one of a packet's addresses (rfc6296-8, rfc6146-4).
    pub(super) fn untranslatable(
        &mut self,
        came: Came<'_>,
        packet: &Packet,
        (reason, addr): (DropReason, IpAddr),
    ) {
        let is_icmp = matches!(packet.proto, 1 | 58);
        match (reason, addr) {
            (DropReason::Nptv6Unmappable, IpAddr::V6(host)) => {
                let has_identifier = host.segments()[4..].iter().any(|word| *word != 0xffff);
                // Where in the header it stands.
                let at = if addr == packet.dst { 24 } else { 8 };
                let (what, rest) = if has_identifier { (NET_UNREACHABLE, 0) } else { (PROBLEM, at) };
                self.complains(came, packet, what, rest);
            }
            (DropReason::InvalidDestination, IpAddr::V6(_)) => {
                self.complains(came, packet, NET_UNREACHABLE, 0)
            }
            (DropReason::Nat64Protocol, _) if !is_icmp => {
                self.complains(came, packet, PROTOCOL_UNREACHABLE, 0)
            }
            _ => {}
        }
    }

    fn says(&mut self, came: Came<'_>, about: &Packet, src: IpAddr, says: Says) {
        let Came { unit, zone, of_kernel } = came;
        let asker = about.src;
        let way = self.route(zone, asker).filter(|_| !self.is_own(zone, asker));
        // What is in no zone has no traffic (flow-4).
        let way = way.filter(|unit| !of_kernel && self.zone_of(unit).is_some());
        let leaves = way.clone().unwrap_or_else(|| unit.to_owned());
        let is_to_many = about.dst.is_multicast() || about.station != Station::Own;
        let is_nobody = match asker {
            IpAddr::V4(addr) => matches!(addr.octets()[0], 0 | 127 | 224..),
            IpAddr::V6(addr) => addr.is_unspecified() || addr.is_multicast(),
        };
        if is_to_many || is_nobody || self.spent_ms + COST_MS > SAVED_MS {
            return;
        }
        self.spent_ms += COST_MS;
        if !of_kernel && self.prefixes(&leaves).any(|net| is_of_all(net, asker)) {
            return;
        }
        let (by_route, to_kernel) = (way.is_some(), of_kernel);
        let reply = Reply { unit: leaves, to_kernel, by_route, src, dst: asker, says, about: *about };
        self.replies.push(reply);
    }

    /// Bytes that a unit takes of one packet.
    #[must_use]
    pub fn mtu(&self, unit: &str, is_four: bool) -> usize {
        let interfaces = self.config.interfaces.iter();
        let mut units =
            interfaces.flat_map(|i| i.units.iter().map(move |u| (format!("{}.{}", i.name, u.number), u)));
        let found = units.find(|(name, _)| name == unit).map(|(_, unit)| unit);
        let family = found.and_then(|unit| if is_four { unit.inet.as_ref() } else { unit.inet6.as_ref() });
        family.and_then(|family| family.mtu).map_or(1500, usize::from)
    }

    /// Whether a packet is more than a unit takes and may not be cut; its sender is told (flow-20).
    pub(super) fn is_too_big(&mut self, came: Came<'_>, packet: &Packet, unit: &str) -> bool {
        let is_four = packet.src.is_ipv4();
        let mtu = self.mtu(unit, is_four);
        let may_be_cut = is_four && !packet.dont_fragment;
        if may_be_cut || packet.size() <= mtu {
            return false;
        }
        self.complains(came, packet, TOO_BIG, mtu as u32);
        true
    }

    /// What was saved up comes back with time.
    pub(super) fn rest(&mut self, ms: u64) {
        self.spent_ms = self.spent_ms.saturating_sub(ms);
    }
}

/// Whether an address means all hosts of a network, or by the old form none (RFC 1812 5.3.5), or all of its routers (RFC 4291 2.6.1, RFC
/// 6164).
fn is_of_all(net: IpNet, addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(_) => is_broadcast(net, addr) || has_hosts(net) && net.network() == addr,
        IpAddr::V6(_) => net.prefix_len() < 127 && net.network() == addr,
    }
}
