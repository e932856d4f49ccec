//! Terms that stand for another filter, named bits, and policers whose rate is that of an interface.
//!
//! Spec: firewall-filter-71..74, policer-25.

use std::collections::{HashMap, HashSet};

use ravelin_syntax::Span;

use super::Report;
use crate::{Config, FilterMatch, FilterThen, FlexibleTemplate, Policer};

/// References to other filters in one filter: Junos' own limit.
const REFERENCES_MAX: usize = 256;

/// A term of either family, as far as it is looked at here.
struct Seen<'a> {
    name: &'a str,
    filter: Option<&'a str>,
    /// It says something else, too.
    says_more: bool,
    from: &'a FilterMatch,
    then: &'a FilterThen,
    at: Span,
}

/// A filter of either family.
struct Sight<'a> {
    path: String,
    name: &'a str,
    specific: bool,
    physical: bool,
    terms: Vec<Seen<'a>>,
    at: Span,
}

/// What the filters of one family may name.
struct Known<'a> {
    filters: HashMap<&'a str, &'a Sight<'a>>,
    flexible: HashMap<&'a str, &'a FlexibleTemplate>,
    policers: HashMap<&'a str, &'a Policer>,
}

macro_rules! sight {
    ($word:literal, $filter:ident) => {
        Sight {
            path: format!("{} {}", $word, $filter.name),
            name: &$filter.name,
            specific: $filter.interface_specific,
            physical: $filter.physical,
            terms: ($filter.terms.iter())
                .map(|term| Seen {
                    name: &term.name,
                    filter: term.filter.as_deref(),
                    says_more: term.from != Default::default()
                        || term.then != FilterThen::default()
                        || term.reject.is_some(),
                    from: &term.from.common,
                    then: &term.then,
                    at: term.at,
                })
                .collect(),
            at: $filter.at,
        }
    };
}

pub(super) fn check(config: &Config, report: &mut Report) {
    let firewall = &config.firewall;
    let mut inet: Vec<_> =
        firewall.inet.iter().map(|filter| sight!("firewall family inet filter", filter)).collect();
    inet.extend(firewall.plain.iter().map(|filter| sight!("firewall filter", filter)));
    let inet6: Vec<_> =
        firewall.inet6.iter().map(|filter| sight!("firewall family inet6 filter", filter)).collect();
    for family in [&inet, &inet6] {
        let known = Known {
            filters: family.iter().map(|filter| (filter.name, filter)).collect(),
            flexible: firewall.flexible.iter().map(|f| (f.name.as_str(), f)).collect(),
            policers: firewall.policers.iter().map(|p| (p.name.as_str(), p)).collect(),
        };
        for filter in family {
            nested(filter, &known, report);
            filter.terms.iter().for_each(|term| flexible(filter, term, &known, report));
            percent(filter, &known, report);
        }
    }
    for template in &firewall.flexible {
        let path = format!("firewall flexible-match {}", template.name);
        for (below, missing) in
            [("match-start", template.start.is_none()), ("bit-length", template.bit_length.is_none())]
        {
            if missing {
                report.error(format!("{path} {below}"), template.at, "missing mandatory statement");
            }
        }
    }
}

fn nested(filter: &Sight<'_>, known: &Known<'_>, report: &mut Report) {
    let references = filter.terms.iter().filter(|term| term.filter.is_some()).count();
    if references > REFERENCES_MAX {
        let message = format!("no more than {REFERENCES_MAX} filters can be referenced");
        report.error(&filter.path, filter.at, message);
    }
    for term in &filter.terms {
        let Some(name) = term.filter else { continue };
        let path = format!("{} term {} filter {name}", filter.path, term.name);
        if term.says_more {
            report.error(&path, term.at, "a term with 'filter' can have neither 'from' nor 'then'");
        }
        let Some(inner) = known.filters.get(name) else {
            report.error(&path, term.at, format!("filter `{name}' is not defined in this family"));
            continue;
        };
        if inner.terms.iter().any(|term| term.filter.is_some()) {
            let message = format!("filter `{name}' references a filter itself: one level is supported");
            report.error(&path, term.at, message);
        }
        for (word, differ) in [
            ("interface-specific", inner.specific && !filter.specific),
            ("physical-interface-filter", inner.physical != filter.physical),
        ] {
            if differ {
                let message = format!("'{word}' must be given for both filters");
                report.error(&path, term.at, message);
            }
        }
    }
}

/// Bits are given by a name or one by one.
fn flexible(filter: &Sight<'_>, term: &Seen<'_>, known: &Known<'_>, report: &mut Report) {
    let mask = term.from.flexible_mask.as_ref().map(|mask| {
        let own = [mask.byte_offset, mask.bit_offset, mask.bit_length];
        ("flexible-match-mask flexible-mask-name", &mask.template, mask.start.is_some(), own)
    });
    let range = term.from.flexible_range.as_ref().map(|range| {
        let own = [range.byte_offset, range.bit_offset, range.bit_length];
        ("flexible-match-range flexible-range-name", &range.template, range.start.is_some(), own)
    });
    for (word, template, start, own) in [mask, range].into_iter().flatten() {
        let Some(name) = template else { continue };
        let path = format!("{} term {} from {word} {name}", filter.path, term.name);
        if !known.flexible.contains_key(name.as_str()) {
            report.error(&path, term.at, format!("flexible-match `{name}' is not defined"));
        }
        if start || own.iter().any(Option::is_some) {
            report.error(&path, term.at, "the bits are given by the name");
        }
    }
}

/// A rate that is a part of an interface's needs a filter that knows its interface.
fn percent(filter: &Sight<'_>, known: &Known<'_>, report: &mut Report) {
    let own: HashSet<&str> = filter.terms.iter().filter_map(|t| t.then.policer.as_deref()).collect();
    for name in own {
        let Some(policer) = known.policers.get(name) else { continue };
        let is_part = policer.exceeding.as_ref().is_some_and(|limit| limit.percent.is_some());
        if is_part && !(filter.specific || policer.logical || policer.physical) {
            let path = format!("firewall policer {name} if-exceeding bandwidth-percent");
            let message = format!("filter `{}' must be interface-specific to use it", filter.name);
            report.error(path, policer.at, message);
        }
    }
}
