//! Policy lookup: zone pair first, then global, first match, then the default.
//!
//! Junos: `security policies`. Spec: policy-1..6.

use std::collections::HashMap;

use ravelin_program::{Action, Application, FlowSettings, Policy, Program, ZoneMatch};
use ravelin_types::{Addr, Family, PolicyId, Proto, ZoneId};

use crate::explain::{Condition, Fact};

/// What a policy looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tuple {
    pub from: ZoneId,
    pub to: ZoneId,
    pub family: Family,
    pub src: Addr,
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

/// One section with its digest.
#[derive(Debug)]
struct Section {
    zones: ZoneMatch,
    digest: u64,
    policies: Vec<(ZoneMatch, Policy)>,
}

/// All sections in evaluation order.
#[derive(Debug)]
pub(super) struct Policies {
    sections: Vec<Section>,
    /// Sections that name exactly one pair.
    by_pair: HashMap<(ZoneId, ZoneId), Vec<u32>>,
    /// Sections that name no pair, or several.
    wide: Vec<u32>,
    /// Section and place of a policy.
    by_id: HashMap<PolicyId, (u32, u32)>,
}

impl Policies {
    pub(super) fn build(program: &Program) -> Self {
        let mut out =
            Self { sections: Vec::new(), by_pair: HashMap::new(), wide: Vec::new(), by_id: HashMap::new() };
        for (at, (digest, section)) in program.sections().enumerate() {
            let at = at as u32;
            match (&section.zones.from[..], &section.zones.to[..]) {
                ([from], [to]) => out.by_pair.entry((*from, *to)).or_default().push(at),
                _ => out.wide.push(at),
            }
            for (place, (_, policy)) in section.policies.iter().enumerate() {
                out.by_id.insert(policy.id, (at, place as u32));
            }
            out.sections.push(Section {
                zones: section.zones.clone(),
                digest: digest.short(),
                policies: section.policies.clone(),
            });
        }
        out
    }

    pub(super) fn ids(&self) -> usize {
        self.by_id.keys().map(|id| id.index() + 1).max().unwrap_or(0)
    }

    fn applying(&self, from: ZoneId, to: ZoneId) -> impl Iterator<Item = &Section> {
        let pair = self.by_pair.get(&(from, to)).map_or(&[][..], Vec::as_slice);
        let wide = self.wide.iter().filter(move |at| self.sections[**at as usize].zones.holds(from, to));
        pair.iter().chain(wide).map(|at| &self.sections[*at as usize])
    }

    pub(super) fn decide(
        &self,
        tuple: &Tuple,
        flow: &FlowSettings,
        mut note: impl FnMut(Fact),
    ) -> Decision<'_> {
        for section in self.applying(tuple.from, tuple.to) {
            for (zones, policy) in &section.policies {
                match examine(zones, policy, tuple) {
                    Ok(application) => {
                        note(Fact::PolicyMatch { policy: policy.id });
                        return Decision::Policy(policy, application);
                    }
                    Err(failed) => note(Fact::PolicyPassed { policy: policy.id, failed }),
                }
            }
        }
        note(Fact::DefaultPolicy);
        Decision::Default(flow.default_action)
    }

    pub(super) fn section_hash(&self, from: ZoneId, to: ZoneId) -> u64 {
        let digests = self.applying(from, to).map(|section| section.digest);
        digests.fold(0, |all, one| all.rotate_left(5) ^ one)
    }

    pub(super) fn get(&self, id: PolicyId) -> Option<&Policy> {
        let (section, place) = self.by_id.get(&id)?;
        Some(&self.sections[*section as usize].policies[*place as usize].1)
    }

    pub(super) fn matches(&self, id: PolicyId, tuple: &Tuple) -> bool {
        let Some((section, place)) = self.by_id.get(&id) else { return false };
        let section = &self.sections[*section as usize];
        let (zones, policy) = &section.policies[*place as usize];
        section.zones.holds(tuple.from, tuple.to) && examine(zones, policy, tuple).is_ok()
    }

    pub(super) fn permits(&self, id: PolicyId) -> bool {
        self.get(id).is_some_and(|policy| policy.action == Action::Permit)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.sections.iter().flat_map(|s| s.policies.iter().map(|(_, policy)| policy))
    }
}

/// The application term that matched, or the first condition that failed.
fn examine<'a>(zones: &ZoneMatch, policy: &'a Policy, tuple: &Tuple) -> Result<&'a Application, Condition> {
    if !zones.holds(tuple.from, tuple.to) {
        return Err(Condition::Zones);
    }
    if !policy.source.holds(tuple.family, tuple.src) {
        return Err(Condition::Source);
    }
    if !policy.destination.holds(tuple.family, tuple.dst) {
        return Err(Condition::Destination);
    }
    policy
        .applications
        .iter()
        .find(|a| a.holds(tuple.proto, tuple.sport, tuple.dport, tuple.icmp))
        .ok_or(Condition::Application)
}
