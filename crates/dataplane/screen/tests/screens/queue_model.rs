//! The SYN proxy's queue against a list of who waits: any order of requests, ACKs, probes and time, at two workers. Spec: screen-42,
//! screen-67.

use proptest::prelude::*;
use ravelin_program::{Screen, ScreenProfile, SynFlood, SynProtection};
use ravelin_screen::cookie::{Answer, Secrets};
use ravelin_screen::{Meters, Profile, ProxyQueue};
use ravelin_types::{Family, Instant};
use ravelin_wire::put_u16;

use crate::cookies::{ACK, CLIENT_ISN, COMMON, MASTER, request, segment, stamps};
use crate::kit::{ZONE, meters, with};

const TIMEOUT_S: u64 = 20;
/// More than connections: no bucket of a worker fills.
const PLACES: usize = 64;
/// Where a frame over IPv4 has its source port.
const PORT_AT: usize = 34;

#[derive(Clone, Copy, Debug)]
enum Op {
    /// A request by its client's port, and how far its first number is from the common one.
    Ask {
        worker: usize,
        port: u16,
        isn: u32,
    },
    /// The ACK of the answer given last to a port, named by as much too high a number; `sent_on`: another worker opens the connection.
    Ack {
        worker: usize,
        port: u16,
        isn: u32,
        off: u32,
        sent_on: bool,
    },
    Wait {
        seconds: u64,
    },
    Clear {
        worker: usize,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let (worker, port, isn) = (0..2_usize, 1..7_u16, 0..2_u32);
    prop_oneof![
        6 => (worker.clone(), port.clone(), isn.clone())
            .prop_map(|(worker, port, isn)| Op::Ask { worker, port, isn }),
        6 => (worker.clone(), port, isn, prop_oneof![4 => Just(0_u32), 1 => Just(1_u32)], any::<bool>())
            .prop_map(|(worker, port, isn, off, sent_on)| Op::Ack { worker, port, isn, off, sent_on }),
        2 => (1..15_u64).prop_map(|seconds| Op::Wait { seconds }),
        1 => worker.prop_map(|worker| Op::Clear { worker }),
    ]
}

/// One that waits, as anybody would note it down.
#[derive(Clone, Copy, Debug)]
struct Noted {
    worker: usize,
    port: u16,
    answer: Answer,
    expires: Instant,
    /// Counted in the zone; else its ACK has been sent on, and it may be forgotten for another.
    counts: bool,
}

struct Ground {
    meters: Meters,
    profile: Profile,
    limit: usize,
    secrets: Secrets,
    now: Instant,
    queues: [ProxyQueue; 2],
    noted: Vec<Noted>,
}

impl Ground {
    fn new(limit: u32) -> Self {
        let flood = SynFlood {
            alarm: 9,
            attack: 1,
            source: 999,
            destination: 999,
            timeout: TIMEOUT_S as u32,
            queue_size: limit,
            white_lists: Vec::new(),
        };
        let settings = ScreenProfile { syn_flood: Some(flood), ..ScreenProfile::default() };
        let now = Instant::from_secs(1000);
        Self {
            meters: meters(),
            profile: Profile::new(&settings, SynProtection::Proxy, 2),
            limit: limit as usize,
            secrets: Secrets::at(MASTER, now),
            now,
            queues: [ProxyQueue::new((1, 2), PLACES), ProxyQueue::new((3, 4), PLACES)],
            noted: Vec::new(),
        }
    }

    fn answer(&self, port: u16, isn: u32) -> Answer {
        let mut syn = request(Family::V4, &COMMON);
        syn.connection.client_port = port;
        syn.seq = CLIENT_ISN.wrapping_add(isn);
        self.secrets.answer(syn, self.now)
    }

    fn place(&self, worker: usize, port: u16) -> Option<usize> {
        self.noted.iter().position(|noted| (noted.worker, noted.port) == (worker, port))
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Ask { worker, port, isn } => self.ask(worker, port, isn),
            Op::Ack { worker, port, isn, off, sent_on } => self.ack(worker, port, (isn, off), sent_on),
            Op::Wait { seconds } => {
                self.now = self.now.plus(std::time::Duration::from_secs(seconds));
                let now = self.now;
                self.queues.iter_mut().for_each(|queue| queue.expire(&self.meters, now, PLACES));
                self.noted.retain(|noted| noted.expires > now);
            }
            Op::Clear { worker } => {
                self.queues[worker].clear(&self.meters);
                self.noted.retain(|noted| noted.worker != worker);
            }
        }
    }

    fn ask(&mut self, worker: usize, port: u16, isn: u32) {
        let answer = self.answer(port, isn);
        let given = self.queues[worker].push(&self.meters, &self.profile, ZONE, answer, self.now);
        let expires = self.now.plus(std::time::Duration::from_secs(TIMEOUT_S));
        let waits = Noted { worker, port, answer, expires, counts: true };
        let is_full = self.noted.iter().filter(|noted| noted.counts).count() >= self.limit;
        match self.place(worker, port) {
            // One that was sent on may have made room meanwhile, and is a new one then.
            Some(at) if !self.noted[at].counts && given.is_err() => {
                assert!(is_full, "there was room");
                self.noted.remove(at);
            }
            Some(at) => {
                let noted = &mut self.noted[at];
                if noted.answer.syn.seq != answer.syn.seq {
                    noted.answer = answer;
                }
                let given = given.expect("it waits already").answer;
                assert!(given == noted.answer || !noted.counts && given == answer, "{given:?}");
                if !noted.counts {
                    // Known or new: neither can be told from outside but by what the zone counts.
                    self.settle(worker, port);
                }
            }
            None if is_full => assert_eq!(given, Err(Screen::SynProxyQueue)),
            None => {
                assert_eq!(given.map(|waiting| waiting.answer), Ok(answer));
                self.noted.push(waits);
            }
        }
    }

    /// Takes a connection whose state is not known out of both.
    fn settle(&mut self, worker: usize, port: u16) {
        let noted = self.noted.remove(self.place(worker, port).expect("noted"));
        for answer in [noted.answer, self.answer(port, 0), self.answer(port, 1)] {
            if let Some(accepted) = self.completed(worker, &answer, 0) {
                self.queues[worker].forget(&self.meters, &accepted);
            }
        }
    }

    fn completed(
        &self,
        worker: usize,
        answer: &Answer,
        off: u32,
    ) -> Option<ravelin_screen::cookie::Accepted> {
        let number = answer.cookie.wrapping_add(1).wrapping_add(off);
        let header = (answer.syn.seq.wrapping_add(1), number, ACK, 500);
        let options = stamps(1001, answer.timestamp.expect("it offered one"));
        let mut frame = segment(Family::V4, false, header, &options, b"data");
        put_u16(&mut frame, PORT_AT, answer.syn.connection.client_port);
        with(&frame, |packet| self.queues[worker].completed(packet, self.now))
    }

    fn ack(&mut self, worker: usize, port: u16, (isn, off): (u32, u32), sent_on: bool) {
        let at = self.place(worker, port);
        // Of an answer that was never given, when nothing is noted.
        let answer = at.map_or_else(|| self.answer(port, isn), |at| self.noted[at].answer);
        let found = self.completed(worker, &answer, off);
        let Some(at) = at.filter(|_| off == 0) else { return assert_eq!(found, None) };
        let Some(accepted) = found else {
            assert!(!self.noted[at].counts, "it waits: {answer:?}");
            self.noted.remove(at);
            return;
        };
        assert_eq!((accepted.client_isn, accepted.cookie), (answer.syn.seq, answer.cookie));
        assert_eq!(accepted.connection, answer.syn.connection);
        if sent_on {
            self.queues[worker].send_on(&self.meters, &accepted);
            self.noted[at].counts = false;
        } else {
            self.queues[worker].forget(&self.meters, &accepted);
            self.noted.remove(at);
        }
    }

    /// All that counts in the zone is what is noted: so many more find room, and no other.
    fn is_exact(&mut self) {
        let counted = self.noted.iter().filter(|noted| noted.counts).count();
        let room = self.limit.saturating_sub(counted);
        for more in 0..room as u16 {
            let answer = self.answer(1000 + more, 0);
            assert!(self.queues[0].push(&self.meters, &self.profile, ZONE, answer, self.now).is_ok());
        }
        let answer = self.answer(2000, 0);
        let given = self.queues[0].push(&self.meters, &self.profile, ZONE, answer, self.now);
        assert_eq!(given, Err(Screen::SynProxyQueue));
    }
}

proptest! {
    #[test]
    fn whoever_waits_is_known_and_counted_and_nobody_else(
        limit in 1..6_u32,
        ops in prop::collection::vec(op(), 1..60),
    ) {
        let mut ground = Ground::new(limit);
        ops.into_iter().for_each(|op| ground.step(op));
        ground.is_exact();
    }
}
