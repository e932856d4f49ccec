//! The driver against a real kernel, in a network namespace of its own (`rvb-h`). Needs root and iproute2.

use std::{
    fs::File,
    os::fd::AsFd,
    process::{Command, Stdio},
    thread,
};

use ravelin_types::Mac;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{
    Desired, DesiredPort, DesiredRoute, DesiredTap, Host, RouteTo, link_local,
    tap::{AttachedQueue, HeldTap},
};

const NAMESPACE: &str = "rvb-h";

struct Namespace;

impl Namespace {
    fn make() -> Self {
        Self::clear();
        assert!(ip(&["netns", "add", NAMESPACE]).0);
        Self
    }

    fn clear() {
        ip(&["netns", "delete", NAMESPACE]);
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        Self::clear();
    }
}

fn ip(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("ip").args(arguments).stderr(Stdio::null()).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

fn show(what: &[&str]) -> String {
    ip(&[&["-n", NAMESPACE, "-o"], what].concat()).1
}

fn desired() -> Desired {
    let mac = Mac([2, 0, 0, 0, 0, 1]);
    let addresses = ["10.7.0.1/24".parse().unwrap(), "fd07::1/64".parse().unwrap(), link_local(mac)];
    let gateway = |prefix: &str, gateway: &str| DesiredRoute {
        prefix: prefix.parse().unwrap(),
        to: RouteTo::Gateways([gateway.parse().unwrap()].into()),
    };
    Desired {
        ports: vec![DesiredPort { device: "ge-0-0-0".into(), up: true }],
        taps: vec![DesiredTap {
            name: "ge-0-0-0.0".into(),
            unit: "ge-0/0/0.0".into(),
            mac,
            mtu: 1400,
            up: true,
            addresses: addresses.into(),
        }],
        routes: vec![
            gateway("0.0.0.0/0", "10.7.0.254"),
            gateway("::/0", "fd07::fe"),
            gateway("192.0.2.0/24", "172.31.0.1"),
            DesiredRoute { prefix: "198.51.100.0/24".parse().unwrap(), to: RouteTo::Discard },
            DesiredRoute { prefix: "2001:db8:f::/48".parse().unwrap(), to: RouteTo::Reject },
        ],
    }
}

/// Everything about the TAP that must outlive the packet process.
fn state() -> [String; 4] {
    [
        show(&["link", "show", "dev", "ge-0-0-0.0"]),
        show(&["address", "show", "dev", "ge-0-0-0.0"]),
        show(&["route", "show", "proto", "201"]),
        show(&["-6", "route", "show", "proto", "201"]),
    ]
}

async fn scenario() {
    let mut host = Host::open().unwrap();
    let first = host.apply(&desired()).await.unwrap();
    assert_eq!(first.hidden.len(), 1, "a gateway on no link hides its route: {:?}", first.hidden);
    let before = state();
    assert!(before[0].contains("LOWER_UP") && before[0].contains("mtu 1400"), "{}", before[0]);
    assert!(before[0].contains("02:00:00:00:00:01"), "{}", before[0]);
    assert!(before[1].contains("10.7.0.1/24") && before[1].contains("fd07::1/64"), "{}", before[1]);
    assert!(!before[1].contains("tentative"), "{}", before[1]);
    assert!(before[2].contains("default via 10.7.0.254") && before[2].contains("blackhole 198.51.100.0/24"));
    assert!(before[3].contains("via fd07::fe") && before[3].contains("unreachable 2001:db8:f::/48"));
    assert!(!show(&["address", "show", "dev", "ge-0-0-0"]).contains("inet"), "a port owns no address");

    let queue = AttachedQueue::attach("ge-0-0-0.0").unwrap();
    drop(queue);
    assert_eq!(state(), before, "the packet process came and went");

    let again = host.apply(&desired()).await.unwrap();
    assert_eq!(again.performed, 1, "only the hidden route is tried again");

    drop(host);
    let mut next = Host::open().unwrap();
    next.apply(&desired()).await.unwrap();
    assert_eq!(state()[1..], before[1..], "a new daemon finds all as it was");

    let none = Desired { taps: Vec::new(), routes: Vec::new(), ..desired() };
    next.apply(&none).await.unwrap();
    assert_eq!(show(&["link", "show", "dev", "ge-0-0-0.0"]), "");
    assert_eq!(show(&["route", "show", "proto", "201"]), "");
    assert!(HeldTap::hold("a-name-of-too-many-bytes").is_err());
}

#[test]
fn taps_and_routes_survive_the_packet_process() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("Skipped: this test needs root.");
        return;
    }
    let namespace = Namespace::make();
    let link = ["-n", NAMESPACE, "link", "add", "ge-0-0-0", "type", "veth", "peer", "name", "peer"];
    assert!(ip(&link).0);
    assert!(ip(&["-n", NAMESPACE, "address", "add", "10.1.1.1/24", "dev", "ge-0-0-0"]).0);
    let body = || {
        let file = File::open(format!("/run/netns/{NAMESPACE}")).unwrap();
        // A thread enters alone; its sockets, TAPs and /proc/sys/net are the namespace's.
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(scenario());
    };
    thread::spawn(body).join().unwrap();
    drop(namespace);
}
