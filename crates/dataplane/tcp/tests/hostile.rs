//! Any bytes as a conversation, any segment, any rules: no panic, and only what passes changes anything.

use proptest::prelude::*;
use ravelin_tcp::{
    Answer, Arrival, BlindAttack, Conversation, Direction, Extent, HalfClose, Segment, Seq, Sequence,
    SynCheck, TcpRules, TimeWait, Verdict,
};
use ravelin_wire::TcpFlags;

fn rules() -> impl Strategy<Value = TcpRules> {
    let syn_check = prop_oneof![
        Just(SynCheck::Required),
        Just(SynCheck::Strict),
        Just(SynCheck::OffInTunnel),
        Just(SynCheck::Off)
    ];
    (syn_check, any::<[bool; 5]>()).prop_map(|(syn_check, [unchecked, challenge, rst, exact, fin])| {
        TcpRules {
            syn_check,
            sequence: if unchecked { Sequence::Unchecked } else { Sequence::Checked },
            blind_attack: if challenge { BlindAttack::Challenge } else { BlindAttack::Pass },
            rst_invalidate_session: rst,
            rst_sequence_check: exact,
            fin_invalidate_session: fin,
            time_wait: TimeWait::Unset,
            half_close: HalfClose::Established,
            initial_timeout_s: 20,
        }
    })
}

/// Numbers near the conversation's own now and then, so that not all is far outside.
fn segment(near: [u32; 6]) -> impl Strategy<Value = (bool, Segment)> {
    let number = move || {
        let close = (0_usize..6, -3_i32..3).prop_map(move |(i, by)| near[i].wrapping_add_signed(by));
        prop_oneof![close, any::<u32>()]
    };
    let shape = (any::<bool>(), any::<u8>(), any::<u16>(), any::<bool>());
    let len = prop_oneof![Just(0), 0_u32..2000, any::<u32>()];
    let options = (prop::option::of(0_u8..15), prop::option::weighted(0.2, any::<u32>()));
    (number(), number(), shape, len, options).prop_map(|(seq, ack, shape, len, (scale, sack))| {
        let (initial, flags, window, cut) = shape;
        let extent = if cut { Extent::Cut } else { Extent::Whole };
        let flags = TcpFlags(flags);
        (
            initial,
            Segment { seq: Seq(seq), ack: Seq(ack), len, window, flags, extent, scale, sack: sack.map(Seq) },
        )
    })
}

fn numbers(bytes: &[u8; 32]) -> [u32; 6] {
    [0, 4, 8, 12, 16, 20]
        .map(|at| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]))
}

fn case() -> impl Strategy<Value = ([u8; 32], (bool, Segment), TcpRules)> {
    any::<[u8; 32]>().prop_flat_map(|bytes| (Just(bytes), segment(numbers(&bytes)), rules()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(4096), ..ProptestConfig::default() })]

    #[test]
    fn only_what_passes_changes_a_conversation((bytes, (initial, segment), rules) in case()) {
        let mut conversation = Conversation::from_bytes(&bytes);
        let direction = if initial { Direction::Initial } else { Direction::Reverse };
        let judgement = conversation.judge(direction, &segment, &rules);
        if judgement.verdict != Verdict::Pass {
            prop_assert_eq!(conversation, Conversation::from_bytes(&bytes));
            prop_assert_eq!((judgement.timeout, judgement.end), (None, None));
        }
        if judgement.verdict == Verdict::Pass {
            prop_assert_eq!(judgement.answer, None);
        }
        // An answer never acknowledges what the other end did not.
        if let Some(Answer { ack, .. }) = judgement.answer {
            prop_assert!(numbers(&bytes)[4..].contains(&ack.0));
        }
    }

    #[test]
    fn whatever_opens_a_session_can_be_judged((initial, first) in segment([0; 6]), rules in rules()) {
        let arrival = if initial { Arrival::Plain } else { Arrival::Tunnel };
        if let Ok(opened) = Conversation::open(&first, arrival, &rules) {
            prop_assert!(!first.flags.has(TcpFlags::RST));
            prop_assert_eq!(opened.timeout, opened.conversation.timeout());
        }
    }
}
