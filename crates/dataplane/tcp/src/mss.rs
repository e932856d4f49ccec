//! Lowering the MSS option of a SYN.
//!
//! Junos: `security flow tcp-mss`, and `initial-tcp-mss`/`reverse-tcp-mss` of a policy; which of them
//! holds for a packet is the caller's to say. Place: on the way out, before a partial
//! checksum is prepared. State: none. Spec: tcp-42..44.

use ravelin_wire::{TcpFlags, u16_at};

use crate::{edit, options};

/// What was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clamped {
    pub from: u16,
    pub to: u16,
}

/// Lowers the MSS option to `limit` when it is higher; `tcp` starts at the TCP header. The checksum is
/// brought along. Segments without SYN and SYNs without the option stay as they are.
pub fn clamp(tcp: &mut [u8], limit: u16) -> Option<Clamped> {
    let header = options::header_len(tcp)?;
    if !options::flags(tcp).has(TcpFlags::SYN) {
        return None;
    }
    let mut clamped = None;
    // A header can hold the option more than once; a receiver may take any of them.
    while let Some((at, from)) = too_high(&tcp[..header], limit) {
        edit::write(tcp, at, &limit.to_be_bytes());
        clamped = Some(Clamped { from, to: limit });
    }
    clamped
}

fn too_high(header: &[u8], limit: u16) -> Option<(usize, u16)> {
    options::walk(header)
        .filter(|option| option.kind == options::MSS && option.len == 2)
        .map(|option| (option.at, u16_at(header, option.at)))
        .find(|(_, mss)| *mss > limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ravelin_wire::checksum::{fold, sum};
    use ravelin_wire::put_u16;

    fn segment(flags: u8, options: &[u8]) -> Vec<u8> {
        let mut tcp: Vec<u8> = (1..=20).collect();
        tcp[12] = ((20 + options.len()) as u8 / 4) << 4;
        tcp[13] = flags;
        tcp.extend(options);
        tcp.extend(b"data");
        put_u16(&mut tcp, 16, 0);
        let field = !fold(sum(&tcp));
        put_u16(&mut tcp, 16, field);
        tcp
    }

    fn check(flags: u8, options: &[u8], limit: u16, expected: &[u8]) {
        let mut tcp = segment(flags, options);
        let before = tcp.clone();
        let clamped = clamp(&mut tcp, limit);
        assert_eq!(&tcp[20..20 + options.len()], expected);
        assert_eq!(fold(sum(&tcp)), 0xffff, "checksum of {options:?}");
        assert_eq!(clamped.is_some(), tcp != before);
        assert_eq!(tcp[24 + options.len() - 4..], before[24 + options.len() - 4..], "payload untouched");
    }

    const SYN: u8 = TcpFlags::SYN;
    const SYN_ACK: u8 = TcpFlags::SYN | TcpFlags::ACK;

    /// 1460 is 5 * 256 + 180, 1320 is 5 * 256 + 40.
    #[test]
    fn it_is_lowered_and_never_raised() {
        check(SYN, &[2, 4, 5, 180], 1320, &[2, 4, 5, 40]);
        check(SYN_ACK, &[2, 4, 5, 180], 1320, &[2, 4, 5, 40]);
        check(SYN, &[2, 4, 5, 40], 1320, &[2, 4, 5, 40]);
        check(SYN, &[2, 4, 2, 0], 1320, &[2, 4, 2, 0]);
        check(SYN, &[2, 4, 255, 255], 64, &[2, 4, 0, 64]);
        check(SYN, &[2, 4, 0, 65], 64, &[2, 4, 0, 64]);
    }

    #[test]
    fn any_place_and_every_copy() {
        check(SYN, &[1, 2, 4, 5, 180, 1, 1, 0], 1320, &[1, 2, 4, 5, 40, 1, 1, 0]);
        check(SYN, &[4, 2, 3, 3, 7, 2, 4, 5, 180, 1, 1, 1], 1320, &[4, 2, 3, 3, 7, 2, 4, 5, 40, 1, 1, 1]);
        check(SYN, &[2, 4, 5, 180, 2, 4, 9, 9], 1320, &[2, 4, 5, 40, 2, 4, 5, 40]);
    }

    #[test]
    fn what_is_no_mss_of_a_syn_stays() {
        check(TcpFlags::ACK, &[2, 4, 5, 180], 1320, &[2, 4, 5, 180]);
        check(SYN, &[], 1320, &[]);
        check(SYN, &[0, 0, 0, 0, 2, 4, 5, 180], 1320, &[0, 0, 0, 0, 2, 4, 5, 180]);
        check(SYN, &[2, 3, 5, 1], 1320, &[2, 3, 5, 1]);
        check(SYN, &[2, 8, 5, 180], 1320, &[2, 8, 5, 180]);
        assert_eq!(clamp(&mut [], 1320), None);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { cases: proptest::prelude::ProptestConfig::default().cases.max(512), ..proptest::prelude::ProptestConfig::default() })]
        #[test]
        fn random_options_keep_the_checksum(words in proptest::collection::vec(proptest::num::u32::ANY, 0..10), limit: u16) {
            let options: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).collect();
            let mut tcp = segment(SYN, &options);
            let _ = clamp(&mut tcp, limit);
            proptest::prop_assert_eq!(fold(sum(&tcp)), 0xffff);
        }
    }
}
