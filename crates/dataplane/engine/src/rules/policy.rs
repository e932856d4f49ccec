//! Policy lookup: zone pair first, then global, first match, then the default.
//!
//! Junos: `security policies`. Spec: policy-1..6.

use std::collections::HashMap;
use std::sync::Arc;

use ravelin_program::{Action, Application, Digest, FlowSettings, Policy, Program, Rematch, ZoneMatch};
use ravelin_types::{Addr, Family, PolicyId, Proto, ZoneId};

use super::BuildError;
use super::ids::PolicyIds;
use super::portable::ZoneMarks;
use super::present::PresentPolicy;
use super::section::{Ground, Run, Section, Sets};
use super::words::Configured;
use crate::explain::{Condition, Fact, Recorder};
use crate::live::Live;

/// Policies of no zone pair that may name `junos-host`: they are walked.
const SELF_POLICIES_MAX: usize = 256;

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

impl Tuple {
    /// To the firewall itself, or from it.
    const fn is_of_self(&self) -> bool {
        self.from.0 == ZoneId::HOST.0 || self.to.0 == ZoneId::HOST.0
    }
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
    by_pair: Configured<(ZoneId, ZoneId), Vec<u32>>,
    /// Sections that name no pair, or several.
    wide: Vec<u32>,
    by_id: Arc<PolicyIds>,
    /// Section and place of policies of wide sections that name `junos-host`: what else of such a section speaks of any
    /// zone does not mean the firewall itself. Spec: policy-21.
    of_self: Arc<[(u32, u32)]>,
    /// Section and place of the policies that hang on the world.
    hanging: Arc<HashMap<PolicyId, (u32, u32)>>,
    zones: Arc<ZoneMarks>,
}

impl Policies {
    /// What `before` has already of it is taken over.
    pub(super) fn build(program: &Program, before: Option<&Self>, live: &Live) -> Result<Self, BuildError> {
        let known: HashMap<Digest, &Run> =
            before.iter().flat_map(|b| b.runs()).map(|run| (run.digest, run)).collect();
        let zones = Arc::new(ZoneMarks::of(program));
        let run = |digest: &Digest, chunk| match known.get(digest) {
            Some(known) => Some((*known).clone()),
            None => Run::new(digest, chunk, &zones),
        };
        let runs = program.section_chunks().filter_map(|(digest, chunk)| run(digest, chunk)).collect();
        let by_id = Arc::new(PolicyIds::build(&runs, before.map(|before| &*before.by_id))?);
        let hanging = Arc::default();
        let mut out = Self {
            sections: Vec::new(),
            by_pair: Configured::default(),
            wide: Vec::new(),
            by_id,
            of_self: Arc::default(),
            hanging,
            zones: Arc::clone(&zones),
        };
        let old: HashMap<_, _> = before.iter().flat_map(|b| &b.sections).map(|s| (s.zones(), s)).collect();
        let mut ground = Ground { live, zones: &zones, sets: &mut Sets::new() };
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
        out.of_self = out.found_of_self()?;
        Ok(out)
    }

    /// The same policies where the world is otherwise; `None`: nothing that they hang on has changed.
    pub(super) fn revised(&self, live: &Live) -> Result<Option<Self>, BuildError> {
        let (mut sections, mut changed) = (self.sections.clone(), false);
        let mut ground = Ground { live, zones: &self.zones, sets: &mut Sets::new() };
        for section in &mut sections {
            if let Some(revised) = section.revised(&mut ground) {
                *section = Arc::new(revised.map_err(refused)?);
                changed = true;
            }
        }
        let Self { sections: _, by_pair, wide, by_id, of_self, hanging, zones } = self;
        let zones = Arc::clone(zones);
        let (by_pair, wide) = (by_pair.clone(), wide.clone());
        let (by_id, of_self, hanging) = (Arc::clone(by_id), Arc::clone(of_self), Arc::clone(hanging));
        Ok(changed.then_some(Self { sections, by_pair, wide, by_id, of_self, hanging, zones }))
    }

    fn found_of_self(&self) -> Result<Arc<[(u32, u32)]>, BuildError> {
        let wide = self.wide.iter().map(|at| (*at, &self.sections[*at as usize]));
        let places = wide.flat_map(|(at, section)| section.of_self().map(move |place| (at, place)));
        let found: Arc<[_]> = places.take(SELF_POLICIES_MAX + 1).collect();
        if found.len() <= SELF_POLICIES_MAX {
            return Ok(found);
        }
        let reason = format!("more than {SELF_POLICIES_MAX} policies name junos-host");
        Err(BuildError { path: "security policies global".into(), reason })
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
        if tuple.is_of_self() {
            return self.decide_of_self(tuple, rec);
        }
        for section in self.applying(tuple.from, tuple.to) {
            if let Some(decision) = decide_in(section, tuple, rec) {
                return decision;
            }
        }
        rec.fact(Fact::DefaultPolicy);
        Decision::Default(flow.default_action)
    }

    /// Of traffic of the firewall itself: what no policy means is let through. Spec: policy-19..21.
    fn decide_of_self<R: Recorder>(&self, tuple: &Tuple, rec: &mut R) -> Decision<'_> {
        let pair = self.by_pair.get(&(tuple.from, tuple.to)).map_or(&[][..], Vec::as_slice);
        for at in pair {
            if let Some(decision) = decide_in(&self.sections[*at as usize], tuple, rec) {
                return decision;
            }
        }
        for (at, place) in self.of_self.iter() {
            let (section, place) = (&self.sections[*at as usize], *place as usize);
            let Some(item) = section.get(place).filter(|(zones, _)| speaks_of(zones, tuple)) else {
                continue;
            };
            match section.examine(place, item, tuple) {
                Ok(application) => {
                    rec.fact(Fact::PolicyMatch { policy: item.1.id });
                    return Decision::Policy(&item.1, application);
                }
                Err(failed) => rec.fact(Fact::PolicyPassed { policy: item.1.id, failed }),
            }
        }
        rec.fact(Fact::DefaultPolicy);
        Decision::Default(Action::Permit)
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
        let is_pair = !section.from.is_empty() && !section.to.is_empty();
        section.holds(tuple.from, tuple.to) && (is_pair || speaks_of(zones, tuple)) && examined.is_ok()
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

/// What the policies of a section decide, if anything.
fn decide_in<'s, R: Recorder>(section: &'s Section, tuple: &Tuple, rec: &mut R) -> Option<Decision<'s>> {
    let found = section.find(tuple);
    if R::ON {
        note_passed(section, found.unwrap_or(section.len()), tuple, rec);
    }
    let (_, policy) = section.get(found?)?;
    // The index and the walk are of one mind; were they not, the policy would not decide.
    let application = matched(policy, tuple)?;
    rec.fact(Fact::PolicyMatch { policy: policy.id });
    Some(Decision::Policy(policy, application))
}

/// Whether a policy of no zone pair names the firewall itself where a tuple has it.
fn speaks_of(zones: &ZoneMatch, tuple: &Tuple) -> bool {
    let named = |list: &[ZoneId], zone| zone != ZoneId::HOST || list.contains(&zone);
    named(&zones.from, tuple.from) && named(&zones.to, tuple.to)
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
