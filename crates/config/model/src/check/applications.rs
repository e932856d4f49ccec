//! Applications: ports go with protocols that have them, ICMP types with ICMP; sets hold what exists.

use std::collections::HashSet;
use std::sync::OnceLock;

use super::Report;
use super::names::{Member, loops};
use crate::predefined::{self, predefined};
use crate::{Application, ApplicationGateway, ApplicationTerm, Config};

const TCP: u8 = 6;
const UDP: u8 = 17;
const SCTP: u8 = 132;
const ICMP: u8 = 1;
const ICMP6: u8 = 58;

/// Names of applications and sets that a configuration defines.
pub(super) fn own_names(config: &Config) -> HashSet<&str> {
    let own = &config.applications;
    own.applications.iter().map(|a| a.name.as_str()).chain(own.sets.iter().map(|s| s.name.as_str())).collect()
}

/// Why a name can't be used, or `None` when it can; `own` are the [`own_names`].
pub(super) fn unusable(own: &HashSet<&str>, name: &str) -> Option<String> {
    if name == "any" || own.contains(name) || is_predefined(name) {
        return None;
    }
    Some(if predefined::is_unsupported(name) {
        format!("application `{name}' is not supported: only a gateway (ALG) can tell it from other traffic")
    } else {
        format!("application or application-set `{name}' is not defined")
    })
}

pub(super) fn check(config: &Config, report: &mut Report) {
    let own = own_names(config);
    let mut names = HashSet::new();
    for application in &config.applications.applications {
        let path = format!("applications application {}", application.name);
        own_name(&application.name, &path, application.at, report);
        names.insert(application.name.as_str());
        for term in &application.terms {
            self::term(application, term, &path, report);
        }
    }
    let sets: HashSet<&str> = config.applications.sets.iter().map(|s| s.name.as_str()).collect();
    for set in &config.applications.sets {
        let path = format!("applications application-set {}", set.name);
        own_name(&set.name, &path, set.at, report);
        if names.contains(set.name.as_str()) {
            report.error(&path, set.at, format!("`{}' is also the name of an application", set.name));
        }
        for name in &set.applications {
            if name == "any" {
                report.error(&path, set.at, "`any' can't be in an application-set");
            } else if let Some(message) = unusable(&own, name) {
                report.error(format!("{path} application {name}"), set.at, message);
            }
        }
        for name in set.sets.iter().filter(|n| !sets.contains(n.as_str())) {
            if !predefined().sets.iter().any(|s| s.name == *name) {
                let message = format!("application-set `{name}' is not defined");
                report.error(format!("{path} application-set {name}"), set.at, message);
            }
        }
    }
    let own = &config.applications.sets;
    let nested: Vec<Vec<String>> =
        own.iter().map(|s| [s.sets.as_slice(), s.applications.as_slice()].concat()).collect();
    let members: Vec<Member<'_>> =
        own.iter().zip(&nested).map(|(s, sets)| Member { name: &s.name, at: s.at, sets }).collect();
    for (name, at) in loops(&members) {
        report.error(format!("applications application-set {name}"), at, "application-set contains itself");
    }
}

fn is_predefined(name: &str) -> bool {
    static NAMES: OnceLock<HashSet<&'static str>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let table = predefined();
        let applications = table.applications.iter().map(|a| a.name.as_str());
        applications.chain(table.sets.iter().map(|s| s.name.as_str())).collect()
    });
    names.contains(name)
}

fn own_name(name: &str, path: &str, at: ravelin_syntax::Span, report: &mut Report) {
    if name == "any" || is_predefined(name) || predefined::is_unsupported(name) {
        report.error(path, at, format!("`{name}' is predefined and can't be defined again"));
    }
}

fn term(application: &Application, term: &ApplicationTerm, path: &str, report: &mut Report) {
    let (path, at) = match term.name.as_str() {
        "" => (path.to_owned(), application.at),
        name => (format!("{path} term {name}"), term.at),
    };
    let Some(protocol) = term.protocol else {
        return report.error(path, at, "missing mandatory statement: 'protocol'");
    };
    if (term.source_ports.is_some() || term.destination_ports.is_some())
        && ![TCP, UDP, SCTP].contains(&protocol)
    {
        report.error(&path, at, "ports need protocol tcp, udp or sctp");
    }
    if (term.icmp_type.is_some() || term.icmp_code.is_some()) && protocol != ICMP {
        report.error(&path, at, "icmp-type and icmp-code need protocol icmp");
    }
    if (term.icmp6_type.is_some() || term.icmp6_code.is_some()) && protocol != ICMP6 {
        report.error(&path, at, "icmp6-type and icmp6-code need protocol icmp6");
    }
    let carrier = match term.gateway() {
        Some(ApplicationGateway::Ftp) => Some((TCP, "the gateway of FTP needs protocol tcp")),
        Some(ApplicationGateway::Tftp) => Some((UDP, "the gateway of TFTP needs protocol udp")),
        Some(ApplicationGateway::Dns) => Some((UDP, "there is a gateway of DNS for protocol udp alone")),
        Some(ApplicationGateway::Nothing | ApplicationGateway::Missing(_)) | None => None,
    };
    if let Some((_, message)) = carrier.filter(|(wanted, _)| *wanted != protocol) {
        report.error(&path, at, message);
    }
    if term.icmp_code.is_some() && term.icmp_type.is_none()
        || term.icmp6_code.is_some() && term.icmp6_type.is_none()
    {
        report.error(&path, at, "an ICMP code needs its type");
    }
}
