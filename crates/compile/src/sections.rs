//! Policy sections as they were compiled last, run by run.
//!
//! Place: in the id book, whose ids the policies hold. State: the runs of the configuration compiled last, which is kept
//! with them, so that no other run can lie where one of them lies.

use std::collections::HashMap;
use std::sync::Arc;

use ravelin_model::{ByPlace, ValidConfig};
use ravelin_program::HashedChunk;

use crate::live::Referred;

/// A run with what its policies refer to.
#[derive(Clone, Debug)]
pub(crate) struct Compiled {
    pub chunk: HashedChunk,
    pub referred: Arc<Referred>,
}

/// See the head of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sections {
    of: Option<ValidConfig>,
    /// By context, in evaluation order: where each run lies, and its chunk.
    sections: Vec<(String, Vec<(usize, Compiled)>)>,
}

/// What was compiled is no part of what a book says.
impl PartialEq for Sections {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Sections {}

impl Sections {
    pub(crate) fn new(of: &ValidConfig) -> Self {
        Self { of: Some(of.clone()), sections: Vec::new() }
    }

    pub(crate) fn add(&mut self, context: String, runs: Vec<(usize, Compiled)>) {
        self.sections.push((context, runs));
    }

    /// What of them holds in another configuration: policies that name no address and no application which stands for something
    /// else there. An application keeps its number.
    pub(crate) fn for_use_with(self, valid: &ValidConfig) -> Known {
        let Self { of, mut sections } = self;
        let same = of.as_ref().filter(|of| {
            let (of, now) = (of.get(), valid.get());
            let counts = |config: &ravelin_model::Config| config.security.policies.counts_all;
            of.schedulers == now.schedulers && counts(of) == counts(now)
        });
        let changed = same.and_then(|of| valid.addresses().differing(of.addresses()));
        match (&of, changed) {
            (Some(of), Some(changed)) => {
                let applications = valid.get().applications.differing(&of.get().applications);
                let is_known = |place: usize| {
                    !of.mentions().may_name(place, &changed)
                        && (applications.is_empty()
                            || !of.mentions().may_name_application(place, &applications))
                };
                sections.iter_mut().for_each(|(_, runs)| runs.retain(|(place, _)| is_known(*place)));
            }
            _ => sections.clear(),
        }
        Known { _of: of, sections: sections.into_iter().collect() }
    }

    pub(crate) fn chunks(&self) -> impl Iterator<Item = (String, HashedChunk)> {
        fn named((context, run): (&String, &(usize, Compiled))) -> (String, HashedChunk) {
            (context.clone(), run.1.chunk.clone())
        }
        self.sections.iter().flat_map(|(context, runs)| std::iter::repeat(context).zip(runs)).map(named)
    }

    /// What all of them refer to.
    pub(crate) fn referred(&self) -> Referred {
        let mut out = Referred::default();
        for (_, run) in self.sections.iter().flat_map(|(_, runs)| runs) {
            let Referred { schedules, sets, asks } = &*run.referred;
            out.asks.translated |= asks.translated;
            out.asks.gateways |= asks.gateways;
            out.asks.updates |= asks.updates;
            out.schedules.extend(schedules.iter().map(|(id, name)| (*id, name.clone())));
            out.sets.extend(sets.iter().map(|(id, name)| (*id, name.clone())));
        }
        out
    }
}

/// Runs that need not be compiled again.
pub(crate) struct Known {
    /// Keeps the runs where they are.
    _of: Option<ValidConfig>,
    sections: HashMap<String, Vec<(usize, Compiled)>>,
}

impl Known {
    pub(crate) fn runs(&self, context: &str) -> ByPlace<&Compiled> {
        let runs = self.sections.get(context).into_iter().flatten();
        runs.map(|(place, run)| (*place, run)).collect()
    }
}
