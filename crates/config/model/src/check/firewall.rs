//! Filters, policers and where they stand: names resolve, an address is of the filter's family, one thing ends a term.

use std::collections::{HashMap, HashSet};

use ravelin_syntax::Span;
use ravelin_types::{FRAGMENT_FLAG_NAMES, FlagTable, TCP_FLAG_NAMES};

use super::Report;
use crate::{
    Config, Family, FilterAddress, FilterMatch, FilterPrefixList, FilterReject, FilterThen, IpOption, Listed,
    Policer, ThreeColourPolicer,
};

/// Filters of one list.
const LIST_MAX: usize = 16;

/// Names that terms may use.
struct Known<'a> {
    lists: HashSet<&'a str>,
    sets: HashSet<&'a str>,
    policers: HashMap<&'a str, &'a Policer>,
    three_colour: HashMap<&'a str, &'a ThreeColourPolicer>,
    /// Port-mirroring instances; the one without a name is empty.
    mirrors: HashSet<&'a str>,
}

pub(super) fn check(config: &Config, report: &mut Report) {
    let firewall = &config.firewall;
    let mirroring: Vec<_> = config.forwarding_options.port_mirroring.all().collect();
    let known = Known {
        lists: config.policy_options.prefix_lists.iter().map(|l| l.name.as_str()).collect(),
        sets: firewall.interface_sets.iter().map(|s| s.name.as_str()).collect(),
        policers: firewall.policers.iter().map(|p| (p.name.as_str(), p)).collect(),
        three_colour: firewall.three_colour.iter().map(|p| (p.name.as_str(), p)).collect(),
        mirrors: mirroring.iter().map(|(_, name, _)| *name).collect(),
    };
    for policer in &firewall.policers {
        two_colour(policer, report);
    }
    for policer in &firewall.three_colour {
        three_colour(policer, &known, report);
    }
    for filter in firewall.inet.iter().filter(|f| firewall.plain.iter().any(|p| p.name == f.name)) {
        let path = format!("firewall family inet filter {}", filter.name);
        report.error(path, filter.at, format!("`{}' is also the name of a [firewall filter]", filter.name));
    }
    let (inet, plain) = (&firewall.inet, &firewall.plain);
    for (word, list) in [("firewall family inet filter", inet), ("firewall filter", plain)] {
        for filter in list {
            let path = format!("{word} {}", filter.name);
            whole(filter.terms.len(), &path, filter.at, report);
            for term in &filter.terms {
                let path = format!("{path} term {}", term.name);
                let mut judge = Judge { path, at: term.at, v6: false, known: &known, report };
                judge.matches(&term.from.common);
                judge.options("ip-options", &term.from.ip_options);
                judge.options("ip-options-except", &term.from.ip_options_except);
                judge.flags("fragment-flags", term.from.fragment_flags.as_deref(), FRAGMENT_FLAG_NAMES);
                judge.actions(&term.then, term.reject, filter.physical);
            }
        }
    }
    for filter in &firewall.inet6 {
        let path = format!("firewall family inet6 filter {}", filter.name);
        whole(filter.terms.len(), &path, filter.at, report);
        for term in &filter.terms {
            let path = format!("{path} term {}", term.name);
            let mut judge = Judge { path, at: term.at, v6: true, known: &known, report };
            judge.matches(&term.from.common);
            judge.actions(&term.then, term.reject, filter.physical);
        }
    }
    attachments(config, &known, report);
}

fn whole(terms: usize, path: &str, at: Span, report: &mut Report) {
    if terms == 0 {
        report.error(path, at, "missing mandatory statement: 'term'");
    }
}

/// One term being checked.
struct Judge<'a, 'b> {
    path: String,
    at: Span,
    v6: bool,
    known: &'a Known<'a>,
    report: &'b mut Report,
}

impl Judge<'_, '_> {
    fn error(&mut self, below: &str, message: impl Into<String>) {
        self.report.error(format!("{} {below}", self.path), self.at, message);
    }

    fn matches(&mut self, from: &FilterMatch) {
        for (word, list) in [
            ("address", &from.address),
            ("source-address", &from.source_address),
            ("destination-address", &from.destination_address),
        ] {
            self.addresses(word, list);
        }
        for (word, list) in [
            ("prefix-list", &from.prefix_list),
            ("source-prefix-list", &from.source_prefix_list),
            ("destination-prefix-list", &from.destination_prefix_list),
        ] {
            self.lists(word, list);
        }
        self.flags("tcp-flags", from.tcp_flags.as_deref(), TCP_FLAG_NAMES);
        for set in from.interface_set.iter().filter(|set| !self.known.sets.contains(set.as_str())) {
            self.error(&format!("from interface-set {set}"), format!("interface-set `{set}' is not defined"));
        }
        let given = [from.tcp_flags.is_some(), from.tcp_initial, from.tcp_established];
        if given.iter().filter(|is| **is).count() > 1 {
            self.error("from", "only one of tcp-flags, tcp-initial and tcp-established can be given");
        }
    }

    fn addresses(&mut self, word: &str, list: &[FilterAddress]) {
        for address in list.iter().filter(|a| a.prefix.addr().is_ipv6() != self.v6) {
            let path = format!("{} from {word} {}", self.path, address.prefix);
            self.report.error(path, address.at, "address is of the other family");
        }
    }

    fn lists(&mut self, word: &str, list: &[FilterPrefixList]) {
        for entry in list.iter().filter(|l| !self.known.lists.contains(l.name.as_str())) {
            let path = format!("{} from {word} {}", self.path, entry.name);
            self.report.error(path, entry.at, format!("prefix-list `{}' is not defined", entry.name));
        }
    }

    fn options(&mut self, word: &str, list: &[Listed<IpOption>]) {
        let beyond = |value: &Listed<IpOption>| value.high == IpOption::ANY && value.low != IpOption::ANY;
        if list.iter().any(beyond) {
            self.error(&format!("from {word}"), "value is not within range (0..255)");
        }
    }

    fn flags(&mut self, word: &str, text: Option<&str>, names: &[(&str, u8)]) {
        if let Some(error) = text.and_then(|text| FlagTable::parse(text, names).err()) {
            self.error(&format!("from {word}"), error.to_string());
        }
    }

    fn actions(&mut self, then: &FilterThen, reject: Option<FilterReject>, physical: bool) {
        let ends = [then.accept, then.discard, then.next.is_some(), reject.is_some()];
        if ends.iter().filter(|is| **is).count() > 1 {
            self.error("then", "only one of accept, discard, reject and next can be given");
        }
        if then.routing_instance.is_some() && (then.discard || then.next.is_some() || reject.is_some()) {
            self.error("then", "what a routing instance is to route can't be discarded, rejected or go on");
        }
        self.mirrors(then);
        let colours = &then.three_colour;
        let named = [&then.policer, &colours.single_rate, &colours.two_rate];
        if named.iter().filter(|name| name.is_some()).count() > 1 {
            self.error("then", "only one policer can be given");
        }
        if let Some(name) = &then.policer {
            match self.known.policers.get(name.as_str()) {
                None => self.unknown("policer", name),
                Some(policer) => self.place(("policer", name), policer.physical, physical),
            }
        }
        for (word, name, single) in
            [("single-rate", &colours.single_rate, true), ("two-rate", &colours.two_rate, false)]
        {
            let Some(name) = name else { continue };
            let word = format!("three-color-policer {word}");
            match self.known.three_colour.get(name.as_str()) {
                Some(policer) if policer.single_rate.is_some() == single => {
                    self.place((&word, name), policer.physical, physical);
                }
                None | Some(_) => self.unknown(&word, name),
            }
        }
    }

    /// The instance that a term copies its packets by. Spec: mirror-1.
    fn mirrors(&mut self, then: &FilterThen) {
        match (&then.port_mirror_instance, then.port_mirror) {
            (Some(_), true) => {
                self.error("then", "only one of port-mirror and port-mirror-instance can be given");
            }
            (Some(name), false) if !self.known.mirrors.contains(name.as_str()) => {
                self.unknown("port-mirror-instance", name);
            }
            (None, true) if !self.known.mirrors.contains("") => {
                let message = "[forwarding-options port-mirroring] has no instance without a name";
                self.error("then port-mirror", message);
            }
            (Some(_) | None, _) => {}
        }
    }

    fn unknown(&mut self, word: &str, name: &str) {
        self.error(&format!("then {word} {name}"), format!("{word} `{name}' is not defined"));
    }

    /// A policer of physical interfaces belongs to filters of physical interfaces, and no other to those.
    fn place(&mut self, (word, name): (&str, &str), policer: bool, filter: bool) {
        let message = match (policer, filter) {
            (true, false) => "a physical-interface-policer needs a filter with physical-interface-filter",
            (false, true) => "a physical-interface-filter needs policers with physical-interface-policer",
            (true, true) | (false, false) => return,
        };
        self.error(&format!("then {word} {name}"), message);
    }
}

fn two_colour(policer: &Policer, report: &mut Report) {
    let path = format!("firewall policer {}", policer.name);
    let at = policer.at;
    let mut missing = |below: &str, is: bool| {
        if is {
            report.error(format!("{path} {below}"), at, "missing mandatory statement");
        }
    };
    if let Some(limit) = &policer.exceeding {
        missing("if-exceeding bandwidth-limit", limit.bandwidth.is_none() && limit.percent.is_none());
        missing("if-exceeding burst-size-limit", limit.burst.is_none());
    }
    if let Some(limit) = &policer.exceeding_pps {
        missing("if-exceeding-pps pps-limit", limit.packets.is_none());
        missing("if-exceeding-pps packet-burst", limit.burst.is_none());
    }
    if policer.exceeding.as_ref().is_some_and(|limit| limit.bandwidth.is_some() && limit.percent.is_some()) {
        let message = "bandwidth-limit and bandwidth-percent exclude each other";
        report.error(format!("{path} if-exceeding"), at, message);
    }
    let mut missing = |below: &str, is: bool| {
        if is {
            report.error(format!("{path} {below}"), at, "missing mandatory statement");
        }
    };
    let then = &policer.then;
    let marks = then.loss_priority.is_some() || then.forwarding_class.is_some();
    missing("then", !then.discard && !marks);
    if then.discard && marks {
        report.error(format!("{path} then"), at, "what is discarded can't be marked");
    }
    match (&policer.exceeding, &policer.exceeding_pps) {
        (Some(_), Some(_)) => report.error(&path, at, "if-exceeding and if-exceeding-pps exclude each other"),
        (None, None) => report.error(&path, at, "missing mandatory statement: 'if-exceeding'"),
        (Some(_), None) | (None, Some(_)) => {}
    }
    instances((policer.logical, policer.physical), &path, at, report);
}

fn instances((logical, physical): (bool, bool), path: &str, at: Span, report: &mut Report) {
    if logical && physical {
        let message = "logical-interface-policer and physical-interface-policer exclude each other";
        report.error(path, at, message);
    }
}

fn three_colour(policer: &ThreeColourPolicer, known: &Known<'_>, report: &mut Report) {
    let path = format!("firewall three-color-policer {}", policer.name);
    let at = policer.at;
    if known.policers.contains_key(policer.name.as_str()) {
        report.error(&path, at, format!("`{}' is also the name of a policer", policer.name));
    }
    let mut missing = |below: &str, is: bool| {
        if is {
            report.error(format!("{path} {below}"), at, "missing mandatory statement");
        }
    };
    missing("action loss-priority high then discard", policer.red.iter().any(|red| !red.discard));
    let mut colours = Vec::new();
    if let Some(rate) = &policer.single_rate {
        colours.push(&rate.colouring);
        missing("single-rate committed-information-rate", rate.committed_rate.is_none());
        missing("single-rate committed-burst-size", rate.committed_burst.is_none());
        missing("single-rate excess-burst-size", rate.excess_burst.is_none());
    }
    if let Some(rate) = &policer.two_rate {
        colours.push(&rate.colouring);
        missing("two-rate committed-information-rate", rate.committed_rate.is_none());
        missing("two-rate committed-burst-size", rate.committed_burst.is_none());
        missing("two-rate peak-information-rate", rate.peak_rate.is_none());
        missing("two-rate peak-burst-size", rate.peak_burst.is_none());
    }
    if colours.iter().any(|c| c.blind == c.aware) {
        report.error(&path, at, "one of color-blind and color-aware must be given");
    }
    match (&policer.single_rate, &policer.two_rate) {
        (Some(_), Some(_)) => report.error(&path, at, "single-rate and two-rate exclude each other"),
        (None, None) => report.error(&path, at, "missing mandatory statement: 'single-rate' or 'two-rate'"),
        (Some(_), None) | (None, Some(_)) => {}
    }
    instances((policer.logical, policer.physical), &path, at, report);
}

/// Filters and policers of interfaces.
fn attachments(config: &Config, known: &Known<'_>, report: &mut Report) {
    let firewall = &config.firewall;
    let names4: HashSet<&str> = firewall.filters4().map(|f| f.name.as_str()).collect();
    let names6: HashSet<&str> = firewall.inet6.iter().map(|f| f.name.as_str()).collect();
    for interface in &config.interfaces {
        for unit in &interface.units {
            let path = format!("interfaces {} unit {}", interface.name, unit.number);
            let elsewhere = interface.name == "fxp0" || (interface.name == "lo0" && unit.number != 0);
            for (word, family, names) in [("inet", &unit.inet, &names4), ("inet6", &unit.inet6, &names6)] {
                let Some(family) = family else { continue };
                let path = format!("{path} family {word}");
                if elsewhere && has_any(family) {
                    let message = "filters and policers are not supported on this interface";
                    report.error(&path, unit.at, message);
                }
                of_family(family, (names, known), (&path, unit.at), report);
            }
        }
    }
}

fn has_any(family: &Family) -> bool {
    let lists = family.filter_input_list.len() + family.filter_output_list.len();
    let single = [&family.filter_input, &family.filter_output, &family.policer_input, &family.policer_output];
    lists > 0 || family.filter_group.is_some() || single.iter().any(|name| name.is_some())
}

fn of_family(
    family: &Family,
    (names, known): (&HashSet<&str>, &Known<'_>),
    (path, at): (&str, Span),
    report: &mut Report,
) {
    for (way, single, list, policer) in [
        ("input", &family.filter_input, &family.filter_input_list, &family.policer_input),
        ("output", &family.filter_output, &family.filter_output_list, &family.policer_output),
    ] {
        if single.is_some() && !list.is_empty() {
            report.error(
                format!("{path} filter {way}-list"),
                at,
                format!("{way} and {way}-list exclude each other"),
            );
        }
        if list.len() > LIST_MAX {
            let message = format!("no more than {LIST_MAX} filters are allowed");
            report.error(format!("{path} filter {way}-list"), at, message);
        }
        for name in single.iter().chain(list).filter(|name| !names.contains(name.as_str())) {
            let path = format!("{path} filter {way} {name}");
            report.error(path, at, format!("filter `{name}' is not defined in this family"));
        }
        if let Some(name) = policer {
            let path = format!("{path} policer {way} {name}");
            match known.policers.get(name.as_str()) {
                None => report.error(path, at, format!("policer `{name}' is not defined")),
                Some(policer) if policer.physical => {
                    report.error(path, at, "a physical-interface-policer needs a filter");
                }
                Some(_) => {}
            }
        }
    }
}
