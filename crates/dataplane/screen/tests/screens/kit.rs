//! Packets, profiles and surroundings for the cases.

use ravelin_program::{ScreenProfile, SynProtection};
use ravelin_screen::{Meters, MetersSize, Packet, Profile, Surroundings};
use ravelin_types::{Addr, Family, Instant, Proto, ZoneId};
use ravelin_wire::build::{Ip, Payload, frame};
use ravelin_wire::{checksum, parse, put_u16};

pub const ZONE: ZoneId = ZoneId(4);

/// What the packet alone does not tell.
#[derive(Clone, Copy, Debug, Default)]
pub struct Around {
    pub spoofed: bool,
    pub overlaps: bool,
}

impl Surroundings for Around {
    fn is_spoofed(&self) -> bool {
        self.spoofed
    }

    fn overlaps(&self) -> bool {
        self.overlaps
    }
}

pub fn profile(change: impl FnOnce(&mut ScreenProfile)) -> Profile {
    let mut profile = ScreenProfile::default();
    change(&mut profile);
    Profile::new(&profile, SynProtection::Cookie, 2)
}

pub fn meters() -> Meters {
    Meters::new((1, 2), MetersSize { rate_buckets: 1 << 10, sweep_cells: 1 << 10, limit_buckets: 1 << 8 })
}

/// Calls `work` with the packet of a frame that the parser accepts.
pub fn with<T>(frame: &[u8], work: impl FnOnce(&Packet<'_>) -> T) -> T {
    let parsed = parse(frame).unwrap_or_else(|error| panic!("{error:?}: {frame:02x?}"));
    let network = parsed.network.expect("an IP packet");
    work(&Packet { frame, l3_at: parsed.l3_at, network: &network, zone: ZONE })
}

pub const fn millis(ms: u64) -> Instant {
    Instant(ms * 1_000_000)
}

pub fn addr(family: Family, n: u32) -> Addr {
    match family {
        Family::V4 => Addr(u128::from(0x0a00_0000 + n)),
        Family::V6 => Addr(0x2001_0db8 << 96 | u128::from(n)),
    }
}

/// A frame between numbered addresses.
pub fn between(family: Family, src: u32, dst: u32, payload: &Payload) -> Vec<u8> {
    frame(&Ip::new(family, addr(family, src), addr(family, 0x10000 + dst)), payload)
}

/// An IPv4 frame with options and the flags and offset word as on the wire.
pub fn v4(options: &[u8], proto: u8, fragment: u16, body: &[u8]) -> Vec<u8> {
    let mut out = frame(
        &Ip { fragment, ..Ip::v4([10, 0, 0, 1], [198, 51, 100, 1]) },
        &Payload::raw(Proto(proto), body),
    );
    let len = options.len();
    assert_eq!(len % 4, 0, "options fill words");
    out.splice(34..34, options.iter().copied());
    out[14] = 0x45 + (len / 4) as u8;
    put_u16(&mut out, 16, (20 + len + body.len()) as u16);
    put_u16(&mut out, 24, 0);
    let sum = !checksum::fold(checksum::sum(&out[14..34 + len]));
    put_u16(&mut out, 24, sum);
    out
}

/// An IPv6 frame with a chain of extension headers: number and bytes, whose first is filled in.
pub fn v6(chain: &[(u8, &[u8])], last: u8, body: &[u8]) -> Vec<u8> {
    let mut behind = Vec::new();
    for (place, (_, header)) in chain.iter().enumerate() {
        let next = chain.get(place + 1).map_or(last, |(number, _)| *number);
        behind.push(next);
        behind.extend_from_slice(&header[1..]);
    }
    behind.extend_from_slice(body);
    let first = chain.first().map_or(last, |(number, _)| *number);
    let mut out = frame(&Ip::v6("2001:db8::1", "2001:db8::2"), &Payload::raw(Proto(first), &behind));
    // `raw` of a number with a checksum would have had one filled in.
    let end = out.len();
    out[54..end].copy_from_slice(&behind);
    out
}

pub fn tcp(flags: u8) -> Vec<u8> {
    Payload::tcp(1000, 80, flags).bytes
}
