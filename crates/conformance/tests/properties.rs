//! The properties of `properties`, over bounded generated input; the fuzz targets go further.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;
use ravelin_conformance::properties;
use ravelin_types::{Addr, Family, Proto};
use ravelin_wire::build::{self, Ip, Payload};

/// Addresses in and around the configuration of the properties.
const ENDS4: [[u8; 4]; 6] =
    [[10, 1, 0, 1], [10, 1, 0, 2], [198, 51, 100, 1], [198, 51, 100, 2], [224, 0, 0, 5], [203, 0, 113, 9]];
const ENDS6: [&str; 5] = ["2001:db8:1::1", "2001:db8:1::2", "2001:db8:2::1", "2001:db8:2::2", "ff02::1"];

fn ip() -> impl Strategy<Value = Ip> {
    let v4 = (select(&ENDS4[..]), select(&ENDS4[..])).prop_map(|(src, dst)| Ip::v4(src, dst));
    let v6 = (select(&ENDS6[..]), select(&ENDS6[..]), 0usize..3)
        .prop_map(|(src, dst, extensions)| Ip { extensions, ..Ip::v6(src, dst) });
    let fragment =
        prop_oneof![6 => Just(0u16), 1 => Just(0x4000), 1 => Just(0x2000), 1 => Just(0x2001), 1 => Just(2)];
    let vlan = prop_oneof![3 => Just(None), 1 => Just(Some(100)), 1 => Just(Some(7))];
    (prop_oneof![v4, v6], fragment, vlan, select(&[1u8, 2, 64, 255][..])).prop_map(
        |(ip, fragment, vlan, ttl)| {
            let fragment = if ip.family == Family::V4 { fragment } else { 0 };
            Ip { fragment, vlan, ttl, id: 5, ..ip }
        },
    )
}

fn payload() -> impl Strategy<Value = Payload> {
    let port = || select(&[22u16, 53, 80, 1024, 1025][..]);
    let quoted = build::datagram(
        &Ip::new(Family::V4, Addr::v4([198, 51, 100, 1]), Addr::v4([198, 51, 100, 2])),
        &Payload::udp(1024, 53, b"quoted"),
    );
    prop_oneof![
        4 => (port(), port(), 0u8..64).prop_map(|(s, d, flags)| Payload::tcp(s, d, flags)),
        3 => (port(), port()).prop_map(|(s, d)| Payload::udp(s, d, b"payload")),
        2 => (any::<bool>(), select(&[0u8, 3, 8, 11, 128, 129, 135][..]), 1u32..4).prop_map(
            move |(v6, kind, id)| {
                let family = if v6 { Family::V6 } else { Family::V4 };
                Payload::icmp(family, kind, 0, id << 16, &quoted)
            }
        ),
        1 => select(&[47u8, 50, 89, 132][..]).prop_map(|p| Payload::raw(Proto(p), &[0; 16])),
    ]
}

/// A frame that is right but for up to two bytes.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    (ip(), payload(), vec((any::<prop::sample::Index>(), any::<u8>()), 0..3)).prop_map(
        |(ip, payload, damage)| {
            let mut frame = build::frame(&ip, &payload);
            for (at, value) in damage {
                let at = at.index(frame.len());
                frame[at] = value;
            }
            frame
        },
    )
}

/// Words that steer loads, groups and edits, among others.
const LANGUAGE: &str = "(replace: |delete: |inactive: |protect: |apply-groups [gh];|<\\*>|/\\* x \\*/|\\$\\{node\\}|\"|[a-z0-9/.:;{}\\[\\]\" -]){0,6}";

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]
    #[test]
    fn whatever_frames_come_nothing_is_lost_or_left(frames in vec((any::<u8>(), any::<u8>(), frame()), 1..40)) {
        properties::packets(&properties::sequence(&frames));
    }

    #[test]
    fn whatever_bytes_come_nothing_panics(bytes in vec(any::<u8>(), 0..600)) {
        properties::packets(&bytes);
    }

    /// Spec: contract-19.
    #[test]
    fn whatever_the_control_side_says_the_plane_lives(
        said in vec((any::<u8>(), vec((any::<u16>(), any::<u8>()), 0..8)), 1..10),
    ) {
        let words = said.iter().flat_map(|(which, edits)| {
            let edits = edits.iter().flat_map(|(place, value)| [place.to_be_bytes()[0], place.to_be_bytes()[1], *value]);
            let head = [*which, (edits.clone().count() / 3) as u8];
            head.into_iter().chain(edits).collect::<Vec<_>>()
        });
        properties::control(&words.collect::<Vec<_>>());
    }

    #[test]
    fn whatever_text_comes_the_reader_ends(text in "[ -~\n]{0,300}") {
        properties::configuration(&text);
    }

    #[test]
    fn a_damaged_language_is_the_same_in_every_form(at in any::<prop::sample::Index>(), cut in 0usize..40, word in LANGUAGE) {
        let whole = include_str!("language.conf");
        let (start, end) = (at.index(whole.len()), (at.index(whole.len()) + cut).min(whole.len()));
        properties::language(&format!("{}{word}{}", &whole[..start], &whole[end..]));
    }

    #[test]
    fn whatever_elements_come_the_reader_ends(text in "[<{][ -~\n]{0,300}") {
        properties::language(&text);
    }

    #[test]
    fn a_damaged_configuration_is_read_or_refused(at in any::<prop::sample::Index>(), cut in 0usize..40, word in "[a-z0-9/.:;{}\\[\\]\" -]{0,12}") {
        let whole = include_str!("../configs/properties.conf");
        let at = at.index(whole.len());
        let end = (at + cut).min(whole.len());
        properties::configuration(&format!("{}{word}{}", &whole[..at], &whole[end..]));
    }
}
