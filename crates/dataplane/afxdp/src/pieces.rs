//! Packets that come in pieces, which are joined into one long frame.
//!
//! Place: between a receive ring and the worker. State: a port's packet of which the rest is still to be read.

use crate::umem::{Frame, HEADROOM, LONG_LEN_MAX, Umem};

/// See the head of the file.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    frames: Vec<Frame>,
    /// One of them was refused: without it there is no packet.
    damaged: bool,
}

/// What a descriptor is the end of.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Ended {
    /// Nothing yet, or a packet that was damaged.
    Nothing,
    Packet(Frame),
    /// A packet that is too long, or for which no long frame is free.
    NoRoom,
}

impl Pieces {
    /// Whether no packet is under way.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty() && !self.damaged
    }

    /// The next descriptor: its frame, unless it was refused, and whether more of the packet follows.
    pub(crate) fn next(&mut self, found: Option<Frame>, is_continued: bool, umem: &mut Umem) -> Ended {
        match found {
            Some(frame) if !is_continued && self.is_empty() => return Ended::Packet(frame),
            Some(frame) => self.frames.push(frame),
            None => self.damaged |= is_continued || !self.is_empty(),
        }
        if is_continued {
            return Ended::Nothing;
        }
        if std::mem::take(&mut self.damaged) || self.frames.is_empty() {
            self.frames.drain(..).for_each(|piece| umem.put(piece));
            return Ended::Nothing;
        }
        self.joined(umem).map_or(Ended::NoRoom, Ended::Packet)
    }

    /// One frame of all pieces, whose chunks are free again. `None`: it is too long, or no long frame is free.
    fn joined(&mut self, umem: &mut Umem) -> Option<Frame> {
        let len = self.frames.iter().map(Frame::len).sum();
        let mut frame = if len > LONG_LEN_MAX { None } else { umem.take_long() };
        if let Some(frame) = &mut frame {
            let placed = frame.place(HEADROOM, len);
            debug_assert!(placed, "the longest fits");
            let mut at = 0;
            for piece in &self.frames {
                let bytes = umem.bytes(piece);
                umem.bytes_mut(frame)[at..at + bytes.len()].copy_from_slice(bytes);
                at += bytes.len();
            }
        }
        self.frames.drain(..).for_each(|piece| umem.put(piece));
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::umem::{CHUNK_SIZE, Census};

    /// A descriptor of the kernel's with a packet of this byte.
    fn received(umem: &mut Umem, byte: u8, len: usize) -> Option<Frame> {
        let mut frame = umem.take()?;
        assert!(frame.place(HEADROOM, len));
        umem.bytes_mut(&mut frame).fill(byte);
        let at = umem.lend(frame);
        umem.accept(at, len as u32).ok()
    }

    fn packet(ended: Ended, umem: &mut Umem) -> Vec<u8> {
        let Ended::Packet(frame) = ended else { panic!("{ended:?}") };
        let bytes = umem.bytes(&frame).to_vec();
        umem.put(frame);
        bytes
    }

    #[test]
    fn pieces_are_joined_in_their_order() {
        let mut umem = Umem::new(4, 1).unwrap();
        let mut pieces = Pieces::default();
        for byte in [1, 2] {
            let frame = received(&mut umem, byte, 3000);
            assert_eq!(pieces.next(frame, true, &mut umem), Ended::Nothing);
            assert!(!pieces.is_empty());
        }
        let frame = received(&mut umem, 3, 10);
        let ended = pieces.next(frame, false, &mut umem);
        assert_eq!(packet(ended, &mut umem), [vec![1; 3000], vec![2; 3000], vec![3; 10]].concat());
        assert!(pieces.is_empty());
        let alone = received(&mut umem, 4, 60);
        let ended = pieces.next(alone, false, &mut umem);
        assert_eq!(packet(ended, &mut umem), [4; 60]);
        assert_eq!(umem.census(), Census { free: 5, kernel: 0, held: 0 });
    }

    /// A descriptor that is refused takes its whole packet with it, wherever it stands, and none beside that.
    #[test]
    fn a_packet_without_one_of_its_pieces_is_dropped_whole() {
        for refused in 0..3 {
            let mut umem = Umem::new(4, 1).unwrap();
            let mut pieces = Pieces::default();
            for at in 0..3 {
                let frame = if at == refused { None } else { received(&mut umem, at, 60) };
                assert_eq!(pieces.next(frame, at < 2, &mut umem), Ended::Nothing, "{refused}");
                assert_eq!(pieces.is_empty(), at == 2, "what was begun is read to its end");
            }
            let alone = received(&mut umem, 9, 60);
            let ended = pieces.next(alone, false, &mut umem);
            assert_eq!(packet(ended, &mut umem), [9; 60]);
            for is_continued in [true, false] {
                let frame = received(&mut umem, 8, 60);
                let ended = pieces.next(frame, is_continued, &mut umem);
                match is_continued {
                    true => assert_eq!(ended, Ended::Nothing),
                    false => assert_eq!(packet(ended, &mut umem), [8; 120]),
                }
            }
            assert_eq!(umem.census(), Census { free: 5, kernel: 0, held: 0 });
        }
        let mut pieces = Pieces::default();
        let mut umem = Umem::new(1, 0).unwrap();
        assert_eq!(pieces.next(None, false, &mut umem), Ended::Nothing);
        assert!(pieces.is_empty(), "a refused descriptor of a whole packet concerns no other");
    }

    #[test]
    fn what_finds_no_room_gives_its_chunks_back() {
        let mut umem = Umem::new(4, 1).unwrap();
        let held = umem.take_long().unwrap();
        let mut pieces = Pieces::default();
        for is_continued in [true, false] {
            let frame = received(&mut umem, 1, 60);
            let ended = pieces.next(frame, is_continued, &mut umem);
            assert_eq!(ended, if is_continued { Ended::Nothing } else { Ended::NoRoom });
        }
        umem.put(held);
        for at in 0..4 {
            let frame = received(&mut umem, 1, CHUNK_SIZE - HEADROOM);
            let ended = pieces.next(frame, at < 3, &mut umem);
            assert_eq!(ended, if at < 3 { Ended::Nothing } else { Ended::NoRoom }, "too long");
        }
        assert_eq!(umem.census(), Census { free: 5, kernel: 0, held: 0 });
    }
}
