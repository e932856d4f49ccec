//! Editors and commits for the command engine: the life of commits behind `Commits`.

use ravelin_commit::{CommitError, LifeError, Order as CommitOrder, OrderKind};
use ravelin_ops::{
    CommitEntry, CommitHistory, CommitKind, CommitOptions, CommitReport, Commits, ConfigureKind, EditorEntry,
    Outcome, Problem, Refusal, ScheduledEntry, ScheduledTime, Synchronize,
};
use ravelin_store::{Conflict, EditError, EditMode, Editor, Heading, Record, Scheduled, StoreError, When};

use super::config_mode::{Desk, problems, warned};
use super::upgrade::Order;

/// Everything over the operators' socket comes of the shell.
const CLIENT: &str = "cli";

fn kind(mode: EditMode) -> ConfigureKind {
    match mode {
        EditMode::Shared => ConfigureKind::Shared,
        EditMode::Exclusive => ConfigureKind::Exclusive,
        EditMode::Private => ConfigureKind::Private,
    }
}

fn said(error: &impl ToString) -> Vec<Problem> {
    vec![Problem::of(error.to_string())]
}

fn seconds(time_s: u64) -> i64 {
    i64::try_from(time_s).unwrap_or(i64::MAX)
}

fn scheduled_time(when: &When) -> ScheduledTime {
    match when {
        When::At(time_s) => ScheduledTime::At(seconds(*time_s)),
        When::Reboot(_) => ScheduledTime::Reboot,
    }
}

fn conflict(conflict: &Conflict) -> Problem {
    let Conflict { path, mine, base, theirs } = conflict;
    let named = |text: &str| if text.is_empty() { "no statement".to_owned() } else { format!("'{text}'") };
    let statement = [mine, base, theirs].into_iter().find(|text| !text.is_empty()).map_or("", String::as_str);
    let message = format!("statement does not match patch; {} != {}", named(theirs), named(base));
    let at = if path.is_empty() { String::new() } else { format!(" {}", path.join(" ")) };
    let rendered = format!("[edit{at}]\n  '{statement}'\n    {message}");
    Problem { path: path.join(" "), message, rendered, ..Problem::default() }
}

impl Desk<'_> {
    fn entries(&self, editors: Vec<Editor>) -> Vec<EditorEntry> {
        let entry = |editor: Editor| {
            let Editor { user, terminal, pid, since_s, active_s, mode, path } = editor;
            EditorEntry {
                user,
                terminal,
                pid,
                since_s: seconds(since_s),
                idle_s: self.now.wall_s.saturating_sub(active_s),
                mode: kind(mode),
                path,
            }
        };
        editors.into_iter().map(entry).collect()
    }

    fn refusal(&self, error: LifeError) -> Refusal {
        match error {
            LifeError::Edit(error) => self.edit_refusal(error),
            LifeError::Conflicts(list) => Refusal::Conflicts(list.iter().map(conflict).collect()),
            LifeError::Commit(CommitError::Refused(list)) => Refusal::Problems(problems(&list)),
            LifeError::Commit(_)
            | LifeError::Pending
            | LifeError::At(_)
            | LifeError::Store(_)
            | LifeError::Unconfirmed
            | LifeError::Promised => Refusal::Said(error.to_string()),
        }
    }

    fn edit_refusal(&self, error: EditError) -> Refusal {
        match error {
            EditError::Locked(editors) => Refusal::Locked(self.entries(editors)),
            EditError::Modified(editors) => Refusal::Modified(self.entries(editors)),
            EditError::SharedModified => Refusal::SharedModified,
            EditError::TooMany => Refusal::Said(error.to_string()),
        }
    }

    fn record(&self, user: &str) -> Record {
        Record {
            time_s: self.now.wall_s,
            user: user.to_owned(),
            client: CLIENT.to_owned(),
            ..Record::default()
        }
    }

    fn order(&self, options: CommitOptions) -> CommitOrder {
        let CommitOptions { user, comment, kind, synchronize } = options;
        let kind = match kind {
            CommitKind::Now => OrderKind::Now,
            CommitKind::Confirmed { minutes } => OrderKind::Confirmed { minutes },
            CommitKind::At(time) => OrderKind::At(time),
        };
        let synchronize = match synchronize {
            Synchronize::Configured => ravelin_commit::Synchronize::Configured,
            Synchronize::Asked { force } => ravelin_commit::Synchronize::Asked { force },
            Synchronize::Never => ravelin_commit::Synchronize::Never,
        };
        CommitOrder { editor: self.seat.id, user, client: CLIENT.to_owned(), comment, kind, synchronize }
    }

    fn report(&self, scheduled: Option<ScheduledTime>) -> CommitReport {
        let life = &self.control.life;
        CommitReport { warnings: warned(&life.warnings()), scheduled, nodes: life.synchronized() }
    }
}

fn entry(number: u32, stored: &Heading) -> CommitEntry {
    let Record { time_s, user, client, comment, confirmed_min } = stored.record.clone();
    CommitEntry {
        number,
        time_s: seconds(time_s),
        user,
        client,
        comment,
        confirmed_min,
        pending: stored.revert.is_some(),
    }
}

impl Commits for Desk<'_> {
    fn enter(&mut self, kind: ConfigureKind) -> Result<(), Refusal> {
        let mode = match kind {
            ConfigureKind::Shared => EditMode::Shared,
            ConfigureKind::Exclusive => EditMode::Exclusive,
            ConfigureKind::Private => EditMode::Private,
        };
        let editor = Editor {
            user: self.seat.user.clone(),
            terminal: self.seat.terminal.clone(),
            pid: self.seat.pid,
            since_s: self.now.wall_s,
            active_s: self.now.wall_s,
            mode,
            path: Vec::new(),
        };
        let entered = self.control.life.database_mut().enter(self.seat.id, editor);
        entered.map_err(|error| self.edit_refusal(error))
    }

    fn leave(&mut self) {
        self.control.life.database_mut().leave(self.seat.id);
    }

    fn moved(&mut self, path: &[String]) {
        self.control.life.database_mut().touch(self.seat.id, self.now.wall_s, Some(path));
    }

    fn logout(&mut self, pid: u32, user: &str) -> bool {
        let record = self.record(user);
        self.control.life.logout(pid, &record)
    }

    fn in_service_upgrade(&mut self, package: Option<&str>, user: &str) -> Outcome<String> {
        let order = Order::to(package).map_err(|error| said(&error))?;
        let record = self.record(user);
        let what = format!("request system software in-service-upgrade {}", order.program.display());
        self.control.life.note(&record, &what);
        self.upgrade = Some(order);
        Ok(String::new())
    }

    fn editors(&self) -> Vec<EditorEntry> {
        self.entries(self.control.life.database().editors())
    }

    fn others(&self) -> Vec<EditorEntry> {
        self.entries(self.control.life.database().others(self.seat.id))
    }

    fn mode(&self) -> ConfigureKind {
        kind(self.control.life.database().mode(self.seat.id))
    }

    fn is_changed(&self) -> bool {
        self.candidate().is_changed()
    }

    fn may_edit(&mut self) -> Result<(), Refusal> {
        let done = self.control.life.may_edit(self.seat.id);
        done.map_err(|error| self.refusal(error))
    }

    fn update(&mut self) -> Result<(), Refusal> {
        let conflicts = self.control.life.database_mut().update(self.seat.id);
        if conflicts.is_empty() {
            return Ok(());
        }
        Err(Refusal::Conflicts(conflicts.iter().map(conflict).collect()))
    }

    fn check(&mut self, user: &str, synchronize: Synchronize) -> Result<CommitReport, Refusal> {
        let order =
            self.order(CommitOptions { user: user.to_owned(), synchronize, ..CommitOptions::default() });
        let done = self.control.life.check(&mut self.control.works, &order, self.now);
        done.map_err(|error| self.refusal(error))?;
        Ok(self.report(None))
    }

    fn commit(&mut self, options: &CommitOptions) -> Result<CommitReport, Refusal> {
        let order = self.order(options.clone());
        let done = self.control.life.commit(&mut self.control.works, &order, self.now);
        self.control.settle();
        let scheduled = match done.map_err(|error| self.refusal(error))? {
            ravelin_commit::Done::Scheduled(when) => Some(scheduled_time(&when)),
            ravelin_commit::Done::Committed | ravelin_commit::Done::Waiting { .. } => None,
        };
        Ok(self.report(scheduled))
    }

    fn waiting_min(&self) -> Option<u64> {
        self.control.life.left(self.now).map(|left| left.as_secs().div_ceil(60))
    }

    fn history(&self) -> CommitHistory {
        let store = self.control.life.store();
        let scheduled = |scheduled: &Scheduled| ScheduledEntry {
            user: scheduled.record.user.clone(),
            client: scheduled.record.client.clone(),
            time: scheduled_time(&scheduled.when),
        };
        CommitHistory {
            entries: (0..).zip(store.history()).map(|(number, stored)| entry(number, stored)).collect(),
            scheduled: store.scheduled().map(scheduled),
            rescue: store.rescue().ok().map(|stored| entry(0, stored)),
        }
    }

    fn clear_scheduled(&mut self, user: &str) -> Outcome<bool> {
        let record = self.record(user);
        self.control.life.unschedule(&record).map_err(|e: StoreError| said(&e))
    }

    fn rollback_text(&self, number: u32) -> Outcome<String> {
        let stored = self.control.life.store().rollback(number as usize).map_err(|e| said(&e))?;
        Ok(stored.text.to_string())
    }

    fn compare_rollbacks(&self, old: u32, new: u32) -> Outcome<String> {
        self.control.life.store().compare(old as usize, new as usize).map_err(|e| said(&e))
    }

    fn rescue_text(&self) -> Outcome<String> {
        self.control.life.store().rescue().map(|stored| stored.text.to_string()).map_err(|e| said(&e))
    }

    fn save_rescue(&mut self, user: &str) -> Outcome<()> {
        let record = self.record(user);
        self.control.life.save_rescue(record).map_err(|e| said(&e))
    }

    fn delete_rescue(&mut self, user: &str) -> Outcome<()> {
        let record = self.record(user);
        self.control.life.delete_rescue(&record).map_err(|e| said(&e))
    }
}
