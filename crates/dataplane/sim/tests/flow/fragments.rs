//! Fragments in any order, over any number of workers, and the bounds of what is kept of them. Spec: session-18..22, flow-20.

use std::time::Duration;

use proptest::prelude::{Just, Strategy, any, proptest};
use proptest::sample::select;
use ravelin_contract::{DataPlane, Event, Neighbour, NeighbourUpdate, UpdateBatch};
use ravelin_engine::{Checksum, Ingress, Resolver, Verdict};
use ravelin_sim::{Sent, SimPlane, SimSetup};
use ravelin_types::{Addr, DropReason, Family, InterfaceId, Mac, PortId, Proto};
use ravelin_wire::build::{self, Ip, Payload};
use ravelin_wire::{checksum, parse, put_u16, u16_at};

use super::{INSIDE, OUTSIDE, SERVER, permit_all, plane, plane_of, program, program_of, send};

const MORE: u16 = 0x2000;
const OFFSET: u16 = 0x1fff;

/// The frames of a UDP datagram with `data`, cut behind `cuts` units of eight bytes.
pub(super) fn pieces(id: u16, data: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut ip = Ip::v4(INSIDE, SERVER);
    ip.id = id;
    let whole = build::frame(&ip, &Payload::udp(5000, 9000, data));
    let body = &whole[34..];
    let starts = [&[0], cuts].concat();
    let ends = cuts.iter().copied().chain([body.len().div_ceil(8)]);
    let frame = |(start, end): (usize, usize)| {
        let bytes = &body[start * 8..body.len().min(end * 8)];
        let mut frame = [&whole[..34], bytes].concat();
        put_u16(&mut frame, 16, (20 + bytes.len()) as u16);
        put_u16(&mut frame, 20, start as u16 | if end * 8 < body.len() { MORE } else { 0 });
        put_u16(&mut frame, 24, 0);
        let sum = !checksum::fold(checksum::sum(&frame[14..34]));
        put_u16(&mut frame, 24, sum);
        frame
    };
    starts.iter().copied().zip(ends).map(frame).collect()
}

/// A later fragment, 16 bytes long.
pub(super) fn later(id: u16) -> Vec<u8> {
    pieces(id, &[0; 32], &[3]).remove(1)
}

pub(super) fn dropped(plane: &SimPlane, reason: DropReason) -> u64 {
    plane.telemetry().global().unwrap().drops[reason.index()]
}

pub(super) fn pass_time(plane: &SimPlane, by: Duration) {
    let workers = plane.workers();
    workers.advance(workers.now().plus(by));
    let _ = workers.run_batch(&[]);
}

/// What a host makes of the frames: source and payload.
pub(super) fn reassembled(sent: &[Sent]) -> (Addr, Vec<u8>) {
    let mut parts: Vec<(usize, Vec<u8>)> = Vec::new();
    let mut src = Addr::default();
    for Sent { frame, .. } in sent {
        let parsed = parse(frame).unwrap();
        let (l3, network) = (usize::from(parsed.l3_at), parsed.network.unwrap());
        src = network.src;
        let at = usize::from(u16_at(frame, l3 + 6) & OFFSET) * 8;
        parts.push((at, frame[usize::from(network.l4_at)..usize::from(network.end)].to_vec()));
    }
    parts.sort();
    let mut body = Vec::new();
    for (at, part) in parts {
        assert_eq!(at, body.len(), "every byte comes once");
        body.extend(part);
    }
    (src, body)
}

proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 200, ..Default::default() })]
    #[test]
    fn a_datagram_in_any_order_arrives_whole_and_translated(
        (order, cuts) in (2usize..=16).prop_flat_map(|n| {
            let order = Just((0..n).collect::<Vec<_>>()).prop_shuffle();
            (order, proptest::collection::vec(1usize..20, n - 1))
        }),
        tail in 1usize..100, at_once: bool, workers in select(&[1u8, 2, 5][..]), seed: u64,
        data in any::<u8>(),
    ) {
        let cuts: Vec<_> = cuts.iter().scan(0, |at, n| { *at += n; Some(*at) }).collect();
        let len = cuts[cuts.len() - 1] * 8 - 8 + tail;
        let data: Vec<u8> = (0..len).map(|i| (i as u8).wrapping_mul(3) ^ data).collect();
        let setup = SimSetup { workers, seed, ..SimSetup::default() };
        let plane = plane_of(&program(1, true, permit_all()), setup);
        let pieces = pieces(7, &data, &cuts);
        let frames: Vec<_> = order.iter().map(|i| (Ingress::Port(PortId(0)), &pieces[*i][..])).collect();
        let sent = if at_once {
            plane.workers().run_batch(&frames).1
        } else {
            frames.iter().flat_map(|frame| plane.workers().run_batch(&[*frame]).1).collect()
        };
        let (src, body) = reassembled(&sent);
        assert_eq!(src, Addr::v4(OUTSIDE));
        assert_eq!(&body[8..], &data[..]);
        assert_eq!(checksum::transport(Family::V4, src, Addr::v4(SERVER), Proto::UDP, &body), 0);
        assert_eq!(plane.telemetry().global().unwrap().drops.iter().sum::<u64>(), 0);
    }
}

/// RFC 8200 4.5: a later fragment shows what follows the fragment header, here an extension header.
#[test]
fn ipv6_fragments_of_a_datagram_with_extension_headers_are_one_datagram() {
    for workers in [1, 5] {
        let plane = plane_of(&program(1, true, permit_all()), SimSetup { workers, ..SimSetup::default() });
        let ip = Ip::v6("2001:db8:1::2", "2001:db8:2::2");
        let options = [Proto::UDP.0, 0, 1, 4, 0, 0, 0, 0];
        let mut udp = Payload::udp(5000, 53, &[7; 24]).bytes;
        let sum = checksum::transport(Family::V6, ip.src, ip.dst, Proto::UDP, &udp);
        put_u16(&mut udp, 6, sum);
        let body = [&options[..], &udp].concat();
        let piece = |word: u16, bytes: &[u8]| {
            let mut fragment = vec![Proto::IPV6_DEST_OPTIONS.0, 0, 0, 0, 0, 0, 0, 9];
            put_u16(&mut fragment, 2, word);
            build::frame(&ip, &Payload::raw(Proto::IPV6_FRAGMENT, &[&fragment, bytes].concat()))
        };
        let (first, last) = (piece(1, &body[..24]), piece(3 << 3, &body[24..]));
        let (verdict, sent) = send(&plane, 0, &last);
        assert_eq!((verdict, sent.len()), (Verdict::Consume, 0));
        assert_eq!(send(&plane, 0, &first).1.len(), 2);
        assert_eq!(send(&plane, 0, &first).1.len(), 1);
        assert_eq!(send(&plane, 0, &last).1.len(), 1);
        assert_eq!(plane.sessions().count().unwrap(), 1);
    }
}

#[test]
fn no_more_fragments_are_held_than_there_is_room_for_and_none_for_ever() {
    let plane = plane(&program(1, true, permit_all()), Checksum::Unverified);
    let full = Verdict::Drop(DropReason::FragmentHoldFull);
    let mut all = 0;
    for _ in 0..2 {
        let verdicts: Vec<_> =
            (0..).map(|id| send(&plane, 0, &later(id)).0).take_while(|v| *v != full).collect();
        assert_eq!(verdicts, vec![Verdict::Consume; verdicts.len()]);
        // Of three in a set of two the oldest has given way.
        let gave_way = dropped(&plane, DropReason::FragmentNoFirst) - all;
        assert_eq!(verdicts.len() as u64 - gave_way, 256);
        all += verdicts.len() as u64;
        pass_time(&plane, Duration::from_secs(2));
        assert_eq!(dropped(&plane, DropReason::FragmentNoFirst), all);
    }
    let long = pieces(999, &[0; 9300], &[3]).remove(1);
    assert_eq!(send(&plane, 0, &long).0, Verdict::Drop(DropReason::FragmentHoldFull));
}

#[test]
fn a_datagram_that_gives_way_to_others_gives_its_buffers_back() {
    let plane = plane(&program(1, true, permit_all()), Checksum::Unverified);
    let [first, last] = [0, 1].map(|i| pieces(7, &[0; 32], &[3]).remove(i));
    for _ in 0..20 {
        assert_eq!(send(&plane, 0, &last).0, Verdict::Consume);
        // Many times as many as there is room for: two newer ones come to every set.
        for id in 1000..60_000 {
            if id % 64 == 0 {
                pass_time(&plane, Duration::from_micros(1));
            }
            if id % 2 == 0 {
                send(&plane, 0, &pieces(id, &[0; 32], &[3])[0]);
            }
        }
        assert_eq!(send(&plane, 0, &first).1.len(), 1, "the held one is gone");
        pass_time(&plane, Duration::from_secs(3));
    }
    assert_eq!(dropped(&plane, DropReason::FragmentNoFirst), 20);
}

/// 256 packets of its own a step: the pieces of a datagram leave together or not at all.
#[test]
fn the_pieces_of_a_datagram_leave_together_or_not_at_all() {
    let plane = plane(&program(1, true, permit_all()), Checksum::Unknown);
    let frame = build::frame(&Ip::v4(INSIDE, SERVER), &Payload::udp(5000, 53, &[5; 6000]));
    let (verdicts, sent, _) = plane.workers().run_batch(&[(Ingress::Port(PortId(0)), &frame[..]); 64]);
    let full = Verdict::Drop(DropReason::AnswerQueueFull);
    assert_eq!(verdicts, [vec![Verdict::Consume; 51], vec![full; 13]].concat());
    assert_eq!(sent.len(), 51 * 5);
    for datagram in sent.chunks(5) {
        let (src, body) = reassembled(datagram);
        assert_eq!(&body[8..], &[5; 6000]);
        assert_eq!(checksum::transport(Family::V4, src, Addr::v4(SERVER), Proto::UDP, &body), 0);
    }
}

/// More pieces than may wait for a neighbour: the packet is lost, and the next one finds the neighbour known.
#[test]
fn a_neighbour_is_asked_for_by_a_packet_that_can_not_wait_for_it() {
    let setup = SimSetup { resolver: Resolver::Table, ..SimSetup::default() };
    let plane = plane_of(&program(1, true, permit_all()), setup);
    let frame = build::frame(&Ip::v4(INSIDE, SERVER), &Payload::udp(5000, 53, &[5; 30_000]));
    for _ in 0..1000 {
        assert_eq!(send(&plane, 0, &frame).0, Verdict::Drop(DropReason::HoldQueueFull));
    }
    let events = plane.telemetry().events(4096).unwrap().events;
    let wanted =
        Event::NeighbourWanted { interface: InterfaceId(1), addr: Addr::v4(SERVER).to_ip(Family::V4) };
    assert!(!events.is_empty() && events.len() <= 50, "{}", events.len());
    assert!(events.iter().all(|event| *event == wanted), "{events:?}");
}

/// The longest frames of a port are as good as others: they wait for a neighbour and for their first fragment. Spec: flow-37.
#[test]
fn frames_of_the_longest_link_wait_like_others() {
    const MTU: u16 = 9198;
    let program = program_of(1, true, permit_all(), MTU);
    let setup = || SimSetup { resolver: Resolver::Table, ..SimSetup::default() };
    let data: Vec<u8> = (0..usize::from(MTU) - 28).map(|n| n as u8).collect();
    let whole = build::frame(&Ip::v4(INSIDE, SERVER), &Payload::udp(5000, 53, &data));
    let plane = plane_of(&program, setup());
    assert_eq!(send(&plane, 0, &whole).0, Verdict::Consume);
    let (interface, addr) = (InterfaceId(1), Addr::v4(SERVER).to_ip(Family::V4));
    let known = NeighbourUpdate { interface, addr, neighbour: Neighbour::Reachable(Mac([2, 0, 0, 0, 9, 9])) };
    let batch = UpdateBatch { version: 2, neighbours: vec![known], ..UpdateBatch::default() };
    plane.updates().apply(&batch).unwrap();
    let (_, sent, _) = plane.workers().run_batch(&[]);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].frame.len(), usize::from(MTU) + 18, "with its tag");
    assert_eq!(reassembled(&sent).1[8..], data);

    // Two fragments, of which the long one comes first: its first is short.
    let plane = super::plane(&program, Checksum::Unknown);
    let frames = pieces(7, &data, &[2]);
    assert_eq!(send(&plane, 0, &frames[1]).0, Verdict::Consume);
    let (_, sent) = send(&plane, 0, &frames[0]);
    assert_eq!(sent.len(), 2);
    assert_eq!(reassembled(&sent).1[8..], data);
}
