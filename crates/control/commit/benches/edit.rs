//! One edit of a large configuration, from the edited candidate to the last worker's acknowledgement.
//!
//! `cargo bench -p ravelin-commit --bench edit [POLICIES...]`. Two workers of the simulator behind a socket; the commit is
//! recorded on a disk before the apply, and whole files are made behind it. Every policy has its own two addresses in the book. Prints the
//! median of [`ROUNDS`] with minimum and maximum in milliseconds by stage; asserts nothing.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as Clock};

use ravelin_commit::{Consumer, PlaneConsumer, Proposal, propose};
use ravelin_compile::{IdBook, Resolved};
use ravelin_contract::{DataPlane as _, LiveSetUpdate, LiveUpdate, UpdateBatch};
use ravelin_dynamic::{DynamicPlan, parse};
use ravelin_model::{Checked, check_tree_after};
use ravelin_remote::{Client, Server, listen};
use ravelin_schema::{apply, read};
use ravelin_sim::{SimPlane, SimSetup, SimWorkers};
use ravelin_store::{Directory, Entry, Staged, Store};
use ravelin_syntax::{Tree, render};
use ravelin_types::Generation;

const ROUNDS: usize = 9;
const PAIR: &str = "security policies from-zone trust to-zone untrust";
const BOOK: &str = "security address-book global";

fn main() {
    let counts: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    for count in if counts.is_empty() { vec![10, 10_000, 100_000] } else { counts } {
        edits(count);
    }
    feed(1_000_000);
}

/// A list of many addresses that changes without a commit: read, told to the plane, and in force.
fn feed(count: usize) {
    let text = "set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/8\n\
        set security zones security-zone trust interfaces ge-0/0/0.0\n\
        set security dynamic-address feed-server f url http://h.example\n\
        set security dynamic-address feed-server f feed-name g\n\
        set security dynamic-address address-name d profile feed-name g\n\
        set security policies from-zone trust to-zone trust policy p match source-address d destination-address any application any\n\
        set security policies from-zone trust to-zone trust policy p then deny\n";
    let mut list = String::new();
    for n in 0..count {
        let (a, b, c) = (n >> 14 & 255, n >> 6 & 255, (n & 63) << 2);
        let _ = writeln!(list, "{}.{a}.{b}.{c}", 60 + (n >> 22));
    }
    let dir = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
    let (mut bench, _server) = Bench::new(&dir.path().join("plane.sock"));
    bench.commit(&read(text).tree);
    bench.stages.clear();
    let checked = bench.checked.take().unwrap_or_else(|| panic!("it commits"));
    let plan = DynamicPlan::new(&checked.valid);
    for version in 1..=3 {
        let parsed = bench.stage("read", |_| parse(list.as_bytes()).unwrap_or_else(|e| panic!("{e:?}")));
        let set = LiveSetUpdate { id: plan.feeds[0].id, addresses: Some(parsed.addresses) };
        let live = LiveUpdate { resync: false, schedules: Vec::new(), sets: vec![set] };
        let (routes, neighbours, links) = (Vec::new(), Vec::new(), Vec::new());
        let batch = UpdateBatch { version, resync: false, routes, neighbours, links, live: Some(live) };
        bench.stage("told, and in force", |b| {
            b.client.updates().apply(&batch).unwrap_or_else(|e| panic!("{e}"))
        });
        list.push_str("192.0.2.1\n");
    }
    println!("a feed of {count} addresses");
    bench.report("a new list", 0);
}

fn text(count: usize) -> String {
    let mut out = String::from(
        "interfaces {\n ge-0/0/0 { unit 0 { family inet { address 10.0.0.1/8; } } }\n ge-0/0/1 { unit 0 { family inet { address \
         198.51.100.1/24; } } }\n}\nsecurity {\n zones {\n security-zone trust { interfaces { ge-0/0/0.0; } }\n security-zone untrust { \
         interfaces { ge-0/0/1.0; } }\n }\n address-book {\n global {\n",
    );
    for n in 0..count {
        let (a, b, c) = ((n >> 16) & 255, (n >> 8) & 255, n & 255);
        let _ = write!(out, "address s{n} 10.{a}.{b}.{c}/32;\naddress d{n} 172.{a}.{b}.{c}/32;\n");
    }
    for n in 0..count / 1000 {
        let _ = writeln!(out, "address-set g{n} {{");
        for k in 0..10 {
            let _ = writeln!(out, "address s{};", n * 1000 + k);
        }
        out.push_str("}\n");
    }
    out.push_str("}\n}\nnat {\n source {\n rule-set r {\n from zone trust;\n to zone untrust;\n");
    for n in 0..count / 1000 {
        let _ = write!(
            out,
            "rule n{n} {{\n match {{\n source-address 10.{}.{}.0/24;\n }}\n then {{\n source-nat {{\n interface;\n }}\n }}\n }}\n",
            n >> 8,
            n & 255
        );
    }
    out.push_str("}\n}\n}\npolicies {\n from-zone trust to-zone untrust {\n");
    for n in 0..count {
        let _ = write!(
            out,
            "policy p{n} {{\n match {{\n source-address s{n};\n destination-address d{n};\n application junos-https;\n }}\n \
             then {{\n permit;\n log {{\n session-close;\n }}\n }}\n }}\n"
        );
    }
    out.push_str("}\n}\n}\napplications {\n");
    for n in 0..count / 1000 {
        let _ = write!(out, "application a{n} {{\n protocol tcp;\n destination-port {};\n }}\n", n + 1);
    }
    out.push_str("}\n");
    out
}

/// A daemon and a packet process in one.
struct Bench {
    plane: Arc<SimPlane>,
    client: Arc<Client>,
    consumer: PlaneConsumer,
    book: IdBook,
    generation: u64,
    checked: Option<Checked>,
    rendered: Option<render::Rendered>,
    store: Store<Directory>,
    stages: Vec<(&'static str, Vec<f64>)>,
}

impl Bench {
    fn new(path: &Path) -> (Self, Server) {
        let setup = SimSetup { workers: 2, ..SimSetup::default() };
        let plane = Arc::new(SimWorkers::plane(setup));
        let listener = listen(path).unwrap_or_else(|e| panic!("{e}"));
        let server = Server::serve(listener, plane.clone()).unwrap_or_else(|e| panic!("{e}"));
        let client = Client::connect(path, Duration::from_secs(30)).unwrap_or_else(|e| panic!("{e}"));
        let client = Arc::new(client);
        let consumer = PlaneConsumer(client.clone());
        let directory = Directory::open(path.with_extension("store")).unwrap_or_else(|e| panic!("{e}"));
        let bench = Self {
            plane,
            client,
            consumer,
            book: IdBook::default(),
            generation: 0,
            checked: None,
            rendered: None,
            store: Store::open(directory).unwrap_or_else(|e| panic!("{e}")),
            stages: Vec::new(),
        };
        (bench, server)
    }

    fn stage<T>(&mut self, name: &'static str, work: impl FnOnce(&mut Self) -> T) -> T {
        let start = Clock::now();
        let out = work(self);
        self.note(name, start.elapsed());
        out
    }

    fn note(&mut self, name: &'static str, time: Duration) {
        let ms = time.as_secs_f64() * 1e3;
        match self.stages.iter_mut().find(|(known, _)| *known == name) {
            Some((_, times)) => times.push(ms),
            None => self.stages.push((name, vec![ms])),
        }
    }

    /// Answers the bytes it sent.
    fn commit(&mut self, tree: &Tree) -> u64 {
        let (start, sent) = (Clock::now(), self.client.traffic().bytes);
        let checked = self.stage("check", |b| check_tree_after(tree, None, b.checked.as_ref()));
        let checked = checked.unwrap_or_else(|e| panic!("{e:?}"));
        let resolved = Resolved::virtual_ports(&checked.valid);
        self.generation += 1;
        let proposal = self
            .stage("compile", |b| propose(&checked.valid, resolved, &mut b.book, Generation(b.generation)));
        let proposal = proposal.unwrap_or_else(|e| panic!("{e:?}"));
        let staged = self.get_ready(tree, &proposal);
        self.stage("record", |b| b.store.record(staged)).unwrap_or_else(|e| panic!("{e}"));
        let until_apply = start.elapsed();
        let (plane, wanted) = (self.plane.clone(), Generation(self.generation));
        let armed = Arc::new(AtomicBool::new(false));
        let watch = std::thread::spawn({
            let armed = armed.clone();
            move || {
                armed.store(true, Ordering::Release);
                while plane.workers().snapshot().is_none_or(|s| s.rules.generation != wanted) {
                    std::thread::sleep(Duration::from_micros(20));
                }
                Clock::now()
            }
        });
        while !armed.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        let apply = Clock::now();
        self.consumer.apply(&proposal).unwrap_or_else(|e| panic!("{e:?}"));
        let answered = apply.elapsed();
        let live = watch.join().map_or(answered, |at| at.saturating_duration_since(apply));
        self.note("apply, to the workers", live);
        self.note("apply, to the answer", answered);
        self.note("live", until_apply + live);
        self.stage("warnings", |_| ravelin_model::warnings(&checked.valid).len());
        if let Some(folding) = self.store.folding() {
            let mut disk = self.store.disk().clone();
            let written = self.stage("whole files behind it", |_| folding.write(&mut disk));
            let written = written.unwrap_or_else(|e| panic!("{e}"));
            self.stage("taken, while others wait", |b| b.store.folded(written))
                .unwrap_or_else(|e| panic!("{e}"));
        }
        self.stage("drop what was", |b| b.checked = Some(checked));
        self.client.traffic().bytes - sent
    }

    /// As the daemon does it: what is to be recorded is written while the packet process checks and gets ready.
    fn get_ready(&mut self, tree: &Tree, proposal: &Proposal) -> Staged {
        let Self { consumer, rendered, store, .. } = self;
        let (prepare, (render, write, staged)) = std::thread::scope(|scope| {
            let writing = scope.spawn(|| {
                let start = Clock::now();
                let rendered = rendered.insert(render::text_after(tree, rendered.as_ref()));
                let render = start.elapsed();
                let staged = store.stage(rendered.text().clone(), Entry::default());
                (render, start.elapsed() - render, staged.unwrap_or_else(|e| panic!("{e}")))
            });
            let start = Clock::now();
            consumer.check(proposal).unwrap_or_else(|e| panic!("{e:?}"));
            (start.elapsed(), writing.join().unwrap_or_else(|_| panic!("it writes")))
        });
        self.note("prepare", prepare);
        self.note("beside it: render the text", render);
        self.note("beside it: write the change", write);
        staged
    }

    fn report(&mut self, name: &str, bytes: u64) {
        println!("  {name}: {bytes} bytes sent");
        for (stage, mut times) in std::mem::take(&mut self.stages) {
            times.sort_by(f64::total_cmp);
            println!(
                "{stage:>32} {:>9.2} ({:.2}-{:.2})",
                times[times.len() / 2],
                times[0],
                times[times.len() - 1]
            );
        }
    }
}

fn resident_mb() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or("");
    line.split_whitespace().next().and_then(|n| n.parse::<usize>().ok()).unwrap_or(0) / 1024
}

fn edits(count: usize) {
    let dir = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
    let (mut bench, _server) = Bench::new(&dir.path().join("plane.sock"));
    let mut tree = read(&text(count)).tree;
    println!("{count} policies; ms, median (min-max)");
    let bytes = bench.commit(&tree);
    bench.report("first commit", bytes);
    println!("{:>32} {:>9} MB, both processes", "memory", resident_mb());
    for (name, edit) in KINDS {
        let mut most = 0;
        for round in 0..ROUNDS {
            let mut edited = tree.clone();
            for line in edit(count, round) {
                apply(&mut edited, &[], &line).unwrap_or_else(|e| panic!("{line}: {e:?}"));
            }
            most = most.max(bench.commit(&edited));
            tree = edited;
        }
        bench.report(name, most);
    }
}

type Edit = fn(usize, usize) -> Vec<String>;
const KINDS: [(&str, Edit); 11] = [
    ("one policy changed", |n, round| {
        let verb = if round.is_multiple_of(2) { "set" } else { "delete" };
        vec![format!("{verb} {PAIR} policy p{} then count", n / 2)]
    }),
    ("one policy added in the middle", |n, round| {
        let new = format!("{PAIR} policy new{round}");
        vec![
            format!("set {new} match source-address s1 destination-address d2 application any"),
            format!("set {new} then deny"),
            format!("insert {new} before policy p{}", n / 2),
        ]
    }),
    ("one address changed", |n, round| vec![format!("set {BOOK} address s{} 192.0.2.{round}/32", n / 2)]),
    ("one address added", |_, round| vec![format!("set {BOOK} address lone{round} 192.0.2.{round}/32")]),
    ("one address removed", |_, round| vec![format!("delete {BOOK} address lone{round}")]),
    ("one address added, and a policy", |n, round| {
        let new = format!("{PAIR} policy more{round}");
        vec![
            format!("set {BOOK} address more{round} 192.0.2.{round}/32"),
            format!(
                "set {new} match source-address more{round} destination-address d{} application any",
                n / 3
            ),
            format!("set {new} then deny"),
        ]
    }),
    ("one address more in a set", |n, round| {
        vec![format!("set {BOOK} address-set g0 address d{}", n / 2 + round)]
    }),
    ("an application", |_, round| {
        vec![format!("set applications application a0 destination-port {}", 1000 + round)]
    }),
    ("an interface and its zone", |_, round| {
        vec![
            format!("set interfaces ge-0/0/{} unit 0 family inet address 192.0.2.{round}/32", round + 2),
            format!("set security zones security-zone trust interfaces ge-0/0/{}.0", round + 2),
        ]
    }),
    ("a NAT rule", |_, round| {
        let rule = format!("security nat source rule-set r rule new{round}");
        vec![
            format!("set {rule} match source-address 192.0.2.{round}/32"),
            format!("set {rule} then source-nat interface"),
        ]
    }),
    ("host name", |_, round| vec![format!("set system host-name n{round}")]),
];
