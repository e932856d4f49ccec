//! Policies by id, where they stand in the program's own sections: their names are there already.
//!
//! State: a place a policy, a head a section.

use std::sync::Arc;

use ravelin_program::{Chunk, Policy, PolicySection, Program, ZoneMatch};
use ravelin_types::PolicyId;

/// See the head of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct PolicyNames {
    heads: Vec<Head>,
    /// In the order of the ids.
    places: Vec<Place>,
}

/// A chunk of policies. Consecutive ones of the same zones are one list to the operator.
#[derive(Clone, Debug)]
struct Head {
    chunk: Arc<Chunk>,
    from: Arc<[String]>,
    to: Arc<[String]>,
    /// Policies of its list before it.
    before: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    id: PolicyId,
    head: u32,
    at: u32,
}

const _: () = assert!(size_of::<Place>() == 12, "there are a hundred thousand of these");

/// A policy as it was found.
pub(crate) struct Found<'a> {
    /// Of its section; empty for global policies.
    pub from: &'a Arc<[String]>,
    pub to: &'a Arc<[String]>,
    pub section: &'a PolicySection,
    /// What a global policy is about.
    pub narrow: &'a ZoneMatch,
    pub policy: &'a Policy,
    /// Place within its list, from 1.
    pub sequence: u32,
}

impl PolicyNames {
    /// `names` are those of zones.
    pub fn new(program: &Program, names: impl Fn(&ZoneMatch) -> (Arc<[String]>, Arc<[String]>)) -> Self {
        let mut out = Self::default();
        let mut last: Option<(&ZoneMatch, u32)> = None;
        for (_, chunk) in program.section_chunks() {
            let Chunk::Section(section) = &**chunk else { continue };
            let before = last.filter(|(zones, _)| **zones == section.zones).map_or(0, |(_, count)| count);
            let ((from, to), head) = (names(&section.zones), out.heads.len() as u32);
            out.heads.push(Head { chunk: chunk.clone(), from, to, before });
            let places = (0..).zip(&section.policies);
            out.places.extend(places.map(|(at, (_, policy))| Place { id: policy.id, head, at }));
            last = Some((&section.zones, before + section.policies.len() as u32));
        }
        out.places.sort_unstable();
        out
    }

    pub fn find(&self, id: PolicyId) -> Option<Found<'_>> {
        let at = self.places.binary_search_by_key(&id, |place| place.id).ok()?;
        self.at(self.places[at])
    }

    /// In the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.places.iter().filter_map(|place| Some(self.at(*place)?.policy))
    }

    fn at(&self, Place { id: _, head, at }: Place) -> Option<Found<'_>> {
        let Head { chunk, from, to, before } = self.heads.get(head as usize)?;
        let Chunk::Section(section) = &**chunk else { return None };
        let (narrow, policy) = section.policies.get(at as usize)?;
        Some(Found { from, to, section, narrow, policy, sequence: before + at + 1 })
    }
}
