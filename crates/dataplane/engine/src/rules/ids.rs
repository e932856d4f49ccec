//! Policies by id, over commits: an edit touches the ids of the runs it changed.

use std::collections::HashMap;

use ravelin_program::{Digest, Policy, ZoneMatch};
use ravelin_types::PolicyId;

use super::BuildError;
use super::section::Run;

/// See the head of the file.
#[derive(Clone, Debug, Default)]
pub(super) struct PolicyIds {
    /// By id.
    places: Vec<Option<Place>>,
    /// Runs where they have lain since they came: in no order.
    slots: Vec<Option<Run>>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    slot: u32,
    at: u32,
}

impl PolicyIds {
    /// # Errors
    /// An id is used twice.
    pub(super) fn build(runs: &Vec<Run>, before: Option<&Self>) -> Result<Self, BuildError> {
        let mut out = before.cloned().unwrap_or_default();
        let mut wanted: HashMap<Digest, u32> = HashMap::with_capacity(runs.len());
        for run in runs {
            *wanted.entry(run.digest).or_default() += 1;
        }
        let mut free = Vec::new();
        for slot in 0..out.slots.len() {
            let count = out.slots[slot].as_ref().and_then(|run| wanted.get_mut(&run.digest));
            match count {
                Some(count) if *count > 0 => *count -= 1,
                _ => {
                    out.forget(slot);
                    free.push(slot);
                }
            }
        }
        for run in runs {
            if let Some(count) = wanted.get_mut(&run.digest).filter(|count| **count > 0) {
                *count -= 1;
                let slot = free.pop().unwrap_or_else(|| {
                    out.slots.push(None);
                    out.slots.len() - 1
                });
                out.learn(slot, run)?;
            }
        }
        Ok(out)
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// A policy with its own zone match, and that of its section.
    pub(super) fn get(&self, id: PolicyId) -> Option<(&ZoneMatch, &(ZoneMatch, Policy))> {
        let place = (*self.places.get(id.index())?)?;
        let run = self.slots.get(place.slot as usize)?.as_ref()?;
        Some((run.zones(), run.policies().get(place.at as usize)?))
    }

    fn forget(&mut self, slot: usize) {
        let Some(run) = self.slots[slot].take() else { return };
        run.policies().iter().for_each(|(_, policy)| self.places[policy.id.index()] = None);
    }

    fn learn(&mut self, slot: usize, run: &Run) -> Result<(), BuildError> {
        for (at, (_, policy)) in (0..).zip(run.policies()) {
            let id = policy.id.index();
            if self.places.len() <= id {
                self.places.resize(id + 1, None);
            }
            if self.places[id].replace(Place { slot: slot as u32, at }).is_some() {
                let reason = format!("id {id} is used twice");
                return Err(BuildError { path: format!("security policies {}", policy.name), reason });
            }
        }
        self.slots[slot] = Some(run.clone());
        Ok(())
    }
}
