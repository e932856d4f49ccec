//! Gateways: FTP, TFTP and DNS through every kind of NAT, and what they must not let through. Spec: alg-1..15.

use std::net::SocketAddr;
use std::time::Duration;

use crate::kit::{A, Ground, R, S, Side, Tcp, datagram, tcp};
use ravelin_conformance::bench::Setup;
use ravelin_contract::CloseReason;
use ravelin_engine::Checksum;
use ravelin_types::DropReason;

pub const OUTSIDE: Side = Side { port: "ge-0/0/1", host: "198.51.100.2" };
pub const INSIDE: Side = Side { port: "ge-0/0/0", host: "10.1.0.2" };
const C: u32 = 1000;
const V: u32 = 500_000;

/// Clients inside may reach servers outside, by FTP alone.
pub const OUT: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/0 unit 0 family inet6 address 2001:db8:1::1/64
set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24
set interfaces ge-0/0/1 unit 0 family inet6 address 2001:db8:2::1/64
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set security policies from-zone trust to-zone untrust policy ftp match source-address any destination-address any application junos-ftp
set security policies from-zone trust to-zone untrust policy ftp match application junos-tftp
set security policies from-zone trust to-zone untrust policy ftp match application junos-dns-udp
set security policies from-zone trust to-zone untrust policy ftp then permit
";
pub const SNAT: &str = "\
set security nat source rule-set rs from zone trust
set security nat source rule-set rs to zone untrust
set security nat source rule-set rs rule r1 match source-address 0.0.0.0/0
set security nat source rule-set rs rule r1 then source-nat interface
";
/// Clients outside may reach a server inside, under another address.
const IN: &str = "\
set security policies from-zone untrust to-zone trust policy in match source-address any destination-address any application junos-ftp
set security policies from-zone untrust to-zone trust policy in match application junos-tftp
set security policies from-zone untrust to-zone trust policy in match application junos-dns-udp
set security policies from-zone untrust to-zone trust policy in then permit
set security nat static rule-set st from zone untrust
set security nat static rule-set st rule one match destination-address 203.0.113.2/32
set security nat static rule-set st rule one then static-nat prefix 10.1.0.2/32
";

/// A control connection: the client's side and name, the server as it is asked for, the two as the server knows them.
pub struct Control {
    client: (&'static Side, SocketAddr),
    asked: SocketAddr,
    server: (&'static Side, SocketAddr),
    known: SocketAddr,
    /// Bytes said so far, as each side counts its own and is told of the other's.
    sent: [u32; 2],
    told: [u32; 2],
}

fn one(left: Vec<(String, Tcp)>) -> Tcp {
    assert_eq!(left.len(), 1, "{left:?}");
    left[0].1.clone()
}

pub fn connect(ground: &mut Ground, from_inside: bool, client: &str, asked: &str) -> Control {
    let (near, far) = if from_inside { (&INSIDE, &OUTSIDE) } else { (&OUTSIDE, &INSIDE) };
    let asks = one(ground.send(near, &tcp(client, asked, S, C, 0)));
    let answer = Tcp { src: asks.dst, dst: asks.src, ..tcp(client, asked, S | A, V, C + 1) };
    assert_eq!(one(ground.send(far, &answer)).ack, C + 1);
    assert_eq!(one(ground.send(near, &tcp(client, asked, A, C + 1, V + 1))).ack, V + 1);
    let (client, asked) = (client.parse().unwrap(), asked.parse().unwrap());
    Control {
        client: (near, client),
        asked,
        server: (far, asks.dst),
        known: asks.src,
        sent: [C + 1, V + 1],
        told: [C + 1, V + 1],
    }
}

impl Control {
    fn segment(&self, wing: usize, text: &str) -> Tcp {
        let (src, dst) = if wing == 0 { (self.client.1, self.asked) } else { (self.server.1, self.known) };
        let (seq, ack) = (self.sent[wing], self.told[1 - wing]);
        Tcp { src, dst, flags: A, seq, ack, window: 1000, options: vec![], data: text.into() }
    }

    fn side(&self, wing: usize) -> &'static Side {
        if wing == 0 { self.client.0 } else { self.server.0 }
    }

    /// Says a line; what the other end reads, its number right.
    pub fn says(&mut self, ground: &mut Ground, wing: usize, text: &str) -> String {
        let said = self.segment(wing, text);
        let heard = one(ground.send(self.side(wing), &said));
        assert_eq!((heard.seq, heard.ack), (self.told[wing], self.sent[1 - wing]), "{text:?}");
        // Sent again, it is changed in the same way.
        assert_eq!(one(ground.send(self.side(wing), &said)), heard);
        self.sent[wing] += said.data.len() as u32;
        self.told[wing] += heard.data.len() as u32;
        String::from_utf8(heard.data).unwrap()
    }
}

/// The address and port in a line of six numbers.
pub fn octets(line: &str) -> SocketAddr {
    let digits: String = line[4..].chars().filter(|c| c.is_ascii_digit() || *c == ',').collect();
    let n: Vec<u16> = digits.split(',').map(|n| n.parse().unwrap()).collect();
    SocketAddr::from(([n[0] as u8, n[1] as u8, n[2] as u8, n[3] as u8], n[4] << 8 | n[5]))
}

pub fn line(verb: &str, addr: &str) -> String {
    let addr: std::net::SocketAddrV4 = addr.parse().unwrap();
    let [a, b, c, d] = addr.ip().octets();
    format!("{verb}{a},{b},{c},{d},{},{}", addr.port() >> 8, addr.port() & 255)
}

/// A data connection, there and back; what its two ends are called where it arrives.
pub fn data(
    ground: &mut Ground,
    from: (&Side, SocketAddr),
    to: SocketAddr,
    back: &Side,
) -> (SocketAddr, SocketAddr) {
    let ask = Tcp { src: from.1, dst: to, ..tcp("1.1.1.1:1", "1.1.1.1:1", S, 5, 0) };
    let heard = one(ground.send(from.0, &ask));
    let answer = Tcp { src: heard.dst, dst: heard.src, ..tcp("1.1.1.1:1", "1.1.1.1:1", S | A, 9, 6) };
    let answered = one(ground.send(back, &answer));
    assert_eq!((answered.src, answered.dst), (to, from.1));
    (heard.src, heard.dst)
}

pub fn setups() -> impl Iterator<Item = Setup> {
    let sums = [Checksum::Unverified, Checksum::Unknown];
    sums.into_iter().flat_map(|checksum| {
        [1, 2, 5].map(|workers| Setup { workers: Some(workers), checksum, ..Setup::default() })
    })
}

// Proves: rfc3022-9.
#[test]
fn active_ftp_through_source_nat() {
    for setup in setups() {
        let mut ground = Ground::new(&[OUT, SNAT].concat(), setup);
        let mut control = connect(&mut ground, true, "10.1.0.2:40000", "198.51.100.2:21");
        assert_eq!(control.says(&mut ground, 1, "220 ready\r\n"), "220 ready\r\n");
        for port in [5000, 1025, 65535] {
            let heard = control.says(&mut ground, 0, &(line("PORT ", &format!("10.1.0.2:{port}")) + "\r\n"));
            let shown = octets(&heard);
            assert_eq!(shown.ip(), control.known.ip(), "{heard}");
            assert!(heard.starts_with("PORT 198,51,100,1,") && heard.ends_with("\r\n"), "{heard:?}");
            assert_eq!(control.says(&mut ground, 1, "200 ok\r\n"), "200 ok\r\n");
            let server: SocketAddr = "198.51.100.2:20".parse().unwrap();
            let ends = data(&mut ground, (&OUTSIDE, server), shown, &INSIDE);
            assert_eq!(ends, (server, ([10, 1, 0, 2], port).into()));
        }
        let heard = control.says(&mut ground, 0, "EPRT |1|10.1.0.2|6000|\r\n");
        let port: u16 =
            heard.trim_start_matches("EPRT |1|198.51.100.1|").trim_end_matches("|\r\n").parse().unwrap();
        let server: SocketAddr = "198.51.100.2:20".parse().unwrap();
        let ends = data(&mut ground, (&OUTSIDE, server), ([198, 51, 100, 1], port).into(), &INSIDE);
        assert_eq!(ends.1, ([10, 1, 0, 2], 6000).into());
        assert_eq!(ground.sessions(), 5);
    }
}

// Proves: rfc3022-9.
#[test]
fn passive_ftp_through_source_nat_and_without_nat() {
    for setup in setups() {
        for nat in [SNAT, ""] {
            let mut ground = Ground::new(&[OUT, nat].concat(), setup);
            let mut control = connect(&mut ground, true, "10.1.0.2:40000", "198.51.100.2:21");
            let said = line("227 Entering Passive Mode (", "198.51.100.2:7001") + ")\r\n";
            assert_eq!(control.says(&mut ground, 1, &said), said);
            let client: SocketAddr = "10.1.0.2:40001".parse().unwrap();
            let ends = data(&mut ground, (&INSIDE, client), "198.51.100.2:7001".parse().unwrap(), &OUTSIDE);
            assert_eq!(ends.0.ip(), control.known.ip());
            let said = "229 Entering Extended Passive Mode (|||7002|)\r\n";
            assert_eq!(control.says(&mut ground, 1, said), said);
            data(&mut ground, (&INSIDE, client), "198.51.100.2:7002".parse().unwrap(), &OUTSIDE);
            assert_eq!(ground.sessions(), 3);
        }
    }
}

/// The server's address by destination NAT.
const BY_DESTINATION: &str = "\
set security nat destination pool server address 10.1.0.2/32
set security nat destination rule-set st from zone untrust
set security nat destination rule-set st rule one match destination-address 203.0.113.2/32
set security nat destination rule-set st rule one then destination-nat pool server
";

#[test]
fn ftp_to_a_server_behind_static_or_destination_nat() {
    let (policy, _) = IN.split_once("set security nat").unwrap();
    let by_destination = [OUT, policy, BY_DESTINATION].concat();
    let by_static = [OUT, IN].concat();
    for (setup, config) in
        setups().zip(std::iter::repeat(&by_static)).chain(setups().zip(std::iter::repeat(&by_destination)))
    {
        let mut ground = Ground::new(config, setup);
        let mut control = connect(&mut ground, false, "198.51.100.2:40000", "203.0.113.2:21");
        assert_eq!(control.server.1, "10.1.0.2:21".parse().unwrap());
        let heard =
            control.says(&mut ground, 1, &(line("227 Entering Passive Mode (", "10.1.0.2:7001") + ")\r\n"));
        assert_eq!(heard, "227 Entering Passive Mode (203,0,113,2,27,89)\r\n");
        assert_eq!(control.says(&mut ground, 0, "NOOP\r\n"), "NOOP\r\n");
        let client: SocketAddr = "198.51.100.2:40001".parse().unwrap();
        let ends = data(&mut ground, (&OUTSIDE, client), octets(&heard), &INSIDE);
        assert_eq!(ends, (client, "10.1.0.2:7001".parse().unwrap()));
        // Active: the server's data connection comes from the address that the client asked for.
        let said = line("PORT ", "198.51.100.2:5001") + "\r\n";
        assert_eq!(control.says(&mut ground, 0, &said), said);
        let ends = data(&mut ground, (&INSIDE, "10.1.0.2:20".parse().unwrap()), octets(&said), &OUTSIDE);
        assert_eq!(ends.0, "203.0.113.2:20".parse().unwrap());
    }
}

#[test]
fn ftp_over_ipv6() {
    for setup in setups() {
        let mut ground = Ground::new(OUT, setup);
        let mut control = connect(&mut ground, true, "[2001:db8:1::2]:40000", "[2001:db8:2::2]:21");
        let said = "EPRT |2|2001:db8:1::2|6000|\r\n";
        assert_eq!(control.says(&mut ground, 0, said), said);
        let server: SocketAddr = "[2001:db8:2::2]:20".parse().unwrap();
        data(&mut ground, (&OUTSIDE, server), "[2001:db8:1::2]:6000".parse().unwrap(), &INSIDE);
        assert_eq!(control.says(&mut ground, 1, "229 (|||7002|)\r\n"), "229 (|||7002|)\r\n");
        let client: SocketAddr = "[2001:db8:1::2]:40001".parse().unwrap();
        data(&mut ground, (&INSIDE, client), "[2001:db8:2::2]:7002".parse().unwrap(), &OUTSIDE);
    }
}

/// Nothing opens.
#[track_caller]
pub fn refused(ground: &mut Ground, from: (&Side, &str), to: &str) {
    let sessions = ground.sessions();
    let ask = tcp(from.1, to, S, 5, 0);
    assert_eq!(ground.send(from.0, &ask), []);
    assert_eq!(ground.sessions(), sessions);
}

#[test]
fn an_expected_session_is_claimed_once_by_whom_it_was_meant_for() {
    for setup in setups() {
        let mut ground = Ground::new(OUT, setup);
        let mut control = connect(&mut ground, true, "10.1.0.2:40000", "198.51.100.2:21");
        let said = line("PORT ", "10.1.0.2:5000") + "\r\n";
        refused(&mut ground, (&OUTSIDE, "198.51.100.2:20"), "10.1.0.2:5000");
        assert_eq!(control.says(&mut ground, 0, &said), said);
        refused(&mut ground, (&OUTSIDE, "198.51.100.3:20"), "10.1.0.2:5000");
        refused(&mut ground, (&OUTSIDE, "198.51.100.2:20"), "10.1.0.2:5001");
        refused(&mut ground, (&INSIDE, "198.51.100.2:20"), "10.1.0.2:5000");
        assert_eq!(ground.send(&OUTSIDE, &tcp("198.51.100.2:20", "10.1.0.2:5000", A, 5, 0)), []);
        data(
            &mut ground,
            (&OUTSIDE, "198.51.100.2:33".parse().unwrap()),
            "10.1.0.2:5000".parse().unwrap(),
            &INSIDE,
        );
        refused(&mut ground, (&OUTSIDE, "198.51.100.2:34"), "10.1.0.2:5000");
    }
}

#[test]
fn what_is_expected_goes_with_time_parent_and_commit() {
    for setup in setups() {
        let said = line("PORT ", "10.1.0.2:5000") + "\r\n";
        let expecting = || {
            let mut ground = Ground::new(&[OUT, SNAT].concat(), setup);
            let mut control = connect(&mut ground, true, "10.1.0.2:40000", "198.51.100.2:21");
            let shown = octets(&control.says(&mut ground, 0, &said)).to_string();
            (ground, control, shown)
        };
        let (mut ground, _, shown) = expecting();
        let _ = ground.wait(Duration::from_secs(59));
        assert_eq!(ground.send(&OUTSIDE, &tcp("198.51.100.2:20", &shown, S, 5, 0)).len(), 1);
        let (mut ground, _, shown) = expecting();
        let _ = ground.wait(Duration::from_secs(61));
        refused(&mut ground, (&OUTSIDE, "198.51.100.2:20"), &shown);
        let (mut ground, control, shown) = expecting();
        let reset = Tcp { flags: R, ..control.segment(0, "") };
        assert_eq!(ground.send(&INSIDE, &reset).len(), 1);
        ground.clear();
        refused(&mut ground, (&OUTSIDE, "198.51.100.2:20"), &shown);
        let (mut ground, _, shown) = expecting();
        ground.commit(&OUT.replace("ftp then permit", "ftp then deny"));
        refused(&mut ground, (&OUTSIDE, "198.51.100.2:20"), &shown);
        let (mut ground, _, shown) = expecting();
        data(&mut ground, (&OUTSIDE, "198.51.100.2:20".parse().unwrap()), shown.parse().unwrap(), &INSIDE);
        ground.commit(&[OUT, SNAT, "set system host-name other\n"].concat());
        assert_eq!(
            ground.send(&OUTSIDE, &tcp("198.51.100.2:20", &shown, A, 6, 10)).len(),
            1,
            "a commit of other things"
        );
        ground.commit(&OUT.replace("ftp then permit", "ftp then deny"));
        assert_eq!(
            ground.send(&OUTSIDE, &tcp("198.51.100.2:20", &shown, A, 6, 10)),
            [],
            "the policy is gone"
        );
    }
}

#[test]
fn a_line_that_names_another_host_or_a_service_dies() {
    for (text, wing) in [
        (line("PORT ", "10.1.0.3:5000"), 0),
        (line("PORT ", "10.1.0.2:80"), 0),
        (line("227 (", "198.51.100.3:5000") + ")", 1),
    ] {
        let text = text + "\r\n";
        let mut ground = Ground::new(OUT, Setup::default());
        let control = connect(&mut ground, true, "10.1.0.2:40000", "198.51.100.2:21");
        assert_eq!(ground.send(control.side(wing), &control.segment(wing, &text)), []);
        assert_eq!(ground.dropped(DropReason::AlgAddress), 1, "{text:?}");
        // `allow-mismatch-ip-address`: another host, but no service.
        let mut ground = Ground::new(
            &[OUT, "set security alg ftp allow-mismatch-ip-address\n"].concat(),
            Setup::default(),
        );
        let control = connect(&mut ground, true, "10.1.0.2:40000", "198.51.100.2:21");
        let passes = usize::from(!text.contains(",0,80"));
        assert_eq!(ground.send(control.side(wing), &control.segment(wing, &text)).len(), passes, "{text:?}");
    }
}

// Proves: rfc4787-10, rfc5382-6.
#[test]
fn a_disabled_gateway_looks_at_nothing() {
    let mut ground = Ground::new(&[OUT, SNAT, "set security alg ftp disable\n"].concat(), Setup::default());
    let mut control = connect(&mut ground, true, "10.1.0.2:40000", "198.51.100.2:21");
    let said = line("PORT ", "10.1.0.2:5000") + "\r\n";
    assert_eq!(control.says(&mut ground, 0, &said), said);
    refused(&mut ground, (&OUTSIDE, "198.51.100.2:20"), "198.51.100.1:5000");
}

pub fn udp(src: &str, dst: &str, message: &[u8]) -> Vec<u8> {
    let (src, dst): (SocketAddr, SocketAddr) = (src.parse().unwrap(), dst.parse().unwrap());
    let mut udp = [src.port().to_be_bytes(), dst.port().to_be_bytes()].concat();
    udp.extend((8 + message.len() as u16).to_be_bytes());
    udp.extend([0, 0]);
    udp.extend(message);
    let field = crate::kit::transport_sum(src.ip(), dst.ip(), 17, &udp).to_be_bytes();
    udp[6..8].copy_from_slice(&field);
    datagram(src.ip(), dst.ip(), 17, &udp)
}

/// Ends and message of a UDP datagram in a frame, whose checksum must be right.
pub fn heard(left: Vec<(String, Vec<u8>)>) -> (SocketAddr, SocketAddr, Vec<u8>) {
    assert_eq!(left.len(), 1);
    let ip = &left[0].1[14..];
    let addr = |at: usize| std::net::IpAddr::from(<[u8; 4]>::try_from(&ip[at..at + 4]).unwrap());
    let (src, dst) = (addr(12), addr(16));
    let udp = &ip[20..usize::from(u16::from_be_bytes([ip[2], ip[3]]))];
    let word = |at: usize| u16::from_be_bytes([udp[at], udp[at + 1]]);
    assert_eq!(crate::kit::transport_sum(src, dst, 17, udp), 0);
    ((src, word(0)).into(), (dst, word(2)).into(), udp[8..].to_vec())
}

#[test]
fn tftp_answers_come_from_another_port() {
    for setup in setups() {
        let mut ground = Ground::new(&[OUT, SNAT, IN].concat(), setup);
        let read = [&[0, 1][..], b"file\0octet\0"].concat();
        let asked = heard(ground.send_frame(&INSIDE, udp("10.1.0.2:3000", "198.51.100.2:69", &read)));
        assert_eq!(asked.2, read);
        let to = asked.0.to_string();
        let block = [0, 3, 0, 1, 7, 7];
        assert_eq!(ground.send_frame(&OUTSIDE, udp("198.51.100.3:5555", &to, &block)), []);
        let first = heard(ground.send_frame(&OUTSIDE, udp("198.51.100.2:5555", &to, &block)));
        assert_eq!(
            (first.0, first.1),
            ("198.51.100.2:5555".parse().unwrap(), "10.1.0.2:3000".parse().unwrap())
        );
        let ack = heard(ground.send_frame(&INSIDE, udp("10.1.0.2:3000", "198.51.100.2:5555", &[0, 4, 0, 1])));
        assert_eq!(ack.0, asked.0);
        assert_eq!(ground.send_frame(&OUTSIDE, udp("198.51.100.2:5556", &to, &block)), [], "claimed once");
        assert_eq!(ground.sessions(), 2);
        // A server behind static NAT answers under the address that was asked for.
        let _ = ground.send_frame(&OUTSIDE, udp("198.51.100.2:3000", "203.0.113.2:69", &read));
        let first = heard(ground.send_frame(&INSIDE, udp("10.1.0.2:6666", "198.51.100.2:3000", &block)));
        assert_eq!(first.0, "203.0.113.2:6666".parse().unwrap());
    }
}

/// A query or answer for `a IN A`, with an address when it is an answer.
fn dns(id: u16, addr: Option<[u8; 4]>) -> Vec<u8> {
    let mut out = id.to_be_bytes().to_vec();
    out.extend(if addr.is_some() { [0x81, 0x80] } else { [1, 0] });
    out.extend([0, 1, 0, u8::from(addr.is_some()), 0, 0, 0, 0, 1, b'a', 0, 0, 1, 0, 1]);
    if let Some(addr) = addr {
        out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4]);
        out.extend(addr);
    }
    out
}

#[test]
fn a_dns_session_ends_with_its_last_answer() {
    for setup in setups() {
        let logged =
            "set security policies from-zone trust to-zone untrust policy ftp then log session-close\n";
        let mut ground = Ground::new(&[OUT, logged].concat(), setup);
        let ask = |id| udp("10.1.0.2:3000", "198.51.100.2:53", &dns(id, None));
        let answer = |id| udp("198.51.100.2:53", "10.1.0.2:3000", &dns(id, Some([192, 0, 2, 1])));
        assert_eq!(ground.send_frame(&INSIDE, ask(1)).len(), 1);
        assert_eq!(ground.send_frame(&INSIDE, ask(2)).len(), 1);
        assert_eq!(ground.send_frame(&OUTSIDE, answer(2)).len(), 1);
        assert_eq!(ground.sessions(), 1, "one query is open");
        assert_eq!(ground.send_frame(&OUTSIDE, answer(1)).len(), 1);
        assert_eq!(ground.sessions(), 0);
        assert_eq!(ground.closed(), [CloseReason::ResponseReceived]);
        assert_eq!(ground.send_frame(&OUTSIDE, answer(1)), []);
        // Disabled: as long as any other.
        let mut ground = Ground::new(&[OUT, "set security alg dns disable\n"].concat(), setup);
        assert_eq!(ground.send_frame(&INSIDE, ask(1)).len(), 1);
        assert_eq!(ground.send_frame(&OUTSIDE, answer(1)).len(), 1);
        assert_eq!(ground.sessions(), 1);
    }
}

#[test]
fn oversize_messages_pass_or_die_as_configured() {
    let long = |len: usize| udp("10.1.0.2:3000", "198.51.100.2:53", &vec![1; len]);
    for (text, lens) in [
        ("", vec![(512, 1), (1400, 1)]),
        ("set security alg dns oversize-message-drop\n", vec![(512, 1), (513, 0)]),
        (
            "set security alg dns oversize-message-drop\nset security alg dns maximum-message-length 1000\n",
            vec![(1000, 1), (1001, 0)],
        ),
    ] {
        for (len, passes) in lens {
            let mut ground = Ground::new(&[OUT, text].concat(), Setup::default());
            assert_eq!(ground.send_frame(&INSIDE, long(len)).len(), passes, "{len}");
            assert_eq!(ground.dropped(DropReason::AlgOversize), 1 - passes as u64);
        }
    }
}

// Proves: rfc3022-10.
/// The server of the names is inside, under static NAT, and so is the host that is asked for; or the client is inside.
#[test]
fn answers_show_the_address_that_their_client_can_reach() {
    let (inside, public, other) = ([10, 1, 0, 2], [203, 0, 113, 2], [192, 0, 2, 9]);
    for setup in setups() {
        let mut ground = Ground::new(&[OUT, IN].concat(), setup);
        for (port, addr, shown) in [(3001, inside, public), (3002, other, other), (3003, public, public)] {
            let client = format!("198.51.100.2:{port}");
            assert_eq!(ground.send_frame(&OUTSIDE, udp(&client, "203.0.113.2:53", &dns(1, None))).len(), 1);
            let answer = udp("10.1.0.2:53", &client, &dns(1, Some(addr)));
            assert_eq!(heard(ground.send_frame(&INSIDE, answer)).2, dns(1, Some(shown)));
        }
        for (port, addr, shown) in [(3001, public, inside), (3002, other, other)] {
            let client = format!("10.1.0.7:{port}");
            assert_eq!(ground.send_frame(&INSIDE, udp(&client, "198.51.100.2:53", &dns(1, None))).len(), 1);
            let answer = udp("198.51.100.2:53", &client, &dns(1, Some(addr)));
            assert_eq!(heard(ground.send_frame(&OUTSIDE, answer)).2, dns(1, Some(shown)));
        }
    }
    let mut ground =
        Ground::new(&[OUT, IN, "set security alg dns doctoring none\n"].concat(), Setup::default());
    assert_eq!(ground.send_frame(&OUTSIDE, udp("198.51.100.2:1", "203.0.113.2:53", &dns(1, None))).len(), 1);
    let answer = udp("10.1.0.2:53", "198.51.100.2:1", &dns(1, Some(inside)));
    assert_eq!(heard(ground.send_frame(&INSIDE, answer)).2, dns(1, Some(inside)));
}

#[test]
fn what_one_worker_expects_is_bounded() {
    let mut ground = Ground::new(OUT, Setup { workers: Some(1), sessions: 8192, ..Setup::default() });
    let read = [&[0, 1][..], b"file\0octet\0"].concat();
    for host in 2..4099u32 {
        let client = format!("10.1.{}.{}:3000", host >> 8, host & 255);
        let _ = ground.send_frame(&INSIDE, udp(&client, "198.51.100.2:69", &read));
    }
    assert_eq!(ground.dropped(DropReason::AlgTableFull), 1);
    let _ = ground.wait(Duration::from_secs(130));
    assert_eq!(ground.send_frame(&INSIDE, udp("10.1.0.2:3000", "198.51.100.2:69", &read)).len(), 1);
}
