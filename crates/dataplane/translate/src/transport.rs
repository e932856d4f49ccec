//! Transport headers under translation: ports, identifiers and the checksums that cover them.
//!
//! State: none. Spec: rfc7915-20..24, rfc7915-41, icmp-errors-6..9.

use ravelin_types::{Addr, Family, IcmpKind, Proto};
use ravelin_wire::checksum::{self, Delta, Sum};
use ravelin_wire::{build, put_u16, put_u32, u16_at, u32_at};

use crate::header::{Extent, Header};
use crate::siit::ZeroChecksum;
use crate::{Datagram, Refused, icmp};

const DCCP: Proto = Proto(33);
const UDP_LITE: Proto = Proto(136);
/// Bytes of a UDP header.
const UDP_LEN: usize = 8;

/// What a datagram leaves with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    pub src: Addr,
    pub dst: Addr,
    pub ports: Ports,
}

/// What becomes of the ports of TCP, UDP, UDP-Lite and DCCP, or of an ICMP identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    Keep,
    Both { src: u16, dst: u16 },
    Identifier(u16),
}

impl Ends {
    /// Addresses alone.
    #[must_use]
    pub const fn new(src: Addr, dst: Addr) -> Self {
        Self { src, dst, ports: Ports::Keep }
    }
}

/// Offset of the checksum that covers a pseudo-header, or the message for ICMP.
const fn checksum_at(proto: Proto) -> Option<usize> {
    match proto {
        // RFC 3828 3.1, RFC 4340 5.1: where UDP has it.
        UDP_LITE | DCCP => Some(6),
        other => build::checksum_at(other),
    }
}

const fn has_ports(proto: Proto) -> bool {
    matches!(proto, Proto::TCP | Proto::UDP | UDP_LITE | DCCP)
}

pub(crate) const fn is_icmp(proto: Proto) -> bool {
    matches!(proto, Proto::ICMP | Proto::ICMPV6)
}

/// Writes the ports or the identifier as far as they are there, and tells the change.
pub(crate) fn set_ports(l4: &mut [u8], proto: Proto, ports: Ports) -> Delta {
    match ports {
        Ports::Both { src, dst } if has_ports(proto) && l4.len() >= 4 => {
            let (old, new) = (u32_at(l4, 0), u32::from(src) << 16 | u32::from(dst));
            put_u32(l4, 0, new);
            Delta(checksum::fold(u64::from(!old) + u64::from(new)))
        }
        Ports::Both { src, .. } if has_ports(proto) => set(l4, 0, src),
        Ports::Identifier(id) if is_icmp(proto) && l4.first().is_some_and(|kind| is_echo(proto, *kind)) => {
            set(l4, 4, id)
        }
        Ports::Keep | Ports::Both { .. } | Ports::Identifier(_) => Delta::default(),
    }
}

fn is_echo(proto: Proto, kind: u8) -> bool {
    matches!(IcmpKind::of(proto, kind), IcmpKind::EchoRequest | IcmpKind::EchoReply)
}

fn set(l4: &mut [u8], at: usize, new: u16) -> Delta {
    if l4.len() < at + 2 {
        return Delta::default();
    }
    let old = u16_at(l4, at);
    put_u16(l4, at, new);
    Delta::word(old, new)
}

/// Applies a change to the checksum, where there is one, and tells the change of the field itself.
pub(crate) fn update(l4: &mut [u8], proto: Proto, delta: Delta) -> Delta {
    let Some(at) = checksum_at(proto).filter(|at| l4.len() >= at + 2) else { return Delta::default() };
    let field = u16_at(l4, at);
    if proto == Proto::UDP && field == 0 {
        return Delta::default();
    }
    set(l4, at, never_zero(proto, delta.apply(field)))
}

/// Zero says "no checksum" in UDP and nothing in UDP-Lite: they send its twin.
const fn never_zero(proto: Proto, value: u16) -> u16 {
    if value == 0 && matches!(proto, Proto::UDP | UDP_LITE) { 0xffff } else { value }
}

/// Whether the checksum covers a pseudo-header: all but that of ICMP do.
pub(crate) fn has_pseudo(family: Family, proto: Proto) -> bool {
    family == Family::V6 || proto != Proto::ICMP
}

/// Sum of what a checksum covers beside its own bytes. Of a part, length and protocol are not those of the whole,
/// but equal on both sides, so that they go out of the difference.
fn pseudo(header: &Header) -> Sum {
    if !has_pseudo(header.family, header.proto) {
        return 0;
    }
    checksum::pseudo(header.family, header.src, header.dst, header.proto, header.payload)
}

/// What is to be added to a sum over the old pseudo-header, not folded. All ones of any width are zero.
fn pseudo_change(old: &Header, new: &Header) -> Sum {
    u64::from(checksum::fold(!pseudo(old))) + pseudo(new)
}

/// Whether the payload of a datagram on its way can be translated. Nothing is written.
pub(crate) fn check(l4: &[u8], old: &Header, zero: ZeroChecksum) -> Result<(), Refused> {
    if is_icmp(old.proto) {
        if old.is_part() {
            return Err(Refused::IcmpFragment);
        }
        let kind = *l4.first().filter(|_| l4.len() >= icmp::LEN).ok_or(Refused::Malformed)?;
        return icmp::query(old.family, kind).map(|_| ()).ok_or(Refused::NoCounterpart);
    }
    let Some(at) = checksum_at(old.proto).filter(|_| old.has_transport()) else { return Ok(()) };
    if l4.len() < at + 2 {
        return Err(if old.is_part() { Refused::TinyFragment } else { Refused::Malformed });
    }
    if old.proto == Proto::UDP && old.family == Family::V4 && u16_at(l4, at) == 0 {
        if old.is_part() || zero == ZeroChecksum::Drop {
            return Err(Refused::UdpWithoutChecksum);
        }
        let len = usize::from(u16_at(l4, 4));
        if len < UDP_LEN || l4.len() < len {
            return Err(Refused::Malformed);
        }
    }
    Ok(())
}

/// Translates the payload of a datagram that [`check`] passed.
pub(crate) fn translate(l4: &mut [u8], old: &Header, new: &Header, ports: Ports) {
    if !old.has_transport() {
        return;
    }
    if old.proto == Proto::UDP && old.family == Family::V4 && u16_at(l4, 6) == 0 {
        set_ports(l4, old.proto, ports);
        compute_udp(l4, new);
        return;
    }
    rewrite(l4, old, new, ports);
}

/// Translates as much of a transport header as a quote holds.
pub(crate) fn rewrite(l4: &mut [u8], old: &Header, new: &Header, ports: Ports) {
    let ports = set_ports(l4, old.proto, ports);
    let mut delta = Delta(checksum::fold(pseudo_change(old, new) + u64::from(ports.0)));
    if is_icmp(old.proto)
        && let Some(kind) = l4.first().and_then(|kind| icmp::query(old.family, *kind))
    {
        delta = delta.and(Delta::word(u16::from(l4[0]) << 8, u16::from(kind) << 8));
        l4[0] = kind;
    }
    update(l4, old.proto, delta);
}

/// Gives a whole UDP datagram of IPv4 the checksum that its sender left out. Any other stays as it is.
pub fn complete_udp(datagram: &mut Datagram<'_>) {
    let Ok(header) = Header::read(datagram.bytes(), Family::V4, Extent::Whole) else { return };
    let l4 = &mut datagram.bytes_mut()[header.len..header.len + header.payload];
    let is_udp = header.proto == Proto::UDP && !header.is_part() && l4.len() >= UDP_LEN;
    if is_udp && u16_at(l4, 6) == 0 && (UDP_LEN..=l4.len()).contains(&usize::from(u16_at(l4, 4))) {
        compute_udp(l4, &header);
    }
}

/// The checksum that the sender left out. The datagram ends where its own length says.
fn compute_udp(l4: &mut [u8], new: &Header) {
    let len = usize::from(u16_at(l4, 4));
    let value = checksum::transport(new.family, new.src, new.dst, Proto::UDP, &l4[..len]);
    put_u16(l4, 6, never_zero(Proto::UDP, value));
}
