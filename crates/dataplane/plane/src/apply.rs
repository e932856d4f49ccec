//! Check and apply: prepare everything, then swap.

use std::collections::BTreeMap;
use std::sync::Arc;

use ravelin_contract::{
    Admission, ApplyResult, Capabilities, Error, FilterSpan, ManagedInterface, PolicyNames, Refusal,
};
use ravelin_engine::{Live, Rules};
use ravelin_program::{FirewallFilter, Program};
use ravelin_types::Family;

use crate::Plane;
use crate::link::{Ports, refused_units};
use crate::workers::{PortMode, Workers};

/// What the engine enforces, for `capabilities`.
const SUPPORTED: &[&str] = &[
    "zones",
    "policies",
    "global-policies",
    "host-inbound",
    "source-nat-interface",
    "source-nat-pool",
    "destination-nat",
    "static-nat",
    "vlan",
    "ipv6",
    "explain",
    "firewall-filters",
    "policers",
    "functional-zones",
    "redundancy-groups",
    "strays",
    "route-change-timeout",
    "destination-translated",
    "application-gateways",
    "session-update",
    "unidirectional-refresh",
    "application-tracking",
    "early-aging",
    "fragments",
];

impl<W: Workers> Plane<W> {
    pub(crate) fn check(&self, program: &Program) -> Result<Admission, Error> {
        let (live, running) = {
            let core = self.core();
            (core.live.clone(), core.running.clone())
        };
        let (mut refusals, rules) = self.prepare(program, (&live, running.as_deref()));
        if let Some(rules) = &rules {
            refusals.extend(refused_units(&self.core(), rules));
        }
        if refusals.is_empty() {
            self.core().prepared = rules.map(|rules| (program.digest(), rules));
        }
        Ok(Admission { refusals })
    }

    pub(crate) fn apply(&self, program: &Program) -> Result<ApplyResult, Error> {
        let mut core = self.core();
        let prepared = core
            .prepared
            .take_if(|(digest, rules)| *digest == program.digest() && rules.generation == program.generation);
        let rules = match prepared {
            Some((_, rules)) => rules,
            None => match self.prepare(program, (&core.live, core.running.as_deref())) {
                (refusals, Some(rules)) if refusals.is_empty() => rules,
                (refusals, _) => return Err(Error::Refused(refusals)),
            },
        };
        let refusals = refused_units(&core, &rules);
        if !refusals.is_empty() {
            return Err(Error::Refused(refusals));
        }
        // The world may have changed since it was prepared.
        let revised = rules.revised(&core.live).map_err(|error| Error::Backend(error.reason))?;
        let rules = revised.map_or(rules, Arc::new);
        let modes = match core.ports {
            Ports::Open => self.workers.attach(&rules)?,
            Ports::HeldBack | Ports::Cycling => Vec::new(),
        };
        let before = core.running.replace(rules.clone());
        core.judged = core.judged.wrapping_add(1);
        if let Err(error) = self.publish(&core) {
            core.running = before;
            core.judged = core.judged.wrapping_add(1);
            return Err(error);
        }
        let abilities = self.workers.abilities();
        let last = Applied { rules, modes, program: program.clone(), abilities };
        let result = last.result();
        core.program = Some(program.clone());
        core.last = Some(last);
        Ok(result)
    }

    fn prepare(
        &self,
        program: &Program,
        (live, before): (&Live, Option<&Rules>),
    ) -> (Vec<Refusal>, Option<Arc<Rules>>) {
        let unknown = program.requires.iter().filter(|r| !SUPPORTED.contains(&r.as_str()));
        let mut refusals: Vec<_> =
            unknown.map(|name| Refusal { path: name.clone(), reason: "unknown capability".into() }).collect();
        match Rules::build_in(live, program, before, self.workers.count()) {
            Ok(rules) => {
                refusals.extend(self.workers.admit(&rules));
                (refusals, Some(Arc::new(rules)))
            }
            Err(error) => {
                refusals.push(Refusal { path: error.path, reason: error.reason });
                (refusals, None)
            }
        }
    }
}

/// What tells filters of the two families apart.
fn filter_name(filter: &FirewallFilter) -> String {
    let family = if filter.family == Family::V4 { "inet" } else { "inet6" };
    format!("{family}/{}", filter.name)
}

/// The terms of each filter among those of all, in the order of the program.
fn spans(rules: &Rules) -> BTreeMap<String, FilterSpan> {
    let mut rule_start = 0;
    let span = |filter: &FirewallFilter| {
        let rule_count = filter.terms.len() as u32;
        let span = FilterSpan { filter_id: filter.id, rule_start, rule_count };
        rule_start += rule_count;
        (filter_name(filter), span)
    };
    rules.filters().map(span).collect()
}

/// What was applied last, of which the result is made when it is asked for: it names every policy.
pub(crate) struct Applied {
    rules: Arc<Rules>,
    pub(crate) modes: Vec<PortMode>,
    program: Program,
    /// Of the workers, beside what the engine enforces.
    abilities: Vec<String>,
}

impl Applied {
    pub(crate) fn result(&self) -> ApplyResult {
        let Self { rules, modes, program, abilities } = self;
        let mut result = outcome(program, rules, modes);
        result.capabilities.supported.extend(abilities.iter().cloned());
        result
    }
}

fn outcome(program: &Program, rules: &Rules, modes: &[PortMode]) -> ApplyResult {
    let app_names = program.application_names().iter().cloned();
    let nat_rules = rules.nat_rules().map(|r| (format!("{}/{}/{}", r.kind, r.set, r.name), r.id.0));
    ApplyResult {
        generation: rules.generation,
        zone_ids: rules.zones().map(|z| (z.name.clone(), z.id)).collect(),
        filter_ids: rules.filters().map(|f| (filter_name(f), f.id)).collect(),
        filter_spans: spans(rules),
        nat_counter_ids: nat_rules.collect(),
        pool_ids: rules.source_pools().map(|(id, name)| (name.to_owned(), id.0.into())).collect(),
        policy_names: PolicyNames::of(program),
        app_names: (0..).zip(app_names).collect(),
        policy_schedule_slots: program
            .live()
            .map(|live| live.schedules.iter().map(|(_, name)| name.clone()).collect())
            .unwrap_or_default(),
        managed_interfaces: modes
            .iter()
            .cloned()
            .map(|PortMode { port, device, mode }| ManagedInterface { name: port, device, mode })
            .collect(),
        capabilities: Capabilities {
            supported: SUPPORTED.iter().map(|s| (*s).to_owned()).collect(),
            refusals: Vec::new(),
        },
    }
}
