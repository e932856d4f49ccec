//! Every statement of the table is recognised, with right values and with wrong ones.

use ravelin_schema::{Mark, RuleId, ValueType, Values, grammar, instead, read, refuse, takes_value};
use ravelin_syntax::render;
use ravelin_syntax::tree::{Kind, Node};

/// Words that fit one pattern of the table or another.
const FITTING: [&str; 31] = [
    "a",
    "1",
    "1.5",
    "10.0.0.1",
    "a.b",
    "00:11",
    "1/1",
    "1:1",
    "0x0800",
    "000000",
    "000",
    "/1",
    "/1-/2",
    "08:00",
    "100-200",
    "MACRO",
    "mgmt_junos",
    "ab",
    "%A",
    "target:1:1",
    "0xabcd",
    "1.1.1.1:1/1",
    "12345678-1234-1234-1234-123456789012",
    "00.00.00.00",
    "http://a",
    "m01",
    "0000",
    "1:1:1/0",
    "01-01.08:00",
    "0x8100",
    "1/1/1",
];

fn sample(values: &Values) -> Option<String> {
    let text = |low: usize| "a".repeat(low.max(1));
    let natural = match &values.kind {
        ValueType::Words(words) => words.first().map_or_else(String::new, |w| (*w).to_owned()),
        ValueType::Number { low, .. } => low.to_string(),
        ValueType::Decimal(_) => "1.5".into(),
        ValueType::Address | ValueType::Ipv4 => "192.0.2.1".into(),
        ValueType::Ipv6 => "2001:db8::1".into(),
        ValueType::Prefix | ValueType::Prefix4 | ValueType::PrefixLength => "192.0.2.0/24".into(),
        ValueType::Prefix6 => "2001:db8::/32".into(),
        ValueType::Mac => "00:11:22:33:44:55".into(),
        ValueType::Area => "0.0.0.0".into(),
        ValueType::TimeOfDay => "08:00".into(),
        ValueType::Text { low, .. } => text(*low),
        ValueType::Any | ValueType::Secret => text(1),
    };
    let mut tried = std::iter::once(natural).chain(FITTING.map(str::to_owned));
    tried.find(|word| values.check(word).is_ok())
}

/// A word out of range, of a wrong form or unlisted, and what is said of it.
fn wrong(values: &Values) -> Option<(String, String)> {
    Some(match &values.kind {
        ValueType::Words(_) => ("no-such-word".into(), "invalid value `no-such-word'".into()),
        ValueType::Number { low, high } => {
            ((high + 1).to_string(), format!("value {} is not within range ({low}..{high})", high + 1))
        }
        ValueType::Text { low, high } if *high < 2000 => {
            ("a".repeat(high + 1), format!("length {} is not within range ({low}..{high})", high + 1))
        }
        ValueType::Decimal(Some((low, high))) => {
            (format!("{high}.5"), format!("value {high}.5 is not within range ({low}..{high})"))
        }
        ValueType::Address => ("192.0.2.256".into(), "invalid IP address `192.0.2.256'".into()),
        ValueType::Ipv4 => ("2001:db8::1".into(), "invalid IPv4 address `2001:db8::1'".into()),
        ValueType::Ipv6 => ("192.0.2.1".into(), "invalid IPv6 address `192.0.2.1'".into()),
        ValueType::Prefix => ("192.0.2.0/33".into(), "invalid prefix `192.0.2.0/33'".into()),
        ValueType::Mac => ("00:11".into(), "invalid MAC address `00:11'".into()),
        ValueType::TimeOfDay => ("25:00".into(), "invalid time of day `25:00'".into()),
        _ => return None,
    })
}

/// The `set` words that lead to a rule, its own value left out; `None` when a value of the way isn't known.
fn way(id: RuleId) -> Option<Vec<String>> {
    let rule = grammar().rule(id)?;
    let mut words = if rule.parent == RuleId(0) { Vec::new() } else { way(rule.parent)? };
    words.extend((!rule.hidden).then(|| rule.name.to_owned()));
    let mut before = String::new();
    for key in rule.keys.iter().filter(|_| rule.kind == Kind::Entry) {
        if !key.optional || takes_value(&before) {
            words.extend(key.keyword.map(str::to_owned));
            before = sample(&key.value)?;
            words.push(before.clone());
        }
    }
    Some(words)
}

fn holds(nodes: &[Node], id: RuleId) -> bool {
    nodes.iter().any(|n| n.rule == id.0 || holds(&n.children, id))
}

fn line(words: &[String], more: &[String]) -> String {
    let words: Vec<String> = words.iter().chain(more).map(|w| render::quote(w)).collect();
    format!("set {}\n", words.join(" "))
}

fn every_rule() -> impl Iterator<Item = RuleId> {
    (1..grammar().len() as u32).map(RuleId)
}

#[test]
fn every_statement_is_recognised_where_it_stands() {
    let (mut seen, mut unknown, mut unsampled) = (0, Vec::new(), Vec::new());
    for id in every_rule() {
        let Some(rule) = grammar().rule(id) else { continue };
        let value = match rule.kind {
            Kind::Leaf | Kind::LeafList => sample(&rule.value).map(|v| vec![v]),
            _ => Some(Vec::new()),
        };
        let (Some(words), Some(value)) = (way(id), value) else {
            unsampled.push(grammar().path(id));
            continue;
        };
        // Several values without keyword at one place are told apart by what they may be.
        let alone = !rule.hidden || grammar().hidden(rule.parent).count() == 1;
        let line = line(&words, &value);
        let bound = read(&line);
        seen += 1;
        let there = rule.kind == Kind::Opaque || !alone || holds(&bound.tree.nodes, id);
        if !bound.diagnostics.is_empty() || !there {
            let said: Vec<_> = bound.diagnostics.iter().map(|d| d.message.clone()).collect();
            unknown.push(format!("{line}{said:?}"));
        }
        // It is enforced, or a commit refuses it: it, or the topmost that leads to it.
        let refused = refuse(&bound.tree);
        let is_way = |id: RuleId| grammar().rule(id).is_some_and(|r| r.mark != Mark::Known);
        let fits = match refused.as_slice() {
            [] => is_way(id) || !alone || grammar().path(id).starts_with("groups"),
            [one] => one.message == "statement not supported" && !(is_way(id) && alone),
            _ => false,
        };
        assert!(fits, "{line}{refused:?}");
    }
    assert!(unknown.is_empty(), "{} of {seen} not recognised:\n{}", unknown.len(), unknown.join("\n"));
    assert!(unsampled.is_empty(), "no value known for: {unsampled:#?}");
    assert!(seen > 15_000, "{seen}");
}

#[test]
fn every_wrong_value_is_told_with_what_is_right() {
    let mut checked = 0;
    for id in every_rule() {
        let Some(rule) = grammar().rule(id) else { continue };
        if !matches!(rule.kind, Kind::Leaf | Kind::LeafList) || rule.hidden {
            continue;
        }
        let (Some(words), Some((value, message))) = (way(id), wrong(&rule.value)) else { continue };
        let line = line(&words, &[value]);
        let bound = read(&line);
        let told = bound.diagnostics.iter().any(|d| d.message.contains(&message));
        assert!(told, "{line}expected `{message}', got {:?}", bound.diagnostics);
        checked += 1;
    }
    assert!(checked > 3_000, "{checked}");
}

/// The limits of a cell of the table, as the values that came of it have them.
fn judges(cell: &'static str, values: &Values) -> bool {
    let (cell, pattern) =
        cell.split_once("; match ").map_or((cell, None), |(cell, pattern)| (cell, Some(pattern)));
    let two = |limits: &str| -> Option<(i128, i128)> {
        let (low, high) = limits.split_once(" .. ").unwrap_or((limits, limits));
        Some((low.trim().parse().ok()?, high.trim().parse().ok()?))
    };
    let limits = cell.split("; ").skip(1).all(|part| match part.split_once(' ') {
        Some(("enum", words)) => values.kind == ValueType::Words(words.split(',').collect()),
        Some(("range", limits)) => two(limits).is_some_and(|(low, high)| {
            let decimal = ValueType::Decimal(Some((low as i32, high as i32)));
            values.kind == ValueType::Number { low, high } || values.kind == decimal
        }),
        Some(("length", limits)) => two(limits).is_some_and(|(low, high)| {
            let text = ValueType::Text { low: low as usize, high: high as usize };
            values.kind == text || matches!(values.kind, ValueType::Words(_) | ValueType::Number { .. })
        }),
        Some(("default", default)) => values.default == Some(default),
        Some(("unit", unit)) => values.unit == Some(unit),
        _ => part == "secret" && values.is_secret,
    });
    limits && values.pattern == pattern
}

/// Types that say nothing of the form of a word.
const OPEN: [&str; 16] = [
    "",
    "string",
    "interface-name",
    "interface-unit",
    "interface-device",
    "ipaddr-or-interface",
    "ipaddr-scoped",
    "regular-expression",
    "policy-algebra",
    "community",
    "sysid",
    "hostname",
    "filename",
    "time",
    "vlan-range",
    "atm-vci",
];

/// Row by row: what the schema says of a value is judged, and a type that nobody judges is one of few.
#[test]
fn every_type_and_every_limit_of_the_table_is_judged() {
    let (mut judged, mut open) = (0, 0);
    for (row, id) in include_str!("../grammar.tsv").lines().zip(1..) {
        let cells: Vec<&str> = row.split('\t').collect();
        let rule = grammar().rule(RuleId(id)).unwrap_or_else(|| panic!("{row}"));
        let all: Vec<&Values> = match rule.kind {
            Kind::Entry => rule.keys.iter().map(|key| &key.value).collect(),
            _ => vec![&rule.value],
        };
        let written = cells.get(5).copied().unwrap_or("");
        for (cell, values) in written.split(" || ").zip(all).filter(|(cell, _)| !cell.is_empty()) {
            assert!(judges(cell, values), "{row}: {values:?}");
            let kind = cell.split("; ").next().unwrap_or("");
            match values.kind {
                ValueType::Any if kind == "empty" => {}
                ValueType::Any if values.pattern.is_none() => {
                    assert!(kind.split('|').all(|kind| OPEN.contains(&kind)), "{row}");
                    open += 1;
                }
                _ => judged += 1,
            }
        }
    }
    assert!(judged > 6_000 && open < 2_000, "{judged} judged, {open} open");
}

#[test]
fn every_pattern_of_the_table_is_one() {
    let mut broken = std::collections::BTreeSet::new();
    for id in every_rule() {
        let Some(rule) = grammar().rule(id) else { continue };
        for values in rule.keys.iter().map(|k| &k.value).chain([&rule.value]) {
            let pattern = values.pattern.map(|p| p.trim_start_matches('!'));
            broken.extend(pattern.filter(|p| regex::Regex::new(p).is_err()));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn advice_is_about_statements_that_are() {
    for row in include_str!("../instead.tsv").lines().skip(1) {
        let path = row.split('\t').next().unwrap_or("");
        assert!(grammar().by_path(path).is_some(), "instead.tsv: no such path: {path}");
    }
    assert_eq!(instead("security ike gateway address"), instead("security ike"));
    assert_eq!(instead("groups"), None);
    // Whatever the table knows and does not enforce has advice where it is refused.
    let is_supported =
        |id: RuleId| id == RuleId(0) || grammar().rule(id).is_some_and(|r| r.mark != Mark::Known);
    let refused = every_rule()
        .filter(|id| grammar().rule(*id).is_some_and(|r| r.mark == Mark::Known && is_supported(r.parent)));
    let without: Vec<_> =
        refused.map(|id| grammar().path(id)).filter(|path| instead(path).is_none()).collect();
    assert!(without.is_empty(), "{without:#?}");
    // No advice is about what is done here.
    for row in include_str!("../instead.tsv").lines().skip(1) {
        let path = row.split('\t').next().unwrap_or("");
        let about = |id: &RuleId| {
            let found = grammar().path(*id);
            found == path || found.strip_prefix(path).is_some_and(|rest| rest.starts_with(' '))
        };
        let needed =
            every_rule().any(|id| about(&id) && grammar().rule(id).is_some_and(|r| r.mark == Mark::Known));
        assert!(needed, "instead.tsv: all of it is enforced: {path}");
    }
}

#[test]
fn elements_tell_siblings_apart() {
    for id in every_rule() {
        let Some(rule) = grammar().rule(id) else { continue };
        let mut seen = std::collections::BTreeSet::new();
        for (_, child) in grammar().children(id) {
            let fresh = seen.insert(child.element);
            assert!(fresh || rule.is_group, "two `{}' below {}", child.element, grammar().path(id));
        }
    }
}
