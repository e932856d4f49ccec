//! The SYN proxy's queue, and when ACKs are worth a look. Spec: screen-42, screen-62, screen-67.

use ravelin_program::{Screen, ScreenProfile, SynFlood, SynProtection};
use ravelin_screen::cookie::Secrets;
use ravelin_screen::{Profile, ProxyQueue, ScreenAction, check_first};
use ravelin_types::{Family, Instant};

use crate::cookies::{ACK, CLIENT_ISN, COMMON, MASTER, SYN, request, segment, stamps};
use crate::kit::{Around, ZONE, meters, with};

fn profile(protection: SynProtection, queue_size: u32) -> Profile {
    let flood = SynFlood {
        alarm: 9,
        attack: 1,
        source: 999,
        destination: 999,
        timeout: 20,
        queue_size,
        white_lists: Vec::new(),
    };
    let settings = ScreenProfile { syn_flood: Some(flood), ..ScreenProfile::default() };
    Profile::new(&settings, protection, 2)
}

fn proxying(queue_size: u32) -> Profile {
    profile(SynProtection::Proxy, queue_size)
}

#[test]
fn the_proxys_queue_is_bounded_for_the_device_and_forgets() {
    let (profile, meters) = (proxying(3), meters());
    let start = Instant::from_secs(1000);
    let secrets = Secrets::at(MASTER, start);
    let answer = |port: u16| {
        let mut syn = request(Family::V4, &COMMON);
        syn.connection.client_port = port;
        secrets.answer(syn, start)
    };
    let mut workers = [ProxyQueue::new((1, 2), 64), ProxyQueue::new((3, 4), 64)];
    let push = |queue: &mut ProxyQueue, port, now| queue.push(&meters, &profile, ZONE, answer(port), now);
    assert!(push(&mut workers[0], 1, start).is_ok() && push(&mut workers[0], 2, start).is_ok());
    assert_eq!(push(&mut workers[0], 2, start).unwrap().answer, answer(2), "the same request again");
    assert!(push(&mut workers[1], 40_000, start).is_ok());
    assert_eq!(push(&mut workers[0], 4, start), Err(Screen::SynProxyQueue));
    let third = answer(40_000);
    let ack = |number: u32| {
        let header = (CLIENT_ISN.wrapping_add(1), number, ACK, 500);
        segment(Family::V4, false, header, &stamps(1001, third.timestamp.unwrap()), b"")
    };
    let complete = |queue: &mut ProxyQueue, bytes: &[u8], now| {
        let accepted = with(bytes, |packet| queue.completed(packet, now))?;
        queue.forget(&meters, &accepted);
        Some(accepted)
    };
    assert_eq!(complete(&mut workers[1], &ack(third.cookie), start), None, "another number");
    let accepted = complete(&mut workers[1], &ack(third.cookie.wrapping_add(1)), start).unwrap();
    assert_eq!(
        (accepted.options.scale, accepted.options.sack, accepted.cookie),
        (Some(9), true, third.cookie)
    );
    assert_eq!(complete(&mut workers[1], &ack(third.cookie.wrapping_add(1)), start), None, "once");
    assert!(push(&mut workers[0], 4, start).is_ok(), "its place is free");
    assert_eq!(push(&mut workers[0], 5, start), Err(Screen::SynProxyQueue));
    let late = Instant::from_secs(1020);
    workers[0].expire(&meters, late, 64);
    assert!(
        (10..13).all(|port| push(&mut workers[1], port, late).is_ok()),
        "twenty seconds on all is forgotten"
    );
}

/// The ACK may be lost between workers: another one is sent on too. Meanwhile the request holds no place, and makes room for others.
#[test]
fn a_request_sent_on_is_known_while_nobody_needs_its_room() {
    let (profile, meters, now) = (proxying(8), meters(), Instant::from_secs(1000));
    let secrets = Secrets::at(MASTER, now);
    let answer = |port: u16| {
        let mut syn = request(Family::V4, &COMMON);
        syn.connection.client_port = port;
        secrets.answer(syn, now)
    };
    let mut queue = ProxyQueue::new((1, 2), 8);
    let first = answer(40_000);
    let header = (CLIENT_ISN.wrapping_add(1), first.cookie.wrapping_add(1), ACK, 500);
    let ack = segment(Family::V4, false, header, &stamps(1001, first.timestamp.unwrap()), b"");
    assert!(queue.push(&meters, &profile, ZONE, first, now).is_ok());
    for port in 1..8 {
        assert!(queue.push(&meters, &profile, ZONE, answer(port), now).is_ok());
    }
    assert_eq!(queue.push(&meters, &profile, ZONE, answer(9), now), Err(Screen::SynProxyQueue));
    for _ in 0..2 {
        let accepted = with(&ack, |packet| queue.completed(packet, now)).unwrap();
        queue.send_on(&meters, &accepted);
    }
    assert!(queue.push(&meters, &profile, ZONE, answer(9), now).is_ok());
    assert_eq!(with(&ack, |packet| queue.completed(packet, now)), None);
    assert_eq!(queue.push(&meters, &profile, ZONE, answer(10), now), Err(Screen::SynProxyQueue));
}

#[test]
fn a_challenge_makes_acks_worth_a_look_until_its_cookie_is_stale() {
    let profile = profile(SynProtection::Cookie, 9);
    let (meters, now) = (meters(), Instant::from_secs(1000));
    let syn = segment(Family::V4, false, (1, 0, SYN, 1), b"", b"");
    let act = || with(&syn, |packet| check_first(&profile, &meters, packet, &Around::default(), now).action);
    assert_eq!(act(), ScreenAction::Pass);
    assert!(!meters.awaits_cookies(now));
    assert_eq!(act(), ScreenAction::Challenge(SynProtection::Cookie));
    assert!(meters.awaits_cookies(now) && meters.awaits_cookies(Instant::from_secs(1127)));
    assert!(!meters.awaits_cookies(Instant::from_secs(1128)));
}

/// Nobody had the time to look for it: who finds it over gives its place back.
#[test]
fn a_request_that_is_over_counts_no_more_once_it_is_met() {
    let (profile, meters, now) = (proxying(1), meters(), Instant::from_secs(1000));
    let secrets = Secrets::at(MASTER, now);
    let mut syn = request(Family::V4, &COMMON);
    let mut queue = ProxyQueue::new((1, 2), 8);
    let mut push = |port: u16, at: u64| {
        syn.connection.client_port = port;
        let answer = secrets.answer(syn, now);
        queue
            .push(&meters, &profile, ZONE, answer, Instant::from_secs(at))
            .map(|waiting| waiting.answer == answer)
    };
    assert_eq!(push(1, 1000), Ok(true));
    assert_eq!(push(2, 1019), Err(Screen::SynProxyQueue), "the zone has one place");
    assert_eq!(push(1, 1020), Ok(true), "anew: its time is over");
    assert_eq!(push(2, 1039), Err(Screen::SynProxyQueue));
    // Eight places are one bucket: whoever comes meets it.
    assert_eq!(push(2, 1040), Ok(true));
}
