//! Which runs of policies may name which addresses and applications, so that a name leads to the policies it is about.
//!
//! State: one small filter a run, which never denies a name that is there. A run is known by where it lies: whoever asks
//! holds the configuration that the filters were made for.

use std::collections::HashSet;
use std::sync::Arc;

use ravelin_schema::{ByPlace, Runs, name_hash, run_place};

use crate::{AddressRef, GlobalPolicy, Policies, Policy};

/// Bits of a filter, by 64: of addresses, which are many, and of applications.
const ADDRESS_WORDS: usize = 128;
const APPLICATION_WORDS: usize = 8;

/// A member that names addresses and applications.
trait Naming {
    fn policy(&self) -> &Policy;
}

impl Naming for Policy {
    fn policy(&self) -> &Policy {
        self
    }
}

impl Naming for GlobalPolicy {
    fn policy(&self) -> &Policy {
        &self.policy
    }
}

/// See the head of the file.
#[derive(Clone, Debug, Default)]
pub struct Mentions {
    /// By where a run lies: as it was lowered, and as it became valid.
    filters: ByPlace<Arc<Filter>>,
}

#[derive(Debug)]
struct Filter {
    addresses: Bits<ADDRESS_WORDS>,
    applications: Bits<APPLICATION_WORDS>,
}

impl Filter {
    fn of<T: Naming>(run: &[T]) -> Self {
        let mut filter = Self { addresses: Bits::default(), applications: Bits::default() };
        for policy in run.iter().map(Naming::policy) {
            for reference in policy.source_addresses.iter().chain(&policy.destination_addresses) {
                if let AddressRef::Named(name) = reference {
                    filter.addresses.add(name);
                }
            }
            policy.applications.iter().for_each(|name| filter.applications.add(name));
        }
        filter
    }
}

/// A set of names which never denies one that is in it.
#[derive(Debug)]
struct Bits<const N: usize>([u64; N]);

impl<const N: usize> Default for Bits<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Bits<N> {
    fn places(name: &str) -> impl Iterator<Item = (usize, u64)> {
        let hash = name_hash(name);
        [hash as usize, (hash >> 20) as usize].into_iter().map(|at| (at / 64 % N, 1 << (at % 64)))
    }

    fn add(&mut self, name: &str) {
        Self::places(name).for_each(|(word, bit)| self.0[word] |= bit);
    }

    fn may_have(&self, name: &str) -> bool {
        Self::places(name).all(|(word, bit)| self.0[word] & bit != 0)
    }
}

impl Mentions {
    /// Of policies as they were lowered, before what they name was looked up, and of the same as valid ones.
    pub(crate) fn of(lowered: &Policies, valid: &Policies, before: Option<&Self>) -> Self {
        let mut out = Self::default();
        for (lowered, valid) in lowered.pairs.iter().zip(&valid.pairs) {
            out.add(&lowered.policies, &valid.policies, before);
        }
        out.add(&lowered.global, &valid.global, before);
        out
    }

    fn add<T: Naming>(&mut self, lowered: &Runs<T>, valid: &Runs<T>, before: Option<&Self>) {
        self.filters.reserve(lowered.runs().len());
        for (lowered, valid) in lowered.runs().iter().zip(valid.runs()) {
            let known = before.and_then(|before| before.filters.get(&run_place(lowered))).cloned();
            let filter = known.unwrap_or_else(|| Arc::new(Filter::of(lowered)));
            self.filters.insert(run_place(lowered), filter.clone());
            self.filters.insert(run_place(valid), filter);
        }
    }

    /// Whether the run at a place may name one of these; of a run that isn't known, anything may be said.
    #[must_use]
    pub fn may_name(&self, place: usize, names: &HashSet<String>) -> bool {
        let may = |filter: &Arc<Filter>| names.iter().any(|name| filter.addresses.may_have(name));
        !names.is_empty() && self.filters.get(&place).is_none_or(may)
    }

    /// As [`Self::may_name`], of applications.
    #[must_use]
    pub fn may_name_application<'a>(
        &self,
        place: usize,
        names: impl IntoIterator<Item: AsRef<str> + 'a>,
    ) -> bool {
        let Some(filter) = self.filters.get(&place) else { return true };
        names.into_iter().any(|name| filter.applications.may_have(name.as_ref()))
    }
}
