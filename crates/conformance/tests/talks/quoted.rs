//! ICMP errors about segments of conversations whose handshakes the firewall made. Spec: icmp-errors-14.

use std::net::{IpAddr, SocketAddr};

use ravelin_conformance::bench::Setup;

use crate::handshake::{BASE, C, DNAT, FLOOD, INSIDE, NATTED, OUTSIDE, PLAIN, SIX, V, connected, flooded};
use crate::kit::{A, Tcp, datagram, sum, transport_sum};

/// "Too big" about a datagram, and where in the frame its quote begins.
fn too_big(src: IpAddr, dst: IpAddr, quote: &[u8]) -> Vec<u8> {
    let (proto, head): (u8, [u8; 8]) = match src {
        IpAddr::V4(_) => (1, [3, 4, 0, 0, 0, 0, 5, 0]),
        IpAddr::V6(_) => (58, [2, 0, 0, 0, 0, 0, 5, 0]),
    };
    let mut message = [&head[..], quote].concat();
    let field = if proto == 1 { sum(&[&message]) } else { transport_sum(src, dst, proto, &message) };
    message[2..4].copy_from_slice(&field.to_be_bytes());
    datagram(src, dst, proto, &message)
}

#[test]
fn an_error_about_a_spliced_segment_quotes_the_servers_number() {
    for (names, more) in [(PLAIN, ""), (NATTED, DNAT), (SIX, "")] {
        let mut ground =
            flooded(&[BASE, FLOOD, more].concat(), Setup { workers: Some(2), ..Setup::default() }, names);
        let (cookie, _) = connected(&mut ground, names);
        let said = Tcp { data: b"longer than the way".to_vec(), ..names.answer(A, V + 1, C.wrapping_add(1)) };
        let left = ground.send_frame(&INSIDE, said.frame());
        let heard = &left[0].1[14..];
        assert_eq!(Tcp::read(&left[0].1).seq, cookie.wrapping_add(1));
        let (client, asked): (SocketAddr, SocketAddr) =
            (names.client.parse().unwrap(), names.asked.parse().unwrap());
        let header = if client.is_ipv4() { 20 } else { 40 };
        // All of it, as much as RFC 792 demands, and less than the number.
        for len in [heard.len(), header + 8, header + 4] {
            let frame = too_big(client.ip(), asked.ip(), &heard[..len]);
            let left = ground.send_frame(&OUTSIDE, frame);
            if len == header + 4 && left.is_empty() {
                continue;
            }
            assert_eq!((left.len(), &left[0].0[..]), (1, "ge-0/0/0"), "{len} bytes of {names:?}");
            let error = &left[0].1[14..];
            let (message, quote) = (&error[header..], &error[header + 8..]);
            let server: SocketAddr = names.server.parse().unwrap();
            let right = match client.ip() {
                IpAddr::V4(_) => sum(&[message]) == 0,
                IpAddr::V6(_) => transport_sum(client.ip(), server.ip(), 58, message) == 0,
            };
            assert!(right, "the checksum over {message:x?}");
            if len < header + 8 {
                continue;
            }
            let number = quote[header + 4..header + 8].try_into().unwrap();
            assert_eq!(u32::from_be_bytes(number), V + 1, "{len} bytes of {names:?}");
            if len == heard.len() {
                // Its own checksum holds, and it is the server's segment but for what windows and clocks are told in.
                let quoted = Tcp::read(&[&left[0].1[..14], quote].concat());
                assert_eq!((quoted.src, quoted.dst, &quoted.data), (server, client, &said.data));
            }
        }
    }
}
