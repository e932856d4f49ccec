//! Under pressure: who passes, who pays, and what is kept of the others. Spec: overload-1, overload-3.

use ravelin_types::Mac;

use super::*;

/// From inside to the server, to the station of the port: what is for no station takes no short way.
fn inside(src: [u8; 4]) -> Ip {
    Ip { dst_mac: Mac([2, 0, 0, 0, 0, 1]), ..Ip::v4(src, SERVER) }
}

/// Flows of one batch, none of them seen before.
fn strangers(from: usize, count: usize) -> Vec<Vec<u8>> {
    (from..from + count)
        .map(|n| {
            build::frame(
                &inside([10, 1, 0, 2 + (n / 1000) as u8]),
                &Payload::udp(1000 + (n % 1000) as u16, 53, b"q"),
            )
        })
        .collect()
}

fn run(plane: &SimPlane, frames: &[Vec<u8>]) -> Vec<Verdict> {
    let frames: Vec<_> = frames.iter().map(|frame| (Ingress::Port(PortId(0)), &frame[..])).collect();
    plane.workers().run_batch(&frames).0
}

fn is_sent(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Send { .. })
}

/// Planes whose packets take the short way, and the whole one.
fn planes(workers: u8) -> [SimPlane; 2] {
    [false, true].map(|recorded| {
        let setup = SimSetup { recorded, workers, ..SimSetup::default() };
        plane_of(&program(1, true, permit_all()), setup)
    })
}

/// One long way for 128 frames that come, whatever they are, and at most two saved up.
#[test]
fn one_frame_in_a_hundred_and_twenty_eight_may_open_a_session() {
    for plane in planes(1) {
        for round in 0..6 {
            let verdicts = run(&plane, &strangers(100 * round, 64));
            assert!(verdicts.iter().all(is_sent), "nothing is shed without pressure");
        }
        plane.workers().press(true);
        let opened = |round: usize| {
            let verdicts = run(&plane, &strangers(100 * round, 64));
            assert!(verdicts.iter().all(|v| is_sent(v) || *v == Verdict::Drop(DropReason::Overload)));
            verdicts.iter().filter(|v| is_sent(v)).count()
        };
        assert_eq!((6..16).map(opened).collect::<Vec<_>>(), [2, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
        assert_eq!(plane.sessions().count().unwrap(), 6 * 64 + 6);
        let dropped = plane.telemetry().global().unwrap().drops[DropReason::Overload.index()];
        assert_eq!(dropped, 10 * 64 - 6);
        plane.workers().press(false);
        assert!(run(&plane, &strangers(5000, 64)).iter().all(is_sent), "eased");
    }
}

#[test]
fn established_flows_lose_nothing_among_any_number_of_strangers() {
    for plane in planes(1) {
        let known = strangers(0, 32);
        run(&plane, &known);
        plane.workers().press(true);
        for round in 1..20 {
            let mixed: Vec<_> = known.iter().cloned().zip(strangers(100 * round, 32)).collect();
            let mixed: Vec<_> = mixed.into_iter().flat_map(|(own, theirs)| [own, theirs]).collect();
            let verdicts = run(&plane, &mixed);
            assert!(verdicts.iter().step_by(2).all(is_sent), "round {round}");
            assert!(verdicts.iter().skip(1).step_by(2).filter(|v| is_sent(v)).count() <= 2);
        }
    }
}

/// What opens a session and what follows it in the same batch have one fate.
#[test]
fn a_session_opened_in_a_batch_is_one_for_the_rest_of_it() {
    for plane in planes(1) {
        plane.workers().press(true);
        for round in 0..2 {
            run(&plane, &strangers(1000 * round, 63));
        }
        let frame = &strangers(100, 1)[0];
        let verdicts = run(&plane, &vec![frame.clone(); 8]);
        assert!(verdicts.iter().all(is_sent), "{verdicts:?}");
    }
}

#[test]
fn every_worker_has_an_account_of_its_own() {
    for plane in planes(4) {
        let known = strangers(0, 48);
        assert!(run(&plane, &known).iter().all(is_sent));
        plane.workers().press(true);
        let mut opened = 0;
        for round in 1..40 {
            assert!(run(&plane, &known[..24]).iter().all(is_sent), "round {round}");
            opened += run(&plane, &strangers(100 * round, 40)).iter().filter(|v| is_sent(v)).count();
        }
        // 64 frames a round came, each to two workers at most; and two ways a worker were saved.
        assert!((10..=39 + 8).contains(&opened), "{opened}");
    }
}

/// 24 bytes of a datagram.
fn fragment(src: [u8; 4], id: u16, offset: u16, more: bool) -> Vec<u8> {
    let mut ip = inside(src);
    (ip.id, ip.fragment) = (id, (offset / 8) | if more { 0x2000 } else { 0 });
    let bytes = [0, 80, 0, 53, 0, 48, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
    build::frame(&ip, &Payload::raw(Proto::UDP, &bytes))
}

/// A fragmented flow loses nothing, in whatever order its pieces come behind their first, among strangers of every kind. Spec: overload-1, overload-4.
#[test]
fn a_fragmented_flow_loses_nothing_among_fragments_of_strangers() {
    for plane in planes(1) {
        let opening = build::frame(&inside(INSIDE), &Payload::udp(80, 53, b"q"));
        assert!(is_sent(&run(&plane, &[opening])[0]));
        plane.workers().press(true);
        for n in 1..2_000_u16 {
            let [high, low] = n.to_be_bytes();
            let stranger = [10, 2, high, low];
            let batch = [
                fragment(stranger, 7, 24, true),
                fragment(INSIDE, n, 0, true),
                fragment(stranger, n, 0, true),
                fragment(INSIDE, n, 48, false),
                fragment(stranger, n, 24, false),
                fragment(INSIDE, n, 24, true),
                fragment(INSIDE, n - 1, 48, false),
            ];
            let verdicts = run(&plane, &batch);
            let own: Vec<_> = verdicts.iter().skip(1).step_by(2).collect();
            assert!(own.iter().all(|v| is_sent(v)), "datagram {n}: {own:?}");
            // All of the one before have come: a piece more begins another, whose first is not here.
            let late = verdicts[6];
            assert!(late == Verdict::Drop(DropReason::Overload) || late == Verdict::Consume, "{late:?}");
        }
        let dropped = plane.telemetry().global().unwrap().drops;
        assert_eq!(dropped[DropReason::FragmentDuplicate.index()], 0);
        assert!(dropped[DropReason::Overload.index()] > 7_500);
    }
}

/// The same of several workers, where a first is somewhere else than its session: pieces that follow in a later batch find it. Spec:
/// overload-1, overload-4.
#[test]
fn a_fragmented_flow_of_another_worker_loses_nothing() {
    for plane in planes(4) {
        let opening = build::frame(&inside(INSIDE), &Payload::udp(80, 53, b"q"));
        assert!(is_sent(&run(&plane, &[opening])[0]));
        plane.workers().press(true);
        for n in 1..500_u16 {
            let [high, low] = n.to_be_bytes();
            let stranger = [10, 2, high, low];
            let firsts = [fragment(stranger, 7, 0, true), fragment(INSIDE, n, 0, true)];
            let rest = [
                fragment(stranger, 7, 48, false),
                fragment(INSIDE, n, 48, false),
                fragment(stranger, 7, 24, true),
                fragment(INSIDE, n, 24, true),
            ];
            let verdicts: Vec<_> = [run(&plane, &firsts), run(&plane, &rest)].concat();
            let own: Vec<_> = verdicts.iter().skip(1).step_by(2).collect();
            assert!(own.iter().all(|v| is_sent(v)), "datagram {n}: {own:?}");
        }
    }
}

/// What is dropped as a copy, or with a datagram that is condemned, is so under pressure, too, and costs nobody anything.
#[test]
fn copies_and_pieces_of_condemned_datagrams_pay_for_nothing() {
    for plane in planes(1) {
        let known =
            [fragment(INSIDE, 7, 0, true), fragment(INSIDE, 8, 0, true), fragment(INSIDE, 8, 16, true)];
        assert_eq!(run(&plane, &known)[2], Verdict::Drop(DropReason::FragmentOverlap));
        plane.workers().press(true);
        run(&plane, &strangers(0, 64));
        for _ in 0..100 {
            let verdicts = run(&plane, &[known[0].clone(), fragment(INSIDE, 8, 48, true)]);
            let reasons = [DropReason::FragmentDuplicate, DropReason::FragmentOverlap];
            assert_eq!(verdicts, reasons.map(Verdict::Drop));
        }
        // 264 frames came: two ways, of which the first strangers took both, and another.
        let opened = run(&plane, &strangers(100, 8)).iter().filter(|v| is_sent(v)).count();
        assert_eq!(opened, 2);
    }
}

/// A flood of datagrams that nobody pays for takes no place from those that are known. Spec: overload-4.
#[test]
fn fragments_of_strangers_are_not_remembered() {
    for plane in planes(1) {
        let opening = build::frame(&inside(INSIDE), &Payload::udp(80, 53, b"q"));
        assert!(is_sent(&run(&plane, &[opening])[0]));
        plane.workers().press(true);
        let first = fragment(INSIDE, 7, 0, true);
        assert!(is_sent(&run(&plane, &[first])[0]), "its session is here");
        for n in 1..20_000_u32 {
            let [_, a, b, c] = (n << 4).to_be_bytes();
            let first = fragment([10, 1 + a, b, c], 7, 0, true);
            let later = fragment([10, 1 + a, b, c], 8, 24, false);
            run(&plane, &[first, later]);
        }
        let last = fragment(INSIDE, 7, 24, false);
        assert!(is_sent(&run(&plane, &[last])[0]), "its first is still known");
    }
}

/// A datagram in pieces opens a session as another packet does, when it can pay, and no more often. Spec: overload-1, overload-4.
#[test]
fn one_datagram_in_pieces_may_open_a_session_where_another_packet_may() {
    for plane in planes(1) {
        run(&plane, &strangers(0, 64));
        run(&plane, &strangers(100, 64));
        plane.workers().press(true);
        // 134 frames came: one way. The pieces behind their first pay for nothing.
        let datagrams = (0..3)
            .map(|n| [fragment([10, 3, 0, 1 + n], 7, 0, true), fragment([10, 3, 0, 1 + n], 7, 24, false)]);
        let verdicts = run(&plane, &datagrams.flatten().collect::<Vec<_>>());
        let sent: Vec<_> = verdicts.iter().map(is_sent).collect();
        assert_eq!(sent, [true, true, false, false, false, false], "{verdicts:?}");
        assert_eq!(plane.sessions().count().unwrap(), 129);
    }
}
