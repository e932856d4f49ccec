//! DNS: messages by their header, and the addresses in answers.
//!
//! RFC 1035 4.1, RFC 3596. Pure: a message's bytes in. Names are stepped over, never followed. Spec: alg-12..15.

use ravelin_types::Family;
use ravelin_wire::u16_at;

const HEADER: usize = 12;
/// Records of one message that are looked at.
const RECORDS_MAX: usize = 64;
/// Bytes of a name as it stands (RFC 1035 2.3.4).
const NAME_MAX: usize = 255;
const A: u16 = 1;
const AAAA: u16 = 28;
const INTERNET: u16 = 1;

/// Whether a message answers a query (QR).
pub(crate) fn is_answer(message: &[u8]) -> bool {
    message.len() >= HEADER && message[2] & 0x80 != 0
}

/// Calls `each` with the offset of every address among the records, until a record is malformed.
pub(crate) fn addresses(message: &[u8], mut each: impl FnMut(usize, Family)) {
    if message.len() < HEADER {
        return;
    }
    let mut at = HEADER;
    for _ in 0..u16_at(message, 4) {
        let Some(end) = name(message, at) else { return };
        at = end + 4;
    }
    let records: usize = [6, 8, 10].iter().map(|count| usize::from(u16_at(message, *count))).sum();
    for _ in 0..records.min(RECORDS_MAX) {
        let Some(end) = name(message, at) else { return };
        if end + 10 > message.len() {
            return;
        }
        let (kind, class, len) =
            (u16_at(message, end), u16_at(message, end + 2), usize::from(u16_at(message, end + 8)));
        let data = end + 10;
        if data + len > message.len() {
            return;
        }
        match (kind, class, len) {
            (A, INTERNET, 4) => each(data, Family::V4),
            (AAAA, INTERNET, 16) => each(data, Family::V6),
            _ => {}
        }
        at = data + len;
    }
}

/// The end of a name (RFC 1035 4.1.4): a pointer is its last part.
fn name(message: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while at < from + NAME_MAX {
        match *message.get(at)? {
            0 => return Some(at + 1),
            len if len & 0xc0 == 0xc0 => return Some(at + 2),
            len if len & 0xc0 == 0 => at += usize::from(len) + 1,
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(message: &[u8]) -> Vec<(usize, Family)> {
        let mut all = Vec::new();
        addresses(message, |at, family| all.push((at, family)));
        all
    }

    /// RFC 1035 4.1: a header, the question `a.b A IN`, and answers that point at its name.
    fn message() -> Vec<u8> {
        let mut out = vec![0, 7, 0x81, 0x80, 0, 1, 0, 3, 0, 0, 0, 0, 1, b'a', 1, b'b', 0, 0, 1, 0, 1];
        out.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 12]);
        out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 0, 0, 1]);
        out.extend([0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 9, 0, 16]);
        out.extend([0x20; 16]);
        out
    }

    #[test]
    fn addresses_are_found_behind_other_records() {
        let message = message();
        assert!(is_answer(&message));
        assert_eq!(found(&message), [(47, Family::V4), (63, Family::V6)]);
        // Cut anywhere: what is whole is found, and nothing beyond the end.
        for len in 0..message.len() {
            assert!(
                found(&message[..len])
                    .iter()
                    .all(|(at, f)| at + if *f == Family::V4 { 4 } else { 16 } <= len)
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn hostile_messages_end(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = (found(&bytes), is_answer(&bytes));
        }
    }
}
