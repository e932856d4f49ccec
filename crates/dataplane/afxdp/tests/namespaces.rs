//! The bare forwarder on real devices: a client, a wire of AF_XDP and a server in network namespaces.
//!
//! Needs root, iproute2, iputils ping and util-linux. All state is named `rvb-*` or lies under `/run/rvb`, and is removed
//! before and after. What arrives went over AF_XDP: the middle's kernel forwards nothing.

mod lab;

use std::{
    fs,
    path::Path,
    process::{Child, Command},
    thread,
    time::Duration,
};

use lab::{Lab, inside, ok, ping, quiet, root, stdout, wait_for};
use ravelin_afxdp::{PinsError, ShimError, Shims};

const PINS: &str = "/run/rvb/wire";
const LOG: &str = "/run/rvb/bare.log";

fn lab() -> Lab {
    let lab = Lab::build("rvb-w", ["f0", "f1"], PINS, 1);
    for (name, host) in [("rvb-wc", 1), ("rvb-ws", 2)] {
        let (v4, v6) = (format!("10.9.0.{host}/24"), format!("fd09::{host}/64"));
        ok(inside(name, "ip").args(["address", "add", &v4, "dev", "eth0"]));
        ok(inside(name, "ip").args(["address", "add", &v6, "dev", "eth0", "nodad"]));
    }
    ok(inside("rvb-wf", "sysctl").args(["-qw", "net.ipv4.ip_forward=0"]));
    lab
}

fn forwarder() -> Forwarder {
    let test = std::env::current_exe().expect("a test knows its own path");
    let bare = test.ancestors().nth(2).expect("tests lie two levels down").join("examples/bare");
    let log = fs::File::create(LOG).expect("/run/rvb was made with the lab");
    let mut command = inside("rvb-wf", bare.to_str().expect("a printable path"));
    let child = command.args([PINS, "f0", "f1"]).stdout(log).spawn();
    let forwarder = Forwarder(child.expect("the example is built with the tests"));
    wait_for("the forwarder starts", || log_text().contains("epoch"));
    forwarder
}

struct Forwarder(Child);

impl Forwarder {
    fn signal(&self, name: &str) {
        ok(Command::new("kill").args([name, &self.0.id().to_string()]));
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn log_text() -> String {
    fs::read_to_string(LOG).unwrap_or_default()
}

fn pings(target: &str) -> bool {
    ping("rvb-wc", target)
}

/// Packets that reached the kernel's IPv4 layer in the middle: zero, or the shim leaks.
fn leaked() -> u64 {
    let text = stdout(inside("rvb-wf", "cat").arg("/proc/net/snmp"));
    let values = text.lines().filter(|line| line.starts_with("Ip:")).nth(1);
    values.and_then(|line| line.split(' ').nth(3)?.parse().ok()).expect("the kernel lists InReceives third")
}

fn shims() -> usize {
    stdout(Command::new("ip").args(["-n", "rvb-wf", "link"])).matches("prog/xdp").count()
}

#[test]
fn a_dead_or_silent_forwarder_leaks_nothing_and_a_new_one_takes_over() {
    if !root() {
        return;
    }
    let lab = lab();
    let first = forwarder();
    wait_for("both families pass the wire", || pings("10.9.0.2") && pings("fd09::2"));

    first.signal("-STOP");
    thread::sleep(Duration::from_millis(100));
    assert!(!pings("10.9.0.2"), "a silent worker's frames are dropped");
    first.signal("-CONT");
    wait_for("a worker that speaks again is served again", || pings("10.9.0.2"));
    wait_for("the silence was counted", || {
        let log = log_text();
        log.contains("stale_heartbeat: ")
            && !log
                .lines()
                .last()
                .unwrap_or_default()
                .contains("[ShimDrops { no_worker: 0, stale_heartbeat: 0 }")
    });

    first.signal("-KILL");
    drop(first);
    assert_eq!(shims(), 2, "the shim stays on both devices");
    assert!(!pings("10.9.0.2") && !pings("fd09::2"), "a dead process forwards nothing");

    let second = forwarder();
    wait_for("a new process takes over", || pings("10.9.0.2") && pings("fd09::2"));
    assert_eq!(shims(), 2);
    assert!(log_text().contains("epoch 2"), "{}", log_text());
    assert_eq!(leaked(), 0, "no packet reached the kernel's stack at any time");
    drop(second);
    drop(lab);
}

#[test]
fn pins_have_one_holder_at_a_time() {
    if !root() {
        return;
    }
    let directory = Path::new("/run/rvb/lock");
    quiet(Command::new("umount").arg(directory));
    let held = Shims::take_over(directory).expect("root mounts a bpffs");
    assert!(matches!(Shims::take_over(directory), Err(ShimError::Pins(PinsError::Held(_)))));
    drop(held);
    // A child that another test forks meanwhile holds the lock for an instant, until it executes.
    wait_for("free again", || Shims::take_over(directory).is_ok_and(|shims| shims.epoch() >= 2));
    ok(Command::new("umount").arg(directory));
}
