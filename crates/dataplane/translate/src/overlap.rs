//! The pieces of one datagram as they come by: which may pass, which must wait, which give an attack away.
//!
//! Nothing is put together and no packet kept: an entry knows the ranges it saw and the places, in the caller's store, of
//! pieces that came before the first, or of all of a datagram that is to pass whole or not at all. Junos: screens `ip block-frag`, `tear-drop`, `ping-death`. Place: fragment table.
//! State: one entry a datagram, of fixed size; its key and life are the caller's. Spec: fragment-8..17, fragment-22..25.

use ravelin_types::Proto;

/// Pieces of one datagram that are told apart; more are refused with it. 64 KiB in pieces of an Ethernet link are 45.
pub const FRAGMENTS_MAX: usize = 64;
/// Pieces of one datagram that may wait for the first.
pub const HELD_MAX: usize = 16;
/// Bytes of a datagram at most, of either family without jumbograms.
const DATAGRAM_MAX: u32 = 65_535;
/// TCP header up to its flags and its checksum: what a first piece must hold (RFC 1858 3.1, more strictly).
const TCP_LEN: u16 = 20;

/// A piece of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// In units of eight bytes.
    pub offset: u16,
    /// Bytes behind the network header.
    pub len: u16,
    pub more: bool,
    /// Bytes of the network header, which count to the largest datagram.
    pub header_len: u16,
    pub proto: Proto,
}

/// What is wrong with a piece, and so with its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadFragment {
    /// Empty, or not the last and no multiple of eight bytes (RFC 791 3.1).
    Length,
    /// It ends behind the longest possible datagram ("ping of death").
    TooLong,
    /// A first piece without the whole transport header, or a TCP piece that would write into one (RFC 1858, RFC 3128).
    Tiny,
    /// It overlaps another one ("teardrop"; RFC 5722 for IPv6).
    Overlap,
    /// It ends behind the last one, or is a second last one elsewhere.
    Ends,
    /// More pieces than are told apart.
    TooMany,
    /// An earlier piece was bad: none of the datagram passes any more.
    Condemned,
}

/// What to do with a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It may go; the first piece went before it or is it.
    Pass,
    /// The first piece has not come: hold it with [`Fragments::hold`], or drop it.
    Wait,
    /// The same piece again: drop it, with no harm to the datagram.
    Duplicate,
    /// One of a datagram that passes whole or not at all, of which others have yet to come: keep it with
    /// [`Fragments::hold_whole`].
    Part,
    /// The last of those: with it all have come.
    Whole,
    /// Drop it, and all that is held of its datagram.
    Bad(BadFragment),
}

/// How the pieces of a datagram are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Passing {
    /// Each passes behind the first.
    #[default]
    BehindFirst,
    /// All pass once all have come.
    Whole,
    /// None passes: one was bad.
    Never,
}

/// A range of bytes, and how it was last seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    start: u16,
    end: u16,
}

/// What is known of a datagram of which pieces have come.
#[derive(Clone, Copy, Debug)]
pub struct Fragments {
    /// In order of their start, none overlapping.
    seen: [Seen; FRAGMENTS_MAX],
    count: u8,
    held_count: u8,
    passing: Passing,
    /// Pieces that a datagram may come in which passes whole or not at all.
    most: u8,
    /// Where the datagram ends, once the last piece told.
    end: Option<u16>,
    held: [u16; HELD_MAX],
}

impl Default for Fragments {
    fn default() -> Self {
        Self {
            seen: [Seen::default(); FRAGMENTS_MAX],
            count: 0,
            held_count: 0,
            passing: Passing::BehindFirst,
            most: FRAGMENTS_MAX as u8,
            end: None,
            held: [0; HELD_MAX],
        }
    }
}

impl Fragments {
    /// Forgets everything, as quickly as can be: another datagram begins, which passes so. `of`: pieces that it may come in when it
    /// passes whole.
    pub fn begin(&mut self, as_said: Passing, of: u8) {
        let Self { seen: _, count, held_count, passing, most, end, held: _ } = self;
        (*count, *held_count, *passing, *most, *end) = (0, 0, as_said, of, None);
    }

    /// Judges a piece and remembers it.
    pub fn judge(&mut self, piece: &Piece) -> Judgement {
        if self.passing != Passing::BehindFirst {
            return self.judge_whole(piece);
        }
        match self.take(piece) {
            Ok(judgement) => judgement,
            Err(bad) => self.condemn(bad),
        }
    }

    #[cold]
    #[inline(never)]
    fn judge_whole(&mut self, piece: &Piece) -> Judgement {
        if self.passing == Passing::Never {
            return Judgement::Bad(BadFragment::Condemned);
        }
        match self.take(piece) {
            Ok(Judgement::Pass | Judgement::Wait) if self.count > self.most => {
                self.condemn(BadFragment::TooMany)
            }
            Ok(Judgement::Pass | Judgement::Wait) if self.is_complete() => Judgement::Whole,
            Ok(Judgement::Pass | Judgement::Wait) => Judgement::Part,
            Ok(other) => other,
            Err(bad) => self.condemn(bad),
        }
    }

    const fn condemn(&mut self, bad: BadFragment) -> Judgement {
        self.passing = Passing::Never;
        Judgement::Bad(bad)
    }

    /// Whether a piece would be judged a copy of one that came.
    #[must_use]
    pub fn is_copy(&self, piece: &Piece) -> bool {
        let Ok(range) = check(piece) else { return false };
        self.passing != Passing::Never && self.seen().contains(&range) && self.is_as_last(piece, range)
    }

    /// Keeps the place of a piece that waits. `false`: no more may wait.
    #[must_use]
    pub fn hold(&mut self, place: u16) -> bool {
        let Some(free) = self.held.get_mut(usize::from(self.held_count)) else { return false };
        *free = place;
        self.held_count += 1;
        true
    }

    /// The first of the pieces that are kept until all have come; the caller knows what follows it.
    pub const fn hold_whole(&mut self, first: u16) {
        self.held[0] = first;
        self.held_count = 1;
    }

    /// The same, where there is one.
    #[must_use]
    pub fn held_whole(&self) -> Option<u16> {
        (self.held_count > 0).then_some(self.held[0])
    }

    /// The places of the pieces that waited, in the order they came, which are not held any more: to be sent
    /// once the first has passed, to be freed when the datagram is bad or forgotten.
    #[must_use]
    pub fn release(&mut self) -> ([u16; HELD_MAX], usize) {
        let count = std::mem::take(&mut self.held_count);
        (self.held, usize::from(count))
    }

    /// Whether the first piece has come.
    #[must_use]
    pub fn has_first(&self) -> bool {
        self.seen().first().is_some_and(|s| s.start == 0)
    }

    /// Whether every piece has come: the entry may be forgotten.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let Some(end) = self.end.filter(|_| self.passing != Passing::Never) else { return false };
        let reached = self.seen().iter().try_fold(0, |at, s| (s.start == at).then_some(s.end));
        reached == Some(end)
    }

    fn seen(&self) -> &[Seen] {
        &self.seen[..usize::from(self.count)]
    }

    fn take(&mut self, piece: &Piece) -> Result<Judgement, BadFragment> {
        let range = check(piece)?;
        let at = self.seen().partition_point(|s| s.start < range.start);
        if self.seen().get(at) == Some(&range) {
            return if self.is_as_last(piece, range) {
                Ok(Judgement::Duplicate)
            } else {
                Err(BadFragment::Ends)
            };
        }
        let before = at.checked_sub(1).map(|i| self.seen[i]);
        let after = self.seen().get(at);
        if before.is_some_and(|b| b.end > range.start) || after.is_some_and(|a| a.start < range.end) {
            return Err(BadFragment::Overlap);
        }
        self.check_end(piece, range)?;
        if usize::from(self.count) == FRAGMENTS_MAX {
            return Err(BadFragment::TooMany);
        }
        self.seen.copy_within(at..usize::from(self.count), at + 1);
        self.seen[at] = range;
        self.count += 1;
        if !piece.more {
            self.end = Some(range.end);
        }
        Ok(if self.has_first() { Judgement::Pass } else { Judgement::Wait })
    }

    /// Whether a piece of a range that came says of the end what was said before: one that is last no more tells of another.
    fn is_as_last(&self, piece: &Piece, range: Seen) -> bool {
        (self.end == Some(range.end)) != piece.more
    }

    fn check_end(&self, piece: &Piece, range: Seen) -> Result<(), BadFragment> {
        let behind_last = self.end.is_some_and(|end| range.end > end);
        let last_too_early = !piece.more && self.seen().last().is_some_and(|s| s.end > range.end);
        if behind_last || last_too_early { Err(BadFragment::Ends) } else { Ok(()) }
    }
}

/// What a piece tells by itself.
fn check(piece: &Piece) -> Result<Seen, BadFragment> {
    if piece.len == 0 || (piece.more && !piece.len.is_multiple_of(8)) {
        return Err(BadFragment::Length);
    }
    let start = u32::from(piece.offset) * 8;
    let end = start + u32::from(piece.len);
    if end + u32::from(piece.header_len) > DATAGRAM_MAX {
        return Err(BadFragment::TooLong);
    }
    if is_tiny(piece) {
        return Err(BadFragment::Tiny);
    }
    Ok(Seen { start: start as u16, end: end as u16 })
}

fn is_tiny(piece: &Piece) -> bool {
    let least = match piece.proto {
        Proto::TCP => TCP_LEN,
        Proto::UDP | Proto::ICMP | Proto::ICMPV6 => 8,
        Proto::SCTP => 12,
        _ => 0,
    };
    let first = piece.offset == 0 && piece.len < least;
    let into_header = piece.proto == Proto::TCP && (1..TCP_LEN.div_ceil(8)).contains(&piece.offset);
    first || into_header
}

const _: () = assert!(size_of::<Fragments>() <= 300, "an entry of the fragment table");

#[cfg(test)]
mod tests {
    use super::*;
    use BadFragment::{Condemned, Ends, Length, Overlap, Tiny, TooLong, TooMany};
    use Judgement::{Bad, Duplicate, Pass, Wait};
    use proptest::prelude::*;

    /// A piece of UDP over IPv4: offset and length in bytes.
    fn piece(start: u16, len: u16, more: bool) -> Piece {
        Piece { offset: start / 8, len, more, header_len: 20, proto: Proto::UDP }
    }

    #[track_caller]
    fn check_all(steps: &[(Piece, Judgement)]) -> Fragments {
        let mut fragments = Fragments::default();
        for (i, (piece, expected)) in steps.iter().enumerate() {
            assert_eq!(fragments.judge(piece), *expected, "piece {i}");
        }
        fragments
    }

    #[test]
    fn pieces_in_order_pass_and_complete() {
        let all = check_all(&[
            (piece(0, 1480, true), Pass),
            (piece(1480, 1480, true), Pass),
            (piece(2960, 7, false), Pass),
        ]);
        assert!(all.is_complete());
    }

    #[test]
    fn pieces_before_the_first_wait_and_are_released_in_order() {
        let mut fragments = Fragments::default();
        assert_eq!(fragments.judge(&piece(2960, 7, false)), Wait);
        assert!(fragments.hold(31));
        assert_eq!(fragments.judge(&piece(1480, 1480, true)), Wait);
        assert!(fragments.hold(4));
        assert!(!fragments.has_first() && !fragments.is_complete());
        assert_eq!(fragments.judge(&piece(0, 1480, true)), Pass);
        let (held, count) = fragments.release();
        assert_eq!(held[..count], [31, 4]);
        assert!(fragments.is_complete());
        assert_eq!(fragments.release().1, 0);
    }

    #[test]
    fn no_more_than_the_bound_wait() {
        let mut fragments = Fragments::default();
        for place in 0..HELD_MAX as u16 {
            assert!(fragments.hold(place));
        }
        assert!(!fragments.hold(99));
        assert_eq!(fragments.release(), (std::array::from_fn(|i| i as u16), HELD_MAX));
    }

    #[test]
    fn a_teardrop_condemns_its_datagram() {
        check_all(&[
            (piece(0, 48, true), Pass),
            (piece(24, 4, false), Bad(Overlap)),
            (piece(48, 8, false), Bad(Condemned)),
        ]);
    }

    #[test]
    fn every_way_to_overlap_is_seen_and_a_copy_is_none() {
        for (start, len, more, expected) in [
            (80, 80, true, Duplicate),
            (80, 72, true, Bad(Overlap)),
            (80, 88, true, Bad(Overlap)),
            (72, 16, true, Bad(Overlap)),
            (72, 96, true, Bad(Overlap)),
            (152, 16, true, Bad(Overlap)),
            (88, 8, true, Bad(Overlap)),
            (72, 8, true, Pass),
            (160, 8, true, Pass),
        ] {
            check_all(&[
                (piece(0, 16, true), Pass),
                (piece(80, 80, true), Pass),
                (piece(start, len, more), expected),
            ]);
        }
    }

    #[test]
    fn a_datagram_has_one_end() {
        let first = (piece(0, 16, true), Pass);
        check_all(&[first, (piece(160, 8, false), Pass), (piece(168, 8, true), Bad(Ends))]);
        check_all(&[first, (piece(160, 8, false), Pass), (piece(80, 8, false), Bad(Ends))]);
        check_all(&[first, (piece(160, 8, true), Pass), (piece(80, 8, false), Bad(Ends))]);
        check_all(&[first, (piece(160, 8, true), Pass), (piece(160, 8, false), Bad(Ends))]);
        check_all(&[first, (piece(160, 8, false), Pass), (piece(160, 8, true), Bad(Ends))]);
        check_all(&[first, (piece(160, 8, false), Pass), (piece(160, 8, false), Duplicate)]);
    }

    #[test]
    fn lengths_and_the_longest_datagram_are_checked() {
        for (bad, why) in [
            (piece(0, 0, true), Length),
            (piece(8, 0, false), Length),
            (piece(0, 12, true), Length),
            (piece(65_512, 8, false), TooLong),
            (piece(65_528, 1400, false), TooLong),
        ] {
            check_all(&[(bad, Bad(why))]);
        }
        check_all(&[(piece(65_504, 11, false), Wait)]);
        check_all(&[(piece(65_504, 12, false), Bad(TooLong))]);
    }

    /// RFC 1858 3, RFC 3128 4.
    #[test]
    fn tiny_pieces_are_bad() {
        let tcp = |start, len| Piece { proto: Proto::TCP, ..piece(start, len, true) };
        check_all(&[(tcp(0, 16), Bad(Tiny))]);
        check_all(&[(tcp(8, 800), Bad(Tiny))]);
        check_all(&[(tcp(16, 800), Bad(Tiny))]);
        check_all(&[(tcp(0, 24), Pass), (tcp(24, 800), Pass)]);
        check_all(&[(piece(0, 8, true), Pass), (piece(8, 8, true), Pass)]);
        check_all(&[(Piece { proto: Proto::UDP, ..piece(0, 4, false) }, Bad(Tiny))]);
    }

    #[test]
    fn more_pieces_than_are_told_apart_condemn() {
        let mut fragments = Fragments::default();
        for i in 0..FRAGMENTS_MAX as u16 {
            assert_eq!(fragments.judge(&piece(i * 8, 8, true)), Pass);
        }
        assert_eq!(fragments.judge(&piece(8 * FRAGMENTS_MAX as u16, 8, false)), Bad(TooMany));
    }

    proptest! {
        /// Against a naive model that remembers every byte.
        #[test]
        fn judgements_are_those_of_a_map_of_bytes(
            steps in proptest::collection::vec((0u16..24, 1u16..6, any::<bool>()), 1..24),
        ) {
            let mut fragments = Fragments::default();
            let mut owner = [None; 256];
            let (mut end, mut condemned) = (None, false);
            for (i, (offset, eights, more)) in steps.iter().enumerate() {
                let (start, stop) = (usize::from(*offset) * 8, usize::from(offset + eights) * 8);
                let owners: Vec<Option<usize>> = owner[start..stop].to_vec();
                let same = owners[0].is_some_and(|o: usize| steps[o].0 == *offset && steps[o].1 == *eights);
                let highest = owner.iter().rposition(Option::is_some).map_or(0, |at| at + 1);
                let bad_end = end.is_some_and(|e| stop > e || !more) || (!more && highest > stop);
                let expected = if condemned {
                    Bad(Condemned)
                } else if same {
                    if (end == Some(stop)) != *more { Duplicate } else { Bad(Ends) }
                } else if owners.iter().any(Option::is_some) {
                    Bad(Overlap)
                } else if bad_end {
                    Bad(Ends)
                } else {
                    owner[start..stop].fill(Some(i));
                    if !more { end = Some(stop); }
                    if owner[0].is_some() { Pass } else { Wait }
                };
                condemned |= matches!(expected, Bad(_));
                let piece = piece(start as u16, eights * 8, *more);
                prop_assert_eq!(fragments.is_copy(&piece), expected == Duplicate, "step {}", i);
                prop_assert_eq!(fragments.judge(&piece), expected, "step {}", i);
                let complete = !condemned && end.is_some_and(|e| owner[..e].iter().all(Option::is_some));
                prop_assert_eq!(fragments.is_complete(), complete);
            }
        }
    }
}
