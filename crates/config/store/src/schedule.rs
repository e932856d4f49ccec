//! `commit at`: the configuration and when it is to become active, kept until then.

use crate::disk::{Disk, replace};
use crate::file::{Record, seal, unseal};
use crate::store::{Store, StoreError};

pub(crate) const FILE: &str = "scheduled.conf";

/// When a scheduled commit is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// Seconds since 1970.
    At(u64),
    /// At the first start of the machine after the boot of this id.
    Reboot(String),
}

/// A commit that waits for its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduled {
    pub when: When,
    /// Who asked for it, and when.
    pub record: Record,
    /// `commit synchronize at`: whatever the configuration says of it. `Some(true)`: by force.
    pub synchronize: Option<bool>,
    pub text: String,
}

impl Scheduled {
    fn encode(&self) -> Vec<u8> {
        let Self { when, record, synchronize, text } = self;
        let mut cells = record.cells();
        let force = |force: bool| ("synchronize", if force { "force" } else { "1" }.to_owned());
        cells.extend(synchronize.map(force));
        cells.push(match when {
            When::At(time_s) => ("at", time_s.to_string()),
            When::Reboot(boot) => ("reboot", boot.clone()),
        });
        seal(&cells, &text.as_str().into()).0
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (sealed, _) = unseal(bytes)?;
        let at = sealed.number("at").map(When::At);
        let when = at.or_else(|| Some(When::Reboot(sealed.cell("reboot")?.to_owned())))?;
        let synchronize = sealed.cell("synchronize").map(|how| how == "force");
        Some(Self { when, record: Record::read(&sealed)?, synchronize, text: sealed.text })
    }
}

impl<D: Disk> Store<D> {
    pub fn schedule(&mut self, scheduled: Scheduled) -> Result<(), StoreError> {
        replace(&mut self.disk, FILE, &scheduled.encode())?;
        self.scheduled = Some(scheduled);
        Ok(())
    }

    /// Forgets the scheduled commit; `None` when there is none.
    pub fn unschedule(&mut self) -> Result<Option<Scheduled>, StoreError> {
        self.disk.remove(FILE)?;
        self.disk.sync()?;
        Ok(self.scheduled.take())
    }

    #[must_use]
    pub fn scheduled(&self) -> Option<&Scheduled> {
        self.scheduled.as_ref()
    }
}
