//! Matching lines against the table.

use super::*;
use crate::answer::MirrorKind;
use crate::request::{Detail, PolicyView, SessionQuery};
use crate::words::split;

fn request(line: &str) -> Result<Request, String> {
    read(&split(line).command, &|_, _| false).map_err(|miss| miss.to_string())
}

#[track_caller]
fn check(line: &str, expected: Request) {
    assert_eq!(request(line), Ok(expected), "{line}");
}

#[track_caller]
fn refused(line: &str, starts: &str) {
    let error = request(line).expect_err(line);
    assert!(error.starts_with(starts), "{line}: {error}");
}

#[test]
fn commands_have_help_and_one_that_goes_on_another_says_a_word_that_is_no_value_of_that() {
    for a in commands() {
        for b in commands().iter().filter(|b| b.path.starts_with(a.path) && b.path != a.path) {
            let [word] = &b.path[a.path.len()..] else { panic!("{:?} {:?}", a.path, b.path) };
            assert!(!a.params.iter().any(|p| p.word == Some(word)), "{:?} {:?}", a.path, b.path);
            let alone = a.params.iter().filter(|p| p.word.is_none()).flat_map(|p| p.args);
            assert!(alone.into_iter().all(|arg| !arg.accepts(word)), "{:?} {:?}", a.path, b.path);
        }
        assert!(!a.help.is_empty() && a.params.iter().all(|p| !p.help.is_empty()), "{:?}", a.path);
        for end in 1..a.path.len() {
            let group = &a.path[..end];
            let is_command = commands().iter().any(|c| c.path == group);
            assert!(is_command || !group_help(group).is_empty(), "{group:?}");
        }
    }
}

#[test]
fn every_word_may_be_shortened() {
    check("sh sec fl statis", Request::FlowStatistics);
    check("sh forwarding-options port", Request::Mirrors(MirrorKind::Instances));
    check("clear sec fo m", Request::ClearMirrors(MirrorKind::Filters));
    check("show version", Request::Version);
    check("sh ro", Request::Routes { destination: None, table: None });
    check("show route instance", Request::Instances { name: None });
    check("show route instance instance", Request::Instances { name: Some("instance".into()) });
    check(
        "show route table vr.inet.0",
        Request::Routes { destination: None, table: Some("vr.inet.0".into()) },
    );
    check("sh sys rol 3", Request::Rollback { number: 3 });
    check("show system rollback compare 2 1", Request::RollbackCompare { old: 2, new: 1 });
    check(
        "show int t ge-0/0/0.0",
        Request::InterfacesTerse { name: Some("ge-0/0/0.0".into()), instance: None },
    );
    check("q", Request::Exit);
}

#[test]
fn an_upgrade_is_to_a_program_or_to_the_installed_one() {
    let upgrade = |package: Option<&str>| Request::InServiceUpgrade { package: package.map(str::to_owned) };
    check("request system software in-service-upgrade", upgrade(None));
    check("req sys soft in /opt/new/ravelin", upgrade(Some("/opt/new/ravelin")));
    refused("request system software in-service-upgrade /a /b", "syntax error: /b");
}

#[test]
fn filters_come_in_any_order() {
    let query = SessionQuery {
        proto: Some(ravelin_types::Proto::TCP),
        source: "10.0.0.0/8".parse().ok(),
        destination_port: Some(80),
        ..SessionQuery::default()
    };
    let expected = Request::Sessions { query: query.clone(), detail: Detail::Brief };
    check(
        "show security flow session protocol tcp source-prefix 10.0.0.0/8 destination-port 80",
        expected.clone(),
    );
    check("show sec fl ses destination-po 80 prot 6 source-pre 10.0.0.0/8", expected);
    let id = SessionQuery { id: Some(7), ..SessionQuery::default() };
    check("sh sec fl ses sess 7", Request::Sessions { query: id, detail: Detail::Extensive });
    check("cl sec fl ses prot tcp source-pre 10.0.0.0/8 destination-po 80", Request::ClearSessions { query });
    check("clear security flow session all", Request::ClearSessions { query: SessionQuery::default() });
}

#[test]
fn policies_have_views() {
    let view = PolicyView {
        from_zone: Some("trust".into()),
        to_zone: Some("untrust".into()),
        hit_count: true,
        ..PolicyView::default()
    };
    check("show sec pol hit from trust to untrust", Request::Policies(view));
}

/// What stands where a name is wanted is one, whatever it is called.
#[test]
fn names_that_are_keywords_are_names() {
    for name in ["before", "policy", "policy-name", "detail", "hit-count", "from-zone", "to-zone", "global"] {
        let named = PolicyView { name: Some(name.into()), ..PolicyView::default() };
        check(&format!("show security policies policy-name {name}"), Request::Policies(named.clone()));
        check(&format!("show security policies policy {name}"), Request::Policies(named.clone()));
        let zones = PolicyView { from_zone: Some(name.into()), to_zone: Some("to-zone".into()), ..named };
        let line = format!("show security policies from-zone {name} to-zone to-zone policy {name}");
        check(&line, Request::Policies(zones));
        let path = format!("security policies from-zone {name} to-zone to-zone policy {name}");
        let words = path.split(' ').map(str::to_owned).collect();
        check(&format!("show configuration {path}"), Request::Configuration { path: words });
    }
    refused("show security policies policy-name", "syntax error, missing argument for `policy-name'");
    refused("show security policies policy-name before policy-name after", "syntax error: policy-name");
}

/// A rule `a` beside the keyword `all`. Spec: language-79.
#[test]
fn a_name_goes_before_the_beginning_of_a_keyword_wherever_both_may_stand() {
    let mut seen = Vec::new();
    for command in commands() {
        let Some(arg) = command.params.iter().find(|p| p.word.is_none()).and_then(|p| p.args.first()) else {
            continue;
        };
        if !matches!(arg, Arg::Zone | Arg::NatRule | Arg::NatPool | Arg::SourcePool | Arg::Interface) {
            continue;
        }
        for keyword in command.params.iter().filter_map(|p| p.word) {
            let named = |name: &str| {
                let mut words: Vec<Word> = split(&command.path.join(" ")).command;
                words.push(Word { text: name.to_owned(), at: 0 });
                let known = &keyword[..1];
                let walked = walk(&words, &|kind, name| kind == *arg && name == known);
                let Ok(At::Command { given, .. }) = walked else { panic!("{words:?}: {walked:?}") };
                given.text("")
            };
            let what = format!("{:?} {keyword}", command.path);
            assert_eq!(named(&keyword[..1]).as_deref(), Some(&keyword[..1]), "{what}");
            assert_eq!(named(keyword), None, "{what}: the whole keyword is the keyword");
            if keyword.len() > 2
                && !command
                    .params
                    .iter()
                    .any(|p| p.word.is_some_and(|w| w != keyword && w.starts_with(&keyword[..2])))
            {
                assert_eq!(
                    named(&keyword[..2]),
                    None,
                    "{what}: so is the beginning of it that nothing is called"
                );
            }
        }
        if command.params.iter().any(|p| p.word.is_some()) {
            seen.push(command.path.join(" "));
        }
    }
    for path in [
        "show security nat source rule",
        "clear security nat statistics source rule",
        "show security zones",
        "show interfaces terse",
    ] {
        assert!(seen.iter().any(|seen| seen == path), "{path}: {seen:?}");
    }
    let known = |kind, name: &str| kind == Arg::NatRule && name == "a";
    let line = split("show sec nat source rule a").command;
    let request = read(&line, &known).map_err(|miss| miss.to_string());
    assert_eq!(
        request,
        Ok(Request::NatRules { kind: crate::answer::NatKind::Source, name: Some("a".into()) })
    );
}

#[test]
fn what_is_wrong_is_named() {
    refused("foo", "unknown command: foo");
    refused("show foo", "syntax error: foo");
    refused("show security", "syntax error, incomplete command.\nPossible completions:\n  alg ");
    refused("c", "'c' is ambiguous.\nPossible completions:\n  clear ");
    refused("show sec fl ses source 1", "'source' is ambiguous.\nPossible completions:\n  source-port ");
    refused("show sec fl ses protocol", "syntax error, missing argument for `protocol'");
    refused("show sec fl ses protocol wrong", "invalid value 'wrong', expecting a protocol");
    refused("show sec fl ses destination-port 0", "invalid value '0', expecting a port");
    refused("show sec fl ses nat nat", "syntax error: nat");
    refused("show sec fl ses brief summary", "syntax error: summary");
    refused("show version now", "syntax error: now");
    refused("clear security flow session", "syntax error, missing argument");
    refused("test security packet interface ge-0/0/0.0 source-ip 10.0.0.1", "syntax error, missing argument");
    refused(
        "test security packet interface a source-ip 10.0.0.1 destination-ip 2001:db8::1",
        "invalid value '2001:db8::1', expecting an address of the source's family",
    );
}

#[test]
fn a_configuration_path_has_as_many_words_as_follow() {
    let path = ["security", "zones", "security-zone", "trust"].map(str::to_owned).to_vec();
    check("show conf security zones security-zone trust", Request::Configuration { path });
}
