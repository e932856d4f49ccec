//! Messages of the kernel, byte by byte: what each means, and that none can do harm. Spec: contract-3..4, contract-9.

use super::*;

const UNIT: InterfaceId = InterfaceId(9);

fn units() -> Units {
    [(3, (UNIT, InstanceId::DEFAULT)), (4, (InterfaceId(10), InstanceId(2)))].into()
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = (4 + value.len() as u16).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn message(kind: u16, flags: u16, header: &[u8], attributes: &[Vec<u8>]) -> Vec<u8> {
    let body = [header, &attributes.concat()].concat();
    let mut bytes = (16 + body.len() as u32).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend(body);
    bytes
}

/// `rtmsg` of a unicast IPv4 route of the main table.
fn rtmsg(len: u8) -> [u8; 12] {
    [INET, len, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0]
}

fn net(prefix: &str) -> Key {
    (InstanceId::DEFAULT, prefix.parse().unwrap())
}

fn heard(bytes: &[u8]) -> Option<Heard> {
    let mut all = messages(bytes);
    let one = all.next().expect("a message").heard(&units());
    assert!(all.next().is_none());
    one
}

fn route_of(bytes: &[u8]) -> Option<Route> {
    match heard(bytes) {
        Some(Heard::Route { route, .. }) => route,
        other => panic!("{other:?}"),
    }
}

/// 10.0.0.0/8 by 192.0.2.1 on link 3, metric 5.
fn plain(kind: u16, flags: u16, header: [u8; 12]) -> Vec<u8> {
    let attributes = [
        attribute(1, &[10, 0, 0, 0]),
        attribute(4, &3_u32.to_ne_bytes()),
        attribute(5, &[192, 0, 2, 1]),
        attribute(6, &5_u32.to_ne_bytes()),
    ];
    message(kind, flags, &header, &attributes)
}

fn via(hops: &[(InterfaceId, Option<&str>, u16)]) -> Option<Route> {
    let hop = |(interface, gateway, weight): &(InterfaceId, Option<&str>, u16)| NextHop {
        interface: *interface,
        gateway: gateway.map(|text| text.parse().unwrap()),
        weight: *weight,
    };
    Some(Route::Via(hops.iter().map(hop).collect()))
}

#[test]
fn a_route_says_where_it_comes_among_its_like() {
    let places = [
        (kind::NEW_ROUTE, 0x600, Some(Place::First)),
        (kind::NEW_ROUTE, 0xe00, Some(Place::Last)),
        (kind::NEW_ROUTE, 0x100, Some(Place::Replace)),
        (kind::DEL_ROUTE, 0, None),
    ];
    for (kind, flags, place) in places {
        let Some(Heard::Route { key, came, route }) = heard(&plain(kind, flags, rtmsg(8))) else {
            panic!("a route")
        };
        assert_eq!((key, came), ((net("10.0.0.0/8"), 5), place));
        assert_eq!(route, via(&[(UNIT, Some("192.0.2.1"), 1)]));
    }
}

#[test]
fn a_route_for_some_packets_only_is_none() {
    for at in [2, 3] {
        let mut narrow = rtmsg(8);
        narrow[at] = 4;
        assert_eq!(heard(&plain(kind::NEW_ROUTE, 0, narrow)), None, "byte {at}");
    }
    let mut other_table = rtmsg(8);
    other_table[4] = 100;
    assert_eq!(heard(&plain(kind::NEW_ROUTE, 0, other_table)), None);
    let mut copy = rtmsg(8);
    copy[8..].copy_from_slice(&CLONED.to_ne_bytes());
    assert_eq!(heard(&plain(kind::NEW_ROUTE, 0, copy)), None);
    let wrapped =
        message(kind::NEW_ROUTE, 0, &rtmsg(0), &[attribute(4, &3_u32.to_ne_bytes()), attribute(21, &[1, 0])]);
    assert_eq!(route_of(&wrapped), None, "it keeps its place, but is no way");
}

#[test]
fn several_next_hops_have_weights_and_dead_and_foreign_ones_are_left_out() {
    let hop = |flags: u8, weight: u8, link: u32, gateway: u8| {
        let gateway = attribute(5, &[192, 0, 2, gateway]);
        let mut bytes = (8 + gateway.len() as u16).to_ne_bytes().to_vec();
        bytes.extend([flags, weight - 1]);
        bytes.extend(link.to_ne_bytes());
        [bytes, gateway].concat()
    };
    let hops = [hop(0, 1, 3, 1), hop(1, 1, 3, 2), hop(0, 1, 77, 3), hop(16, 4, 4, 4)].concat();
    let route = message(kind::NEW_ROUTE, 0, &rtmsg(0), &[attribute(9, &hops)]);
    let expected = via(&[(UNIT, Some("192.0.2.1"), 1), (InterfaceId(10), Some("192.0.2.4"), 4)]);
    assert_eq!(route_of(&route), expected);
}

#[test]
fn a_gateway_may_be_of_the_other_family() {
    let mut gateway = u16::from(INET6).to_ne_bytes().to_vec();
    gateway.extend("fe80::1".parse::<Ipv6Addr>().unwrap().octets());
    let attributes = [attribute(4, &3_u32.to_ne_bytes()), attribute(18, &gateway)];
    let route = route_of(&message(kind::NEW_ROUTE, 0, &rtmsg(0), &attributes));
    assert_eq!(route, via(&[(UNIT, Some("fe80::1"), 1)]));
}

#[test]
fn what_drops_packets_and_what_is_local() {
    for (kind_of, expected) in [(6, Route::Discard), (7, Route::Reject), (8, Route::Reject)] {
        let mut header = rtmsg(8);
        header[7] = kind_of;
        assert_eq!(route_of(&plain(kind::NEW_ROUTE, 0, header)), Some(expected));
    }
    let mut local = rtmsg(32);
    (local[4], local[7]) = (255, 2);
    assert_eq!(route_of(&plain(kind::NEW_ROUTE, 0, local)), Some(Route::Local(UNIT)));
    local[4] = 254;
    assert_eq!(heard(&plain(kind::NEW_ROUTE, 0, local)), None, "not out of the local table");
}

#[test]
fn neighbours_by_state() {
    let mac = [2, 0, 0, 0, 0, 7];
    let say = |kind, state: u16, with_mac| {
        let mut header = [0; 12];
        header[0] = INET;
        header[4..8].copy_from_slice(&3_u32.to_ne_bytes());
        header[8..10].copy_from_slice(&state.to_ne_bytes());
        let mut attributes = vec![attribute(1, &[10, 0, 0, 7])];
        if with_mac {
            attributes.push(attribute(2, &mac));
        }
        match heard(&message(kind, 0, &header, &attributes)) {
            Some(Heard::Neighbour { key, neighbour, in_doubt }) => {
                assert_eq!(key, (UNIT, [10, 0, 0, 7].into()));
                (neighbour, in_doubt)
            }
            other => panic!("{other:?}"),
        }
    };
    let known = Neighbour::Reachable(Mac(mac));
    assert_eq!(say(kind::NEW_NEIGHBOUR, 0x2, true), (known, false));
    assert_eq!(say(kind::NEW_NEIGHBOUR, 0x4, true), (known, true));
    assert_eq!(say(kind::NEW_NEIGHBOUR, 0x10, true), (known, false));
    assert_eq!(say(kind::NEW_NEIGHBOUR, 0x1, false), (Neighbour::Gone, false), "it is being asked for");
    assert_eq!(say(kind::NEW_NEIGHBOUR, 0x20, false), (Neighbour::Failed, false));
    assert_eq!(say(kind::DEL_NEIGHBOUR, 0x4, true), (Neighbour::Gone, false));
}

#[test]
fn links_are_up_with_a_carrier_and_a_bridges_ports_are_not_links() {
    let say = |kind, family: u8, flags: u32| {
        let mut header = [0; 16];
        header[0] = family;
        header[4] = 3;
        header[8..12].copy_from_slice(&flags.to_ne_bytes());
        heard(&message(kind, 0, &header, &[attribute(3, b"ge-0-0-0\0")]))
    };
    let link = |up, gone| Some(Heard::Link { index: 3, name: "ge-0-0-0".into(), up, gone });
    assert_eq!(say(kind::NEW_LINK, 0, 0x1_0043), link(true, false));
    assert_eq!(say(kind::NEW_LINK, 0, 0x43), link(false, false));
    assert_eq!(say(kind::DEL_LINK, 0, 0x1_0043), link(false, true));
    assert_eq!(say(kind::DEL_LINK, 7, 0x1_0043), None);
}

#[test]
fn bytes_that_are_no_message_end_the_datagram() {
    let whole = plain(kind::NEW_ROUTE, 0, rtmsg(8));
    for len in 0..whole.len() {
        // Whatever is cut off, nothing panics.
        messages(&whole[..len]).for_each(|message| drop(message.heard(&units())));
    }
    let two = [whole.clone(), whole.clone()].concat();
    assert_eq!(messages(&two).count(), 2);
    let mut endless = whole;
    endless[..4].fill(0);
    assert_eq!(messages(&endless).count(), 0);
}
