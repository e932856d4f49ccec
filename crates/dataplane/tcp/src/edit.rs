//! A change of bytes in a TCP segment, with its checksum (RFC 1624).

use ravelin_wire::checksum::Delta;
use ravelin_wire::{put_u16, u16_at};

const CHECKSUM: usize = 16;

/// Overwrites bytes of the header at `at`, at any alignment; `tcp` starts at the TCP header, and
/// the caller has checked that the bytes and the checksum are inside.
pub(crate) fn write(tcp: &mut [u8], at: usize, new: &[u8]) {
    let words = (at & !1)..((at + new.len() + 1) & !1);
    let mut delta = Delta::default();
    for word in words.step_by(2) {
        let old = u16_at(tcp, word);
        for i in [word, word + 1] {
            if let Some(byte) = i.checked_sub(at).and_then(|i| new.get(i)) {
                tcp[i] = *byte;
            }
        }
        delta = delta.and(Delta::word(old, u16_at(tcp, word)));
    }
    let field = delta.apply(u16_at(tcp, CHECKSUM));
    put_u16(tcp, CHECKSUM, field);
}
