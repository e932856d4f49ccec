//! Constraints of the table: what must be there beside a statement, and what must not. Expected findings are what
//! the table's rows say, worked out by hand.

use ravelin_schema::{constraints, effective, read, violations};

/// The findings of a text's effective tree, `path: message [other place]`.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let bound = read(text);
    assert!(bound.diagnostics.is_empty(), "{:?}", bound.diagnostics);
    let effective = effective(&bound.tree, None);
    let told = violations(&effective.tree).into_iter().map(|d| {
        let other = d.related.first().map_or(String::new(), |(span, _)| format!(" [{}]", span.line));
        format!("{}: {}: {}{other}", d.span.line, d.path, d.message)
    });
    assert_eq!(told.collect::<Vec<_>>(), expected, "{text}");
}

#[test]
fn statements_that_exclude_each_other_are_told_with_both_places() {
    check(
        "security { flow { tcp-session {\nno-syn-check;\nstrict-syn-check;\n} } }",
        &[
            "3: security flow tcp-session strict-syn-check: `strict-syn-check' can't be given together with `no-syn-check' [2]",
        ],
    );
    check("security { flow { tcp-session { strict-syn-check; inactive: no-syn-check; } } }", &[]);
    check(
        "security { nat { source {\npool p { address { 192.0.2.1/32; }\nhost-address-base 10.0.0.1/32; }\n\
         pool-default-port-range 2000 to 3000; } } }",
        &[
            "4: security nat source pool-default-port-range 2000: `pool-default-port-range 2000' can't be given together with `host-address-base' [3]",
            "4: security nat source pool-default-port-range to 3000: `to 3000' can't be given together with `host-address-base' [3]",
        ],
    );
}

#[test]
fn what_is_needed_must_be_there() {
    let zone = |services: &str| {
        format!(
            "security {{ zones {{ security-zone z {{ host-inbound-traffic {{ system-services {{ {services} }} }} }} }} }}"
        )
    };
    check(&zone("all; ssh { except; }"), &[]);
    check(
        &zone("ping; ssh { except; }"),
        &[
            "1: security zones security-zone z host-inbound-traffic system-services ssh except: `except' needs `system-services all'",
        ],
    );
    check(
        "security { log { mode stream; stream s { host { 192.0.2.1; } } } }",
        &[
            "1: security log stream s host: `host' needs `security log source-address' or `security log source-interface' or \
           `security log stream <stream> source-address' or `services service-set <service-set> syslog source-interface' or \
           `services service-set <service-set> syslog source-address' or \
           `services service-set <service-set> syslog stream <stream> source-address'",
        ],
    );
    check("security { log { source-address 192.0.2.9; stream s { host { 192.0.2.1; } } } }", &[]);
    check("security { log { stream s { source-address 192.0.2.9; host { 192.0.2.1; } } } }", &[]);
    // Of another stream.
    check(
        "security { log { stream t { source-address 192.0.2.9; } stream s { host { 192.0.2.1; } } } }",
        &[
            "1: security log stream s host: `host' needs `security log source-address' or `security log source-interface' or \
           `security log stream <stream> source-address' or `services service-set <service-set> syslog source-interface' or \
           `services service-set <service-set> syslog source-address' or \
           `services service-set <service-set> syslog stream <stream> source-address'",
        ],
    );
}

#[test]
fn names_must_be_defined_and_may_be_inherited() {
    let book = "security { address-book { global {\naddress a 10.0.0.1/32;\naddress-set s { address a; address b; }\n} } }";
    check(
        book,
        &[
            "3: security address-book global address-set s address b: `b' is not defined: `address <name>' is needed",
        ],
    );
    check(
        &format!(
            "groups {{ g {{ security {{ address-book {{ global {{ address b 10.0.0.2/32; }} }} }} }} }}\napply-groups g;\n{book}"
        ),
        &[],
    );
    check(
        "security { zones { security-zone trust; } policies { from-zone trust to-zone untrust { policy p; } } }",
        &[],
    );
    check(
        "security { zones { security-zone trust; } policies { from-zone dmz to-zone trust { policy p; } } }",
        &[
            "1: security policies from-zone dmz to-zone trust: `from-zone' needs `security zones security-zone <name>' or `security zones security-zone <name>'",
        ],
    );
    check("security { policies { from-zone junos-host to-zone junos-host { policy p; } } }", &[]);
}

#[test]
fn what_must_be_one_of_its_kind_is() {
    let unit = |a: u32, b: u32| {
        format!(
            "interfaces {{ ge-0/0/0 {{ vlan-tagging; flexible-vlan-tagging;\nunit 1 {{ vlan-id {a}; }}\nunit 2 {{ vlan-id {b}; }} }} }}"
        )
    };
    check(&unit(5, 6), &[]);
    let told = violations(&read(&unit(5, 5)).tree);
    assert_eq!(told.iter().map(|d| d.span.line).collect::<Vec<_>>(), [2, 3], "{told:?}");
}

#[test]
fn a_large_level_is_judged_as_a_small_one_is_and_in_the_time_of_its_length() {
    for (members, missing) in [(3, 7), (40_000, 12_345)] {
        let mut text = String::from("security { address-book { global {\n");
        for n in 0..members {
            text.push_str(&format!("address a{n} 10.0.0.1/32;\n"));
        }
        text.push_str("address-set s {\n");
        for n in 0..members {
            text.push_str(&format!("address a{n};\n"));
        }
        text.push_str(&format!("address b{missing};\n}}\n}} }} }}"));
        let line = 2 * members + 3;
        let path = format!("security address-book global address-set s address b{missing}");
        check(&text, &[&format!("{line}: {path}: `b{missing}' is not defined: `address <name>' is needed")]);
    }
}

#[test]
fn every_row_of_the_table_is_judged() {
    let (judged, unread) = constraints();
    assert!(unread.is_empty(), "{unread:#?}");
    assert_eq!(judged, 1850);
}
