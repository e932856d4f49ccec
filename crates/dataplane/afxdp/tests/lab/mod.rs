//! Namespaces for the tests: a client, a middle and a server over veth, removed before and after.

use std::{
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Three namespaces `<prefix>c`, `<prefix>f`, `<prefix>s`; both ends are `eth0`.
pub struct Lab {
    prefix: String,
    pins: String,
}

impl Lab {
    /// Each device has so many queues.
    pub fn build(prefix: &str, middle: [&str; 2], pins: &str, queues: u8) -> Self {
        let lab = Self { prefix: prefix.into(), pins: pins.into() };
        lab.clear();
        std::fs::create_dir_all("/run/rvb").expect("root makes directories");
        for role in ["c", "f", "s"] {
            ok(Command::new("ip").args(["netns", "add", &lab.name(role)]));
        }
        for (role, device) in ["c", "s"].into_iter().zip(middle) {
            let (end, firewall) = (lab.name(role), lab.name("f"));
            let queues = queues.to_string();
            let queues = ["numrxqueues", &queues, "numtxqueues", &queues];
            let peer = ["type", "veth", "peer", "name", device, "netns", &firewall];
            let link = ["link", "add", "eth0", "netns", &end];
            ok(Command::new("ip").args(link).args(queues).args(peer).args(queues));
            ok(Command::new("ip").args(["-n", &end, "link", "set", "eth0", "up"]));
            ok(Command::new("ip").args(["-n", &firewall, "link", "set", device, "up"]));
        }
        lab
    }

    fn name(&self, role: &str) -> String {
        format!("{}{role}", self.prefix)
    }

    fn clear(&self) {
        for role in ["c", "f", "s"] {
            quiet(Command::new("ip").args(["netns", "delete", &self.name(role)]));
        }
        quiet(Command::new("umount").arg(&self.pins));
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Not by `ip netns exec`, which gives a program mounts of its own: its pins would die with them.
pub fn inside(namespace: &str, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/run/netns/{namespace}")).arg(program);
    command
}

pub fn quiet(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

#[track_caller]
pub fn ok(command: &mut Command) {
    let output = command.output().expect("the lab's tools are installed");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

pub fn stdout(command: &mut Command) -> String {
    String::from_utf8_lossy(&command.output().expect("the lab's tools are installed").stdout).into_owned()
}

#[track_caller]
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(10), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

pub fn ping(from: &str, target: &str) -> bool {
    quiet(inside(from, "ping").args(["-c", "1", "-W", "1", target]))
}

/// False, said aloud, without the rights that namespaces and BPF need.
pub fn root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("Skipped: this test needs root.");
    }
    root
}
