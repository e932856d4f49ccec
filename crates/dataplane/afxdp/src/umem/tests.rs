//! Chunks and long frames on every way between their owners.

use super::*;

fn sum(census: Census) -> usize {
    census.free + census.kernel + census.held
}

#[test]
fn chunks_are_conserved_on_every_way() {
    let mut umem = Umem::new(8, 0).unwrap();
    let first = umem.take().unwrap();
    let second = umem.take().unwrap();
    assert_eq!(umem.census(), Census { free: 6, kernel: 0, held: 2 });
    let at = umem.lend(first);
    umem.put(second);
    assert_eq!(umem.census(), Census { free: 7, kernel: 1, held: 0 });
    let back = umem.accept(at, 60).unwrap();
    assert_eq!((back.len(), sum(umem.census())), (60, 8));
    umem.put(back);
    assert_eq!(umem.census(), Census { free: 8, kernel: 0, held: 0 });
}

#[test]
fn a_descriptor_is_accepted_once_and_only_inside_its_chunk() {
    let mut umem = Umem::new(2, 0).unwrap();
    let frame = umem.take().unwrap();
    let at = umem.lend(frame);
    assert_eq!(umem.accept(at, 4000), Err(BadDescriptor::Crosses { at, len: 4000 }));
    let frame = umem.accept(at, 100).unwrap();
    assert_eq!(umem.accept(at, 100), Err(BadDescriptor::NotLent(at)));
    assert_eq!(umem.accept(1 << 40, 1), Err(BadDescriptor::Outside(1 << 40)));
    umem.put(frame);
}

#[test]
fn an_exhausted_memory_gives_nothing() {
    let mut umem = Umem::new(1, 0).unwrap();
    let frame = umem.take().unwrap();
    assert_eq!(umem.take(), None);
    umem.put(frame);
}

#[test]
fn a_packet_moves_within_its_chunk_and_not_out_of_it() {
    let mut umem = Umem::new(1, 0).unwrap();
    let mut frame = umem.take().unwrap();
    assert!(frame.place(HEADROOM, 3));
    umem.bytes_mut(&mut frame).copy_from_slice(b"abc");
    assert!(frame.place(HEADROOM - 1, 4));
    assert_eq!(umem.bytes(&frame), b"\0abc");
    assert!(!frame.place(CHUNK_SIZE, 1));
    assert_eq!(frame.len(), 4);
    umem.put(frame);
}

#[test]
fn another_owner_goes_on_by_the_ledger() {
    let mut old = Umem::new(11, 0).unwrap();
    let mut lent = Vec::new();
    for n in 0..9 {
        let mut frame = old.take().unwrap();
        assert!(frame.place(HEADROOM, 1));
        old.bytes_mut(&mut frame)[0] = n;
        lent.push(old.lend(frame));
    }
    let back = old.accept(lent[4], 1).unwrap();
    assert_eq!(old.ledger(), Err(BadMemory::Held));
    old.put(back);
    let ledger = old.ledger().unwrap();
    let mut new = Umem::adopt(old.memory().try_clone_to_owned().unwrap(), 11, 0).unwrap();
    assert_eq!(new.census(), Census { free: 0, kernel: 11, held: 0 });
    new.restore(&ledger).unwrap();
    assert_eq!(new.census(), old.census());
    drop(old);
    let frame = new.accept(lent[7], 1).unwrap();
    assert_eq!(new.bytes(&frame), [7]);
    assert_eq!(new.accept(lent[4], 1), Err(BadDescriptor::NotLent(lent[4])));
    new.put(frame);
    assert_eq!(new.census(), Census { free: 4, kernel: 7, held: 0 });
    assert_eq!((new.restore(&[0]), new.census().free), (Err(BadMemory::Size), 4));
}

#[test]
fn a_long_frame_goes_to_the_kernel_in_pieces_and_is_free_when_all_are_back() {
    let mut umem = Umem::new(2, 2).unwrap();
    let mut frame = umem.take_long().unwrap();
    let most = 3 * CHUNK_SIZE - HEADROOM - 2 * PIECE_HEADROOM;
    assert!(frame.place(HEADROOM, most) && frame.pieces().1 == 3 && !frame.place(HEADROOM, most + 1));
    assert!(frame.place(HEADROOM, LONG_LEN_MAX));
    let first = 2 * CHUNK_SIZE as u64 + HEADROOM as u64;
    let edges = [first, 3 * CHUNK_SIZE as u64 + 64, 4 * CHUNK_SIZE as u64 + 64];
    let pieces = [(edges[0], 3840), (edges[1], 4032), (edges[2], (LONG_LEN_MAX - 3840 - 4032) as u32)];
    assert_eq!(frame.pieces(), (pieces, 3));
    let sent: Vec<u8> = (0..LONG_LEN_MAX).map(|n| (n % 251) as u8).collect();
    umem.bytes_mut(&mut frame).copy_from_slice(&sent);
    let copy = Frame { umem: frame.umem, chunk: frame.chunk, room: frame.room, start: 0, len: 0 };
    assert_eq!(umem.lend(frame), first);
    let slot = umem.chunk_mut(&mut { copy }).to_vec();
    let part = |(at, len): (u64, u32)| &slot[(at - 2 * CHUNK_SIZE as u64) as usize..][..len as usize];
    assert_eq!(pieces.map(part).concat(), sent);
    assert_eq!(umem.census(), Census { free: 3, kernel: 1, held: 0 });
    assert_eq!(umem.accept(first, 60), Err(BadDescriptor::Outside(first)), "nothing is received there");
    umem.reclaim(edges[1]).unwrap();
    assert_eq!(umem.reclaim(edges[1]), Err(BadDescriptor::NotLent(edges[1])));
    let ledger = umem.ledger().unwrap();
    let mut heir = Umem::adopt(umem.memory().try_clone_to_owned().unwrap(), 2, 2).unwrap();
    heir.restore(&ledger).unwrap();
    for umem in [&mut umem, &mut heir] {
        umem.reclaim(edges[2]).unwrap();
        assert_eq!(umem.census(), Census { free: 3, kernel: 1, held: 0 });
        umem.reclaim(edges[0]).unwrap();
        assert_eq!(umem.census(), Census { free: 4, kernel: 0, held: 0 });
        let outside = 8 * CHUNK_SIZE as u64;
        assert_eq!(umem.reclaim(outside), Err(BadDescriptor::Outside(outside)));
    }
    // One that is short is one piece, and what it did not lend is free with it.
    let mut short = umem.take_long().unwrap();
    assert!(short.place(HEADROOM, 60) && short.pieces().1 == 1);
    let at = umem.lend(short);
    umem.reclaim(at).unwrap();
    let (one, two) = (umem.take_long().unwrap(), umem.take_long().unwrap());
    assert_eq!((umem.take_long(), umem.ledger()), (None, Err(BadMemory::Held)));
    umem.put(one);
    umem.put(two);
    assert_eq!(umem.census(), Census { free: 4, kernel: 0, held: 0 });
}

#[test]
fn a_memory_that_is_none_of_ours_is_refused() {
    let file = |seals, len| {
        let file = memfd_create("t", MemfdFlags::ALLOW_SEALING).unwrap();
        ftruncate(&file, len).unwrap();
        fcntl_add_seals(&file, seals).unwrap();
        file
    };
    let len = 2 * CHUNK_SIZE as u64;
    assert_eq!(Umem::adopt(file(SealFlags::SHRINK, len), 3, 0).unwrap_err(), BadMemory::Size);
    assert_eq!(Umem::adopt(file(SealFlags::GROW, len), 2, 0).unwrap_err(), BadMemory::Unsealed);
    assert!(Umem::adopt(file(SealFlags::SHRINK, len), 2, 0).is_ok());
}

#[test]
#[should_panic(expected = "the packet memory it came from")]
fn a_frame_of_another_memory_is_refused() {
    let mut one = Umem::new(1, 0).unwrap();
    let two = Umem::new(1, 0).unwrap();
    let frame = one.take().unwrap();
    let _ = two.bytes(&frame);
}
