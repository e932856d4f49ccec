//! Monitor and prober against a real kernel, in network namespaces of their own (`rvb-m`, `rvb-n`). Needs root and
//! iproute2.

use std::{
    fs::File,
    net::IpAddr,
    os::fd::AsFd,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use ravelin_contract::{LinkUpdate, Neighbour, NextHop, Route, RouteUpdate, UpdateBatch};
use ravelin_forwarding::{Monitor, Names, ProbeOutcome, Prober};
use ravelin_types::{InterfaceId, PortId};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

struct Namespaces;

impl Namespaces {
    fn make() -> Self {
        Self::clear();
        ip("netns add rvb-m");
        ip("netns add rvb-n");
        ip("link add ge-0-0-0.0 netns rvb-m type veth peer name n0 netns rvb-n");
        ip("-n rvb-m address add 10.6.0.1/24 dev ge-0-0-0.0");
        ip("-n rvb-n address add 10.6.0.2/24 dev n0");
        ip("-n rvb-m address add fd06::1/64 dev ge-0-0-0.0 nodad");
        ip("-n rvb-n address add fd06::2/64 dev n0 nodad");
        ip("-n rvb-m link set ge-0-0-0.0 up");
        ip("-n rvb-n link set n0 up");
        Self
    }

    fn clear() {
        for name in ["rvb-m", "rvb-n"] {
            let _ = Command::new("ip").args(["netns", "delete", name]).output();
        }
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        Self::clear();
    }
}

#[track_caller]
fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Reads batches until one shows what is waited for.
async fn until(
    batches: &mut mpsc::Receiver<UpdateBatch>,
    wanted: impl Fn(&UpdateBatch) -> bool,
) -> UpdateBatch {
    let search = async {
        loop {
            let batch = batches.recv().await.expect("the monitor runs");
            if wanted(&batch) {
                return batch;
            }
        }
    };
    timeout(Duration::from_secs(5), search).await.expect("it is reported within five seconds")
}

fn route_of<'a>(batch: &'a UpdateBatch, prefix: &str) -> Option<&'a RouteUpdate> {
    batch.routes.iter().find(|update| update.prefix.to_string() == prefix)
}

/// What the kernel does without a word, and what only flags tell.
async fn changes_of_the_kernels_own(batches: &mut mpsc::Receiver<UpdateBatch>) {
    let via = |batch: &UpdateBatch, prefix: &str, gateway: &str| {
        let gateway = Some(gateway.parse::<IpAddr>().unwrap());
        let route = route_of(batch, prefix).and_then(|update| update.route.clone());
        matches!(route, Some(Route::Via(hops)) if hops.len() == 1 && hops[0].gateway == gateway)
    };
    ip("-n rvb-m route add 203.0.113.0/24 via 10.6.0.2");
    until(batches, |batch| via(batch, "203.0.113.0/24", "10.6.0.2")).await;
    ip("-n rvb-m route replace 203.0.113.0/24 via 10.6.0.3");
    until(batches, |batch| via(batch, "203.0.113.0/24", "10.6.0.3")).await;
    ip("-n rvb-m route append 203.0.113.0/24 via 10.6.0.4");
    ip("-n rvb-m route del 203.0.113.0/24 via 10.6.0.3");
    until(batches, |batch| via(batch, "203.0.113.0/24", "10.6.0.4")).await;

    // The route goes with the address that it prefers, and nobody says so.
    ip("-n rvb-m address add 10.7.0.1/24 dev ge-0-0-0.0");
    ip("-n rvb-m route add 203.0.113.128/25 via 10.6.0.2 src 10.7.0.1");
    until(batches, |batch| via(batch, "203.0.113.128/25", "10.6.0.2")).await;
    ip("-n rvb-m address del 10.7.0.1/24 dev ge-0-0-0.0");
    until(batches, |batch| route_of(batch, "203.0.113.128/25").is_some_and(|update| update.route.is_none()))
        .await;

    ip("-n rvb-m nexthop add id 7 via 10.6.0.5 dev ge-0-0-0.0");
    ip("-n rvb-m route add 192.0.2.128/25 nhid 7");
    until(batches, |batch| via(batch, "192.0.2.128/25", "10.6.0.5")).await;
    ip("-n rvb-m nexthop replace id 7 via 10.6.0.6 dev ge-0-0-0.0");
    until(batches, |batch| via(batch, "192.0.2.128/25", "10.6.0.6")).await;
    ip("-n rvb-m nexthop del id 7");
    until(batches, |batch| route_of(batch, "192.0.2.128/25").is_some_and(|update| update.route.is_none()))
        .await;
}

async fn scenario() {
    let unit = InterfaceId(7);
    let names = Names {
        units: [("ge-0-0-0.0".to_owned(), unit)].into(),
        ports: [("ge-0-0-0.0".to_owned(), PortId(2))].into(),
        ..Names::default()
    };
    let (known, names) = watch::channel(names);
    let (send, mut batches) = mpsc::channel(64);
    tokio::spawn(Monitor::open().unwrap().run(names, send));

    let first = until(&mut batches, |batch| batch.resync).await;
    let connected = NextHop { interface: unit, gateway: None, weight: 1 };
    assert_eq!(route_of(&first, "10.6.0.0/24").unwrap().route, Some(Route::Via(vec![connected])));
    assert_eq!(route_of(&first, "10.6.0.1/32").unwrap().route, Some(Route::Local(unit)));
    assert!(route_of(&first, "fd06::/64").is_some());
    assert_eq!(first.links, [LinkUpdate { port: PortId(2), up: true }]);

    ip("-n rvb-m route add 192.0.2.0/24 nexthop via 10.6.0.2 weight 1 nexthop via 10.6.0.3 weight 3");
    let batch = until(&mut batches, |batch| route_of(batch, "192.0.2.0/24").is_some()).await;
    let Some(Route::Via(hops)) = &route_of(&batch, "192.0.2.0/24").unwrap().route else {
        panic!("{batch:?}")
    };
    assert_eq!(hops.iter().map(|hop| hop.weight).collect::<Vec<_>>(), [1, 3]);

    ip("-n rvb-m route add blackhole 198.51.100.0/24");
    ip("-n rvb-m -6 route add unreachable 2001:db8::/32");
    let batch = until(&mut batches, |batch| route_of(batch, "2001:db8::/32").is_some()).await;
    assert_eq!(route_of(&batch, "2001:db8::/32").unwrap().route, Some(Route::Reject));

    ip("-n rvb-m route del 192.0.2.0/24");
    let batch = until(&mut batches, |batch| route_of(batch, "192.0.2.0/24").is_some()).await;
    assert_eq!(route_of(&batch, "192.0.2.0/24").unwrap().route, None);

    changes_of_the_kernels_own(&mut batches).await;

    let now = Instant::now();
    let mut prober = Prober::open(now).unwrap();
    for target in ["10.6.0.2", "fd06::2"] {
        let addr: IpAddr = target.parse().unwrap();
        assert_eq!(prober.probe("ge-0-0-0.0", addr, now).await.unwrap(), ProbeOutcome::Asked);
        assert_eq!(prober.probe("ge-0-0-0.0", addr, now).await.unwrap(), ProbeOutcome::AskedBefore);
        let resolved = |batch: &UpdateBatch| {
            batch.neighbours.iter().any(|n| n.addr == addr && matches!(n.neighbour, Neighbour::Reachable(_)))
        };
        until(&mut batches, resolved).await;
    }
    let nobody: IpAddr = "10.6.0.99".parse().unwrap();
    prober.probe("ge-0-0-0.0", nobody, now).await.unwrap();
    until(&mut batches, |b| {
        b.neighbours.iter().any(|n| n.addr == nobody && n.neighbour == Neighbour::Failed)
    })
    .await;

    let same = known.borrow().clone();
    known.send_replace(Names { plane: 1, ..same });
    let again = until(&mut batches, |batch| batch.resync).await;
    assert!(route_of(&again, "10.6.0.0/24").is_some(), "another plane is told everything");

    ip("-n rvb-n link set n0 down");
    until(&mut batches, |batch| batch.links == [LinkUpdate { port: PortId(2), up: false }]).await;
}

#[test]
fn the_kernels_changes_arrive_as_updates() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("Skipped: this test needs root.");
        return;
    }
    let namespaces = Namespaces::make();
    let body = || {
        let file = File::open("/run/netns/rvb-m").unwrap();
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(scenario());
    };
    thread::spawn(body).join().unwrap();
    drop(namespaces);
}
