//! Source NAT pools that contradict themselves.

use ravelin_model::load;

/// Expects each of `wanted` among the errors of these lines.
fn refused(lines: &[&str], wanted: &[&str]) {
    let errors = load(&format!("{}\n", lines.join("\n"))).result.err().unwrap_or_default();
    let lines: Vec<String> = errors.iter().map(|e| e.line("f")).collect();
    for want in wanted {
        assert!(lines.iter().any(|line| line.contains(want)), "expected `{want}` in:\n{}", lines.join("\n"));
    }
}

#[test]
fn source_pools_that_contradict_themselves_are_refused() {
    let pool = "set security nat source pool p";
    let cases: &[(&[&str], &str)] = &[
        (&["port range 2000 to 3000"], "missing mandatory statement: 'address'"),
        (&["address 192.0.2.1/32", "address 2001:db8::1/128"], "addresses must be of one family"),
        (&["address 192.0.2.9/32 to 192.0.2.1/32"], "is no range of addresses"),
        (&["address 192.0.2.1/32", "address-name nobody"], "'address' and 'address-name' can't be combined"),
        (&["address-name nobody"], "address or address-set `nobody' is not defined"),
        (&["address 192.0.2.1/32", "port range 3000 to 2000"], "is no range from 1024 to 65535"),
        (
            &["address 192.0.2.1/32", "port no-translation", "port range 2000 to 3000"],
            "'port no-translation' and 'port range' can't be combined",
        ),
        (
            &["address 192.0.2.1/32", "address-pooling paired", "address-pooling no-paired"],
            "'address-pooling paired' and 'address-pooling no-paired' can't be combined",
        ),
        (&["address 192.0.2.1/32", "address-shared"], "'address-shared' needs 'port no-translation'"),
        (&["address 192.0.2.1/32", "overflow-pool interface"], "'overflow-pool' needs 'port no-translation'"),
        (&["address 192.0.2.1/32", "port no-translation", "overflow-pool q"], "pool `q' is not defined"),
        (
            &["address 192.0.2.1/32", "port deterministic block-size 64"],
            "missing mandatory statement: 'host'",
        ),
    ];
    for factor in ["0", "33"] {
        let line = format!("set security nat source interface port-overloading-factor {factor}");
        refused(&[&line], &[&format!("value {factor} is not within range (1..32)")]);
    }
    for (lines, wanted) in cases {
        let lines: Vec<String> = lines.iter().map(|line| format!("{pool} {line}")).collect();
        refused(&lines.iter().map(String::as_str).collect::<Vec<_>>(), &[wanted]);
    }
}
