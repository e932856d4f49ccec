//! Peers that misbehave harm themselves only.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use prost::Message as _;
use ravelin_contract::{DataPlane, Error, InjectRequest};
use ravelin_remote::proto::error::Kind;
use ravelin_remote::proto::response::Answer;
use ravelin_remote::proto::{Hello, Request, Response};
use ravelin_remote::{CAPABILITIES, CONNECTIONS_MAX, Client, ConnectError, HelloError, MESSAGE_MAX};

use crate::fake::Fake;
use crate::golden::{framed, read};
use crate::{Served, TIMEOUT, serve};

fn served() -> Served {
    serve(Arc::new(Fake { sessions: 4, ..Fake::default() }))
}

fn hello(version: u32, requires: &[&str]) -> Vec<u8> {
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
    let (capabilities, requires) = (words(CAPABILITIES), words(requires));
    framed(&Hello { version, capabilities, requires, ..Hello::default() }.encode_to_vec())
}

/// Says something, ends, and reads what comes until the server hangs up.
fn say(path: &Path, parts: &[&[u8]]) -> Vec<u8> {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    for part in parts {
        // The server may have hung up already.
        if stream.write_all(part).is_err() {
            break;
        }
    }
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut heard = Vec::new();
    match stream.read_to_end(&mut heard) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("the server does not hang up"),
        Ok(_) | Err(_) => heard,
    }
}

fn well(served: &Served) {
    assert_eq!(served.client().sessions().count().unwrap(), 4);
}

/// Bytes that look like nothing, the same in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self) -> Vec<u8> {
        let len = self.next() % 300;
        (0..len).map(|_| (self.next() >> 32) as u8).collect()
    }
}

#[test]
fn noise_harms_no_one_else() {
    let served = served();
    let bystander = served.client();
    let mut noise = Noise(0x5eed);
    for _ in 0..150 {
        let bytes = noise.bytes();
        say(&served.path, &[&bytes]);
        say(&served.path, &[&framed(&bytes)]);
        say(&served.path, &[&hello(1, &[]), &bytes]);
        say(&served.path, &[&hello(1, &[]), &framed(&bytes)]);
    }
    assert_eq!(bystander.sessions().count().unwrap(), 4);
    well(&served);
}

#[test]
fn flipped_and_truncated_requests_harm_no_one_else() {
    let served = served();
    let mut noise = Noise(7);
    let program = crate::transfer::program(1, &["a", "b"]).manifest().to_proto();
    let call = Some(ravelin_remote::proto::request::Call::ApplyConfig(program));
    let request = Request { id: 1, call }.encode_to_vec();
    for cut in 0..request.len() {
        let mut flipped = request.clone();
        flipped[cut] ^= (noise.next() >> 40) as u8;
        say(&served.path, &[&hello(1, &[]), &framed(&flipped), &framed(&request[..cut])]);
        say(&served.path, &[&hello(1, &[]), &framed(&request)[..cut]]);
    }
    well(&served);
}

#[test]
fn an_oversized_promise_is_answered_by_an_error_and_the_end() {
    let served = served();
    let too_long = u32::try_from(MESSAGE_MAX + 1).unwrap().to_be_bytes();
    let mut stream = UnixStream::connect(&served.path).unwrap();
    stream.write_all(&hello(1, &[])).unwrap();
    let _: Hello = read(&stream);
    stream.write_all(&too_long).unwrap();
    let response: Response = read(&stream);
    let Some(Answer::Error(error)) = response.answer else { panic!("{response:?}") };
    let expected = "a message of 67108865 bytes exceeds the limit of 67108864";
    assert_eq!((response.id, error.kind), (0, Some(Kind::Protocol(expected.into()))));
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    well(&served);
}

#[test]
fn a_hello_that_can_not_be_met_is_refused_by_name() {
    let served = served();
    for (greeting, reason) in [
        (hello(2, &[]), "the peer speaks version 2 of the dataplane protocol, this side version 1"),
        (hello(1, &["time-travel"]), "the peer requires the capability `time-travel`, unknown here"),
    ] {
        let mut stream = UnixStream::connect(&served.path).unwrap();
        stream.write_all(&greeting).unwrap();
        let answer: Hello = read(&stream);
        assert_eq!(answer.refusal.unwrap().kind, Some(Kind::Protocol(reason.into())));
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
    well(&served);
}

#[test]
fn one_client_too_many_is_told_so_and_room_comes_back() {
    let served = served();
    let crowd: Vec<_> = (0..CONNECTIONS_MAX).map(|_| UnixStream::connect(&served.path).unwrap()).collect();
    let refused = Client::connect(&served.path, TIMEOUT).map(|_| ()).unwrap_err();
    assert!(matches!(refused, ConnectError::Refused(Error::Backend(_))), "{refused:?}");
    drop(crowd);
    let deadline = Instant::now() + TIMEOUT;
    while Client::connect(&served.path, TIMEOUT).is_err() {
        assert!(Instant::now() < deadline, "no room came back");
        thread::yield_now();
    }
    well(&served);
}

#[test]
fn a_request_beyond_the_limit_is_not_sent_and_breaks_nothing() {
    let served = served();
    let client = served.client();
    let inject = |frame| {
        let interface = "ge-0/0/0.0".into();
        client.diagnostics().inject_packet(&InjectRequest { interface, frame, before: Vec::new() }).map(drop)
    };
    let before = client.traffic();
    let error = inject(vec![0; MESSAGE_MAX]).unwrap_err();
    assert!(error.to_string().contains("exceeds the limit of 67108864"), "{error}");
    assert_eq!(client.traffic(), before);
    inject(vec![0; MESSAGE_MAX - 100]).unwrap();
}

#[test]
fn a_call_that_panics_costs_its_connection_only() {
    let served = served();
    let bystander = served.client();
    let request = InjectRequest { interface: "panic".into(), frame: Vec::new(), before: Vec::new() };
    let answer = served.client().diagnostics().inject_packet(&request);
    assert!(matches!(answer, Err(Error::Unreachable(_))), "{answer:?}");
    assert_eq!(bystander.sessions().count().unwrap(), 4);
    well(&served);
}

#[test]
fn stopping_ends_idle_clients() {
    let served = served();
    let idle = UnixStream::connect(&served.path).unwrap();
    let client = served.client();
    served.server.stop();
    idle.set_read_timeout(Some(TIMEOUT)).unwrap();
    assert!(matches!((&idle).read(&mut [0]), Ok(0)));
    assert!(matches!(client.diagnostics().status(), Err(Error::Unreachable(_))));
}

/// A server that says the given bytes to its first client and waits for it to leave.
fn actor(path: &Path, lines: Vec<Vec<u8>>) -> JoinHandle<()> {
    let listener = UnixListener::bind(path).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for line in lines {
            let _ = stream.write_all(&line);
        }
        let _ = stream.read_to_end(&mut Vec::new());
    })
}

fn count_at(lines: Vec<Vec<u8>>, timeout: Duration) -> Result<Result<u64, Error>, ConnectError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let actor = actor(&path, lines);
    let counted = Client::connect(&path, timeout).map(|client| client.sessions().count());
    actor.join().unwrap();
    counted
}

#[test]
fn a_client_survives_any_server() {
    let other = count_at(vec![hello(9, &[])], TIMEOUT).unwrap_err();
    assert!(matches!(other, ConnectError::Hello(HelloError::Version { ours: 1, theirs: 9 })), "{other:?}");
    let poor = framed(&Hello { version: 1, ..Hello::default() }.encode_to_vec());
    let other = count_at(vec![poor], TIMEOUT).unwrap_err();
    assert!(matches!(other, ConnectError::Hello(HelloError::Lacking(_))), "{other:?}");
    let wrong = framed(&Response { id: 77, answer: Some(Answer::Number(1)) }.encode_to_vec());
    let counted = count_at(vec![hello(1, &[]), wrong], TIMEOUT).unwrap();
    assert!(matches!(counted, Err(Error::Protocol(_))), "{counted:?}");
    let odd = framed(&Response { id: 1, answer: Some(Answer::Flag(true)) }.encode_to_vec());
    let counted = count_at(vec![hello(1, &[]), odd], TIMEOUT).unwrap();
    assert!(matches!(counted, Err(Error::Protocol(_))), "{counted:?}");
    let counted = count_at(vec![hello(1, &[]), vec![0xff; 9]], TIMEOUT).unwrap();
    assert!(matches!(counted, Err(Error::Protocol(_))), "{counted:?}");
    let counted = count_at(vec![hello(1, &[])], Duration::from_millis(50)).unwrap();
    assert!(matches!(counted, Err(Error::Unreachable(_))), "{counted:?}");
}
