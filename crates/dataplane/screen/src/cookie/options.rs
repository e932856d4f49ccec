//! The TCP options a handshake agrees on: read, kept in six bits, written.

use ravelin_wire::{put_u16, put_u32, u16_at, u32_at};

/// Low bits of our timestamp that carry what the cookie has no room for.
pub(super) const KEPT_MASK: u32 = 0x3f;
const NO_SCALE: u32 = 0x0f;
const SACK_BIT: u32 = 0x10;
/// RFC 7323 section 2.3.
const SCALE_MAX: u8 = 14;

const END: u8 = 0;
const NOP: u8 = 1;
const MSS: u8 = 2;
const SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
pub(super) const SACK: u8 = 5;
pub(super) const TIMESTAMPS: u8 = 8;

/// Bytes of all options we ever write: MSS 4, SACK and timestamps 12, scale 4.
pub(super) const OPTIONS_MAX: usize = 20;

/// Options of a SYN or SYN-ACK, and the timestamps of any segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpOptions {
    pub mss: Option<u16>,
    pub scale: Option<u8>,
    pub sack: bool,
    pub timestamp: Option<u32>,
    /// The echo that came beside the timestamp.
    pub echo: u32,
}

/// Calls `each` with offset and length of every option but fillers; ends at the first that is malformed.
pub(super) fn walk(tcp: &[u8], mut each: impl FnMut(u8, usize, usize)) {
    let end = tcp.get(12).map_or(0, |byte| usize::from(byte >> 4) * 4).min(tcp.len());
    let mut at = 20;
    while at < end {
        match tcp[at] {
            END => return,
            NOP => at += 1,
            kind => {
                let len = tcp.get(at + 1).map_or(0, |len| usize::from(*len));
                if len < 2 || at + len > end {
                    return;
                }
                each(kind, at, len);
                at += len;
            }
        }
    }
}

impl TcpOptions {
    /// Reads the options of a segment; `tcp` begins with its header.
    #[must_use]
    pub fn parse(tcp: &[u8]) -> Self {
        let mut out = Self::default();
        walk(tcp, |kind, at, len| match (kind, len) {
            (MSS, 4) => out.mss = Some(u16_at(tcp, at + 2)),
            (SCALE, 3) => out.scale = Some(tcp[at + 2].min(SCALE_MAX)),
            (SACK_PERMITTED, 2) => out.sack = true,
            (TIMESTAMPS, 10) => {
                out.timestamp = Some(u32_at(tcp, at + 2));
                out.echo = u32_at(tcp, at + 6);
            }
            _ => {}
        });
        out
    }

    /// Scale and SACK in six bits. Spec: screen-61.
    pub(super) fn kept(&self) -> u32 {
        self.scale.map_or(NO_SCALE, u32::from) | if self.sack { SACK_BIT } else { 0 }
    }

    pub(super) fn restored(bits: u32) -> Self {
        let scale = bits & NO_SCALE;
        let scale = (scale != NO_SCALE).then_some(scale as u8);
        Self { scale, sack: bits & SACK_BIT != 0, ..Self::default() }
    }

    /// Writes the options and returns their length, a multiple of four.
    pub(super) fn write(&self, out: &mut [u8; OPTIONS_MAX]) -> usize {
        let mut len = 0;
        if let Some(mss) = self.mss {
            out[..2].copy_from_slice(&[MSS, 4]);
            put_u16(out, 2, mss);
            len = 4;
        }
        if let Some(timestamp) = self.timestamp {
            let lead = if self.sack { [SACK_PERMITTED, 2] } else { [NOP, NOP] };
            out[len..len + 2].copy_from_slice(&lead);
            out[len + 2..len + 4].copy_from_slice(&[TIMESTAMPS, 10]);
            put_u32(out, len + 4, timestamp);
            put_u32(out, len + 8, self.echo);
            len += 12;
        } else if self.sack {
            out[len..len + 4].copy_from_slice(&[NOP, NOP, SACK_PERMITTED, 2]);
            len += 4;
        }
        if let Some(scale) = self.scale {
            out[len..len + 4].copy_from_slice(&[NOP, SCALE, 3, scale]);
            len += 4;
        }
        len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(mss: Option<u16>, scale in proptest::option::of(0u8..15), sack: bool, timestamp: Option<u32>, echo: u32) {
            let echo = if timestamp.is_some() { echo } else { 0 };
            let options = TcpOptions { mss, scale, sack, timestamp, echo };
            let mut bytes = [0; OPTIONS_MAX];
            let len = options.write(&mut bytes);
            let mut tcp = vec![0; 20];
            tcp[12] = (5 + len as u8 / 4) << 4;
            tcp.extend_from_slice(&bytes[..len]);
            proptest::prop_assert_eq!(TcpOptions::parse(&tcp), options);
            let kept = TcpOptions::restored(options.kept());
            proptest::prop_assert_eq!((kept.scale, kept.sack), (scale, sack));
        }

        #[test]
        fn hostile_options_end_the_walk(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..64)) {
            let _ = TcpOptions::parse(&bytes);
        }
    }
}
