//! ICMP errors through NAT within one family, IPv4 and IPv6 alike, judged by the oracle.

mod oracle;

use oracle::{Read, read, run, verified};
use ravelin_translate::{Ends, Ports, Refused, rewrite_error};
use ravelin_types::{Addr, Family};
use ravelin_wire::build::{self, Ip, Payload};
use ravelin_wire::put_u16;

const ROUTER4: [u8; 4] = [198, 51, 100, 1];
const SERVER4: [u8; 4] = [203, 0, 113, 80];
/// The client as the outside sees it, and its port there.
const POOL4: [u8; 4] = [192, 0, 2, 7];
const POOL_PORT: u16 = 2048;
const CLIENT_PORT: u16 = 40_000;
const NAT_OUT: Ports = Ports::Both { src: CLIENT_PORT, dst: 80 };

fn v6(text: &str) -> Addr {
    Addr::v6(text.parse::<std::net::Ipv6Addr>().unwrap().octets())
}

const INSIDE: [u8; 4] = [10, 0, 0, 5];

/// The four corners of NAT within a family: inside and outside, of the client, and the server.
struct Nat {
    inside: Addr,
    outside: Addr,
    server: Addr,
    router: Addr,
    family: Family,
}

fn nats() -> [Nat; 2] {
    let four = |a| Addr::v4(a);
    [
        Nat {
            inside: four(INSIDE),
            outside: four(POOL4),
            server: four(SERVER4),
            router: four(ROUTER4),
            family: Family::V4,
        },
        Nat {
            inside: v6("fd00::5"),
            outside: v6("2001:db8:1::7"),
            server: v6("2001:db8:2::80"),
            router: v6("2001:db8:3::1"),
            family: Family::V6,
        },
    ]
}

impl Nat {
    fn datagram(&self, src: Addr, dst: Addr, payload: &Payload) -> Vec<u8> {
        build::datagram(&Ip { ttl: 1, ..Ip::new(self.family, src, dst) }, payload)
    }

    fn error(&self, src: Addr, dst: Addr, quote: &[u8]) -> Vec<u8> {
        let kind = if self.family == Family::V4 { 3 } else { 1 };
        let ip = Ip::new(self.family, src, dst);
        build::datagram(&ip, &Payload::icmp(self.family, kind, 3, 0, quote))
    }

    /// From a router outside about what the client sent.
    fn inward(&self, quote: &[u8], ports: Ports) -> Result<Vec<u8>, Refused> {
        let error = self.error(self.router, self.outside, quote);
        let quoted = Ends { src: self.inside, dst: self.server, ports };
        run(&error, |d| rewrite_error(d, self.family, (self.router, self.inside), &quoted))
    }

    /// From the client about what the server sent.
    fn outward(&self, quote: &[u8], ports: Ports) -> Result<Vec<u8>, Refused> {
        let error = self.error(self.inside, self.server, quote);
        let quoted = Ends { src: self.server, dst: self.outside, ports };
        run(&error, |d| rewrite_error(d, self.family, (self.outside, self.server), &quoted))
    }
}

/// Payloads by the client's port or identifier and the direction.
fn flows(port: u16, family: Family, from_client: bool) -> Vec<Payload> {
    let (src, dst) = if from_client { (port, 80) } else { (80, port) };
    let echo = match (family, from_client) {
        (Family::V4, true) => 8,
        (Family::V4, false) => 0,
        (Family::V6, true) => 128,
        (Family::V6, false) => 129,
    };
    vec![
        Payload::tcp_segment(src, dst, 0x18, 7, 8, b"some data"),
        Payload::udp(src, dst, b"some data"),
        Payload::icmp(family, echo, 0, u32::from(port) << 16 | 1, b"some data"),
    ]
}

// Proves: rfc3022-8.
#[test]
fn an_error_from_outside_quotes_what_the_client_sent() {
    for nat in nats() {
        for (outside, inside) in
            flows(POOL_PORT, nat.family, true).iter().zip(flows(CLIENT_PORT, nat.family, true))
        {
            let icmp = matches!(inside.proto.0, 1 | 58);
            let ports = if icmp { Ports::Identifier(CLIENT_PORT) } else { NAT_OUT };
            let out = nat.inward(&nat.datagram(nat.outside, nat.server, outside), ports).unwrap();
            let expected = nat.error(nat.router, nat.inside, &nat.datagram(nat.inside, nat.server, &inside));
            assert_eq!(out, expected);
        }
    }
}

// Proves: rfc3022-8.
#[test]
fn an_error_from_inside_quotes_what_the_server_sent() {
    for nat in nats() {
        for (inside, outside) in
            flows(CLIENT_PORT, nat.family, false).iter().zip(flows(POOL_PORT, nat.family, false))
        {
            let icmp = matches!(inside.proto.0, 1 | 58);
            let both = Ports::Both { src: 80, dst: POOL_PORT };
            let ports = if icmp { Ports::Identifier(POOL_PORT) } else { both };
            let out = nat.outward(&nat.datagram(nat.server, nat.inside, inside), ports).unwrap();
            let expected =
                nat.error(nat.outside, nat.server, &nat.datagram(nat.server, nat.outside, &outside));
            assert_eq!(out, expected);
        }
    }
}

// Proves: rfc5508-3.
/// Whatever a quote leaves out, what it holds is rewritten and the message's checksum holds.
#[test]
fn a_cut_quote_is_rewritten_as_far_as_it_goes() {
    for nat in nats() {
        let header = if nat.family == Family::V4 { 20 } else { 40 };
        for (outside, inside) in
            flows(POOL_PORT, nat.family, true).iter().zip(flows(CLIENT_PORT, nat.family, true))
        {
            let icmp = matches!(inside.proto.0, 1 | 58);
            let ports = if icmp { Ports::Identifier(CLIENT_PORT) } else { NAT_OUT };
            let quote = nat.datagram(nat.outside, nat.server, outside);
            let expected = nat.datagram(nat.inside, nat.server, &inside);
            for len in 0..=quote.len() {
                match nat.inward(&quote[..len], ports) {
                    Err(refused) => {
                        assert!(len < header + usize::from(icmp), "{len}: {refused:?}");
                    }
                    Ok(out) => {
                        let got = verified(&out).quote().to_vec();
                        // Half a word is left as it is, and with it the checksum; so is that of an echo
                        // whose identifier is not there.
                        let known = match len {
                            len if icmp && len < header + 6 => len.min(header + 2),
                            len if len < quote.len() => len & !1,
                            len => len,
                        };
                        assert_eq!(got[..known], expected[..known], "{len}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_quoted_udp_packet_without_checksum_stays_without() {
    let [nat, _] = nats();
    let mut quote = nat.datagram(nat.outside, nat.server, &Payload::udp(POOL_PORT, 80, b"data"));
    put_u16(&mut quote, 26, 0);
    let out = verified(&nat.inward(&quote, NAT_OUT).unwrap());
    let inner = read(out.quote(), false);
    assert_eq!(inner.payload[..4], [0x9c, 0x40, 0, 80]);
    assert_eq!(inner.payload[6..8], [0, 0]);
}

#[test]
fn a_quoted_later_part_has_no_ports_to_write() {
    let [nat, _] = nats();
    let ip = Ip { fragment: 100, ..Ip::new(Family::V4, nat.outside, nat.server) };
    let quote = build::datagram(&ip, &Payload::udp(1, 2, b"these are no ports"));
    let out = verified(&nat.inward(&quote, NAT_OUT).unwrap());
    let inner: Read = read(out.quote(), false);
    assert_eq!(inner.payload, quote[20..]);
    assert_eq!(inner.src, INSIDE);
}

#[test]
fn padding_behind_an_error_is_no_part_of_it() {
    let [nat, _] = nats();
    let quote = nat.datagram(nat.outside, nat.server, &Payload::udp(POOL_PORT, 80, b""));
    let mut error = nat.error(nat.router, nat.outside, &quote);
    let expected = nat.error(
        nat.router,
        nat.inside,
        &nat.datagram(nat.inside, nat.server, &Payload::udp(CLIENT_PORT, 80, b"")),
    );
    error.extend_from_slice(&[0xee; 6]);
    let quoted = Ends { src: nat.inside, dst: nat.server, ports: NAT_OUT };
    let out = run(&error, |d| rewrite_error(d, Family::V4, (nat.router, nat.inside), &quoted)).unwrap();
    assert_eq!(out, expected);
}

/// A routing header that is not used up bars a packet from the other family, not from its own.
#[test]
fn a_quoted_routing_header_is_walked_over() {
    let [_, nat] = nats();
    let with = |src, port| {
        let ip = Ip { ttl: 1, ..Ip::new(Family::V6, src, nat.server) }.with_extensions(1);
        let mut quote = build::datagram(&ip, &Payload::udp(port, 80, b"data"));
        (quote[6], quote[43]) = (43, 2);
        quote
    };
    let out = nat.inward(&with(nat.outside, POOL_PORT), NAT_OUT).unwrap();
    assert_eq!(out, nat.error(nat.router, nat.inside, &with(nat.inside, CLIENT_PORT)));
}
