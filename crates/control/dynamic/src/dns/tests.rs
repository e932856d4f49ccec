//! Answers as servers write them, and as nobody should.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;

/// `fw.example` as labels.
const NAME: &[u8] = b"\x02fw\x07example\x00";

/// A record of the name at an offset of the message.
fn record(owner: u16, kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let mut out = (0xc000 | owner).to_be_bytes().to_vec();
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&IN.to_be_bytes());
    out.extend_from_slice(&ttl.to_be_bytes());
    out.extend_from_slice(&(data.len() as u16).to_be_bytes());
    out.extend_from_slice(data);
    out
}

/// An answer with this second half of the flags and these records.
fn answer(id: u16, kind: u16, flags: [u8; 2], records: &[Vec<u8>]) -> Vec<u8> {
    let mut out = id.to_be_bytes().to_vec();
    out.extend_from_slice(&flags);
    out.extend_from_slice(&[0, 1, 0, records.len() as u8, 0, 0, 0, 0]);
    out.extend_from_slice(NAME);
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&IN.to_be_bytes());
    records.iter().for_each(|record| out.extend_from_slice(record));
    out
}

fn asked(kind: u16) -> Vec<u8> {
    question("FW.example.", kind).unwrap()
}

fn said(reply: Option<Reply>) -> Option<(Vec<String>, Option<u64>)> {
    let reply = reply?;
    let addresses = reply.addresses.iter().map(ToString::to_string).collect();
    Some((addresses, reply.ttl.map(|ttl| ttl.as_secs())))
}

#[test]
fn addresses_are_taken_with_the_shortest_time() {
    let one = record(12, A, 300, &[192, 0, 2, 1]);
    let two = record(12, A, 60, &[192, 0, 2, 2]);
    let of = |records: &[Vec<u8>]| said(read(&answer(7, A, [0x81, 0x80], records), 7, &asked(A)));
    assert_eq!(of(&[one.clone(), two]), Some((vec!["192.0.2.1".into(), "192.0.2.2".into()], Some(60))));
    assert_eq!(of(&[]), Some((Vec::new(), None)));
    // Of another name, class or kind: not what was asked for. Here the name is that without its first label.
    assert_eq!(
        of(&[record(15, A, 9, &[192, 0, 2, 9]), one.clone()]),
        Some((vec!["192.0.2.1".into()], Some(300)))
    );
    let mut chaos = one.clone();
    chaos[5] = 3;
    assert_eq!(of(&[chaos]), Some((Vec::new(), None)));
    let six = record(12, AAAA, 20, &Ipv6Addr::LOCALHOST.octets());
    assert_eq!(of(std::slice::from_ref(&six)), Some((Vec::new(), None)));
    let six = said(read(&answer(7, AAAA, [0x81, 0x80], &[six]), 7, &asked(AAAA)));
    assert_eq!(six, Some((vec!["::1".into()], Some(20))));
}

#[test]
fn another_name_is_followed() {
    // www.example, and its address under that name.
    let other = record(12, CNAME, 30, b"\x03www\xc0\x0f");
    let at = 12 + asked(A).len() as u16 + 12;
    let address = record(at, A, 90, &[192, 0, 2, 7]);
    let message = answer(7, A, [0x81, 0x80], &[other, address.clone()]);
    assert_eq!(said(read(&message, 7, &asked(A))), Some((vec!["192.0.2.7".into()], Some(30))));
}

#[test]
fn what_was_not_asked_is_no_answer() {
    let good = answer(7, A, [0x81, 0x80], &[record(12, A, 300, &[192, 0, 2, 1])]);
    assert!(read(&good, 8, &asked(A)).is_none(), "another number");
    assert!(read(&good, 7, &asked(AAAA)).is_none(), "another question");
    assert!(read(&good, 7, &question("fx.example", A).unwrap()).is_none(), "another name");
    assert!(read(&answer(7, A, [0x01, 0x80], &[]), 7, &asked(A)).is_none(), "a question");
    assert!(read(&answer(7, A, [0x81, 0x82], &[]), 7, &asked(A)).is_none(), "the server failed");
    assert_eq!(said(read(&answer(7, A, [0x81, 0x83], &[]), 7, &asked(A))), Some((Vec::new(), None)));
    assert!(read(&answer(7, A, [0x83, 0x80], &[]), 7, &asked(A)).is_some_and(|reply| reply.truncated));
    let circle = answer(7, A, [0x81, 0x80], &[record(29, A, 1, &[1, 1, 1, 1])]);
    assert_eq!(said(read(&circle, 7, &asked(A))), Some((Vec::new(), None)), "a name that points at itself");
}

#[test]
fn names_that_are_none_are_not_asked_for() {
    for name in ["", ".", "a..b", &"x".repeat(64), &"abcdefg.".repeat(32)] {
        assert_eq!(question(name, A), None, "{name}");
    }
    assert_eq!(asked(A)[..NAME.len()], *NAME);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]
    #[test]
    fn whatever_arrives_is_read_to_an_end(
        tail in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..260, counts in any::<[u8; 6]>()
    ) {
        let mut message = answer(7, A, [0x81, 0x80], &[tail]);
        message[6..12].copy_from_slice(&counts);
        message.truncate(cut);
        let _ = read(&message, 7, &asked(A));
        let _ = name_at(&message, cut.min(message.len()));
    }
}

/// A server that answers every question with an address of this last octet after it let `silent` go unanswered.
fn server(octet: u8, silent: usize) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        for n in 0.. {
            let Ok((length, from)) = socket.recv_from(&mut buffer) else { return };
            let id = word(&buffer, 0).unwrap();
            let kind = word(&buffer, length - 4).unwrap();
            let records = if kind == A { vec![record(12, A, 77, &[192, 0, 2, octet])] } else { Vec::new() };
            let flags = if n < silent { [0x81, 0x82] } else { [0x81, 0x80] };
            // A forgery first: it is not taken.
            let _ = socket.send_to(&answer(id ^ 1, kind, [0x81, 0x80], &[record(12, A, 1, &[6; 4])]), from);
            let _ = socket.send_to(&answer(id, kind, flags, &records), from);
        }
    });
    at
}

#[test]
fn the_first_server_that_answers_is_believed() {
    let broken = server(1, usize::MAX);
    let good = server(2, 0);
    let Answer::Addresses { list, ttl } = ask_at("fw.example", &[broken, good]) else {
        panic!("no addresses")
    };
    assert_eq!((list, ttl), (vec![IpAddr::from([192, 0, 2, 2])], Some(Duration::from_secs(77))));
    assert_eq!(ask_at("fw.example", &[broken]), Answer::Failed);
    assert_eq!(ask_at("fw.example", &[]), Answer::Failed);
}

/// A server whose answers are too long for UDP: they say so, and are whole over TCP. `addresses` records of the name.
fn long_winded(addresses: u8) -> SocketAddr {
    // One number of both protocols.
    let both = || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").ok()?;
        let at = listener.local_addr().ok()?;
        Some((listener, UdpSocket::bind(at).ok()?, at))
    };
    let (listener, socket, at) = (0..100).find_map(|_| both()).unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let (id, kind) = (word(&buffer, 0).unwrap(), word(&buffer, length - 4).unwrap());
            let _ = socket.send_to(&answer(id, kind, [0x83, 0x80], &[]), from);
            let Ok((mut stream, _)) = listener.accept() else { return };
            let mut asked = vec![0; 2 + length];
            stream.read_exact(&mut asked).unwrap();
            assert_eq!(asked[2..], buffer[..length], "the same question");
            let records: Vec<_> = match kind {
                A => (0..addresses).map(|n| record(12, A, 60, &[192, 0, 2, n])).collect(),
                _ => Vec::new(),
            };
            let whole = answer(word(&asked, 2).unwrap(), kind, [0x81, 0x80], &records);
            let mut message = (whole.len() as u16).to_be_bytes().to_vec();
            message.extend_from_slice(&whole);
            // In two pieces, as TCP may bring them.
            stream.write_all(&message[..9]).unwrap();
            stream.write_all(&message[9..]).unwrap();
        }
    });
    at
}

#[test]
fn an_answer_cut_short_is_asked_for_over_tcp() {
    let Answer::Addresses { list, ttl } = ask_at("fw.example", &[long_winded(60)]) else {
        panic!("no addresses")
    };
    assert_eq!((list.len(), ttl), (60, Some(Duration::from_secs(60))));
    assert_eq!(list[59], IpAddr::from([192, 0, 2, 59]));
}
