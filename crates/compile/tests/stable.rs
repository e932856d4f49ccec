//! What a commit must not renumber, and what a program says that it needs.

use ravelin_compile::{IdBook, Resolved, compile};
use ravelin_program::Program;
use ravelin_types::Generation;

const ROOM: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/24
set interfaces ge-0/0/1 unit 0 family inet address 10.0.1.1/24
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
";
const P: &str = "set security policies from-zone trust to-zone untrust policy p";

fn compiled(lines: &str, book: &mut IdBook) -> Program {
    let loaded = ravelin_model::load(&format!("{ROOM}{lines}\n"));
    let valid = loaded.result.unwrap_or_else(|errors| panic!("{errors:#?}"));
    compile(&valid, &Resolved::virtual_ports(&valid), book, Generation(1))
        .unwrap_or_else(|e| panic!("{e:#?}"))
}

/// What the first policy's first term and the program's list make of an application's name.
fn named(program: &Program) -> (u32, String) {
    let (_, section) = program.sections().next().expect("a section");
    let at = section.policies[0].1.applications[0].name;
    (at, program.application_names()[at as usize].clone())
}

/// Sessions remember the number of their application. Spec: contract-17.
#[test]
fn an_application_keeps_its_number_whatever_comes_and_goes_before_it() {
    let rule = format!(
        "{P} match source-address any\n{P} match destination-address any\n{P} match application own\n{P} then permit"
    );
    let own = "set applications application own protocol tcp destination-port 9999";
    let other = "set applications application another protocol udp";
    let mut book = IdBook::default();
    let first = named(&compiled(&format!("{other}\n{own}\n{rule}"), &mut book));
    assert_eq!(first.1, "own");
    assert_eq!(named(&compiled(&format!("{own}\n{rule}"), &mut book)), first, "one before it went");
    let more = "set applications application new-one protocol udp";
    assert_eq!(named(&compiled(&format!("{more}\n{own}\n{rule}"), &mut book)), first, "one came before it");
    // The number of one that is gone is nobody's.
    let names = compiled(&format!("{own}\n{rule}"), &mut book).application_names().to_vec();
    assert!(!names.iter().any(|name| name == "another" || name == "new-one"));
}

/// Spec: contract-16.
#[test]
fn a_program_says_what_an_older_dataplane_would_ignore() {
    let rule = format!(
        "{P} match source-address any\n{P} match destination-address any\n{P} match application any\n{P} then permit"
    );
    let needs = |lines: &str| compiled(&format!("{rule}\n{lines}"), &mut IdBook::default()).requires;
    assert!(needs("").is_empty(), "nobody is asked for what is not used");
    for known in ["early-ageout 7", "early-aging defaults cutoff-time seconds 7"] {
        assert!(needs(&format!("set security flow aging {known}")).is_empty(), "one number for all, as ever");
    }
    let cases = [
        ("set security flow allow-dns-reply", "strays"),
        ("set security flow allow-embedded-icmp", "strays"),
        ("set security flow route-change-timeout 10", "route-change-timeout"),
        ("set security flow force-ip-reassembly", "fragments"),
        ("set security flow fragment-reassembly-timeout 1", "fragments"),
        (
            "set security policies from-zone trust to-zone untrust policy p then permit destination-address drop-translated",
            "destination-translated",
        ),
        (
            "set security policies from-zone trust to-zone untrust policy p then permit destination-address drop-untranslated",
            "destination-translated",
        ),
        (
            "set security zones security-zone trust unidirectional-session-refreshing",
            "unidirectional-refresh",
        ),
        ("set security zones security-zone trust application-tracking", "application-tracking"),
        ("set security flow aging early-aging application imap cutoff-time seconds 5", "early-aging"),
        ("set security flow aging early-aging application dns cutoff-time percent 5", "early-aging"),
        ("set security flow aging early-aging protocol 0 cutoff-time seconds 5", "early-aging"),
        ("set security flow aging early-aging defaults cutoff-time percent 5", "early-aging"),
        (
            "set interfaces ge-0/0/2 unit 0 family inet address 10.0.2.1/24\nset security zones functional-zone management interfaces ge-0/0/2.0",
            "functional-zones",
        ),
    ];
    let own = "set applications application own protocol tcp\nset applications application own destination-port 2121\n\
               set applications application own application-protocol ftp\n\
               set security policies global policy g match source-address any\n\
               set security policies global policy g match destination-address any\n\
               set security policies global policy g match application own\n\
               set security policies global policy g then permit";
    let update = "set security policies from-zone trust to-zone untrust policy p then log session-update 5";
    let policies = [(own, "application-gateways"), (update, "session-update")];
    for (lines, word) in cases.into_iter().chain(policies) {
        assert_eq!(needs(lines), [word], "{lines}");
    }
}

/// A run of policies that is taken over from the commit before still asks for what it needs.
#[test]
fn what_is_needed_is_not_forgotten_by_the_next_commit() {
    let rule = |name: &str| {
        let p = format!("set security policies from-zone trust to-zone untrust policy {name}");
        format!(
            "{p} match source-address any\n{p} match destination-address any\n{p} match application any\n{p} then permit\n"
        )
    };
    let drops = format!("{P} then permit destination-address drop-translated\n");
    let mut book = IdBook::default();
    let first = compiled(&format!("{}{drops}", rule("p")), &mut book);
    let second = compiled(&format!("{}{drops}set security flow allow-dns-reply\n", rule("p")), &mut book);
    assert_eq!(first.requires, ["destination-translated"]);
    assert_eq!(second.requires, ["strays", "destination-translated"]);
}
