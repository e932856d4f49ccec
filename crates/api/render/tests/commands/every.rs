//! Every operational command of the table: help at each word, and an answer as text, XML and JSON that say the same.

use quick_xml::Reader;
use quick_xml::events::Event;
use ravelin_ops::{Arg, Command, commands, rpc_of};
use serde_json::Value;

use crate::support::Bench;

const TUPLE: &str = "from-zone trust to-zone untrust source-ip 10.2.0.9 destination-ip 192.0.2.1 source-port 1000 destination-port 80 protocol tcp";

/// What a command needs beside its path. One stands once for every way in which its answer differs.
const GIVEN: &[(&str, &str)] = &[
    ("clear firewall", "all"),
    ("clear security flow session", "all"),
    ("clear security log", "all"),
    ("clear security nat source persistent-nat-table internal-ip", "10.1.0.2"),
    ("clear security nat source persistent-nat-table pool", "p"),
    ("clear security nat statistics destination pool", "all"),
    ("clear security nat statistics destination rule", "all"),
    ("clear security nat statistics source pool", "all"),
    ("clear security nat statistics source rule", "all"),
    ("clear security nat statistics static rule", "all"),
    ("clear security policies hit-count", ""),
    ("clear security policies hit-count", "from-zone trust to-zone untrust"),
    ("clear security screen statistics", "zone trust"),
    ("clear security screen statistics", "interface ge-0/0/0.0"),
    ("request security dynamic-address update", "all"),
    ("show security dynamic-address", ""),
    ("show security flow gate", ""),
    ("show security flow gate", "summary"),
    ("show security flow session", ""),
    ("show security flow session", "extensive"),
    ("show security flow session", "summary"),
    ("show security flow session", "session-identifier 3"),
    ("show security match-policies", TUPLE),
    ("show security nat destination pool", "all"),
    ("show security nat destination rule", "all"),
    ("show security nat destination rule-application", "all"),
    ("show security nat resource-usage source-pool", "all"),
    ("show security nat source persistent-nat-table internal-ip", "10.1.0.2"),
    ("show security nat source persistent-nat-table pool", "p"),
    ("show security nat source pool", "all"),
    ("show security nat source rule", "all"),
    ("show security nat source rule-application", "all"),
    ("show security nat static rule", "all"),
    ("show security policies", ""),
    ("show security policies", "detail"),
    ("show security policies", "hit-count"),
    ("show security policies", "information"),
    ("show security policies", "zone-context"),
    ("show security policies", "global"),
    ("show security screen ids-option", "s"),
    ("show security screen white-list", ""),
    ("show security screen statistics", "zone trust"),
    ("show security screen statistics", "interface ge-0/0/0.0"),
    ("show security shadow-policies", ""),
    ("show security shadow-policies", "policy p1 reverse"),
    ("show security zones", ""),
    ("show security zones", "terse"),
    (
        "test security packet",
        "interface ge-0/0/0.0 source-ip 10.1.0.2 destination-ip 198.51.100.2 protocol udp",
    ),
];

/// Commands that have nothing to say of what there is, and why.
const SILENT: &[(&str, &str)] = &[
    ("show forwarding-options", "nothing is mirrored"),
    ("show security nat destination rule-application", "no rule names an application"),
    ("show security nat source rule-application", "as before"),
    ("show system commit", "no commit waits"),
];

/// Commands without an answer that has structure, and what they say instead.
const PLAIN: &[(&str, &str)] = &[
    ("clear monitor security flow filter", "nothing"),
    ("clear system commit", "a sentence"),
    ("configure", "a sentence"),
    ("exit", "nothing"),
    ("help", "a text"),
    ("monitor security flow file", "nothing"),
    ("monitor security flow filter", "nothing"),
    ("monitor security flow start", "nothing"),
    ("monitor security flow stop", "nothing"),
    ("monitor security packet-drop", "packets as they are dropped"),
    ("quit", "nothing"),
    ("request system configuration rescue delete", "a sentence"),
    ("request system configuration rescue save", "a sentence"),
    ("request system logout", "a sentence"),
    ("request system software in-service-upgrade", "its steps"),
    ("show configuration", "a configuration, which has forms of its own"),
    ("show system configuration rescue", "a configuration"),
    ("show system rollback", "a configuration"),
    ("test security capture", "what `test security packet` says, of the packets of a file"),
];

fn path(command: &Command) -> String {
    command.path.join(" ")
}

/// The lines of every command that has an answer with structure.
fn lines() -> Vec<String> {
    let mut out = Vec::new();
    for command in commands().iter().filter(|c| PLAIN.iter().all(|(plain, _)| *plain != path(c))) {
        let path = path(command);
        let given: Vec<_> = GIVEN.iter().filter(|(of, _)| *of == path).map(|(_, given)| *given).collect();
        let given = if given.is_empty() { vec![""] } else { given };
        out.extend(given.into_iter().map(|given| format!("{path} {given}").trim_end().to_owned()));
    }
    out
}

/// Names of elements with their depth, of a reply that must be well-formed.
#[track_caller]
fn elements(xml: &str) -> Vec<(usize, String)> {
    let (mut reader, mut depth, mut out) = (Reader::from_str(xml), 0, Vec::new());
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error}: {xml}")) {
            Event::Start(tag) => {
                out.push((depth, tag.name().0.to_owned()));
                depth += 1;
            }
            Event::Empty(tag) => out.push((depth, tag.name().0.to_owned())),
            Event::End(_) => depth -= 1,
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0, "{xml}");
    out
}

/// Elements of a document of JSON as often as they stand there.
fn names(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map.iter().filter(|(name, _)| *name != "data") {
                let list = value.as_array().unwrap_or_else(|| panic!("{name} is no array"));
                list.iter().for_each(|value| {
                    out.push(name.clone());
                    names(value, out);
                });
            }
        }
        other => panic!("{other} is no element"),
    }
}

#[test]
fn every_answer_is_text_and_the_same_elements_as_xml_and_json() {
    let lines = lines();
    assert!(lines.len() > 60, "{}", lines.len());
    let check = |line: &str| {
        let text = Bench::new().good(line);
        let may_be_silent = line.starts_with("clear ") || SILENT.iter().any(|(of, _)| line.starts_with(of));
        assert!(!text.is_empty() || may_be_silent, "{line} says nothing");
        let xml = Bench::new().good(&format!("{line} | display xml"));
        let found = elements(&xml);
        let roots: Vec<_> = found.iter().filter(|(depth, _)| *depth == 1).collect();
        assert_eq!((&found[0], roots.len()), (&(0, "rpc-reply".to_owned()), 1), "{line}: {xml}");
        let json = Bench::new().good(&format!("{line} | display json"));
        let document: Value =
            serde_json::from_str(&json).unwrap_or_else(|error| panic!("{line}: {error}: {json}"));
        let (mut told, mut expected) = (Vec::new(), Vec::new());
        names(&document, &mut told);
        expected.extend(found.into_iter().skip(1).map(|(_, name)| name));
        told.sort();
        expected.sort();
        assert_eq!(told, expected, "{line}");
    };
    let wrong: Vec<_> = (lines.iter())
        .filter(|line| std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(line))).is_err())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_said_of_commands_here_is_said_of_one_that_there_is() {
    let known = |of: &str| commands().iter().any(|command| path(command) == of);
    for (of, _) in GIVEN.iter().chain(PLAIN) {
        assert!(known(of), "{of}");
    }
}

/// Names of elements and of leaves that other programs read.
#[test]
fn elements_have_the_names_that_junos_gives_them() {
    for (line, expected) in [
        ("show security flow session", "flow-session-information/flow-session/session-identifier"),
        ("show security flow session", "flow-session-information/displayed-session-count"),
        ("show security flow session summary", "flow-session-summary-information/active-sessions"),
        ("show security flow statistics", "flow-statistics-all/flow-session-count-valid"),
        ("show security flow statistics", "flow-statistics-all/flow-pkt-count-drop"),
        ("show security flow status", "flow-status-all/flow-forwarding-mode/flow-forwarding-mode-inet6"),
        ("show security flow status", "flow-status-all/flow-trace-option/flow-trace-status"),
        ("show security flow gate", "flow-gate-information/displayed-gate-valid"),
        ("show security flow gate summary", "flow-gate-information/displayed-gate-count"),
        ("show security zones", "zones-information/zones-security/zones-security-zonename"),
        ("show security zones", "zones-information/zones-security/zone-id"),
        (
            "show security policies",
            "security-policies/security-context/policies/policy-information/scope-policy-identifier",
        ),
        ("show security policies", "security-policies/security-context/context-information/global-context"),
        (
            "show security policies hit-count",
            "policy-hit-count/policy-hit-count-entry/policy-hit-count-count",
        ),
        ("show security screen statistics zone trust", "ids-statistics/ids-statistics-icmp-flood"),
        ("show security alg status", "alg-status/alg/alg-name"),
        ("show security application-tracking counters", "avt-counters/avt-counter-statistics/value"),
    ] {
        let xml = Bench::new().good(&format!("{line} | display xml"));
        let mut at: Vec<String> = Vec::new();
        let found = elements(&xml).into_iter().skip(1).any(|(depth, name)| {
            at.truncate(depth - 1);
            at.push(name);
            at.join("/") == expected
        });
        assert!(found, "{line}: {expected}: {xml}");
    }
    let match_policies = format!("show security match-policies {TUPLE} | display xml");
    let root = elements(&Bench::new().good(&match_policies)).swap_remove(1);
    assert_eq!(root.1, "security-policy-match");
    for (path, rpc) in [
        ("clear security flow statistics", "clear-security-flow-statistics"),
        ("clear security policies hit-count", "clear-security-policies-hit-count"),
        ("clear security policies statistics", "clear-security-policies-statistics"),
        ("clear security screen statistics", "clear-screen-statistics"),
        ("show security flow status", "get-flow-status-all"),
        ("show security flow gate", "get-flow-gate-information"),
        ("show security alg status", "get-alg-status"),
        ("show security application-tracking counters", "get-avt-counters"),
        ("clear security application-tracking counters", "clear-avt-counters"),
        ("show security screen ids-option", "get-security-screen-ids-status"),
        ("show security screen white-list", "get-security-screen-ids-whitelist"),
    ] {
        assert_eq!(rpc_of(&path.split(' ').collect::<Vec<_>>()), Some(rpc), "{path}");
    }
}

#[test]
fn every_word_of_every_command_has_help() {
    let mut bench = Bench::new();
    let mut offered = |before: &str, word: &str| {
        let candidates = bench.candidates(&format!("{before} "));
        let found = candidates.into_iter().find(|candidate| candidate.word == word);
        let help = found.unwrap_or_else(|| panic!("`{before} ?` does not offer {word}")).help;
        assert!(!help.is_empty(), "{before} {word}");
    };
    for command in commands() {
        for (at, word) in command.path.iter().enumerate() {
            offered(&command.path[..at].join(" "), word);
        }
        for param in command.params.iter().filter(|param| param.args != [Arg::ConfigPath]) {
            match param.word {
                Some(word) => offered(&path(command), word),
                None => offered(&path(command), param.args[0].placeholder()),
            }
        }
    }
    // What a keyword wants has help of its own.
    for command in commands() {
        for param in command.params {
            let Some(word) = param.word.filter(|_| !param.args.is_empty()) else { continue };
            let candidates = bench.candidates(&format!("{} {word} ", path(command)));
            let first = candidates.first().unwrap_or_else(|| panic!("{} {word}", path(command)));
            assert!(!first.help.is_empty(), "{} {word}", path(command));
        }
    }
}
