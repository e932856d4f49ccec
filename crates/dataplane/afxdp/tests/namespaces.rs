//! The bare forwarder on real devices: a client, a wire of AF_XDP and a server in network namespaces.
//!
//! Needs root, iproute2, iputils ping and util-linux. All state is named `rvb-*` or lies under `/run/rvb`, and is removed
//! before and after. What arrives went over AF_XDP: the middle's kernel forwards nothing.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use ravelin_afxdp::{PinsError, ShimError, Shims};

const PINS: &str = "/run/rvb/wire";
const LOG: &str = "/run/rvb/bare.log";
const NAMESPACES: [&str; 3] = ["rvb-c", "rvb-f", "rvb-s"];

struct Lab;

impl Lab {
    fn build() -> Self {
        Self::clear();
        for name in NAMESPACES {
            ok(Command::new("ip").args(["netns", "add", name]));
        }
        for (end, middle, name) in [("c0", "f0", "rvb-c"), ("s0", "f1", "rvb-s")] {
            let peer = ["type", "veth", "peer", "name", middle, "netns", "rvb-f"];
            ok(Command::new("ip").args(["link", "add", end, "netns", name]).args(peer));
            ok(Command::new("ip").args(["-n", name, "link", "set", end, "up"]));
            ok(Command::new("ip").args(["-n", "rvb-f", "link", "set", middle, "up"]));
        }
        for (name, device, host) in [("rvb-c", "c0", 1), ("rvb-s", "s0", 2)] {
            let (v4, v6) = (format!("10.9.0.{host}/24"), format!("fd09::{host}/64"));
            ok(Command::new("ip").args(["-n", name, "address", "add", &v4, "dev", device]));
            ok(Command::new("ip")
                .args(["-n", name, "address", "add", &v6, "dev", device, "nodad"]));
        }
        ok(inside("rvb-f", "sysctl").args(["-qw", "net.ipv4.ip_forward=0"]));
        Self
    }

    fn clear() {
        for name in NAMESPACES {
            quiet(Command::new("ip").args(["netns", "delete", name]));
        }
        quiet(Command::new("umount").arg(PINS));
    }

    fn forwarder(&self) -> Forwarder {
        let test = std::env::current_exe().expect("a test knows its own path");
        let bare =
            test.ancestors().nth(2).expect("tests lie two levels down").join("examples/bare");
        let log = fs::File::create(LOG).expect("/run/rvb was made first");
        let mut command = inside("rvb-f", bare.to_str().expect("a printable path"));
        let child = command.args([PINS, "f0", "f1"]).stdout(log).spawn();
        let forwarder = Forwarder(child.expect("the example is built with the tests"));
        wait_for("the forwarder starts", || log_text().contains("epoch"));
        forwarder
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        Self::clear();
    }
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

/// Not by `ip netns exec`, which gives a program mounts of its own: its pins would die with them.
fn inside(namespace: &str, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/run/netns/{namespace}")).arg(program);
    command
}

fn quiet(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[track_caller]
fn ok(command: &mut Command) {
    let output = command.output().expect("the lab's tools are installed");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[track_caller]
fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(10), "{what}: {}", log_text());
        thread::sleep(Duration::from_millis(20));
    }
}

fn log_text() -> String {
    fs::read_to_string(LOG).unwrap_or_default()
}

fn ping(target: &str) -> bool {
    quiet(inside("rvb-c", "ping").args(["-c", "1", "-W", "1", target]))
}

fn stdout(command: &mut Command) -> String {
    String::from_utf8_lossy(&command.output().expect("the lab's tools are installed").stdout)
        .into_owned()
}

/// Packets that reached the kernel's IPv4 layer in the middle: zero, or the shim leaks.
fn leaked() -> u64 {
    let text = stdout(inside("rvb-f", "cat").arg("/proc/net/snmp"));
    let values = text.lines().filter(|line| line.starts_with("Ip:")).nth(1);
    values
        .and_then(|line| line.split(' ').nth(3)?.parse().ok())
        .expect("the kernel lists InReceives third")
}

fn shims() -> usize {
    stdout(Command::new("ip").args(["-n", "rvb-f", "link"])).matches("prog/xdp").count()
}

#[test]
fn a_dead_or_silent_forwarder_leaks_nothing_and_a_new_one_takes_over() {
    fs::create_dir_all("/run/rvb").expect("the tests run as root");
    let lab = Lab::build();
    let first = lab.forwarder();
    wait_for("both families pass the wire", || ping("10.9.0.2") && ping("fd09::2"));

    first.signal("-STOP");
    thread::sleep(Duration::from_millis(100));
    assert!(!ping("10.9.0.2"), "a silent worker's frames are dropped");
    first.signal("-CONT");
    wait_for("a worker that speaks again is served again", || ping("10.9.0.2"));
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
    assert!(!ping("10.9.0.2") && !ping("fd09::2"), "a dead process forwards nothing");

    let second = lab.forwarder();
    wait_for("a new process takes over", || ping("10.9.0.2") && ping("fd09::2"));
    assert_eq!(shims(), 2);
    assert!(log_text().contains("epoch 2"), "{}", log_text());
    assert_eq!(leaked(), 0, "no packet reached the kernel's stack at any time");
    drop(second);
}

#[test]
fn pins_have_one_holder_at_a_time() {
    let directory = Path::new("/run/rvb/lock");
    quiet(Command::new("umount").arg(directory));
    let held = Shims::take_over(directory).expect("root mounts a bpffs");
    assert!(matches!(Shims::take_over(directory), Err(ShimError::Pins(PinsError::Held(_)))));
    drop(held);
    // A child that another test forks meanwhile holds the lock for an instant, until it executes.
    wait_for("free again", || Shims::take_over(directory).is_ok_and(|shims| shims.epoch() >= 2));
    ok(Command::new("umount").arg(directory));
}
