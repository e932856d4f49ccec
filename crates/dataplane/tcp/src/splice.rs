//! Sequence numbers shifted between the two sides of a session.
//!
//! For a handshake answered by the firewall itself (SYN cookies), whose number is not the one
//! the server then chooses, and for an ALG that changes the length of the payload. Place: beside the address
//! rewrite. State: a [`Splice`] of the session, kept apart from its record since few have one.
//! Windows are judged in the numbers that the initial side sees: [`Splice::view`]. Spec: tcp-45..47.

use ravelin_wire::{TcpFlags, u32_at};

use crate::conversation::Direction;
use crate::segment::Segment;
use crate::seq::Seq;
use crate::{edit, options};

const SEQ: usize = 4;
const ACK: usize = 8;

/// What is added to the numbers of one direction: `before` up to and with `at`, `after` behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shift {
    at: Seq,
    before: u32,
    after: u32,
}

impl Shift {
    /// The same for every number: `shown` is what the other side sees in place of `own`.
    #[must_use]
    pub const fn between(own: Seq, shown: Seq) -> Self {
        let by = shown.since(own);
        Self { at: own, before: by, after: by }
    }

    /// The segment that starts at `at` left with `by` bytes more than it came with. A retransmission of
    /// a segment changed before is no change. One change is remembered at a time: what was sent
    /// before the one before it must be acknowledged by then.
    pub fn change(&mut self, at: Seq, by: i32) {
        let is_first = self.before == self.after;
        if is_first || at.is_after(self.at) {
            *self = Self { at, before: self.after, after: self.after.wrapping_add_signed(by) };
        }
    }

    /// As the other side sees it.
    #[must_use]
    pub const fn forth(&self, own: Seq) -> Seq {
        own.plus(if own.is_after(self.at) { self.after } else { self.before })
    }

    /// As its sender counts. A number inside a segment that grew or shrank counts from its start.
    #[must_use]
    pub const fn back(&self, shown: Seq) -> Seq {
        let own = shown.minus(self.before);
        if !own.is_after(self.at) { own } else { shown.minus(self.after).later(self.at) }
    }

    /// From its portable form: `at`, `before`, `after`.
    #[must_use]
    pub const fn from_words([at, before, after]: [u32; 3]) -> Self {
        Self { at: Seq(at), before, after }
    }

    #[must_use]
    pub const fn to_words(&self) -> [u32; 3] {
        [self.at.0, self.before, self.after]
    }

    const fn is_none(&self) -> bool {
        self.before == 0 && self.after == 0
    }
}

/// The shifts of both directions of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Splice {
    /// By [`Direction`].
    pub shifts: [Shift; 2],
}

impl Splice {
    /// The segment in the numbers in which conversations are judged.
    #[must_use]
    pub fn view(&self, sender: Direction, segment: &Segment) -> Segment {
        match sender {
            Direction::Initial => *segment,
            Direction::Reverse => self.shifted(sender, segment),
        }
    }

    /// The segment as its receiver is to see it.
    #[must_use]
    pub fn shifted(&self, sender: Direction, segment: &Segment) -> Segment {
        let (own, other) = self.of(sender);
        Segment {
            seq: own.forth(segment.seq),
            ack: if segment.has(TcpFlags::ACK) { other.back(segment.ack) } else { segment.ack },
            sack: segment.sack.map(|edge| other.back(edge)),
            ..*segment
        }
    }

    /// Rewrites a segment on its way: sequence number, acknowledgement, SACK blocks, checksum. `tcp`
    /// starts at the TCP header. One whose header is cut stays as it is.
    pub fn translate(&self, sender: Direction, tcp: &mut [u8]) {
        let Some(header) = options::header_len(tcp) else { return };
        let (own, other) = self.of(sender);
        if !own.is_none() {
            replace(tcp, SEQ, |seq| own.forth(seq));
        }
        if other.is_none() || !options::flags(tcp).has(TcpFlags::ACK) {
            return;
        }
        replace(tcp, ACK, |ack| other.back(ack));
        let mut from = 0;
        while let Some(sack) = next_sack(&tcp[..header], from) {
            for at in (sack.at..sack.at + sack.len).step_by(4) {
                replace(tcp, at, |edge| other.back(edge));
            }
            from = sack.at + sack.len;
        }
    }

    const fn of(&self, sender: Direction) -> (&Shift, &Shift) {
        (&self.shifts[sender.index()], &self.shifts[sender.other().index()])
    }
}

/// The first SACK option that starts at or after `from`. Kinds and lengths never change on the way.
fn next_sack(header: &[u8], from: usize) -> Option<options::Found> {
    options::walk(header).find(|o| o.kind == options::SACK && o.len % 8 == 0 && o.at >= from)
}

fn replace(tcp: &mut [u8], at: usize, change: impl Fn(Seq) -> Seq) {
    let old = Seq(u32_at(tcp, at));
    let new = change(old);
    if new != old {
        edit::write(tcp, at, &new.0.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::Extent;
    use ravelin_wire::checksum::{fold, sum};
    use ravelin_wire::{put_u16, put_u32};

    const A: u8 = TcpFlags::ACK;

    fn tcp(flags: u8, seq: u32, ack: u32, options: &[u8]) -> Vec<u8> {
        let mut tcp = vec![0; 20];
        put_u32(&mut tcp, 4, seq);
        put_u32(&mut tcp, 8, ack);
        tcp[12] = ((20 + options.len()) as u8 / 4) << 4;
        tcp[13] = flags;
        tcp.extend(options);
        tcp.extend(b"odd");
        let field = !fold(sum(&tcp));
        put_u16(&mut tcp, 16, field);
        tcp
    }

    fn sack(pad: usize, edges: &[u32]) -> Vec<u8> {
        let mut options = vec![1; pad];
        options.extend([5, 2 + edges.len() as u8 * 4]);
        options.extend(edges.iter().flat_map(|e| e.to_be_bytes()));
        options.resize(options.len().next_multiple_of(4), 0);
        options
    }

    fn check(splice: &Splice, sender: Direction, (before, after): (Vec<u8>, Vec<u8>)) {
        let mut moved = before.clone();
        splice.translate(sender, &mut moved);
        assert_eq!(fold(sum(&moved)), 0xffff, "checksum");
        assert_eq!((&moved[..16], &moved[18..]), (&after[..16], &after[18..]));
        let segment = |bytes: &[u8]| Segment::of(bytes, Extent::Whole).unwrap();
        assert_eq!(splice.shifted(sender, &segment(&before)), segment(&after));
    }

    /// The server counts from 5000, the client was told 0xffff_fff0.
    fn cookie() -> Splice {
        Splice { shifts: [Shift::default(), Shift::between(Seq(5000), Seq(0xffff_fff0))] }
    }

    #[test]
    fn a_cookie_shifts_the_servers_numbers_and_their_acknowledgement() {
        let (client, server) = (Direction::Initial, Direction::Reverse);
        check(&cookie(), server, (tcp(A, 5001, 77, &[]), tcp(A, 0xffff_fff1, 77, &[])));
        check(&cookie(), server, (tcp(A, 5100, 77, &[]), tcp(A, 84, 77, &[])));
        check(&cookie(), client, (tcp(A, 77, 84, &[]), tcp(A, 77, 5100, &[])));
    }

    #[test]
    fn resets_are_shifted_and_a_number_that_is_no_ack_is_not() {
        let (client, server) = (Direction::Initial, Direction::Reverse);
        let r = TcpFlags::RST;
        check(&cookie(), server, (tcp(r, 5100, 0, &[]), tcp(r, 84, 0, &[])));
        check(&cookie(), server, (tcp(r | A, 5100, 9, &[]), tcp(r | A, 84, 9, &[])));
        check(&cookie(), client, (tcp(r, 77, 0, &[]), tcp(r, 77, 0, &[])));
        check(&cookie(), client, (tcp(r | A, 77, 84, &[]), tcp(r | A, 77, 5100, &[])));
    }

    #[test]
    fn sack_blocks_are_shifted_at_any_alignment() {
        for pad in 0..4 {
            let before = tcp(A, 77, 84, &sack(pad, &[100, 200, 300, 400]));
            let after = tcp(A, 77, 5100, &sack(pad, &[5116, 5216, 5316, 5416]));
            check(&cookie(), Direction::Initial, (before, after));
        }
        let servers = tcp(A, 5001, 77, &sack(2, &[80, 90]));
        check(&cookie(), Direction::Reverse, (servers, tcp(A, 0xffff_fff1, 77, &sack(2, &[80, 90]))));
    }

    /// A segment of 10 bytes at 1000 left with 13: what follows is three further on.
    #[test]
    fn a_segment_that_grew_shifts_what_follows() {
        let mut shift = Shift::default();
        shift.change(Seq(1000), 3);
        for (own, shown) in [(990, 990), (1000, 1000), (1010, 1013), (1500, 1503)] {
            assert_eq!(shift.forth(Seq(own)), Seq(shown), "{own}");
            assert_eq!(shift.back(Seq(shown)), Seq(own), "{shown}");
        }
        assert_eq!(shift.back(Seq(1002)), Seq(1000), "inside the segment: nothing of it is claimed");
        shift.change(Seq(1000), 3);
        assert_eq!(shift.forth(Seq(1010)), Seq(1013), "a retransmission is no second change");
        shift.change(Seq(1010), -5);
        for (own, shown) in [(1001, 1004), (1010, 1013), (1030, 1028)] {
            assert_eq!(shift.forth(Seq(own)), Seq(shown), "{own}");
            assert_eq!(shift.back(Seq(shown)), Seq(own), "{shown}");
        }
    }

    #[test]
    fn conversations_are_judged_as_the_initial_side_sees_them() {
        let segment = |seq, ack| Segment::of(&tcp(A, seq, ack, &[]), Extent::Whole).unwrap();
        assert_eq!(cookie().view(Direction::Initial, &segment(77, 84)), segment(77, 84));
        assert_eq!(cookie().view(Direction::Reverse, &segment(5100, 77)), segment(84, 77));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { cases: proptest::prelude::ProptestConfig::default().cases.max(512), ..proptest::prelude::ProptestConfig::default() })]
        #[test]
        fn back_undoes_forth(at: u32, before: u32, grown in -1000_i32..1000, offset in -100_000_i32..100_000) {
            let mut shift = Shift::between(Seq(0), Seq(before));
            shift.change(Seq(at), grown);
            // The next segment starts where the changed one ended, at least 1000 on.
            proptest::prop_assume!(offset <= 0 || offset >= 1000);
            let own = Seq(at.wrapping_add_signed(offset));
            proptest::prop_assert_eq!(shift.back(shift.forth(own)), own);
        }

        #[test]
        fn random_bytes_never_panic(mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
            cookie().translate(Direction::Initial, &mut bytes);
        }
    }
}
