//! Jumbo frames: as long as both links take, cut or refused where the next one does not (flow-20).

use ravelin_compile::{IdBook, Resolved, compile, routes};
use ravelin_contract::DataPlane;
use ravelin_engine::{Ingress, Verdict};
use ravelin_model::load;
use ravelin_sim::{SimSetup, SimWorkers};
use ravelin_types::{DropReason, Generation};
use ravelin_wire::build::{self, Ip, Payload};

const CONFIG: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/0 unit 0 family inet6 address 2001:db8:1::1/64
set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24
set interfaces ge-0/0/1 unit 0 family inet6 address 2001:db8:2::1/64
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set security policies default-policy permit-all
set security nat source rule-set out from zone trust
set security nat source rule-set out to zone untrust
set security nat source rule-set out rule r match source-address 10.1.0.0/25
set security nat source rule-set out rule r then source-nat interface
";
const DONT_FRAGMENT: u16 = 0x4000;

/// What becomes of a datagram of this many bytes that comes by a link of 9000 and goes by one of `mtu`: frames that leave, and why
/// it is dropped.
fn sent(ip: &Ip, headers: u16, len: u16, mtu: u16) -> (Vec<usize>, Option<DropReason>) {
    let valid = load(CONFIG).result.unwrap_or_else(|errors| panic!("{errors:?}"));
    let mut resolved = Resolved::virtual_ports(&valid);
    for (name, port) in &mut resolved.0 {
        port.mtu = if name == "ge-0/0/1" { mtu } else { 9000 };
    }
    let mut book = IdBook::default();
    let program = compile(&valid, &resolved, &mut book, Generation(1)).unwrap();
    let plane = SimWorkers::plane(SimSetup { workers: 2, ..SimSetup::default() });
    plane.apply_config(&program).unwrap();
    plane.updates().apply(&routes(&valid, &book)).unwrap();
    let port = plane.rules().unwrap().ports().find(|port| port.name == "ge-0/0/0").unwrap().id;
    let data = vec![7; usize::from(len - headers)];
    let frame = build::frame(ip, &Payload::udp(1000, 53, &data));
    assert_eq!(frame.len(), 14 + usize::from(len));
    let (verdicts, sent, _) = plane.workers().run_batch(&[(Ingress::Port(port), &frame)]);
    let reason = match verdicts[0] {
        Verdict::Drop(reason) => Some(reason),
        _ => None,
    };
    (sent.iter().map(|sent| sent.frame.len() - 14).collect(), reason)
}

#[test]
fn jumbo_frames_pass_are_cut_or_refused() {
    let v4 = Ip { id: 7, ..Ip::v4([10, 1, 0, 200], [198, 51, 100, 2]) };
    let translated = Ip { id: 7, ..Ip::v4([10, 1, 0, 2], [198, 51, 100, 2]) };
    let v6 = Ip::v6("2001:db8:1::2", "2001:db8:2::2");
    for ip in [&v4, &translated] {
        assert_eq!(sent(ip, 28, 9000, 9000), (vec![9000], None));
        // 8980 bytes in pieces of 1480.
        assert_eq!(sent(ip, 28, 9000, 1500), (vec![1500, 1500, 1500, 1500, 1500, 1500, 120], None));
        let whole = Ip { fragment: DONT_FRAGMENT, ..ip.clone() };
        assert_eq!(sent(&whole, 28, 9000, 9000), (vec![9000], None));
        // The answer quotes as much as makes 576 bytes (RFC 1812 4.3.2.3).
        let (answers, reason) = sent(&whole, 28, 9000, 1500);
        assert_eq!((answers.len(), reason), (1, Some(DropReason::PacketTooBig)));
        assert!(answers[0] <= 576, "{answers:?}");
    }
    assert_eq!(sent(&v6, 48, 9000, 9000), (vec![9000], None));
    let (answers, reason) = sent(&v6, 48, 9000, 1500);
    assert_eq!((answers.len(), reason), (1, Some(DropReason::PacketTooBig)));
    assert!(answers[0] <= 1280, "{answers:?}");
}
