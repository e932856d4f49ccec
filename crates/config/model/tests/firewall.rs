//! What filters and policers may say in Junos and not here. Spec: firewall-filter-69, policer-25.

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
    for action in ["routing-instance r", "sample", "prefix-action p", "packet-mode"] {
        refused(whole, &format!("firewall family inet filter f term t then {action}"));
    }
    refused(whole, "firewall family inet filter f term t filter other");
}

#[test]
fn a_share_of_a_link_is_refused() {
    let whole = "set firewall policer p if-exceeding burst-size-limit 15k\n\
                 set firewall policer p then discard\n";
    assert!(load(&format!("{whole}set firewall policer p if-exceeding bandwidth-limit 1m\n")).result.is_ok());
    refused(whole, "firewall policer p if-exceeding bandwidth-percent 10");
}
