//! Every consumer fails at every step of a commit; afterwards all of them, and the store, have the same configuration.
//!
//! The consumers are the daemon's own, over a simulated plane. The kernel alone is stood in for: it needs a machine.

use std::cell::Cell;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use ravelin_commit::{
    BookConsumer, BookFile, CommitError, Consumer, Consumers, Done, Life, LifeError, Now, Order, OrderKind,
    PlaneConsumer, Plant, Proposal, Synchronize, propose,
};
use ravelin_compile::{IdBook, Resolved};
use ravelin_contract::{DataPlane, InjectRequest};
use ravelin_host::Desired;
use ravelin_metrics::{Exposition, Server};
use ravelin_model::ValidConfig;
use ravelin_ops::DynamicView;
use ravelin_sim::{SimPlane, SimSetup, SimWorkers};
use ravelin_store::{Directory, EditorId, Store};
use ravelin_syntax::Diagnostic;
use ravelin_telemetry::Service;
use ravelin_types::Generation;
use ravelin_wire::build::{Ip, Payload, frame};

use super::dynamic::{Dynamic, DynamicConsumer, View};
use super::fault::{Faulty, Step};
use super::log::{Log, LogConsumer};
use super::metrics::MetricsConsumer;

const CONSUMERS: [&str; 6] = ["ids", "host", "security log", "dynamic", "metrics", "dataplane"];
const ANN: EditorId = EditorId(1);

#[derive(Clone, Copy, Debug)]
struct Fault {
    who: &'static str,
    step: Step,
    times: u32,
}

/// Counts down a fault that is due.
fn is_due(fault: &Cell<Option<Fault>>, name: &str, step: Step) -> bool {
    let Some(due) = fault.get().filter(|f| f.who == name && f.step == step) else { return false };
    fault.set((due.times > 1).then_some(Fault { times: due.times - 1, ..due }));
    true
}

/// What the kernel was told.
#[derive(Default)]
struct Kernel(Option<(Generation, Desired)>);

impl Consumer for Kernel {
    fn name(&self) -> &'static str {
        "host"
    }

    fn check(&mut self, _: &Proposal) -> Result<(), Vec<Diagnostic>> {
        Ok(())
    }

    fn apply(&mut self, proposal: &Proposal) -> Result<(), String> {
        self.0 = Some((proposal.program.generation, proposal.desired.clone()));
        Ok(())
    }
}

struct System {
    plane: Arc<SimPlane>,
    log: Arc<Log>,
    dynamic: Dynamic,
    metrics: Arc<Server>,
    kernel: Kernel,
    book: IdBook,
    book_file: BookFile,
    fault: Cell<Option<Fault>>,
}

impl Plant for System {
    fn propose(&mut self, valid: &ValidConfig) -> Result<Proposal, Vec<Diagnostic>> {
        let last = self.plane.diagnostics().status().ok().and_then(|s| s.generation);
        let generation = last.unwrap_or(Generation(0)).next();
        propose(valid, Resolved::virtual_ports(valid), &mut self.book, generation)
    }

    fn consumers(&mut self) -> Consumers<'_> {
        let Self { plane, log, dynamic, metrics, kernel, book, book_file, fault } = self;
        let all: [Box<dyn Consumer + '_>; 6] = [
            Box::new(BookConsumer(book_file, book)),
            Box::new(kernel),
            Box::new(LogConsumer(log.clone())),
            Box::new(DynamicConsumer { dynamic: dynamic.clone(), plane: plane.clone() }),
            Box::new(MetricsConsumer(metrics.clone())),
            Box::new(PlaneConsumer(plane.clone())),
        ];
        let fault = &*fault;
        let fails = move |name: &str, step| is_due(fault, name, step);
        all.into_iter().map(|inner| Box::new(Faulty { inner, fails }) as Box<dyn Consumer + '_>).collect()
    }
}

fn at(seconds: u64) -> Now {
    Now { wall_s: 1_770_000_000 + seconds, mono: Duration::from_secs(1000 + seconds) }
}

/// Free when it was looked for, at every address of the loopback.
static PORT: LazyLock<u16> = LazyLock::new(|| {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port()
});

/// Whether nothing holds the port at an address, listening or not: without leave to share it is had only then.
fn is_free(name: &str) -> bool {
    let address = format!("127.0.{}.1:{}", name.len(), *PORT).parse().unwrap();
    tokio::net::TcpSocket::new_v4().unwrap().bind(address).is_ok()
}

/// A configuration that every consumer sees the name of.
fn text(name: &str) -> String {
    let third = name.len();
    format!(
        "set system host-name {name}
         set interfaces ge-0/0/0 unit 0 family inet address 10.0.{third}.1/24
         set interfaces ge-0/0/1 unit 0 family inet address 10.1.{third}.1/24
         set security zones security-zone trust interfaces ge-0/0/0.0
         set security zones security-zone {name} interfaces ge-0/0/1.0
         set security policies from-zone trust to-zone {name} policy p match source-address any
         set security policies from-zone trust to-zone {name} policy p match destination-address any
         set security policies from-zone trust to-zone {name} policy p match application any
         set security policies from-zone trust to-zone {name} policy p then permit
         set security policies from-zone trust to-zone {name} policy p scheduler-name {name}
         set schedulers scheduler {name} daily start-time 08:00:00 stop-time 17:00:00
         set security log mode stream
         set security log source-address 10.0.{third}.1
         set security log stream {name} host 192.0.2.1
         set system services metrics addresses 127.0.{third}.1
         set system services metrics port {}",
        *PORT
    )
}

struct Bench {
    system: System,
    life: Life<Directory>,
    _runtime: tokio::runtime::Runtime,
    _directory: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let root = directory.path().to_owned();
        let service = Service::new(runtime.handle().clone(), root.clone(), jiff::tz::TimeZone::UTC);
        let system = System {
            plane: Arc::new(SimWorkers::plane(SimSetup::default())),
            log: Arc::new(Log::new(service)),
            dynamic: Dynamic::new(jiff::tz::TimeZone::UTC),
            metrics: Arc::new(Server::new(runtime.handle().clone(), Exposition::new)),
            kernel: Kernel::default(),
            book: IdBook::default(),
            book_file: BookFile(root.join("ids.json")),
            fault: Cell::new(None),
        };
        let store = Store::open(Directory::open(&root).unwrap()).unwrap();
        let life = Life::new(store, at(0), "boot");
        Self { system, life, _runtime: runtime, _directory: directory }
    }

    fn commit(&mut self, name: &str, seconds: u64) -> Result<Done, LifeError> {
        self.commit_text(&text(name), seconds)
    }

    fn commit_text(&mut self, text: &str, seconds: u64) -> Result<Done, LifeError> {
        let candidate = self.life.database_mut().edit(ANN).unwrap();
        candidate.replace(text).unwrap();
        let order = Order {
            editor: ANN,
            user: "ann".into(),
            client: "cli".into(),
            comment: None,
            kind: OrderKind::Now,
            synchronize: Synchronize::Configured,
        };
        let done = self.life.commit(&mut self.system, &order, at(seconds));
        self.settle();
        done
    }

    /// What the daemon does with what became active.
    fn settle(&self) {
        if let Some(active) = self.life.active() {
            self.system.dynamic.follow(active.dynamic.clone());
        }
    }

    /// The name that store and consumers agree on, all with one generation.
    #[track_caller]
    fn agreed(&self) -> String {
        let Self { system, life, .. } = self;
        let System { plane, log, dynamic, metrics, kernel, book: _, book_file, fault: _ } = system;
        let active = life.active().expect("something is active");
        let name = active.valid.get().system.host_name.clone().unwrap_or_default();
        assert!(life.debts().is_empty(), "{:?}", life.debts());
        let stored = life.store().active().map_or_else(String::new, |active| active.text.to_string());
        assert!(stored.contains(&format!("host-name {name};")), "store: {stored}");
        let generation = active.program.generation;
        assert_eq!(kernel.0, Some((generation, active.desired.clone())), "host");
        let status = plane.diagnostics().status().unwrap();
        assert_eq!(status.generation, Some(generation), "dataplane");
        let all = status.workers.iter().all(|worker| worker.generation == generation);
        assert!(all && !status.workers.is_empty(), "workers: {:?}", status.workers);
        let streams: Vec<String> = log.service.statistics().streams.into_iter().map(|s| s.name).collect();
        assert_eq!(streams, [name.as_str()], "security log");
        let schedules = View { dynamic, used: Vec::new() }.schedules();
        let schedules: Vec<&str> = schedules.iter().map(|line| line.name.as_str()).collect();
        assert_eq!(schedules, [name.as_str()], "dynamic");
        let listening: Vec<String> = metrics.listening().iter().map(ToString::to_string).collect();
        assert_eq!(listening, [format!("127.0.{}.1:{}", name.len(), *PORT)], "metrics");
        // Names of what was refused may be in memory; a restart gives what is active the same ids.
        let mut saved = book_file.load().unwrap();
        let resolved = Resolved::virtual_ports(&active.valid);
        let again = propose(&active.valid, resolved, &mut saved, generation).unwrap();
        assert_eq!(again.program.digest(), active.program.digest(), "ids");
        assert!(saved.unsaved().is_empty(), "ids");
        name
    }
}

#[test]
fn whoever_fails_at_whatever_step_all_agree_afterwards() {
    for who in CONSUMERS {
        for (step, times, expected) in [
            (Step::Check, 1, "a"),
            (Step::Prepare, 1, "a"),
            (Step::Apply, 1, "bb"),
            (Step::Apply, 2, "a"),
            (Step::Answer, 1, "bb"),
            (Step::Answer, 2, "a"),
        ] {
            let what = format!("{who} {step:?} {times}");
            let mut bench = Bench::new();
            assert!(bench.commit("a", 0).is_ok(), "{what}");
            bench.system.fault.set(Some(Fault { who, step, times }));
            let done = bench.commit("bb", 1);
            let as_told = match (&done, step) {
                (Ok(Done::Committed), Step::Apply | Step::Answer) => times == 1,
                (Err(LifeError::Commit(CommitError::RolledBack(_))), Step::Apply | Step::Answer) => {
                    times == 2
                }
                (Err(LifeError::Commit(CommitError::Refused(_))), Step::Check) => true,
                (Err(LifeError::Commit(CommitError::Prepare(name, _))), Step::Prepare) => *name == who,
                _ => false,
            };
            assert!(as_told, "{what}: {done:?}");
            assert!(bench.system.fault.get().is_none(), "{what}: it never failed");
            assert_eq!(bench.agreed(), expected, "{what}");
            let aborted = matches!(step, Step::Check | Step::Prepare);
            assert!(!aborted || is_free("bb"), "{what}: metrics hold what they had got ready");
            assert!(
                matches!(bench.commit("bb", 2), Ok(Done::Committed)),
                "{what}: it goes through afterwards"
            );
            assert_eq!(bench.agreed(), "bb", "{what}");
        }
    }
}

#[test]
fn what_is_owed_is_made_good() {
    for who in CONSUMERS {
        for step in [Step::Apply, Step::Answer] {
            let mut bench = Bench::new();
            assert!(bench.commit("a", 0).is_ok());
            // The way back fails too, and the first time it is asked for what it owes.
            bench.system.fault.set(Some(Fault { who, step, times: 6 }));
            bench.commit("bb", 1).unwrap_err();
            assert!(!bench.life.debts().is_empty(), "{who} {step:?}");
            for seconds in 2..40 {
                bench.life.tick(&mut bench.system, at(seconds));
                bench.settle();
            }
            assert_eq!(bench.agreed(), "a", "{who} {step:?}");
        }
    }
}

/// A policy that is open now judges its first packet: the plane has its schedule before it has the policy, and without the thread
/// that tells it of changes, which does not run here.
#[test]
fn what_a_policy_asks_for_is_there_when_the_policy_is() {
    let judged = |bench: &Bench| -> Vec<String> {
        let frame = frame(&Ip::v4([10, 0, 1, 2], [10, 1, 1, 2]), &Payload::udp(1000, 53, &[]));
        let request = InjectRequest { interface: "ge-0/0/0.0".into(), frame, before: Vec::new() };
        let told = bench.system.plane.diagnostics().inject_packet(&request).unwrap();
        let policies = told.findings.into_iter().filter(|finding| finding.stage == "policy");
        policies.map(|finding| format!("{} {}", finding.subject, finding.outcome)).collect()
    };
    let mut bench = Bench::new();
    bench.system.plane.start().unwrap();
    let open = text("a").replace("daily start-time 08:00:00 stop-time 17:00:00", "daily all-day");
    bench.commit_text(&open, 0).unwrap();
    let routes = bench.life.active().unwrap().routes.clone();
    bench.system.plane.updates().apply(&routes).unwrap();
    assert_eq!(judged(&bench), ["p match: permit"]);
    // Another schedule comes with the commit that asks for it, and the old one goes on until then.
    let closed = text("a").replace(
        "daily start-time 08:00:00 stop-time 17:00:00",
        "start-date 2001-01-01.00:00 stop-date 2001-01-02.00:00",
    );
    bench.commit_text(&closed, 1).unwrap();
    assert!(judged(&bench)[0].starts_with("p no match"), "{:?}", judged(&bench));
}
