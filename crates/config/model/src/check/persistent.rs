//! Persistent NAT: statements that need each other. Spec: nat-persistent-1..12.

use ravelin_syntax::Span;

use super::Report;
use crate::{Config, NatRule, PersistentNat, SourceNatAction};

pub(super) fn check(config: &Config, report: &mut Report) {
    for set in &config.security.nat_source.rule_sets {
        for rule in &set.rules {
            let path =
                format!("security nat source rule-set {} rule {} then source-nat", set.name, rule.name);
            self::rule(config, rule, &path, report);
        }
    }
}

fn rule(config: &Config, rule: &NatRule, path: &str, report: &mut Report) {
    let of_pool = matches!(rule.action, SourceNatAction::Pool(_));
    if let Some(own) = &rule.pool_persistent {
        if !of_pool {
            report.error(format!("{path} pool"), rule.at, "missing mandatory statement: 'pool-name'");
        }
        permit(&own.own, (&format!("{path} pool persistent-nat"), own.own.at), report);
    }
    if let Some(own) = &rule.interface_persistent {
        permit(own, (&format!("{path} interface persistent-nat"), own.at), report);
    }
    for mapping in rule.pool_persistent.iter().filter(|p| p.address_mapping) {
        let own = &mapping.own;
        if let Some(message) = without_ports(config, rule, own) {
            report.error(format!("{path} pool persistent-nat address-mapping"), own.at, message);
        }
    }
}

fn permit(own: &PersistentNat, (path, at): (&str, Span), report: &mut Report) {
    let said = [own.any_remote_host, own.target_host, own.target_host_port].into_iter().filter(|said| *said);
    match said.count() {
        0 => report.error(path, at, "missing mandatory statement: 'permit'"),
        1 => {}
        _ => report.error(path, at, "only one kind of remote host can be permitted"),
    }
}

/// What keeps a mapping from being one of addresses alone (nat-persistent-8).
fn without_ports(config: &Config, rule: &NatRule, own: &PersistentNat) -> Option<&'static str> {
    if !own.any_remote_host {
        return Some("'address-mapping' needs 'permit any-remote-host'");
    }
    let SourceNatAction::Pool(name) = &rule.action else {
        return None;
    };
    let pool = config.security.nat_source.pools.iter().find(|pool| pool.name == *name)?;
    let whole = pool.port.no_translation && !pool.address_shared || pool.host_address_base.is_some();
    let overflows = pool.overflow_pool.is_some() || pool.overflow_interface;
    (!whole || overflows)
        .then_some("'address-mapping' needs a pool that does not translate ports and has no overflow pool")
}
