//! A packet of the model, and what it is known by.

use std::net::{IpAddr, Ipv4Addr};

use super::Segment;

/// A packet as the model sees it. Of an echo request the identifier is the source port, of a reply the destination port; of
/// another message of ICMP type and code are the source port, and 1 the destination port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub proto: u8,
    pub sport: u16,
    pub dport: u16,
    /// What the segment of a TCP packet says.
    pub tcp: Option<Segment>,
    /// Bytes of data of what is no TCP.
    pub len: u16,
    /// IPv4 options, whole words.
    pub options: &'static [u8],
    pub ttl: u8,
    /// Type of service, or traffic class.
    pub tos: u8,
    /// IPv4's flag: it may not be cut.
    pub dont_fragment: bool,
    /// What the frame is addressed to.
    pub station: Station,
    /// Type and code of a message of ICMP that is no echo.
    pub message: Option<(u8, u8)>,
}

/// Whom a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Station {
    Own,
    All,
    Group,
}

/// Source and destination with their ports, and the protocol.
pub type Tuple = (IpAddr, u16, IpAddr, u16, u8);

pub(super) fn same(one: &Packet, other: &Packet) -> bool {
    tuple(one) == tuple(other)
}

/// What a packet is known by.
#[must_use]
pub const fn tuple(packet: &Packet) -> Tuple {
    (packet.src, packet.sport, packet.dst, packet.dport, packet.proto)
}

/// The packet that answers another.
pub(super) fn turned(packet: &Packet) -> Packet {
    let Packet { src, dst, sport, dport, .. } = *packet;
    Packet { src: dst, dst: src, sport: dport, dport: sport, ..*packet }
}

impl Packet {
    /// What a packet has of which nothing else is said.
    pub const PLAIN: Self = Self {
        src: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        dst: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        proto: 0,
        sport: 0,
        dport: 0,
        tcp: None,
        len: 0,
        options: &[],
        ttl: 64,
        tos: 0,
        dont_fragment: false,
        station: Station::Own,
        message: None,
    };

    /// Type and code of a message of ICMP, as its own family numbers them.
    pub(super) fn icmp(&self) -> Option<(u8, u8)> {
        let is_reply = self.dport != 0;
        match (self.proto, self.message) {
            (1 | 58, Some(message)) => Some(message),
            (1, None) => Some((if is_reply { 0 } else { 8 }, 0)),
            (58, None) => Some((if is_reply { 129 } else { 128 }, 0)),
            _ => None,
        }
    }

    /// What neighbours ask and answer on their link (RFC 4861 7.1): never forwarded so far.
    pub(super) fn is_neighbour_discovery(&self) -> bool {
        self.src.is_ipv6() && self.ttl == 255 && matches!(self.message, Some((135 | 136, _)))
    }

    /// To many: it leaves no session.
    pub(super) fn is_to_many(&self) -> bool {
        self.is_group() || self.station != Station::Own
    }

    pub(super) fn is_group(&self) -> bool {
        self.dst.is_multicast() || self.dst == IpAddr::V4(Ipv4Addr::BROADCAST)
    }

    pub(super) const fn is_echo_reply(&self) -> bool {
        matches!(self.proto, 1 | 58) && self.message.is_none() && self.dport != 0
    }

    /// Bytes of the datagram.
    #[must_use]
    pub fn size(&self) -> usize {
        let network = if self.src.is_ipv4() { 20 + self.options.len() } else { 40 };
        let transport = match (self.proto, self.tcp) {
            (_, Some(tcp)) => 20 + tcp.options() + usize::from(tcp.len),
            (1 | 17 | 58, None) => 8 + usize::from(self.len),
            _ => usize::from(self.len),
        };
        network + transport
    }
}
