//! IP options through NAT. Spec: rfc3022-11.

use ravelin_conformance::bench::Setup;

use crate::kit::{Ground, Side};

const OUTSIDE: Side = Side { port: "ge-0/0/1", host: "198.51.100.2" };
const INSIDE: Side = Side { port: "ge-0/0/0", host: "10.1.0.101" };

const CONFIG: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set security policies default-policy permit-all
set security nat static rule-set fix from zone untrust
set security nat static rule-set fix rule one match destination-address 198.51.100.101/32
set security nat static rule-set fix rule one then static-nat prefix 10.1.0.101/32
";

fn frame(hex: &str) -> Vec<u8> {
    let octets = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
    [0; 12].into_iter().chain([8, 0]).chain(octets).collect()
}

/// A route that was recorded (RFC 791 3.1) names 10.1.0.101 on both sides; both checksums are those of the datagram as it leaves.
// Proves: rfc3022-11.
#[test]
fn addresses_in_ip_options_stay_as_they_are() {
    let mut ground = Ground::new(CONFIG, Setup::default());
    let out = [
        "47000028000700004011cf110a010065c63364020707080a0100650003e80035000c025761626364",
        "47000028000700003f11afdec6336465c63364020707080a0100650003e80035000ce22361626364",
    ];
    let back = [
        "47000028000700004011aedec6336402c63364650707080a01006500003503e8000ce22361626364",
        "47000028000700003f11d011c63364020a0100650707080a01006500003503e8000c025761626364",
    ];
    for (side, [came, goes]) in [(&INSIDE, out), (&OUTSIDE, back)] {
        let left = ground.send_frame(side, frame(came));
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].1[14..], frame(goes)[14..]);
    }
    assert_eq!(ground.sessions(), 1);
}
