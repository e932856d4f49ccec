//! What filters and policers may say in Junos and not here. Spec: firewall-filter-69..74, policer-25.

use ravelin_model::load;

/// Every line alone, with what makes the rest of the configuration whole, is refused where it stands.
#[track_caller]
fn refused(whole: &str, line: &str) {
    let errors = load(&format!("{whole}set {line}\n")).result.err().unwrap_or_default();
    let errors: Vec<_> = errors.iter().map(|error| error.line("firewall")).collect();
    assert!(errors.iter().any(|error| error.contains("statement not supported")), "{line}: {errors:?}");
}

#[test]
fn what_would_not_be_done_is_refused() {
    let whole = "set firewall family inet filter f term t then accept\n";
    assert!(load(whole).result.is_ok());
    for action in [
        "logical-system l routing-instance r",
        "routing-instance r topology t",
        "sample",
        "prefix-action p",
        "packet-mode",
    ] {
        refused(whole, &format!("firewall family inet filter f term t then {action}"));
    }
}

/// A configuration is refused for this reason, or, without one, is good.
#[track_caller]
fn check(lines: &[&str], reason: Option<&str>) {
    let text: String = lines.iter().map(|line| format!("set firewall {line}\n")).collect();
    let errors = load(&text).result.err().unwrap_or_default();
    let errors: Vec<_> = errors.iter().map(|error| error.line("firewall")).collect();
    match reason {
        None => assert!(errors.is_empty(), "{errors:?}"),
        Some(reason) => assert!(errors.iter().any(|error| error.contains(reason)), "{errors:?}"),
    }
}

#[test]
fn a_filter_is_nested_one_level_deep_and_alone_in_its_term() {
    let inner = "family inet filter i term a then count c";
    let outer = "family inet filter o term t filter i";
    check(&[inner, outer], None);
    check(&[&inner.replace("family inet ", ""), outer], None);
    check(&[outer], Some("filter o term t filter i: filter `i' is not defined in this family"));
    check(&[&inner.replace("inet", "inet6"), outer], Some("is not defined in this family"));
    let more = "can have neither 'from' nor 'then'";
    check(&[inner, outer, "family inet filter o term t then accept"], Some(more));
    check(&[inner, outer, "family inet filter o term t then reject"], Some(more));
    check(&[inner, outer, "family inet filter o term t from ttl 1"], Some(more));
    check(&[inner, outer, "family inet filter p term t filter o"], Some("one level is supported"));
    check(&["family inet filter o term t filter o"], Some("one level is supported"));
    let specific = ["family inet filter i interface-specific", "family inet filter o interface-specific"];
    check(&[inner, outer, specific[0]], Some("'interface-specific' must be given for both filters"));
    check(&[inner, outer, specific[0], specific[1]], None);
    check(&[inner, outer, specific[1]], None);
    let physical = "family inet filter i physical-interface-filter";
    check(&[inner, outer, physical], Some("'physical-interface-filter' must be given for both"));
    let many: Vec<_> = (0..257).map(|n| format!("family inet filter o term t{n} filter i")).collect();
    let mut lines: Vec<_> = many.iter().map(String::as_str).collect();
    lines.push(inner);
    check(&lines, Some("no more than 256 filters can be referenced"));
    check(&lines[1..], None);
}

#[test]
fn bits_have_a_name_or_are_given() {
    let bits = ["flexible-match b match-start layer-3", "flexible-match b bit-length 8"];
    let named = "family inet filter f term t from flexible-match-mask flexible-mask-name b";
    let prefix = "family inet filter f term t from flexible-match-mask prefix 0x1";
    check(&[bits[0], bits[1], named, prefix], None);
    check(&[named, prefix], Some("flexible-match `b' is not defined"));
    let own = "family inet filter f term t from flexible-match-mask byte-offset 1";
    check(&[bits[0], bits[1], named, prefix, own], Some("the bits are given by the name"));
    check(&[bits[0]], Some("flexible-match b bit-length: missing mandatory statement"));
    check(&[bits[1]], Some("flexible-match b match-start: missing mandatory statement"));
}

#[test]
fn a_part_of_an_interface_needs_to_know_the_interface() {
    let part = ["policer p if-exceeding bandwidth-percent 10", "policer p if-exceeding burst-size-limit 15k"];
    let base = [part[0], part[1], "policer p then discard", "family inet filter f term t then policer p"];
    let with = |more: &[&'static str]| [&base[..], more].concat();
    check(&with(&[]), Some("filter `f' must be interface-specific to use it"));
    check(&with(&["family inet filter f interface-specific"]), None);
    check(&with(&["policer p logical-interface-policer"]), None);
    check(&with(&["policer p if-exceeding bandwidth-limit 1m"]), Some("exclude each other"));
    refused("", "firewall policer p logical-bandwidth-policer");
}
