//! Rings between workers: frames handed over and messages about sessions, in order.
//!
//! Place: beside a backend's worker threads. A pair of workers has one single-producer ring each way and
//! a fixed stock of parcels that go round, so that nothing is allocated a packet. A full ring takes
//! nothing: the frame is dropped and counted, the message offered again. A worker that sleeps is woken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};

use crate::pressure::Pressure;
use ravelin_engine::{Checksum, Handed, Ingress, Marks, Message};
use ravelin_types::WorkerId;
use rtrb::{Consumer, Producer, RingBuffer};

/// Frames on their way to one worker, from all its peers together, as long as every peer keeps [`PARCELS_MIN`].
const PARCELS: usize = 1024;
/// Frames on their way from one worker to another: at least.
const PARCELS_MIN: usize = 128;
/// Frames on their way from one worker to another: at most. It is a burst of that many frames that a worker
/// which the kernel keeps from its processor loses nothing of; many more would only be late.
const PARCELS_MAX: usize = 512;

/// A frame on its way, as it came in.
#[derive(Debug)]
pub struct Parcel {
    pub ingress: Ingress,
    pub checksum: Checksum,
    pub handed: Handed,
    len: usize,
    bytes: Box<[u8]>,
}

/// What comes out of a ring.
#[derive(Debug)]
enum Item {
    Frame(Parcel),
    Message(Message),
}

/// What a worker takes in.
#[derive(Debug)]
pub enum Arrived<'a> {
    Frame { ingress: Ingress, checksum: Checksum, handed: Handed, bytes: &'a [u8] },
    Message(Message),
}

/// How a sleeping worker is woken.
pub struct Bell {
    asleep: AtomicBool,
    ring: Box<dyn Fn() + Send + Sync>,
}

/// One worker's ends of the rings that join it with another.
#[derive(Debug)]
pub struct Link {
    out: Producer<Item>,
    stock: Consumer<Parcel>,
    inbox: Consumer<Item>,
    returns: Producer<Parcel>,
    peer: Arc<Bell>,
    sent: bool,
}

/// All links of one worker, by peer.
#[derive(Debug, Default)]
pub struct Links {
    links: Vec<Option<Link>>,
    /// Of the rings that peers send by.
    pressure: Pressure,
    /// Where the next round of `receive` starts, so that no peer starves another.
    first: usize,
}

impl Bell {
    #[must_use]
    pub fn new(ring: impl Fn() + Send + Sync + 'static) -> Self {
        Self { asleep: AtomicBool::new(false), ring: Box::new(ring) }
    }

    /// Says that the worker goes to sleep; it looks at its links once more after this and before it does.
    pub fn doze(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    pub fn wake(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }

    fn call(&self) {
        // What was put into the ring before must be seen by one who dozes after; the other way round we see it doze.
        fence(Ordering::SeqCst);
        if self.asleep.swap(false, Ordering::SeqCst) {
            (self.ring)();
        }
    }
}

impl std::fmt::Debug for Bell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bell").field("asleep", &self.asleep).finish_non_exhaustive()
    }
}

/// Frames that may be on their way between each two of so many workers.
#[must_use]
pub fn parcels(workers: u8) -> usize {
    (PARCELS / usize::from(workers).saturating_sub(1).max(1)).clamp(PARCELS_MIN, PARCELS_MAX)
}

/// Joins two workers, `a` and `b`, of so many whose frames are at most `frame_len_max` bytes: their ends.
#[must_use]
pub fn join(a: &Arc<Bell>, b: &Arc<Bell>, workers: u8, frame_len_max: usize) -> (Link, Link) {
    let parcels = parcels(workers);
    // Frames and messages together.
    let (a_out, b_in) = RingBuffer::new(2 * parcels);
    let (b_out, a_in) = RingBuffer::new(2 * parcels);
    let (b_returns, a_stock) = stock(parcels, frame_len_max);
    let (a_returns, b_stock) = stock(parcels, frame_len_max);
    let (to_a, to_b) = (Arc::clone(a), Arc::clone(b));
    let at_a = Link { out: a_out, stock: a_stock, inbox: a_in, returns: a_returns, peer: to_b, sent: false };
    let at_b = Link { out: b_out, stock: b_stock, inbox: b_in, returns: b_returns, peer: to_a, sent: false };
    (at_a, at_b)
}

/// A ring full of empty parcels. Their pages are touched when first used.
fn stock(parcels: usize, frame_len_max: usize) -> (Producer<Parcel>, Consumer<Parcel>) {
    let (mut producer, consumer) = RingBuffer::new(parcels);
    let handed = Handed {
        from: WorkerId(0),
        stage: ravelin_engine::Stage::Tuple,
        hops: 0,
        ports: None,
        marks: Marks::default(),
        entered: None,
    };
    for _ in 0..parcels {
        let parcel = Parcel {
            ingress: Ingress::Port(ravelin_types::PortId(0)),
            checksum: Checksum::Unknown,
            handed,
            len: 0,
            bytes: vec![0; frame_len_max].into_boxed_slice(),
        };
        let full = producer.push(parcel);
        debug_assert!(full.is_ok(), "the ring has room for the whole stock");
    }
    (producer, consumer)
}

impl Links {
    /// Puts in the link with a peer, or its successor's after the peer died.
    pub fn set(&mut self, peer: WorkerId, link: Link) {
        let at = usize::from(peer.0);
        if self.links.len() <= at {
            self.links.resize_with(at + 1, || None);
        }
        self.links[at] = Some(link);
    }

    /// Hands a frame over. `false`: no room, or there is no such worker.
    pub fn hand_over(
        &mut self,
        to: WorkerId,
        (ingress, checksum, handed): (Ingress, Checksum, Handed),
        frame: &[u8],
    ) -> bool {
        let Some(link) = self.link(to) else { return false };
        if link.out.is_full() {
            return false;
        }
        let Ok(mut parcel) = link.stock.pop() else { return false };
        let Some(room) = parcel.bytes.get_mut(..frame.len()) else {
            // The stock's own ring has room for what came out of it only at the other end.
            unreachable!("a frame is no longer than the backend said")
        };
        room.copy_from_slice(frame);
        parcel = Parcel { ingress, checksum, handed, len: frame.len(), ..parcel };
        link.sent = true;
        let pushed = link.out.push(Item::Frame(parcel));
        debug_assert!(pushed.is_ok(), "room was checked above and we are the only producer");
        true
    }

    /// Tells a peer something. `false`: no room now. A worker that is not there is told nothing.
    pub fn tell(&mut self, to: WorkerId, message: Message) -> bool {
        let Some(link) = self.link(to) else { return true };
        if link.out.is_abandoned() {
            return true;
        }
        let pushed = link.out.push(Item::Message(message)).is_ok();
        link.sent |= pushed;
        pushed
    }

    /// Takes in what peers sent, at most `max` items, fairly; `take` says of a frame whether there was room.
    /// How many there were.
    pub fn receive(&mut self, max: usize, mut take: impl FnMut(Arrived<'_>)) -> usize {
        let peers = self.links.len();
        let mut taken = 0;
        for step in 0..peers {
            let at = (self.first + step) % peers;
            let Some(link) = &mut self.links[at] else { continue };
            while taken < max {
                match link.inbox.pop() {
                    Err(_) => break,
                    Ok(Item::Message(message)) => take(Arrived::Message(message)),
                    Ok(Item::Frame(parcel)) => {
                        let Parcel { ingress, checksum, handed, len, ref bytes } = parcel;
                        take(Arrived::Frame { ingress, checksum, handed, bytes: &bytes[..len] });
                        // The peer's stock has room: the parcel came out of it. A peer that died has none any more.
                        let _ = link.returns.push(parcel);
                    }
                }
                taken += 1;
            }
        }
        self.first = self.first.wrapping_add(1);
        taken
    }

    /// Whether every peer that lives could be handed so many frames.
    #[must_use]
    pub fn has_room(&self, frames: usize) -> bool {
        let room = |link: &Link| link.stock.slots() >= frames && link.out.slots() >= frames;
        self.links.iter().flatten().all(|link| link.out.is_abandoned() || room(link))
    }

    /// Whether peers send faster than they are heard, by the ring that is fullest. Asked before each batch of [`Self::receive`].
    pub fn press(&mut self) -> bool {
        let inboxes = self.links.iter().flatten().map(|link| &link.inbox);
        // A ring has room for as many messages as frames.
        let fullest = inboxes.map(|inbox| (inbox.slots(), inbox.buffer().capacity() / 2)).max();
        let (taken, room) = fullest.unwrap_or_default();
        self.pressure.look(taken, room)
    }

    /// Whether a peer has sent something.
    #[must_use]
    pub fn has_mail(&self) -> bool {
        self.links.iter().flatten().any(|link| !link.inbox.is_empty())
    }

    /// Wakes every peer that was sent something since the last call.
    pub fn call(&mut self) {
        for link in self.links.iter_mut().flatten() {
            if std::mem::take(&mut link.sent) {
                link.peer.call();
            }
        }
    }

    fn link(&mut self, peer: WorkerId) -> Option<&mut Link> {
        self.links.get_mut(usize::from(peer.0))?.as_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ravelin_engine::Stage;
    use ravelin_types::PortId;
    use std::sync::atomic::AtomicUsize;

    const HANDED: Handed =
        Handed { from: WorkerId(0), stage: Stage::Tuple, hops: 1, ports: None, marks: MARKS, entered: None };
    const MARKS: Marks = Marks {
        instance: Some(ravelin_types::InstanceId(5)),
        forwarding_class: ravelin_types::ForwardingClassId(3),
        loss_priority: ravelin_types::LossPriority::High,
    };
    const HOW: (Ingress, Checksum, Handed) = (Ingress::Port(PortId(3)), Checksum::Unknown, HANDED);

    fn pair() -> (Links, Links, Arc<AtomicUsize>) {
        let rung = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&rung);
        let (a, b) = (
            Arc::new(Bell::new(|| ())),
            Arc::new(Bell::new(move || _ = count.fetch_add(1, Ordering::Relaxed))),
        );
        b.doze();
        let (at_a, at_b) = join(&a, &b, 2, 64);
        let (mut one, mut two) = (Links::default(), Links::default());
        one.set(WorkerId(1), at_a);
        two.set(WorkerId(0), at_b);
        (one, two, rung)
    }

    fn frames(links: &mut Links) -> Vec<Vec<u8>> {
        let mut got = Vec::new();
        links.receive(usize::MAX, |item| match item {
            Arrived::Frame { ingress, checksum, handed, bytes } => {
                assert_eq!((ingress, checksum, handed), HOW);
                got.push(bytes.to_vec());
            }
            Arrived::Message(_) => got.push(Vec::new()),
        });
        got
    }

    #[test]
    fn what_is_sent_arrives_in_order_and_a_sleeper_is_woken_once() {
        let (mut one, mut two, rung) = pair();
        let key = ravelin_engine::FlowKey::default();
        assert!(one.hand_over(WorkerId(1), HOW, b"first"));
        assert!(one.tell(WorkerId(1), Message::Stub { key, owner: WorkerId(0) }));
        assert!(one.hand_over(WorkerId(1), HOW, b"second"));
        one.call();
        one.call();
        assert_eq!(rung.load(Ordering::Relaxed), 1);
        assert!(two.has_mail());
        assert_eq!(frames(&mut two), [b"first".to_vec(), Vec::new(), b"second".to_vec()]);
        assert!(!two.has_mail());
    }

    #[test]
    fn a_full_ring_takes_nothing_and_parcels_go_round_for_ever() {
        let (mut one, mut two, _) = pair();
        let fill = |links: &mut Links| {
            (0..).take_while(|n: &u32| links.hand_over(WorkerId(1), HOW, &n.to_be_bytes())).count()
        };
        for _ in 0..3 {
            assert!(one.has_room(512) && !one.has_room(513));
            assert_eq!(fill(&mut one), 512);
            assert!(!one.has_room(1));
            assert_eq!(frames(&mut two).len(), 512);
        }
        assert!(!one.hand_over(WorkerId(7), HOW, b"nobody"));
    }

    /// Spec: overload-2.
    #[test]
    fn a_ring_that_stays_filled_is_pressure_on_its_reader_alone() {
        let (mut one, mut two, _) = pair();
        for n in 0..200_u32 {
            assert!(one.hand_over(WorkerId(1), HOW, &n.to_be_bytes()));
        }
        assert_eq!([(); 4].map(|()| two.press()), [false, false, false, true]);
        assert!([(); 9].iter().all(|()| !one.press()));
        frames(&mut two);
        assert!(!two.press());
    }

    #[test]
    fn few_workers_have_longer_rings_and_many_no_more_memory_each() {
        assert_eq!(
            [1, 2, 3, 4, 5, 9, 10, 64, 255].map(parcels),
            [512, 512, 512, 341, 256, 128, 128, 128, 128]
        );
    }

    #[test]
    fn a_dead_peer_is_told_nothing_and_its_successor_is_heard() {
        let (mut one, two, _) = pair();
        drop(two);
        assert!(one.has_room(usize::MAX), "nobody waits for a dead one");
        let gone = Message::Unstub { key: ravelin_engine::FlowKey::default(), owner: WorkerId(0) };
        assert!((0..10 * 2 * PARCELS).all(|_| one.tell(WorkerId(1), gone)));
        let (bell, other) = (Arc::new(Bell::new(|| ())), Arc::new(Bell::new(|| ())));
        let (at_a, at_b) = join(&bell, &other, 2, 64);
        one.set(WorkerId(1), at_a);
        let mut two = Links::default();
        two.set(WorkerId(0), at_b);
        assert!(one.hand_over(WorkerId(1), HOW, b"again"));
        assert_eq!(frames(&mut two), [b"again".to_vec()]);
    }

    #[test]
    fn no_wake_is_lost_between_two_threads() {
        const N: usize = 20_000;
        let (send, wait) = std::sync::mpsc::channel();
        let (a, b) = (Arc::new(Bell::new(|| ())), Arc::new(Bell::new(move || send.send(()).unwrap())));
        let (at_a, at_b) = join(&a, &b, 2, 8);
        let reader = std::thread::spawn(move || {
            let mut links = Links::default();
            links.set(WorkerId(0), at_b);
            let mut got = 0;
            while got < N {
                got += links.receive(64, |_| ());
                if got < N && !links.has_mail() {
                    b.doze();
                    if !links.has_mail() {
                        let woken = wait.recv_timeout(std::time::Duration::from_secs(20));
                        woken.expect("a sleeper with mail is woken");
                    }
                    b.wake();
                }
            }
            got
        });
        let mut links = Links::default();
        links.set(WorkerId(1), at_a);
        for n in 0..N {
            while !links.hand_over(WorkerId(1), HOW, &(n as u64).to_be_bytes()) {
                std::thread::yield_now();
            }
            links.call();
        }
        assert_eq!(reader.join().unwrap(), N);
    }
}
