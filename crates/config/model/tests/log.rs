//! `security log`: what a commit refuses, and why. Spec: log-20, log-22, log-24, log-26, log-28, log-34.

use ravelin_model::load;

const BASE: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/24
set interfaces ge-0/0/0 unit 0 family inet6 address 2001:db8::1/64
";

fn errors(lines: &str) -> Vec<String> {
    let mut text = BASE.to_owned();
    for line in lines.split("; ") {
        text.push_str(&format!("set security log {line}\n"));
    }
    load(&text)
        .result
        .err()
        .unwrap_or_default()
        .iter()
        .map(|e| format!("{}: {}", e.path, e.message))
        .collect()
}

#[track_caller]
fn good(lines: &str) {
    assert_eq!(errors(lines), Vec::<String>::new(), "{lines}");
}

#[track_caller]
fn refused(lines: &str, expected: &str) {
    let found = errors(lines);
    assert!(found.iter().any(|e| e.contains(expected)), "{lines}\nexpected `{expected}' in {found:#?}");
}

const HOST: &str = "source-address 10.0.0.1; stream s host 192.0.2.1";

#[test]
fn a_stream_ends_at_a_host_or_in_a_file() {
    good(HOST);
    good("stream s file localfilename s.log");
    refused("stream s severity info", "security log stream s: missing mandatory statement: 'host' or 'file'");
    refused(&format!("{HOST}; stream s file localfilename x"), "only one of 'host' and 'file'");
    refused("stream s file size 3", "stream s file: missing mandatory statement: 'localfilename'");
    refused(
        "stream s file localfilename s; stream s source-address 10.0.0.1",
        "no meaning for a stream to a file",
    );
    refused("stream s file localfilename s; stream s host port 5", "no meaning for a stream to a file");
    refused("stream s file localfilename s; stream s file size 2000", "(1..1024)");
    refused("stream s file localfilename s; stream s file rotation 0", "(1..100)");
}

#[test]
fn a_host_is_an_address_and_has_a_source_of_its_family() {
    refused("stream s host 192.0.2.1", "needs 'source-address' or 'source-interface'");
    refused(
        "source-address 10.0.0.1; stream s host 2001:db8::9",
        "needs 'source-address' or 'source-interface'",
    );
    good("source-address 10.0.0.1; source-interface ge-0/0/0; stream s host 2001:db8::9");
    good("stream s host 192.0.2.1; stream s source-address 10.0.0.1");
    refused("stream s host 192.0.2.1; stream s source-address 2001:db8::1", "not of the host's family");
    refused("source-address 10.0.0.1; stream s host collector", "names are not resolved");
    refused("source-address 10.0.0.1; stream s host 0.0.0.0", "not an address of a host");
    refused(&format!("{HOST}; stream s host port 0"), "value 0 is not within range (1..65535)");
    refused(
        "source-interface ge-9/9/9.0; stream s host 192.0.2.1",
        "interface `ge-9/9/9.0' must be configured",
    );
}

#[test]
fn only_forms_and_categories_that_are_made_here_are_taken() {
    good("format binary");
    good(&format!("{HOST}; stream s format binary; stream s category nat"));
    refused("format protobuf", "security log format: statement not supported");
    refused(&format!("{HOST}; stream s format welf"), "stream s format: statement not supported");
    good(&format!("{HOST}; stream s format sd-syslog; stream s category session; stream s category rtlog"));
    refused(&format!("{HOST}; stream s category idp"), "category `idp' is not supported");
    refused("report", "security log report: statement not supported");
    refused("escape", "security log escape: statement not supported");
    refused(&format!("{HOST}; stream s host routing-instance x"), "statement not supported");
}

#[test]
fn a_transport_has_what_it_needs_and_nothing_else() {
    good(&format!("{HOST}; stream s transport protocol tls; stream s transport tls-profile soc"));
    good(&format!("{HOST}; transport protocol tcp; transport tcp-connections 3"));
    refused(&format!("{HOST}; stream s transport protocol tls"), "protocol `tls' needs a 'tls-profile'");
    refused(&format!("{HOST}; transport protocol tls; transport tls-profile ../x"), "no name of a profile");
    refused(&format!("{HOST}; stream s transport tls-profile soc"), "needs protocol `tls'");
    refused(&format!("{HOST}; stream s transport tcp-connections 2"), "needs protocol `tcp' or `tls'");
    refused(&format!("{HOST}; transport tcp-connections 2"), "no stream uses `tcp' or `tls'");
    refused(&format!("{HOST}; transport tls-profile soc"), "no stream uses `tls'");
}

#[test]
fn what_belongs_to_another_mode_is_refused() {
    for statement in ["file filename x", "event-rate 5", "rate-cap 5", "cache limit 5"] {
        refused(statement, "needs mode `event' or `stream-event'");
        refused(&format!("mode stream; {statement}"), "needs mode `event' or `stream-event'");
        good(&format!("mode event; {statement}"));
        good(&format!("mode stream-event; {statement}"));
    }
    refused(&format!("{HOST}; mode event"), "'stream' needs mode `stream' or `stream-event'");
    good(&format!("{HOST}; mode stream-event"));
}

#[test]
fn files_have_one_writer_and_plain_names() {
    let two = "mode stream-event; file filename events; stream s file localfilename";
    good(&format!("{two} other"));
    refused(&format!("{two} events"), "file `events' is already written to");
    let unnamed = "mode stream-event; file size 5; stream s file localfilename";
    refused(&format!("{unnamed} security-log"), "file `security-log' is already written to");
    for name in ["a/b", "..", "events.0", ".hidden"] {
        refused(&format!("mode event; file filename {name}"), "a file name has");
        refused(&format!("stream s file localfilename {name}"), "a file name has");
    }
    refused("mode event; file path relative", "must be an absolute path");
    refused("mode event; file path /var/../etc", "must be an absolute path");
    good("mode event; file path /var/log/fw");
}

#[test]
fn bounds_and_exclusions_make_sense() {
    refused("mode event; cache limit 100001", "at most 100000 events");
    refused("mode event; cache exclude x", "needs a condition");
    refused("mode event; cache exclude x success; cache exclude x failure", "match nothing");
    good("mode event; cache exclude x protocol udp; cache exclude x destination-port 53");
    refused("mode event; cache exclude x protocol nonsense", "invalid protocol `nonsense'");
    let nine: Vec<_> = (1..=9).map(|n| format!("stream s{n} file localfilename f{n}")).collect();
    good(&nine[..8].join("; "));
    refused(&nine.join("; "), "security log stream s9: at most 8 streams");
}
