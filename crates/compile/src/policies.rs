//! `security policies` to sections: one a zone pair, the global list last.

use ravelin_model::{AddressRef, Policy as Config, PolicyAction, PolicyTcpOptions};
use ravelin_program::{Action, AddressMatch, LogWhen, Policy, PolicySection, PolicyTcp, ZoneMatch};
use ravelin_types::{ScheduleId, ZoneId};

use crate::book::identity;
use crate::live::schedule_id;
use crate::{Compiler, address};

impl<'a> Compiler<'a> {
    /// Sections with their chunk names, in evaluation order.
    pub(crate) fn policies(&mut self) -> Vec<(String, PolicySection)> {
        let config = self.config;
        let mut out = Vec::new();
        for pair in &config.security.policies.pairs {
            let context = format!("from-zone {} to-zone {}", pair.from, pair.to);
            let path = format!("security policies {context}");
            let zones = ZoneMatch {
                from: vec![self.policy_zone(&path, &pair.from)],
                to: vec![self.policy_zone(&path, &pair.to)],
            };
            let policies = pair
                .policies
                .iter()
                .map(|policy| (ZoneMatch::default(), self.policy(&context, policy)))
                .collect();
            out.push((context, PolicySection { zones, policies }));
        }
        let global = &config.security.policies.global;
        if !global.is_empty() {
            let policies = global.iter().map(|g| (self.global_zones(g), self.policy("global", &g.policy)));
            let policies = policies.collect();
            out.push(("global".into(), PolicySection { zones: ZoneMatch::default(), policies }));
        }
        out
    }

    fn policy_zone(&mut self, path: &str, name: &str) -> ZoneId {
        if name == "junos-host" { ZoneId::HOST } else { self.id(path, |book| book.zone(name)) }
    }

    /// `any`, or no list at all, is every zone.
    fn global_zones(&mut self, global: &ravelin_model::GlobalPolicy) -> ZoneMatch {
        let path = format!("security policies global policy {}", global.policy.name);
        let mut list = |names: &[String]| -> Vec<ZoneId> {
            if names.iter().any(|n| n == "any") {
                return Vec::new();
            }
            names.iter().map(|n| self.policy_zone(&path, n)).collect()
        };
        ZoneMatch { from: list(&global.from_zones), to: list(&global.to_zones) }
    }

    fn policy(&mut self, context: &str, policy: &'a Config) -> Policy {
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
                Vec::new()
            });
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
            log: LogWhen { init: policy.log_init, close: policy.log_close },
            count: policy.count,
            schedule: policy.scheduler.as_deref().and_then(|name| self.schedule(name)),
            tcp: tcp(&policy.tcp),
        }
    }

    fn address_side(&mut self, refs: &'a [AddressRef], excluded: bool) -> AddressMatch {
        let (list, live) = address::matching(&self.addresses, refs, excluded);
        self.referred.sets.extend(live.into_iter().map(|(id, name)| (id, name.to_owned())));
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
