//! Two nodes: a bench whose commits go to another over a line that breaks where it is told to.

use std::cell::RefCell;
use std::rc::Rc;

use ravelin_commit::{Done, LifeError, Now, OrderKind, Peer, PeerCommit, PeerError, Synchronize};
use ravelin_store::Record;

use crate::support::{ANN, Bench, order};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Check,
    Prepare,
    Apply,
    Confirm,
}

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// It does not arrive.
    Lost,
    /// It is done, and the answer does not arrive.
    Unanswered,
    /// The other daemon dies and starts again before it arrives.
    Restarted,
}

/// The other node.
pub struct Other {
    /// `None` for a moment, while it starts again.
    bench: Option<Bench>,
    pub breaks: Option<(Call, Break)>,
    pub now: Now,
    pub calls: Vec<Call>,
}

/// The line to it.
#[derive(Clone)]
pub struct Line(pub Rc<RefCell<Other>>);

impl Line {
    fn call(
        &self,
        call: Call,
        make: impl FnOnce(&mut Bench, Now) -> Result<(), PeerError>,
    ) -> Result<(), PeerError> {
        let mut other = self.0.borrow_mut();
        other.calls.push(call);
        let away = || PeerError::Away("no answer".into());
        let how = other.breaks.filter(|(at, _)| *at == call).map(|(_, how)| how);
        if how.is_some() {
            other.breaks = None;
        }
        let now = other.now;
        if how == Some(Break::Restarted)
            && let Some(bench) = other.bench.take()
        {
            other.bench = Some(bench.restart(now, "boot").0);
        }
        let bench = other.bench.as_mut().expect("it is there");
        match how {
            None | Some(Break::Restarted) => make(bench, now),
            Some(Break::Lost) => Err(away()),
            Some(Break::Unanswered) => make(bench, now).and(Err(away())),
        }
    }
}

impl Peer for Line {
    fn names(&self) -> [&'static str; 2] {
        ["node0", "node1"]
    }
    fn check(&mut self, commit: &PeerCommit) -> Result<(), PeerError> {
        self.call(Call::Check, |bench, now| bench.life.peer_check(&mut bench.plant, commit, now))
    }
    fn prepare(&mut self) -> Result<(), PeerError> {
        self.call(Call::Prepare, |bench, now| bench.life.peer_prepare(now))
    }
    fn apply(&mut self) -> Result<(), PeerError> {
        self.call(Call::Apply, |bench, now| bench.life.peer_apply(&mut bench.plant, now))
    }
    fn abort(&mut self) {
        let mut other = self.0.borrow_mut();
        other.bench.as_mut().expect("it is there").life.peer_abort();
    }
    fn confirm(&mut self, record: &Record) -> Result<(), PeerError> {
        self.call(Call::Confirm, |bench, _| bench.life.peer_confirm(record))
    }
}

/// Both.
pub struct Two {
    pub here: Bench,
    pub line: Line,
}

impl Two {
    /// Both run `a`, which each committed alone.
    pub fn new(now: Now) -> Self {
        let (mut here, mut there) = (Bench::new(), Bench::new());
        here.commit("a", now);
        there.commit("a", now);
        let other = Other { bench: Some(there), breaks: None, now, calls: Vec::new() };
        let line = Line(Rc::new(RefCell::new(other)));
        here.plant.line = Some(line.clone());
        Self { here, line }
    }

    /// As it is, with the statement in force on both.
    pub fn configured(now: Now) -> Self {
        let mut two = Self::new(now);
        two.set("set system commit synchronize");
        two.order(Synchronize::Configured, OrderKind::Now, now).expect("it is committed");
        two
    }

    pub fn set(&mut self, line: &str) {
        let candidate = self.here.life.database_mut().edit(ANN).expect("nobody has the lock");
        candidate.apply(&[], line).expect("it is legal");
    }

    pub fn order(&mut self, how: Synchronize, kind: OrderKind, now: Now) -> Result<Done, LifeError> {
        self.line.0.borrow_mut().now = now;
        let order = ravelin_commit::Order { synchronize: how, ..order(ANN, kind) };
        self.here.life.commit(&mut self.here.plant, &order, now)
    }

    /// Commits a configuration of that name on both.
    pub fn commit(&mut self, name: &str, now: Now) -> Result<Done, LifeError> {
        self.here.edit(name);
        self.order(Synchronize::Asked { force: false }, OrderKind::Now, now)
    }

    pub fn breaks(&self, call: Call, how: Break) {
        self.line.0.borrow_mut().breaks = Some((call, how));
    }

    pub fn there<T>(&self, look: impl FnOnce(&mut Bench) -> T) -> T {
        look(self.line.0.borrow_mut().bench.as_mut().expect("it is there"))
    }

    /// Time passes on both, this one first.
    pub fn tick(&mut self, now: Now) -> Vec<String> {
        self.line.0.borrow_mut().now = now;
        let notes = self.here.tick(now);
        self.there(|bench| bench.tick(now));
        notes
    }

    pub fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.line.0.borrow_mut().calls)
    }

    /// The names that each of the nodes agrees on with itself.
    #[track_caller]
    pub fn agreed(&self) -> [String; 2] {
        [self.here.agreed(), self.there(|bench| bench.agreed())]
    }

    /// What whoever commits is told beside.
    pub fn warnings(&self) -> Vec<String> {
        self.here.life.warnings().into_iter().map(|warning| warning.message).collect()
    }
}
