//! Datagrams that pass whole or not at all: in any order, over any number of workers, and the bounds of what waits. Spec: fragment-22..28.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::{Just, Strategy, any, proptest};
use proptest::sample::select;
use ravelin_contract::{BufferKind, DataPlane};
use ravelin_engine::{Checksum, Ingress, Verdict};
use ravelin_program::{Chunk, FlowSettings, FragmentSettings, PiecesMax, Program};
use ravelin_sim::{SimPlane, SimSetup};
use ravelin_types::{Addr, DropReason, Family, PortId, Proto};
use ravelin_wire::{checksum, parse, u16_at};

use super::fragments::{dropped, later, pass_time, pieces, reassembled};
use super::{OUTSIDE, SERVER, permit_all, plane, plane_of, program, send};

const OFFSET: u16 = 0x1fff;

fn with(generation: u64, fragments: FragmentSettings) -> Program {
    let program = program(generation, true, permit_all());
    let flow = FlowSettings { fragments, ..FlowSettings::default() };
    let others = program.chunks().filter(|(_, _, chunk)| !matches!(***chunk, Chunk::Flow(_)));
    let chunks: Vec<_> = others.map(|(key, _, chunk)| (key.name.clone(), Arc::clone(chunk))).collect();
    Program::new(program.generation, chunks.into_iter().chain([(String::new(), Arc::new(Chunk::Flow(flow)))]))
}

fn whole(generation: u64) -> Program {
    with(generation, FragmentSettings { whole: Some(PiecesMax::ALL), timeout: None })
}

fn in_use(plane: &SimPlane) -> u64 {
    let buffers = plane.telemetry().buffers().unwrap();
    buffers.iter().filter(|buffers| buffers.kind == BufferKind::Fragments).map(|buffers| buffers.used).sum()
}

proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 200, ..Default::default() })]
    #[test]
    fn a_datagram_in_any_order_passes_with_its_last_piece_and_in_order(
        (order, cuts) in (2usize..=40).prop_flat_map(|n| {
            let order = Just((0..n).collect::<Vec<_>>()).prop_shuffle();
            (order, proptest::collection::vec(1usize..20, n - 1))
        }),
        tail in 1usize..100, at_once: bool, workers in select(&[1u8, 2, 5][..]), seed: u64,
        data in any::<u8>(),
    ) {
        let cuts: Vec<_> = cuts.iter().scan(0, |at, n| { *at += n; Some(*at) }).collect();
        let len = cuts[cuts.len() - 1] * 8 - 8 + tail;
        let data: Vec<u8> = (0..len).map(|i| (i as u8).wrapping_mul(3) ^ data).collect();
        let plane = plane_of(&whole(1), SimSetup { workers, seed, ..SimSetup::default() });
        let pieces = pieces(7, &data, &cuts);
        let frames: Vec<_> = order.iter().map(|i| (Ingress::Port(PortId(0)), &pieces[*i][..])).collect();
        let (last, before) = frames.split_last().unwrap();
        let sent = if at_once {
            plane.workers().run_batch(&frames).1
        } else {
            for frame in before {
                assert_eq!(plane.workers().run_batch(&[*frame]).1.len(), 0, "nothing goes before it");
            }
            plane.workers().run_batch(&[*last]).1
        };
        let offsets: Vec<_> = sent.iter().map(|sent| {
            u16_at(&sent.frame, usize::from(parse(&sent.frame).unwrap().l3_at) + 6) & OFFSET
        }).collect();
        assert!(offsets.is_sorted() && offsets.len() == pieces.len(), "{offsets:?}");
        let (src, body) = reassembled(&sent);
        assert_eq!(src, Addr::v4(OUTSIDE));
        assert_eq!(&body[8..], &data[..]);
        assert_eq!(checksum::transport(Family::V4, src, Addr::v4(SERVER), Proto::UDP, &body), 0);
        assert_eq!(plane.telemetry().global().unwrap().drops.iter().sum::<u64>(), 0);
        assert_eq!(in_use(&plane), 0);
    }
}

/// Many datagrams, each of a first piece and others that never are all there: as many buffers as there are, and none for ever.
#[test]
fn no_more_pieces_are_held_than_there_is_room_for_and_none_for_ever() {
    let plane = plane(&whole(1), Checksum::Unverified);
    let full = Verdict::Drop(DropReason::FragmentHoldFull);
    for _ in 0..2 {
        let before = dropped(&plane, DropReason::FragmentIncomplete);
        let verdicts: Vec<_> = (0..)
            .map(|id| send(&plane, 0, &pieces(id, &[0; 32], &[3])[0]).0)
            .take_while(|v| *v != full)
            .collect();
        // Of three in a set of two the oldest has given way.
        let gave_way = dropped(&plane, DropReason::FragmentIncomplete) - before;
        assert_eq!((verdicts.len() as u64 - gave_way, in_use(&plane)), (1024, 1024));
        pass_time(&plane, Duration::from_secs(2));
        assert_eq!(in_use(&plane), 0);
        assert_eq!(dropped(&plane, DropReason::FragmentIncomplete) - before, verdicts.len() as u64);
    }
    assert_eq!(dropped(&plane, DropReason::FragmentNoFirst), 0);
}

/// A datagram of which one piece finds no room can't become whole: it gives its buffers to others at once.
#[test]
fn a_datagram_that_finds_no_room_gives_up_what_it_has() {
    let plane = plane(&whole(1), Checksum::Unverified);
    let long = pieces(7, &[0; 20_000], &[3, 6]);
    assert_eq!(send(&plane, 0, &long[0]).0, Verdict::Consume);
    assert_eq!(send(&plane, 0, &long[1]).0, Verdict::Consume);
    assert_eq!(
        send(&plane, 0, &long[2]).0,
        Verdict::Drop(DropReason::FragmentHoldFull),
        "longer than a buffer"
    );
    assert_eq!((in_use(&plane), dropped(&plane, DropReason::FragmentHoldFull)), (0, 3));
    assert_eq!(send(&plane, 0, &long[0]).0, Verdict::Drop(DropReason::FragmentHoldFull));
}

/// The statement comes and goes while pieces wait: they do so as they began, and the room made for them is kept.
#[test]
fn what_waits_outlives_commits() {
    let plane = plane(&program(1, true, permit_all()), Checksum::Unverified);
    let behind_first = pieces(1, &[1; 40], &[3]);
    assert_eq!(send(&plane, 0, &behind_first[1]).0, Verdict::Consume);
    plane.apply_config(&whole(2)).unwrap();
    let held = pieces(2, &[2; 40], &[3]);
    assert_eq!(send(&plane, 0, &held[0]).0, Verdict::Consume);
    assert_eq!(send(&plane, 0, &behind_first[0]).1.len(), 2);
    let full = Verdict::Drop(DropReason::FragmentHoldFull);
    let refused = (100..9000).find(|id| send(&plane, 0, &later(*id)).0 == full);
    assert!(refused.is_some_and(|id| id > 1000), "{refused:?}");
    plane.apply_config(&program(3, true, permit_all())).unwrap();
    assert_eq!(in_use(&plane), 1024);
    // Its own last piece finds no room.
    assert_eq!(send(&plane, 0, &held[1]).0, full);
    pass_time(&plane, Duration::from_secs(2));
    assert_eq!(in_use(&plane), 0);
    assert_eq!(send(&plane, 0, &pieces(3, &[3; 40], &[3])[0]).1.len(), 1);
}

/// Under pressure a datagram is paid for once, when its first piece of all comes, and not again when it is whole. Spec: overload-4.
#[test]
fn a_datagram_that_passes_whole_is_paid_for_once() {
    let plane = plane(&whole(1), Checksum::Unverified);
    plane.workers().press(true);
    let of = |id| pieces(id, &[0; 32], &[3]);
    let noise = super::fragments::later(999);
    let overload = Verdict::Drop(DropReason::Overload);
    // So many that one can be paid for.
    let noise: Vec<_> = (0..64).map(|_| (Ingress::Port(PortId(0)), &noise[..])).collect();
    assert!(plane.workers().run_batch(&noise).0.iter().all(|verdict| *verdict == overload));
    let datagram = of(7);
    let tried = |id: u16| send(&plane, 0, &of(id)[0]).0;
    let mut id = 1000;
    while tried(id) == overload {
        id += 1;
        assert!(id < 1200, "some day it is paid for");
    }
    assert_eq!(tried(id + 1), overload, "only one is");
    assert_eq!(send(&plane, 0, &of(id)[1]).1.len(), 2);
    assert_eq!(send(&plane, 0, &datagram[1]).0, overload);
}
