//! Gateways that an application asks for, and sessions that live for those that they expected. Spec: alg-17, alg-18.

use std::net::SocketAddr;
use std::time::Duration;

use crate::alg::{INSIDE, OUT, OUTSIDE, SNAT, connect, data, heard, line, octets, refused, setups, udp};
use crate::kit::{A, Ground, tcp};
use ravelin_conformance::bench::Setup;

/// FTP on a port of its own, and a service on FTP's that is none.
const OWN: &str = "\
set applications application ftp-2121 application-protocol ftp protocol tcp destination-port 2121
set applications application plain-21 term t alg ignore protocol tcp destination-port 21
set applications application tftp-6969 application-protocol tftp protocol udp destination-port 6969
set security policies from-zone trust to-zone untrust policy own match source-address any destination-address any application ftp-2121
set security policies from-zone trust to-zone untrust policy own match application plain-21
set security policies from-zone trust to-zone untrust policy own match application tftp-6969
set security policies from-zone trust to-zone untrust policy own then permit
";

/// The policies of `OWN` come first.
fn own() -> String {
    [OUT, SNAT, OWN].concat()
        + "insert security policies from-zone trust to-zone untrust policy own before policy ftp\n"
}

const BLOCK: [u8; 6] = [0, 3, 0, 1, 7, 7];

fn read() -> Vec<u8> {
    [&[0, 1][..], b"file\0octet\0"].concat()
}

#[test]
fn ftp_has_its_gateway_on_the_port_that_an_application_names() {
    for setup in setups() {
        let mut ground = Ground::new(&own(), setup);
        let mut control = connect(&mut ground, true, "10.1.0.2:40000", "198.51.100.2:2121");
        let heard = control.says(&mut ground, 0, &(line("PORT ", "10.1.0.2:5000") + "\r\n"));
        assert!(heard.starts_with("PORT 198,51,100,1,"), "{heard:?}");
        let server: SocketAddr = "198.51.100.2:2120".parse().unwrap();
        let ends = data(&mut ground, (&OUTSIDE, server), octets(&heard), &INSIDE);
        assert_eq!(ends, (server, "10.1.0.2:5000".parse().unwrap()));
        let said = line("227 Entering Passive Mode (", "198.51.100.2:7001") + ")\r\n";
        assert_eq!(control.says(&mut ground, 1, &said), said);
        let client: SocketAddr = "10.1.0.2:40001".parse().unwrap();
        data(&mut ground, (&INSIDE, client), "198.51.100.2:7001".parse().unwrap(), &OUTSIDE);
        assert_eq!(ground.sessions(), 3);
    }
}

#[test]
fn an_application_that_ignores_gateways_has_none_on_the_port_of_one() {
    for setup in setups() {
        let mut ground = Ground::new(&own(), setup);
        let mut control = connect(&mut ground, true, "10.1.0.2:40000", "198.51.100.2:21");
        let said = line("PORT ", "10.1.0.2:5000") + "\r\n";
        assert_eq!(control.says(&mut ground, 0, &said), said);
        refused(&mut ground, (&OUTSIDE, "198.51.100.2:20"), "198.51.100.1:5000");
    }
}

#[test]
fn a_tftp_request_lives_as_long_as_its_transfer_and_so_does_its_port() {
    for setup in setups() {
        for port in [69, 6969] {
            let mut ground = Ground::new(&own(), setup);
            let server = format!("198.51.100.2:{port}");
            let asked = heard(ground.send_frame(&INSIDE, udp("10.1.0.2:3000", &server, &read())));
            let to = asked.0.to_string();
            // Blocks come every 20 seconds for 5 minutes: the request itself is silent.
            for _ in 0..15 {
                let got = heard(ground.send_frame(&OUTSIDE, udp("198.51.100.2:5555", &to, &BLOCK)));
                assert_eq!(got.1, "10.1.0.2:3000".parse().unwrap());
                let _ = ground.wait(Duration::from_secs(20));
            }
            assert_eq!(ground.sessions(), 2);
            // Silence ends the transfer, and what was kept for it.
            for _ in 0..10 {
                let _ = ground.wait(Duration::from_secs(20));
            }
            assert_eq!(ground.sessions(), 0);
        }
    }
}

/// Early ageing, too, leaves a silent session alone for one that it expected (tcp-48).
#[test]
fn a_nearly_full_table_ends_no_session_before_those_that_it_expected() {
    // Pressure from the first session on.
    let aging = "set security flow aging early-ageout 10\n\
                 set security flow aging high-watermark 0\n\
                 set security flow aging low-watermark 0\n";
    for setup in setups() {
        // Small, so that the search for silent sessions is soon through it.
        let setup = Setup { sessions: 512, ..setup };
        for (client, server) in [("10.1.0.2", "198.51.100.2"), ("[2001:db8:1::2]", "[2001:db8:2::2]")] {
            let mut ground = Ground::new(&(own() + aging), setup);
            let asked = udp(&format!("{client}:3000"), &format!("{server}:69"), &read());
            let sent = ground.send_frame(&INSIDE, asked);
            let own = format!("{client}:3000");
            let to = if client.starts_with('[') { own } else { heard(sent).0.to_string() };
            for _ in 0..6 {
                let block = udp(&format!("{server}:5555"), &to, &BLOCK);
                assert_eq!(ground.send_frame(&OUTSIDE, block).len(), 1, "{client}");
                let _ = ground.wait(Duration::from_secs(5));
            }
            assert_eq!(ground.sessions(), 2, "{client}");
            for _ in 0..40 {
                let _ = ground.wait(Duration::from_secs(5));
            }
            assert_eq!(ground.sessions(), 0, "{client}");
        }
    }
}

/// A control connection says nothing while a file is on its way: it lives as long as that, and no longer (alg-18, tcp-48).
#[test]
fn a_nearly_full_table_ends_no_control_connection_before_its_transfer() {
    let aging = "set security flow aging early-ageout 10\n\
                 set security flow aging high-watermark 0\n\
                 set security flow aging low-watermark 0\n";
    for setup in setups() {
        let setup = Setup { sessions: 512, ..setup };
        let mut ground = Ground::new(&[OUT, SNAT, aging].concat(), setup);
        let mut control = connect(&mut ground, true, "10.1.0.2:40000", "198.51.100.2:21");
        let said = line("227 Entering Passive Mode (", "198.51.100.2:7001") + ")\r\n";
        assert_eq!(control.says(&mut ground, 1, &said), said);
        let (client, server) = ("10.1.0.2:40001", "198.51.100.2:7001");
        data(&mut ground, (&INSIDE, client.parse().unwrap()), server.parse().unwrap(), &OUTSIDE);
        for _ in 0..6 {
            assert_eq!(ground.send(&INSIDE, &tcp(client, server, A, 6, 10)).len(), 1);
            let _ = ground.wait(Duration::from_secs(5));
        }
        assert_eq!(ground.sessions(), 2);
        // What was kept for it is still right.
        assert_eq!(control.says(&mut ground, 1, "226 Transfer complete\r\n"), "226 Transfer complete\r\n");
        for _ in 0..40 {
            let _ = ground.wait(Duration::from_secs(5));
        }
        assert_eq!(ground.sessions(), 0);
    }
}
