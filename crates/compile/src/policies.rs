//! `security policies` to sections: one a zone pair, the global list last.

use ravelin_model::{AddressRef, Policy as Config, PolicyAction, PolicyTcpOptions, ValidConfig, run_place};
use ravelin_program::{
    Action, AddressMatch, Chunk, Gateway, HashedChunk, List, LogWhen, Policy, PolicySection, PolicyTcp,
    Translated, ZoneMatch,
};
use ravelin_types::{ScheduleId, ZoneId};

use crate::book::identity;
use crate::live::schedule_id;
use crate::sections::{Compiled, Sections};
use crate::{Compiler, address};

/// The context of policies of no zone pair.
const GLOBAL: &str = "global";

fn section(zones: ZoneMatch, policies: Vec<(ZoneMatch, Policy)>) -> HashedChunk {
    HashedChunk::new(Chunk::Section(PolicySection { zones, policies }))
}

impl Compiler<'_> {
    /// Sections in evaluation order. Runs of policies that were compiled before, with the same addresses and
    /// applications, are taken as they are.
    pub(crate) fn policies(&mut self, valid: &ValidConfig) -> Sections {
        let config = self.config;
        let before = std::mem::take(&mut self.book.sections).for_use_with(valid);
        let mut out = Sections::new(valid);
        for pair in &config.security.policies.pairs {
            let context = format!("from-zone {} to-zone {}", pair.from, pair.to);
            let path = format!("security policies {context}");
            let zones = ZoneMatch {
                from: vec![self.policy_zone(&path, &pair.from)].into(),
                to: vec![self.policy_zone(&path, &pair.to)].into(),
            };
            let known = before.runs(&context);
            let mut runs = Vec::with_capacity(pair.policies.runs().len());
            for run in pair.policies.runs() {
                let done = known.get(&run_place(run)).copied().cloned().unwrap_or_else(|| {
                    let policies = run.iter().map(|p| (ZoneMatch::default(), self.policy(&context, p)));
                    let chunk = section(zones.clone(), policies.collect());
                    Compiled { chunk, referred: std::mem::take(&mut self.referred).into() }
                });
                runs.push((run_place(run), done));
            }
            out.add(context, runs);
        }
        let known = before.runs(GLOBAL);
        let mut runs = Vec::new();
        for run in config.security.policies.global.runs() {
            let done = known.get(&run_place(run)).copied().cloned().unwrap_or_else(|| {
                let policies = run.iter().map(|g| (self.global_zones(g), self.policy(GLOBAL, &g.policy)));
                let chunk = section(ZoneMatch::default(), policies.collect());
                Compiled { chunk, referred: std::mem::take(&mut self.referred).into() }
            });
            runs.push((run_place(run), done));
        }
        out.add(GLOBAL.to_owned(), runs);
        out
    }

    fn policy_zone(&mut self, path: &str, name: &str) -> ZoneId {
        if name == "junos-host" { ZoneId::HOST } else { self.id(path, |book| book.zone(name)) }
    }

    /// `any`, or no list at all, is every zone.
    fn global_zones(&mut self, global: &ravelin_model::GlobalPolicy) -> ZoneMatch {
        let path = format!("security policies global policy {}", global.policy.name);
        let mut list = |names: &[String]| -> List<ZoneId> {
            if names.iter().any(|n| n == "any") {
                return List::new();
            }
            names.iter().map(|n| self.policy_zone(&path, n)).collect()
        };
        ZoneMatch { from: list(&global.from_zones), to: list(&global.to_zones) }
    }

    fn policy(&mut self, context: &str, policy: &Config) -> Policy {
        let config = self.config;
        let name = format!("{context} policy {}", policy.name);
        let id = match self.book.policy(&name) {
            Ok(id) => id,
            Err(error) => {
                self.error(format!("security policies {name}"), policy.at, error.to_string());
                Default::default()
            }
        };
        let applications =
            self.applications.terms(&config.applications, &policy.applications).unwrap_or_else(|missing| {
                self.errors.push(crate::CompileError {
                    path: format!("security policies {name} match application"),
                    at: policy.at,
                    message: format!("application `{missing}` is not defined"),
                });
                List::new()
            });
        let asks = &mut self.referred.asks;
        asks.translated |= policy.drop_translated || policy.drop_untranslated;
        asks.gateways |= applications.iter().any(|term| term.gateway != Gateway::ByPort);
        asks.updates |= policy.log_update.is_some();
        Policy {
            id,
            identity: identity(&name),
            name: policy.name.clone(),
            source: self.address_side(&policy.source_addresses, policy.source_excluded),
            destination: self.address_side(&policy.destination_addresses, policy.destination_excluded),
            applications,
            action: match policy.action {
                PolicyAction::Permit => Action::Permit,
                PolicyAction::Deny => Action::Deny,
                PolicyAction::Reject => Action::Reject,
            },
            log: LogWhen {
                init: policy.log_init,
                close: policy.log_close,
                update: policy.log_update.unwrap_or_default(),
            },
            count: policy.count || config.security.policies.counts_all,
            schedule: policy.scheduler.as_deref().and_then(|name| self.schedule(name)),
            tcp: tcp(&policy.tcp),
            translated: match (policy.drop_translated, policy.drop_untranslated) {
                (true, _) => Translated::Dropped,
                (false, true) => Translated::Required,
                (false, false) => Translated::Either,
            },
        }
    }

    fn address_side(&mut self, refs: &[AddressRef], excluded: bool) -> AddressMatch {
        let (list, live) = address::matching(&self.addresses, refs, excluded);
        self.referred.sets.extend(live);
        list
    }

    /// The checks see to it that there is one.
    fn schedule(&mut self, name: &str) -> Option<ScheduleId> {
        let id = schedule_id(self.schedules.get(name)?);
        self.referred.schedules.insert(id, name.to_owned());
        Some(id)
    }
}

fn tcp(options: &PolicyTcpOptions) -> PolicyTcp {
    let PolicyTcpOptions { syn_check, sequence_check, window_scale, initial_mss, reverse_mss } = *options;
    PolicyTcp { syn_check, sequence_check, window_scale, initial_mss, reverse_mss }
}
