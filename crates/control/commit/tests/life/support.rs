//! A disk in memory, two consumers that fail where they are told to, and a life over them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use ravelin_commit::{
    Consumer, Consumers, Done, Life, LifeError, Note, Now, Order, OrderKind, Peer, Plant, Proposal,
    Synchronize, propose,
};
use ravelin_compile::{IdBook, Resolved};
use ravelin_model::ValidConfig;
use ravelin_store::{Disk, EditMode, Editor, EditorId, Store};
use ravelin_syntax::Diagnostic;
use ravelin_types::Generation;

use crate::two::Line;

pub const NOW_S: u64 = 1_770_000_000;
pub const ANN: EditorId = EditorId(1);

pub fn at(seconds: u64) -> Now {
    Now { wall_s: NOW_S + seconds, mono: Duration::from_secs(1000 + seconds) }
}

type Files = BTreeMap<String, Vec<u8>>;

/// What is written, what is durable, and how many changes are left until death.
#[derive(Clone, Default)]
pub struct Platter {
    pub now: Files,
    pub durable: Files,
    pub left: Option<usize>,
}

/// One handle of a shared platter.
#[derive(Clone, Default)]
pub struct MemoryDisk(Arc<Mutex<Platter>>);

impl MemoryDisk {
    pub fn platter(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut Files)) -> io::Result<()> {
        let mut platter = self.platter();
        if let Some(left) = &mut platter.left {
            *left = left.checked_sub(1).ok_or_else(|| io::Error::other("dead"))?;
        }
        change(&mut platter.now);
        Ok(())
    }

    /// The same files on another disk that dies after so many changes.
    pub fn copy(&self, left: Option<usize>) -> Self {
        Self(Arc::new(Mutex::new(Platter { left, ..self.platter().clone() })))
    }

    /// What a power cut leaves.
    pub fn after_power_cut(&self) -> Self {
        let durable = self.platter().durable.clone();
        Self(Arc::new(Mutex::new(Platter { now: durable.clone(), durable, left: None })))
    }
}

impl Disk for MemoryDisk {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.platter().now.get(name).cloned())
    }
    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.change(|files| drop(files.insert(name.to_owned(), bytes.to_vec())))
    }
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.change(|files| files.entry(name.to_owned()).or_default().extend(bytes))
    }
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.change(|files| {
            let bytes = files.remove(from).unwrap_or_default();
            files.insert(to.to_owned(), bytes);
        })
    }
    fn link(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.change(|files| {
            let bytes = files.get(from).cloned().unwrap_or_default();
            files.insert(to.to_owned(), bytes);
        })
    }
    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.change(|files| drop(files.remove(name)))
    }
    fn sync(&mut self) -> io::Result<()> {
        self.change(|_| {})?;
        let mut platter = self.platter();
        platter.durable = platter.now.clone();
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Check,
    Prepare,
    Apply,
}

/// A step of a consumer that works so often, and then fails so often.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub who: &'static str,
    pub step: Step,
    pub works: usize,
    pub fails: usize,
}

pub type Faults = Rc<RefCell<Vec<Fault>>>;

/// What a consumer enforces: the generation and the node's name, which stands for the configuration.
pub type Enforced = Option<(Generation, String)>;

struct Fake<'a> {
    name: &'static str,
    has: &'a mut Enforced,
    faults: Faults,
}

impl Fake<'_> {
    fn fails(&self, step: Step) -> bool {
        let mut faults = self.faults.borrow_mut();
        let here = |fault: &&mut Fault| {
            fault.who == self.name && fault.step == step && fault.works + fault.fails > 0
        };
        let Some(fault) = faults.iter_mut().find(here) else { return false };
        let works = fault.works > 0;
        *(if works { &mut fault.works } else { &mut fault.fails }) -= 1;
        !works
    }
}

impl Consumer for Fake<'_> {
    fn name(&self) -> &'static str {
        self.name
    }
    fn check(&mut self, _: &Proposal) -> Result<(), Vec<Diagnostic>> {
        let no = || vec![Diagnostic::error("x", ravelin_syntax::Span::default(), "no")];
        if self.fails(Step::Check) { Err(no()) } else { Ok(()) }
    }
    fn prepare(&mut self, _: &Proposal) -> Result<(), String> {
        if self.fails(Step::Prepare) { Err("no room".into()) } else { Ok(()) }
    }
    fn apply(&mut self, proposal: &Proposal) -> Result<(), String> {
        if self.fails(Step::Apply) {
            return Err("broken".into());
        }
        *self.has = Some((proposal.program.generation, node(proposal)));
        Ok(())
    }
}

fn node(proposal: &Proposal) -> String {
    proposal.valid.get().system.host_name.clone().unwrap_or_default()
}

#[derive(Default)]
pub struct FakePlant {
    pub kernel: Enforced,
    pub plane: Enforced,
    pub faults: Faults,
    /// The way to another node.
    pub line: Option<Line>,
    book: IdBook,
    generation: u64,
}

impl FakePlant {
    /// What a new daemon finds: consumers as they were, ids and generation counted on.
    pub fn found(&self) -> Self {
        Self {
            kernel: self.kernel.clone(),
            plane: self.plane.clone(),
            generation: self.generation,
            line: self.line.clone(),
            ..Self::default()
        }
    }
}

impl Plant for FakePlant {
    fn propose(&mut self, valid: &ValidConfig) -> Result<Proposal, Vec<Diagnostic>> {
        self.generation += 1;
        propose(valid, Resolved::virtual_ports(valid), &mut self.book, Generation(self.generation))
    }
    fn consumers(&mut self) -> Consumers<'_> {
        let Self { kernel, plane, faults, .. } = self;
        vec![
            Box::new(Fake { name: "kernel", has: kernel, faults: faults.clone() }),
            Box::new(Fake { name: "plane", has: plane, faults: faults.clone() }),
        ]
    }
    fn peer(&mut self) -> Option<Box<dyn Peer>> {
        self.line.clone().map(|line| Box::new(line) as Box<dyn Peer>)
    }
}

/// A running system.
pub struct Bench {
    pub disk: MemoryDisk,
    pub plant: FakePlant,
    pub life: Life<MemoryDisk>,
}

impl Bench {
    pub fn new() -> Self {
        Self::on(MemoryDisk::default(), FakePlant::default(), at(0), "boot").0
    }

    /// A daemon that starts on what a disk has.
    pub fn on(disk: MemoryDisk, mut plant: FakePlant, now: Now, boot: &str) -> (Self, Vec<Note>) {
        let store = Store::open(disk.clone()).unwrap_or_else(|e| panic!("{e}"));
        let mut life = Life::new(store, now, boot);
        let notes = life.start(&mut plant, now);
        (Self { disk, plant, life }, notes)
    }

    /// From now on a step of a consumer fails so often.
    pub fn fault(&mut self, who: &'static str, step: Step, fails: usize) {
        self.plant.faults.borrow_mut().push(Fault { who, step, works: 0, fails });
    }

    /// The daemon dies and starts again; consumers keep what they have.
    pub fn restart(self, now: Now, boot: &str) -> (Self, Vec<Note>) {
        let disk = self.disk.copy(None);
        Self::on(disk, self.plant, now, boot)
    }

    pub fn edit(&mut self, name: &str) {
        let line = format!("set system host-name {name}");
        let candidate = self.life.database_mut().edit(ANN).unwrap_or_else(|e| panic!("{e}"));
        candidate.apply(&[], &line).unwrap_or_else(|e| panic!("{e:?}"));
    }

    pub fn order(&mut self, kind: OrderKind, now: Now) -> Result<Done, LifeError> {
        self.order_of(ANN, kind, now)
    }

    pub fn order_of(&mut self, editor: EditorId, kind: OrderKind, now: Now) -> Result<Done, LifeError> {
        let order = order(editor, kind);
        self.life.commit(&mut self.plant, &order, now)
    }

    /// Commits a configuration of that name.
    #[track_caller]
    pub fn commit(&mut self, name: &str, now: Now) {
        self.edit(name);
        let done = self.order(OrderKind::Now, now);
        assert!(matches!(done, Ok(Done::Committed)), "{done:?}");
    }

    #[track_caller]
    pub fn commit_confirmed(&mut self, name: &str, minutes: u16, now: Now) {
        self.edit(name);
        let done = self.order(OrderKind::Confirmed { minutes }, now);
        assert!(matches!(done, Ok(Done::Waiting { .. })), "{done:?}");
    }

    /// What is due, and then whole files.
    pub fn tick(&mut self, now: Now) -> Vec<String> {
        let mut notes = self.life.tick(&mut self.plant, now);
        if let Some(file) = self.life.fold_due(now) {
            notes.extend(self.life.folded(file.write(), now));
        }
        notes.iter().map(ToString::to_string).collect()
    }

    pub fn enter(&mut self, id: EditorId, mode: EditMode) {
        let entered = self.life.database_mut().enter(id, Editor { mode, ..Editor::default() });
        entered.unwrap_or_else(|e| panic!("{e}"));
    }

    /// The name that store, kernel and dataplane agree on, with one generation.
    #[track_caller]
    pub fn agreed(&self) -> String {
        let text = self.life.store().active().map_or_else(Default::default, |active| active.text.clone());
        let stored = ravelin_model::load(&text.whole()).result.unwrap_or_else(|e| panic!("{e:?}"));
        let stored = stored.get().system.host_name.clone().unwrap_or_default();
        let active = self.life.active().map(|p| (p.program.generation, node(p)));
        assert_eq!(self.plant.kernel, active, "kernel");
        assert_eq!(self.plant.plane, active, "dataplane");
        assert_eq!(active.map_or_else(String::new, |(_, name)| name), stored, "store");
        assert!(self.life.debts().is_empty(), "{:?}", self.life.debts());
        stored
    }
}

pub fn order(editor: EditorId, kind: OrderKind) -> Order {
    let synchronize = Synchronize::Configured;
    Order { editor, user: "ann".into(), client: "cli".into(), comment: None, kind, synchronize }
}
