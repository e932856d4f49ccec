//! Two nodes of which one has the inside and the other the outside: what passes between them over a fabric link.
//!
//! Spec: contract-25..29.

use std::path::Path;
use std::time::Duration;

use ravelin_conformance::bench::{Arrival, Bench, Due, Place, Setup, Simulator, neighbour_mac};
use ravelin_conformance::case::{Case, run};
use ravelin_contract::{
    DeltaCursor, Error, FabricForwarding, FabricId, LinkUpdate, Renumber, SessionStore, UpdateBatch,
};
use ravelin_types::{DropReason, Family, GroupId, Mac, Proto};
use ravelin_wire::build::{self, Ip, Payload};
use ravelin_wire::{L4, Network, TcpFlags, parse};

const INSIDE: GroupId = GroupId(1);
const OUTSIDE: GroupId = GroupId(2);
const LINKS: [&str; 2] = ["ge-0/0/2", "ge-0/0/3"];
const CONFIG: &str = "member ge-0/0/0.0 1
member ge-0/0/1.0 2
config nat
    set interfaces ge-0/0/2 description fabric
    set interfaces ge-0/0/3 description fabric
";
/// Another order of names, and so other ids.
const PAST: &str = "config nat
    set interfaces ge-0/0/9 unit 0 family inet address 10.9.0.1/24
    set security zones security-zone early interfaces ge-0/0/9.0
";

const REJECT: &str = "    delete security policies from-zone trust to-zone untrust policy out then
    set security policies from-zone trust to-zone untrust policy out then reject
";

/// The inside's node first.
struct Pair([Simulator; 2]);

fn play(plane: &mut Simulator, text: &str) {
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let case = Case::parse("a", text).unwrap();
    run(&case, plane, &configs).unwrap_or_else(|error| panic!("{error}"));
}

fn mac(node: usize, link: usize) -> Mac {
    Mac([2, 0xfa, 0xb0, 0, link as u8, node as u8])
}

impl Pair {
    fn new(edits: &str) -> Self {
        let setup = Setup { workers: Some(2), ..Setup::default() };
        let mut nodes = [Simulator::new(setup), Simulator::new(setup)];
        play(&mut nodes[1], PAST);
        for (node, own) in nodes.iter_mut().zip([INSIDE, OUTSIDE]) {
            play(node, &format!("{CONFIG}{edits}"));
            node.plane().ha().set_group_active(own, true).unwrap();
        }
        for (at, node) in nodes.iter().enumerate() {
            for (link, interface) in LINKS.iter().enumerate() {
                let to = FabricForwarding {
                    interface: (*interface).to_owned(),
                    peer_mac: mac(1 - at, link),
                    local_mac: mac(at, link),
                };
                node.plane().ha().set_fabric_forwarding(FabricId(link as u8), &to).unwrap();
            }
        }
        Self(nodes)
    }

    /// A frame in at a node; all that leaves the two by ports that are no fabric.
    fn send(&mut self, node: usize, port: &str, frame: &[u8]) -> Vec<(usize, Arrival)> {
        self.0[node].send(&Place::Port(port.to_owned()), frame).unwrap();
        let (mut out, mut rounds) = (Vec::new(), 0);
        loop {
            let mut crossing = Vec::new();
            for (at, plane) in self.0.iter_mut().enumerate() {
                for arrival in plane.collect(Due { frames: 0, drops: 0 }).unwrap() {
                    match &arrival.place {
                        Place::Port(name) if LINKS.contains(&name.as_str()) => crossing.push((at, arrival)),
                        _ => out.push((at, arrival)),
                    }
                }
            }
            if crossing.is_empty() {
                return out;
            }
            rounds += 1;
            assert!(rounds < 4, "it goes to and fro");
            for (at, arrival) in crossing {
                self.0[1 - at].send(&arrival.place, &arrival.frame).unwrap();
            }
        }
    }

    fn client_sends(&mut self, (ip, payload): (Ip, Payload)) -> Vec<(usize, Arrival)> {
        let frame = framed(&self.0[0], "ge-0/0/0", (ip, payload));
        self.send(0, "ge-0/0/0", &frame)
    }

    fn server_sends(&mut self, (ip, payload): (Ip, Payload)) -> Vec<(usize, Arrival)> {
        let frame = framed(&self.0[1], "ge-0/0/1", (ip, payload));
        self.send(1, "ge-0/0/1", &frame)
    }

    fn sessions(&self) -> [u64; 2] {
        self.0.each_ref().map(|node| store(node).count().unwrap())
    }

    fn dropped(&self, node: usize, reason: DropReason) -> u64 {
        self.0[node].plane().telemetry().global().unwrap().drops[reason.index()]
    }

    /// Packets sent and received, by node and link.
    fn crossed(&self) -> [[(u64, u64); 2]; 2] {
        self.0.each_ref().map(|node| {
            let states = node.plane().ha().fabrics().unwrap();
            let of = |link: usize| {
                let state = states.iter().find(|state| usize::from(state.fabric.0) == link);
                state.map_or((0, 0), |state| (state.sent, state.received))
            };
            [of(0), of(1)]
        })
    }

    /// The other node knows this one's sessions.
    fn follow(&self, node: usize) {
        let [peer, own] = [&self.0[node], &self.0[1 - node]].map(store);
        let start = DeltaCursor::default();
        let export = peer.deltas().unwrap().export(&[], Default::default(), 1000).unwrap().sessions;
        let _ = peer.deltas().unwrap().drain(&start, 1).unwrap();
        let renumber = Renumber::between(
            &peer.deltas().unwrap().naming().unwrap(),
            &own.deltas().unwrap().naming().unwrap(),
        );
        let put = renumber.put(own, &export).unwrap();
        assert!(put.refused.is_empty(), "{put:?}");
    }
}

fn store(plane: &Simulator) -> &dyn SessionStore {
    plane.plane().sessions()
}

fn framed(node: &Simulator, port: &str, (mut ip, payload): (Ip, Payload)) -> Vec<u8> {
    ip.dst_mac = node.station(port).unwrap();
    build::frame(&ip, &payload)
}

fn network(arrival: &Arrival) -> Network {
    parse(&arrival.frame).unwrap().network.unwrap()
}

/// The one frame that left, by that port of that node.
fn one(left: &[(usize, Arrival)], node: usize, port: &str) -> Arrival {
    let [(at, arrival)] = left else { panic!("{left:?}") };
    assert_eq!((*at, &arrival.place), (node, &Place::Port(port.to_owned())));
    arrival.clone()
}

fn ports(network: &Network) -> (u16, u16) {
    match network.l4 {
        L4::Udp { sport, dport } | L4::Tcp { sport, dport, .. } => (sport, dport),
        other => panic!("{other:?}"),
    }
}

const CLIENT: [u8; 4] = [10, 1, 0, 2];
const SERVER: [u8; 4] = [198, 51, 100, 2];
const PUBLIC: [u8; 4] = [198, 51, 100, 1];

fn udp(from: ([u8; 4], u16), to: ([u8; 4], u16), data: &[u8]) -> (Ip, Payload) {
    (Ip::v4(from.0, to.0), Payload::udp(from.1, to.1, data))
}

/// Both directions, before the other node knows of the session and behind it. The node that the session leaves by judges it alone.
#[test]
fn a_flow_whose_ends_are_on_two_nodes_is_judged_by_one_and_sent_by_both() {
    let mut pair = Pair::new("");
    for known in [false, true] {
        let there = pair.client_sends(udp((CLIENT, 7), (SERVER, 9000), &[1, 2, 3]));
        let there = one(&there, 1, "ge-0/0/1");
        let sent = network(&there);
        assert_eq!((sent.src.octets4(), sent.dst.octets4(), sent.ttl), (PUBLIC, SERVER, 63));
        assert_eq!(there.frame[..6], neighbour_mac(SERVER.into()).0);
        let (port, _) = ports(&sent);
        let back = pair.server_sends(udp((SERVER, 9000), (PUBLIC, port), &[4; 700]));
        let back = one(&back, 0, "ge-0/0/0");
        let got = network(&back);
        assert_eq!((got.src.octets4(), got.dst.octets4(), got.ttl), (SERVER, CLIENT, 63));
        assert_eq!((ports(&got), &back.frame[back.frame.len() - 700..]), ((9000, 7), &[4; 700][..]));
        assert_eq!(back.frame[..6], neighbour_mac(CLIENT.into()).0);
        let whole =
            build::frame(&Ip { ttl: 63, ..Ip::v4(SERVER, CLIENT) }, &Payload::udp(9000, 7, &[4; 700]));
        assert_eq!(back.frame[14..], whole[14..], "checksums, too");
        assert_eq!(pair.sessions(), if known { [1, 1] } else { [0, 1] });
        pair.follow(1);
    }
    let [inside, outside] = pair.crossed();
    let sum = |links: [(u64, u64); 2]| (links[0].0 + links[1].0, links[0].1 + links[1].1);
    assert_eq!((sum(inside), sum(outside)), ((2, 2), (2, 2)));
    assert!(inside[0] == (0, 0) || inside[1] == (0, 0), "a flow keeps to one link: {inside:?}");
    // The policy was hit where the session is.
    let hits =
        |node: &Simulator| node.plane().telemetry().policies().unwrap().iter().map(|p| p.hits).sum::<u64>();
    assert_eq!(pair.0.each_ref().map(hits), [0, 1]);
}

#[test]
fn a_tcp_conversation_in_ipv6_passes_between_the_nodes() {
    let mut pair = Pair::new("");
    let [client, server] = ["2001:db8:1::2", "2001:db8:2::2"];
    let segment = |from: bool, flags, seq, ack, data: &[u8]| {
        let (src, dst, sport, dport) = if from { (client, server, 9, 80) } else { (server, client, 80, 9) };
        (Ip::v6(src, dst), Payload::tcp_segment(sport, dport, flags, seq, ack, data))
    };
    let (syn, ack) = (TcpFlags::SYN, TcpFlags::ACK);
    for turn in 0..4_u32 {
        let left = match turn {
            0 => pair.client_sends(segment(true, syn, 100, 0, &[])),
            1 => pair.server_sends(segment(false, syn | ack, 500, 101, &[])),
            2 => pair.client_sends(segment(true, ack, 101, 501, &[7; 40])),
            _ => pair.server_sends(segment(false, ack, 501, 141, &[8; 40])),
        };
        match turn % 2 {
            0 => one(&left, 1, "ge-0/0/1"),
            _ => one(&left, 0, "ge-0/0/0"),
        };
    }
    // Out of its window it is dropped by the node that has the session.
    let left = pair.client_sends(segment(true, ack, 101 + (1 << 30), 501, &[7; 40]));
    assert!(left.is_empty(), "{left:?}");
    assert_eq!([0, 1].map(|node| pair.dropped(node, DropReason::TcpOutOfWindow)), [0, 1]);
}

/// What the firewall itself says of a packet goes the way back that the packet came.
#[test]
fn answers_of_the_node_that_judges_reach_the_sender_over_the_other() {
    let mut pair = Pair::new(REJECT);
    let rst =
        pair.client_sends((Ip::v4(CLIENT, SERVER), Payload::tcp_segment(9, 80, TcpFlags::SYN, 5, 0, &[])));
    let rst = network(&one(&rst, 0, "ge-0/0/0"));
    assert_eq!(
        (rst.src.octets4(), rst.dst.octets4(), rst.proto, ports(&rst)),
        (SERVER, CLIENT, Proto::TCP, (80, 9))
    );
    assert_eq!([0, 1].map(|node| pair.dropped(node, DropReason::PolicyReject)), [0, 1]);
    let mut pair = Pair::new("");
    let (ip, payload) = udp((CLIENT, 7), (SERVER, 9000), &[1]);
    let late = pair.client_sends((Ip { ttl: 1, ..ip }, payload));
    let late = network(&one(&late, 0, "ge-0/0/0"));
    assert_eq!((late.src.octets4(), late.dst.octets4()), ([10, 1, 0, 1], CLIENT));
    assert!(matches!(late.l4, L4::Icmp { kind: 11, .. }), "{late:?}");
}

/// About the packets of a session, from both its ends.
#[test]
fn errors_go_where_the_session_is_and_on_from_there() {
    let mut pair = Pair::new("");
    let there = one(&pair.client_sends(udp((CLIENT, 7), (SERVER, 9000), &[1; 30])), 1, "ge-0/0/1");
    let error = |about: &Arrival, from: [u8; 4], to: [u8; 4]| {
        (Ip::v4(from, to), Payload::icmp(Family::V4, 3, 3, 0, &about.frame[14..]))
    };
    let told = one(&pair.server_sends(error(&there, SERVER, PUBLIC)), 0, "ge-0/0/0");
    assert_eq!(network(&told).dst.octets4(), CLIENT);
    let quoted = &told.frame[14 + 28..];
    assert_eq!((&quoted[12..16], &quoted[20..22]), (&CLIENT[..], &7_u16.to_be_bytes()[..]));
    let (port, _) = ports(&network(&there));
    for _ in 0..2 {
        let back = one(&pair.server_sends(udp((SERVER, 9000), (PUBLIC, port), &[4])), 0, "ge-0/0/0");
        let told = one(&pair.client_sends(error(&back, CLIENT, SERVER)), 1, "ge-0/0/1");
        assert_eq!((network(&told).src.octets4(), network(&told).dst.octets4()), (PUBLIC, SERVER));
        pair.follow(1);
    }
}

#[test]
fn fragments_go_over_as_they_came() {
    let mut pair = Pair::new("");
    let frame = build::frame(&Ip::v4(CLIENT, SERVER), &Payload::udp(7, 9000, &[5; 64]));
    let data = &frame[34..];
    for order in [[0, 1], [1, 0]] {
        let mut left = Vec::new();
        for piece in order {
            let (at, fragment) = if piece == 0 { (0..40, 0x2000) } else { (40..72, 5) };
            let id = 70 + order[0];
            let ip = Ip { id, fragment, ..Ip::v4(CLIENT, SERVER) };
            left.extend(pair.client_sends((ip, Payload::raw(Proto::UDP, &data[at]))));
        }
        assert_eq!(left.len(), 2, "{left:?}");
        assert!(left.iter().all(|(node, arrival)| {
            *node == 1
                && network(arrival).src.octets4() == PUBLIC
                && arrival.place == Place::Port("ge-0/0/1".into())
        }));
    }
}

/// The wrapping takes twenty bytes: what does not fit is told, once it may not be cut.
#[test]
fn a_packet_that_the_link_does_not_take_is_told_to_be_too_big() {
    let mut pair = Pair::new("");
    let (ip, payload) = udp((CLIENT, 7), (SERVER, 9000), &[0; 1500 - 28 - 19]);
    let told = pair.client_sends((Ip { fragment: 0x4000, ..ip }, payload));
    let told = one(&told, 0, "ge-0/0/0");
    assert!(matches!(network(&told).l4, L4::Icmp { kind: 3, code: 4, .. }));
    assert_eq!(told.frame[14 + 20 + 6..14 + 20 + 8], 1480_u16.to_be_bytes());
    assert_eq!(pair.dropped(0, DropReason::PacketTooBig), 1);
    one(&pair.client_sends(udp((CLIENT, 7), (SERVER, 9000), &[0; 1500 - 28 - 20])), 1, "ge-0/0/1");
}

/// Both are passive, or each takes the other for the active one: a packet goes over once and no more.
/// It is looked at where the packet is judged, which is not where it came in. Spec: flow-39.
#[test]
fn an_address_of_the_firewall_is_no_source_whichever_node_judges() {
    let mut pair = Pair::new("");
    let left = pair.client_sends(udp(([198, 51, 100, 1], 514), ([198, 51, 100, 2], 514), b"x"));
    assert_eq!((left.len(), pair.sessions()), (0, [0, 0]));
    assert_eq!(pair.dropped(1, DropReason::InvalidSource), 1);
}

#[test]
fn what_came_from_the_peer_never_goes_back() {
    let mut pair = Pair::new("");
    pair.0[1].plane().ha().set_group_active(OUTSIDE, false).unwrap();
    let left = pair.client_sends(udp((CLIENT, 7), (SERVER, 9000), &[1]));
    assert!(left.is_empty(), "{left:?}");
    assert_eq!([0, 1].map(|node| pair.dropped(node, DropReason::GroupPassive)), [0, 1]);
    assert_eq!(pair.sessions(), [0, 0]);
    // And what is to be delivered by a unit that is passive there, too.
    pair.0[1].plane().ha().set_group_active(OUTSIDE, true).unwrap();
    let there = one(&pair.client_sends(udp((CLIENT, 7), (SERVER, 9000), &[1])), 1, "ge-0/0/1");
    pair.0[0].plane().ha().set_group_active(INSIDE, false).unwrap();
    let (port, _) = ports(&network(&there));
    let left = pair.server_sends(udp((SERVER, 9000), (PUBLIC, port), &[4]));
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(pair.dropped(0, DropReason::GroupPassive), 1);
}

#[test]
fn the_other_link_takes_over_and_without_any_the_group_is_passive() {
    let mut pair = Pair::new("");
    let set = |pair: &Pair, node: usize, link: &str, up: bool| {
        let plane = &pair.0[node];
        let links = vec![LinkUpdate { port: plane.port(link).unwrap(), up }];
        let version = plane.plane().updates().version() + 1;
        plane.plane().updates().apply(&UpdateBatch { version, links, ..UpdateBatch::default() }).unwrap();
    };
    let pass = |pair: &mut Pair, sport| pair.client_sends(udp((CLIENT, sport), (SERVER, 9000), &[1])).len();
    for sport in 0..40 {
        assert_eq!(pass(&mut pair, 1000 + sport), 1);
    }
    let [inside, _] = pair.crossed();
    assert!(inside[0].0 > 5 && inside[1].0 > 5, "flows are spread: {inside:?}");
    set(&pair, 0, LINKS[0], false);
    let up = |pair: &Pair| pair.0[0].plane().ha().fabrics().unwrap().iter().map(|f| f.up).collect::<Vec<_>>();
    assert_eq!(up(&pair), [false, true]);
    for sport in 0..40 {
        assert_eq!(pass(&mut pair, 2000 + sport), 1);
    }
    assert_eq!(pair.crossed()[0][0], inside[0]);
    assert_eq!(pair.crossed()[0][1].0, inside[1].0 + 40);
    set(&pair, 0, LINKS[1], false);
    assert_eq!((pass(&mut pair, 3000), pair.dropped(0, DropReason::GroupPassive)), (0, 1));
    set(&pair, 0, LINKS[0], true);
    assert_eq!(pass(&mut pair, 3000), 1);
    // Taken away, they are no fabrics any more.
    let none =
        FabricForwarding { interface: String::new(), peer_mac: Mac::default(), local_mac: Mac::default() };
    for link in 0..2 {
        pair.0[0].plane().ha().set_fabric_forwarding(FabricId(link), &none).unwrap();
    }
    assert_eq!((pass(&mut pair, 3001), pair.dropped(0, DropReason::GroupPassive)), (0, 2));
    assert!(pair.0[0].plane().ha().fabrics().unwrap().is_empty());
}

/// A frame of the link with one thing wrong with it.
#[test]
fn a_frame_that_is_not_whole_and_the_peer_s_is_none() {
    let mut pair = Pair::new("");
    let frame = framed(&pair.0[0], "ge-0/0/0", udp((CLIENT, 7), (SERVER, 9000), &[1, 2, 3]));
    pair.0[0].send(&Place::Port("ge-0/0/0".into()), &frame).unwrap();
    let crossing = pair.0[0].collect(Due { frames: 0, drops: 0 }).unwrap();
    let Arrival { place, frame } = crossing[0].clone();
    let mut dropped = 0;
    let mut refused = |frame: &[u8], what: &str| {
        assert!(
            pair.send(1, if let Place::Port(name) = &place { name } else { unreachable!() }, frame)
                .is_empty(),
            "{what}"
        );
        dropped += 1;
        assert_eq!(pair.dropped(1, DropReason::FabricFrame), dropped, "{what}");
    };
    // Stations, EtherType, version, errand, family, unit, instance.
    for at in (0..17).chain(18..34) {
        let mut other = frame.clone();
        other[at] ^= 0x55;
        refused(&other, &format!("byte {at}"));
    }
    for len in 14..35 {
        refused(&frame[..len], &format!("{len} bytes"));
    }
    // The family of the header and that of the packet.
    let mut other = frame.clone();
    other[16] = 6;
    refused(&other, "IPv6");
    // As it was it is taken.
    assert_eq!(
        pair.send(1, if let Place::Port(name) = &place { name } else { unreachable!() }, &frame).len(),
        1
    );
}

/// A commit that would have a fabric's port carry something else is refused, and the fabric goes on.
#[test]
fn a_fabric_carries_nothing_else() {
    let mut pair = Pair::new("");
    let with_unit = format!("{CONFIG}    set interfaces ge-0/0/2 unit 0 family inet address 10.8.0.1/24\n");
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let case = Case::parse("a", &with_unit).unwrap();
    let error = run(&case, &mut pair.0[0], &configs).unwrap_err().to_string();
    assert!(error.contains("ge-0/0/2.0") && error.contains("fabric"), "{error}");
    one(&pair.client_sends(udp((CLIENT, 7), (SERVER, 9000), &[1])), 1, "ge-0/0/1");
    let to = FabricForwarding { interface: LINKS[1].into(), peer_mac: mac(1, 1), local_mac: mac(0, 1) };
    let twice = pair.0[0].plane().ha().set_fabric_forwarding(FabricId(0), &to);
    assert!(matches!(twice, Err(Error::Refused(_))), "{twice:?}");
}

/// Sessions outlive a fail-over of one of the groups: what went over the link is judged where it arrives from then on.
#[test]
fn a_fail_over_brings_both_ends_to_one_node() {
    let mut pair = Pair::new("");
    let there = one(&pair.client_sends(udp((CLIENT, 7), (SERVER, 9000), &[1])), 1, "ge-0/0/1");
    let (port, _) = ports(&network(&there));
    pair.follow(1);
    pair.0[1].plane().ha().set_group_active(OUTSIDE, false).unwrap();
    pair.0[0].plane().ha().set_group_active(OUTSIDE, true).unwrap();
    let crossed = pair.crossed();
    let again = one(&pair.client_sends(udp((CLIENT, 7), (SERVER, 9000), &[2])), 0, "ge-0/0/1");
    assert_eq!(ports(&network(&again)).0, port);
    assert_eq!(pair.crossed(), crossed);
    for node in &mut pair.0 {
        node.advance(Duration::from_secs(1)).unwrap();
    }
    assert_eq!(pair.sessions(), [1, 1]);
}
