//! Facts of the engine as findings for people: ids become names.

use ravelin_contract::Finding;
use ravelin_engine::{Answered, Condition, Fact, Rules};
use ravelin_filter::Decision;
use ravelin_types::{InterfaceId, MirrorId, PolicyId, PortId, ZoneId};

/// Facts in words, in the order of the decisions.
#[must_use]
pub fn findings(facts: &[Fact], rules: &Rules) -> Vec<Finding> {
    facts.iter().map(|fact| finding(*fact, rules)).collect()
}

fn finding(fact: Fact, rules: &Rules) -> Finding {
    let of =
        |stage: &str, subject: String, outcome: String| Finding { stage: stage.into(), subject, outcome };
    let unit = |id| unit_name(rules, id);
    match fact {
        Fact::Ingress { unit: id, zone: z } => {
            let zone = z.map_or_else(|| "no zone".into(), |z| zone_name(rules, z));
            of("ingress", unit(id), format!("zone {zone}"))
        }
        Fact::SessionHit { id, reverse, policy: _ } => {
            let wing = if reverse { "reverse wing" } else { "forward wing" };
            of("session", id.to_string(), format!("hit, {wing}"))
        }
        Fact::Screen { zone, screen } => {
            of("screen", screen.text().into(), format!("zone {}", zone_name(rules, zone)))
        }
        Fact::Mirrored { mirror, port } => mirrored((mirror, port), rules),
        Fact::Filter { .. } | Fact::Policed { .. } => filtered(fact, rules),
        Fact::SessionMiss => of("session", String::new(), "no session".into()),
        Fact::Rejudged { kept } => {
            let outcome = if kept { "kept after a commit" } else { "ended by a commit" };
            of("session", String::new(), outcome.into())
        }
        Fact::Route { .. } => routed(fact, rules),
        Fact::Local { unit: id } => of("route", unit(id), "to the firewall itself".into()),
        Fact::ToPeer { unit: id } => of("fabric", unit(id), "to the other node".into()),
        Fact::RouteNone => of("route", String::new(), "no route".into()),
        Fact::Zones { from, to } => {
            let pair = format!("{} to {}", zone_name(rules, from), zone_name(rules, to));
            of("zones", pair, String::new())
        }
        Fact::PolicyPassed { policy, failed } => {
            of("policy", policy_name(rules, policy), format!("no match: {}", condition(failed)))
        }
        Fact::PoliciesPassed { more } => of("policy", format!("{more} more"), "no match".into()),
        Fact::PolicyMatch { policy } => {
            let action = rules.policy(policy).map_or("", |p| match p.action {
                ravelin_program::Action::Permit => "permit",
                ravelin_program::Action::Deny => "deny",
                ravelin_program::Action::Reject => "reject",
            });
            of("policy", policy_name(rules, policy), format!("match: {action}"))
        }
        Fact::DefaultPolicy => of("policy", "default-policy".into(), "no policy matched".into()),
        Fact::HostInbound { unit: id, accepted } => {
            let outcome = if accepted { "accepted" } else { "not listed" };
            of("host-inbound-traffic", unit(id), outcome.into())
        }
        Fact::NatRule { rule, off } => {
            let outcome = if off { "match: off" } else { "match" };
            match rules.nat_rules().find(|r| r.id == rule) {
                Some(found) => of(nat_stage(found.kind), found.name.to_owned(), outcome.into()),
                None => of("nat", String::new(), outcome.into()),
            }
        }
        Fact::Translated { family, addr, port } => {
            of("source-nat", format!("{}", addr.to_ip(family)), format!("port {port}"))
        }
        Fact::SessionCreated { id } => of("session", id.to_string(), "created".into()),
        Fact::NextHop { unit: id, mac } => of("next-hop", unit(id), mac.to_string()),
        Fact::Unresolved { unit: id, next_hop, family } => {
            let address = next_hop.to_ip(family);
            of("next-hop", unit(id), format!("{address} is being resolved"))
        }
        Fact::Answered { with } => of("answer", String::new(), answer(with)),
        Fact::Dropped(reason) => of("drop", reason.name().into(), reason.text().into()),
    }
}

/// Where a destination lies, and by whose routes.
fn routed(fact: Fact, rules: &Rules) -> Finding {
    let Fact::Route { instance, family, dst, unit, next_hop } = fact else {
        unreachable!("only routes come here")
    };
    let known = rules.instance(instance).map(|known| format!(", instance {}", known.name));
    let (stage, subject) = ("route".into(), dst.to_ip(family).to_string());
    let via = format!("via {} on {}", next_hop.to_ip(family), unit_name(rules, unit));
    Finding { stage, subject, outcome: via + &known.unwrap_or_default() }
}

/// What filters and policers decided.
fn filtered(fact: Fact, rules: &Rules) -> Finding {
    let of = |stage: &str, subject, outcome| Finding { stage: stage.into(), subject, outcome };
    match fact {
        Fact::Filter { filter, term, decision } => {
            let (name, term) = filter_term(rules, filter, term);
            of("filter", name, format!("{term}: {}", decided(rules, decision)))
        }
        Fact::Policed { meter } => {
            of("policer", rules.policer(meter).unwrap_or_default().to_owned(), "discard".into())
        }
        _ => unreachable!("only facts of filters and policers come here"),
    }
}

/// A filter's name, and how a term of it is called.
fn filter_term(rules: &Rules, id: u32, term: Option<u16>) -> (String, String) {
    let Some(filter) = rules.filter(id) else { return (format!("filter {id}"), String::new()) };
    let term = match term.map(|term| filter.terms.get(usize::from(term))) {
        None => "no term".to_owned(),
        Some(term) => format!("term {}", term.map_or("", |t| t.name.as_str())),
    };
    (filter.name.clone(), term)
}

fn decided(rules: &Rules, decision: Decision) -> String {
    match decision {
        Decision::Accept => "accept".to_owned(),
        Decision::Discard => "discard".to_owned(),
        Decision::Reject(_) => "reject".to_owned(),
        Decision::Policed(meter) => {
            format!("discard by policer {}", rules.policer(meter).unwrap_or_default())
        }
    }
}

fn mirrored((mirror, port): (MirrorId, PortId), rules: &Rules) -> Finding {
    let name = rules.mirrors().counted().find(|(id, _, _)| *id == mirror).map_or("", |(_, _, name)| name);
    let port = rules.port(port).map_or("", |p| p.name.as_str());
    Finding { stage: "mirror".into(), subject: name.to_owned(), outcome: format!("copied to {port}") }
}

fn nat_stage(kind: &'static str) -> &'static str {
    match kind {
        "source" => "source-nat",
        "destination" => "destination-nat",
        _ => "static-nat",
    }
}

fn answer(with: Answered) -> String {
    match with {
        Answered::TcpReset => "TCP reset".into(),
        Answered::TcpAck => "TCP ACK".into(),
        Answered::TcpSynAck => "TCP SYN-ACK in the server's place".into(),
        Answered::IcmpError { kind, code } => format!("ICMP type {kind} code {code}"),
    }
}

const fn condition(failed: Condition) -> &'static str {
    match failed {
        Condition::Scheduler => "scheduler",
        Condition::Zones => "zones",
        Condition::Source => "source-address",
        Condition::Destination => "destination-address",
        Condition::Application => "application",
    }
}

fn unit_name(rules: &Rules, id: InterfaceId) -> String {
    rules.unit(id).map_or_else(|| format!("unit {id}"), |u| u.name.clone())
}

fn zone_name(rules: &Rules, id: ZoneId) -> String {
    if id == ZoneId::HOST {
        return "junos-host".into();
    }
    rules.zone(id).map_or_else(|| format!("zone {id}"), |z| z.name.clone())
}

fn policy_name(rules: &Rules, id: PolicyId) -> String {
    rules.policy(id).map_or_else(|| format!("policy {id}"), |p| p.name.to_string())
}
