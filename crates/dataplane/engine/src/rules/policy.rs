//! Policy lookup: zone pair first, then global, first match, then the default.
//!
//! Junos: `security policies`. Spec: policy-1..6.

use std::collections::HashMap;
use std::sync::Arc;

use ravelin_program::{Action, Application, Digest, FlowSettings, Policy, Program, Rematch, ZoneMatch};
use ravelin_types::{Addr, Family, PolicyId, Proto, ZoneId};

use super::BuildError;
use super::ids::PolicyIds;
use super::present::PresentPolicy;
use super::section::{Ground, Run, Section, Sets};
use crate::explain::{Condition, Fact, Recorder};
use crate::live::Live;

/// What a policy looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tuple {
    pub from: ZoneId,
    pub to: ZoneId,
    /// Of the source.
    pub family: Family,
    pub src: Addr,
    pub dst_family: Family,
    pub dst: Addr,
    pub proto: Proto,
    pub sport: u16,
    pub dport: u16,
    pub icmp: Option<(u8, u8)>,
}

/// What came of a lookup.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Decision<'a> {
    Policy(&'a Policy, &'a Application),
    Default(Action),
}

/// All sections in evaluation order.
#[derive(Debug)]
pub(super) struct Policies {
    sections: Vec<Arc<Section>>,
    /// Sections that name exactly one pair.
    by_pair: HashMap<(ZoneId, ZoneId), Vec<u32>>,
    /// Sections that name no pair, or several.
    wide: Vec<u32>,
    by_id: Arc<PolicyIds>,
    /// Section and place of the policies that hang on the world.
    hanging: Arc<HashMap<PolicyId, (u32, u32)>>,
}

impl Policies {
    /// What `before` has already of it is taken over.
    pub(super) fn build(program: &Program, before: Option<&Self>, live: &Live) -> Result<Self, BuildError> {
        let known: HashMap<Digest, &Run> =
            before.iter().flat_map(|b| b.runs()).map(|run| (run.digest, run)).collect();
        let run = |digest: &Digest, chunk| match known.get(digest) {
            Some(known) => Some((*known).clone()),
            None => Run::new(digest, chunk),
        };
        let runs = program.section_chunks().filter_map(|(digest, chunk)| run(digest, chunk)).collect();
        let by_id = Arc::new(PolicyIds::build(&runs, before.map(|before| &*before.by_id))?);
        let hanging = Arc::default();
        let mut out =
            Self { sections: Vec::new(), by_pair: HashMap::new(), wide: Vec::new(), by_id, hanging };
        let old: HashMap<_, _> = before.iter().flat_map(|b| &b.sections).map(|s| (s.zones(), s)).collect();
        let mut ground = Ground { live, sets: &mut Sets::new() };
        for runs in sections(runs) {
            let was = runs.first().and_then(|run| old.get(run.zones()));
            let section = match was.filter(|was| was.is(&runs, live)) {
                Some(same) => Arc::clone(same),
                None => {
                    let was = was.map(|was| &***was);
                    Arc::new(Section::build(runs, was, &mut ground).map_err(refused)?)
                }
            };
            out.add(section);
        }
        out.hanging = Arc::new(out.found_hanging());
        Ok(out)
    }

    /// The same policies where the world is otherwise; `None`: nothing that they hang on has changed.
    pub(super) fn revised(&self, live: &Live) -> Result<Option<Self>, BuildError> {
        let (mut sections, mut changed) = (self.sections.clone(), false);
        let mut ground = Ground { live, sets: &mut Sets::new() };
        for section in &mut sections {
            if let Some(revised) = section.revised(&mut ground) {
                *section = Arc::new(revised.map_err(refused)?);
                changed = true;
            }
        }
        let Self { sections: _, by_pair, wide, by_id, hanging } = self;
        let (by_pair, wide) = (by_pair.clone(), wide.clone());
        let (by_id, hanging) = (Arc::clone(by_id), Arc::clone(hanging));
        Ok(changed.then_some(Self { sections, by_pair, wide, by_id, hanging }))
    }

    fn found_hanging(&self) -> HashMap<PolicyId, (u32, u32)> {
        let sections = (0..).zip(&self.sections);
        let hanging = |(at, section): (u32, &'_ Arc<Section>)| {
            section.hanging().map(|(place, policy)| (policy.id, (at, place))).collect::<Vec<_>>()
        };
        sections.flat_map(hanging).collect()
    }

    /// `None`: it is as the program says.
    fn present(&self, id: PolicyId) -> Option<&PresentPolicy> {
        let (section, place) = self.hanging.get(&id)?;
        self.sections.get(*section as usize)?.present(*place as usize)
    }

    fn add(&mut self, section: Arc<Section>) {
        let at = self.sections.len() as u32;
        match (&section.zones().from[..], &section.zones().to[..]) {
            ([from], [to]) => self.by_pair.entry((*from, *to)).or_default().push(at),
            _ => self.wide.push(at),
        }
        self.sections.push(section);
    }

    fn runs(&self) -> impl Iterator<Item = &Run> {
        self.sections.iter().flat_map(|section| section.runs())
    }

    /// Policies among which are all that have TCP rules of their own.
    pub(super) fn with_tcp(&self) -> impl Iterator<Item = &Policy> {
        let runs = self.runs().filter(|run| run.has_tcp);
        runs.flat_map(|run| run.policies().iter().map(|(_, policy)| policy))
    }

    pub(super) fn ids(&self) -> usize {
        self.by_id.len()
    }

    fn applying(&self, from: ZoneId, to: ZoneId) -> impl Iterator<Item = &Section> {
        let pair = self.by_pair.get(&(from, to)).map_or(&[][..], Vec::as_slice);
        let wide = self.wide.iter().filter(move |at| self.sections[**at as usize].zones().holds(from, to));
        pair.iter().chain(wide).map(|at| &*self.sections[*at as usize])
    }

    pub(super) fn decide<R: Recorder>(
        &self,
        tuple: &Tuple,
        flow: &FlowSettings,
        rec: &mut R,
    ) -> Decision<'_> {
        for section in self.applying(tuple.from, tuple.to) {
            let found = section.find(tuple);
            if R::ON {
                note_passed(section, found.unwrap_or(section.len()), tuple, rec);
            }
            let Some((_, policy)) = found.and_then(|place| section.get(place)) else { continue };
            // The index and the walk are of one mind; were they not, the policy would not decide.
            if let Some(application) = matched(policy, tuple) {
                rec.fact(Fact::PolicyMatch { policy: policy.id });
                return Decision::Policy(policy, application);
            }
        }
        rec.fact(Fact::DefaultPolicy);
        Decision::Default(flow.default_action)
    }

    pub(super) fn section_hash(&self, from: ZoneId, to: ZoneId) -> u64 {
        let digests = self.applying(from, to).map(|section| section.judged_by);
        digests.fold(0, |all, one| all.rotate_left(5) ^ one)
    }

    pub(super) fn get(&self, id: PolicyId) -> Option<&Policy> {
        self.by_id.get(id).map(|(_, (_, policy))| policy)
    }

    /// Whether a policy's own conditions hold, whatever stands before it.
    pub(super) fn matches(&self, id: PolicyId, tuple: &Tuple) -> bool {
        let Some((section, (zones, policy))) = self.by_id.get(id) else { return false };
        let examined = match self.present(id) {
            None => examine(zones, policy, tuple),
            Some(present) => present.examine(zones, policy, tuple),
        };
        section.holds(tuple.from, tuple.to) && examined.is_ok()
    }

    /// Whether a live session of a policy may go on as far as that policy is concerned. Its schedule has a say only
    /// where sessions are judged again at all. Spec: policy-12, scheduler-10.
    pub(super) fn keeps(&self, id: PolicyId, rematch: Rematch) -> bool {
        self.permits(id) && (rematch == Rematch::Off || self.is_in_force(id))
    }

    pub(super) fn is_in_force(&self, id: PolicyId) -> bool {
        self.by_id.get(id).is_some() && self.present(id).is_none_or(PresentPolicy::is_in_force)
    }

    pub(super) fn permits(&self, id: PolicyId) -> bool {
        self.get(id).is_some_and(|policy| policy.action == Action::Permit)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.sections.iter().flat_map(|s| s.policies().map(|(_, policy)| policy))
    }
}

/// Consecutive runs of one zone match are one section.
fn sections(runs: Vec<Run>) -> Vec<Vec<Run>> {
    let mut out: Vec<Vec<Run>> = Vec::new();
    for run in runs {
        match out.last_mut() {
            Some(section) if section.last().is_some_and(|last| last.zones() == run.zones()) => {
                section.push(run)
            }
            _ => out.push(vec![run]),
        }
    }
    out
}

fn refused(error: ravelin_classify::BuildError) -> BuildError {
    BuildError { path: "security policies".into(), reason: error.to_string() }
}

/// Why each of the policies that stand before the one that decides does not.
fn note_passed<R: Recorder>(section: &Section, before: usize, tuple: &Tuple, rec: &mut R) {
    for (place, item) in section.policies().take(before.min(R::PASSED_MAX)).enumerate() {
        if let Err(failed) = section.examine(place, item, tuple) {
            rec.fact(Fact::PolicyPassed { policy: item.1.id, failed });
        }
    }
    if before > R::PASSED_MAX {
        rec.fact(Fact::PoliciesPassed { more: (before - R::PASSED_MAX) as u32 });
    }
}

pub(super) fn matched<'a>(policy: &'a Policy, tuple: &Tuple) -> Option<&'a Application> {
    policy.applications.iter().find(|a| a.holds(tuple.proto, tuple.sport, tuple.dport, tuple.icmp))
}

/// The application term that matched, or the first condition that failed.
pub(super) fn examine<'a>(
    zones: &ZoneMatch,
    policy: &'a Policy,
    tuple: &Tuple,
) -> Result<&'a Application, Condition> {
    if !zones.holds(tuple.from, tuple.to) {
        return Err(Condition::Zones);
    }
    if !policy.source.holds(tuple.family, tuple.src) {
        return Err(Condition::Source);
    }
    if !policy.destination.holds(tuple.dst_family, tuple.dst) {
        return Err(Condition::Destination);
    }
    matched(policy, tuple).ok_or(Condition::Application)
}
