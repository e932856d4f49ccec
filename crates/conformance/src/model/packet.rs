//! A packet of the model, and what it is known by.

use std::net::IpAddr;

use super::Segment;

/// A packet as the model sees it. Of an echo request the identifier is the source port, of a reply the destination port.
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
    pub(super) const fn is_echo_reply(&self) -> bool {
        matches!(self.proto, 1 | 58) && self.dport != 0
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
