//! Header views, builders and checksums over borrowed bytes.
//!
//! Place: below every packet path. A view returns what the wire can hold; what we choose ourselves
//! is built by `build`. No state, no allocation outside `build`.

pub mod build;
pub mod checksum;
mod parse;
mod piece;
mod plain;
pub mod rewrite;

pub use parse::{Fragment, L4, Malformed, Network, Parsed, TcpFlags, Vlan, parse, parse_here, parse_ip};
pub use piece::Piece;
pub use plain::{LinkHead, Plain};

/// Bytes of an Ethernet header without tags.
pub const ETHERNET_LEN: usize = 14;
/// Bytes of one 802.1Q tag.
pub const VLAN_LEN: usize = 4;
/// EtherType values (IEEE 802 numbers).
pub mod ethertype {
    pub const IPV4: u16 = 0x0800;
    pub const ARP: u16 = 0x0806;
    pub const VLAN: u16 = 0x8100;
    pub const QINQ: u16 = 0x88a8;
    pub const IPV6: u16 = 0x86dd;
}

/// Big-endian 16 bits at `at`; the caller has checked the length.
#[must_use]
pub fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// Big-endian 32 bits at `at`; the caller has checked the length.
#[must_use]
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Store big-endian 16 bits at `at`.
pub fn put_u16(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

/// Store big-endian 32 bits at `at`.
pub fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
}
