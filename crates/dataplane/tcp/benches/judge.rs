//! What a segment of an established bulk transfer costs: `cargo bench -p ravelin-tcp --bench judge`.
//!
//! Two data segments one way, one ACK the other. `judge` alone on segments read before; `read` from bytes with timestamps, and
//! with SACK blocks. Prints medians of [`ROUNDS`] with minimum and maximum; asserts verdicts, never speed.

use std::hint::black_box;
use std::time::Instant;

use ravelin_tcp::{Arrival, Conversation, Direction, Extent, Segment, Seq, TcpRules, Verdict};
use ravelin_wire::TcpFlags;

const ROUNDS: usize = 9;
/// Segments a round.
const SEGMENTS: usize = 6_000_000;
const MSS: u32 = 1448;

fn main() {
    println!("{:>24} {:>24}", "established bulk", "ns a segment");
    show("judge", judge);
    show("read, timestamps", || read(&[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]));
    let mut sack = vec![1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1, 5, 18];
    sack.extend([0, 0, 9, 0, 0, 0, 10, 0, 0, 0, 11, 0, 0, 0, 12, 0]);
    show("read, two SACK blocks", || read(&sack));
}

fn show(name: &str, round: impl Fn() -> f64) {
    let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| round()).collect();
    rounds.sort_by(f64::total_cmp);
    println!("{name:>24} {:>10.2} ({:.2}-{:.2})", rounds[ROUNDS / 2], rounds[0], rounds[ROUNDS - 1]);
}

fn segment(flags: u8, seq: u32, ack: u32, len: u32) -> Segment {
    Segment {
        seq: Seq(seq),
        ack: Seq(ack),
        len,
        window: if flags & TcpFlags::SYN != 0 { 64_000 } else { 500 },
        flags: TcpFlags(flags),
        extent: Extent::Whole,
        scale: (flags & TcpFlags::SYN != 0).then_some(7),
        sack: None,
    }
}

fn judge() -> f64 {
    let rules = TcpRules::default();
    let syn = segment(TcpFlags::SYN, 0, 0, 0);
    let mut conversation =
        Conversation::open(&syn, Arrival::Plain, &rules).expect("a SYN opens").conversation;
    let answer = segment(TcpFlags::SYN | TcpFlags::ACK, 0, 1, 0);
    assert_eq!(conversation.judge(Direction::Reverse, &answer, &rules).verdict, Verdict::Pass);
    let mut seq = 1_u32;
    let mut passed = 0;
    let clock = Instant::now();
    for _ in 0..SEGMENTS / 3 {
        let burst = [
            (Direction::Initial, segment(TcpFlags::ACK, seq, 1, MSS)),
            (Direction::Initial, segment(TcpFlags::ACK | TcpFlags::PSH, seq.wrapping_add(MSS), 1, MSS)),
            (Direction::Reverse, segment(TcpFlags::ACK, 1, seq.wrapping_add(2 * MSS), 0)),
        ];
        for (direction, segment) in black_box(&burst) {
            let judgement = conversation.judge(*direction, segment, &rules);
            passed += usize::from(judgement.verdict == Verdict::Pass);
        }
        seq = seq.wrapping_add(2 * MSS);
    }
    let ns = clock.elapsed().as_nanos() as f64;
    assert_eq!(passed, SEGMENTS);
    ns / SEGMENTS as f64
}

fn read(options: &[u8]) -> f64 {
    let mut tcp = vec![0; 20];
    tcp[12] = ((20 + options.len()) as u8 / 4) << 4;
    tcp[13] = TcpFlags::ACK;
    tcp.extend(options);
    tcp.resize(tcp.len() + MSS as usize, 0);
    let clock = Instant::now();
    for _ in 0..SEGMENTS {
        assert!(black_box(Segment::of(black_box(&tcp), Extent::Whole)).is_some());
    }
    clock.elapsed().as_nanos() as f64 / SEGMENTS as f64
}
