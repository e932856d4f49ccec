//! Configuration mode over the fakes.

use crate::support::Bench;
use ravelin_ops::Mode;

/// A bench in configuration mode.
fn editing() -> Bench {
    let mut bench = Bench::new();
    assert_eq!(bench.good("configure"), "Entering configuration mode\n");
    bench
}

#[test]
fn statements_reach_the_candidate_as_typed() {
    let mut bench = editing();
    bench.good(r#"set system name "a | b""#);
    bench.good("ed security zones");
    bench.good("set x [ a b ]");
    bench.good("top set y");
    assert_eq!(bench.config.candidate, [r#"system name "a | b""#, "security zones x [ a b ]", "y"]);
    assert_eq!(bench.good("show | display set"), "set security zones x [ a b ]\n");
    bench.good("delete x");
    assert_eq!(bench.config.candidate, [r#"system name "a | b""#, "y"]);
}

#[test]
fn the_prompt_names_the_level() {
    let mut bench = Bench::new();
    assert_eq!(bench.session.prompt("fw1"), "admin@fw1> ");
    bench.good("configure");
    assert_eq!(bench.session.prompt("fw1"), "[edit]\nadmin@fw1# ");
    bench.good("edit security");
    bench.good("edit zones");
    assert_eq!(bench.session.prompt("fw1"), "[edit security zones]\nadmin@fw1# ");
    bench.good("up");
    assert_eq!(bench.session.edit, ["security"]);
    bench.good("exit");
    assert_eq!(bench.session.edit, ["security"], "back to where `edit zones` was typed");
    bench.good("top edit security policies");
    assert_eq!(bench.session.edit, ["security", "policies"]);
    bench.good("top");
    assert!(bench.session.edit.is_empty());
    assert_eq!(bench.bad("edit nowhere"), "syntax error: nowhere\n");
    assert_eq!(bench.bad("edit security zone"), "syntax error: security zone\n");
    assert_eq!(bench.good("exit"), "Exiting configuration mode\n");
    assert_eq!(bench.session.mode, Mode::Operational);
}

#[test]
fn a_commit_is_whole_or_nothing() {
    let mut bench = editing();
    bench.good("set bad thing");
    let refused = "[edit bad thing]\n  is bad\nerror: configuration check-out failed\n";
    assert_eq!(bench.bad("commit check"), refused);
    assert_eq!(bench.bad("commit"), refused);
    bench.good("rollback");
    bench.good("set a");
    assert_eq!(bench.good("commit check"), "configuration check succeeds\n");
    assert_eq!(bench.good("commit comment \"first light\""), "warning: first commit\ncommit complete\n");
    let left = bench.good("commit and-quit");
    assert_eq!(left, "commit complete\nExiting configuration mode\n");
    let history = bench.good("show system commit | last 2");
    assert_eq!(history, "1   2026-11-21 05:19:00 UTC by admin via cli\n    first light\n");
    assert_eq!(bench.good("show configuration"), "a\n");
    assert_eq!(bench.good("show configuration | compare rollback 2"), "2 to 0\n");
    assert_eq!(bench.good("show system rollback 1"), "configuration 1\n");
    assert_eq!(bench.good("show system rollback compare 2 1"), "2 to 1\n");
}

#[test]
fn what_is_wrong_is_said() {
    let mut bench = Bench::new();
    bench.good("configure");
    assert_eq!(bench.bad("frobnicate"), "unknown command: frobnicate\n");
    assert_eq!(
        bench.bad("rollback x"),
        "invalid value 'x', expecting a number of a former configuration, or rescue\n"
    );
    assert_eq!(bench.bad("rollback 9"), "error: no such rollback\n");
    assert_eq!(bench.bad("show nothing"), "error: statement not found\n");
    assert_eq!(bench.bad("run quit"), "error: leave configuration mode first\n");
    assert_eq!(bench.bad("run configure"), "error: already in configuration mode\n");
}

#[test]
fn differences_are_shown() {
    let mut bench = editing();
    assert_eq!(bench.good("show | compare"), "");
    bench.good("set a");
    assert_eq!(bench.good("show | compare"), "[edit]\n+  changed;\n");
    assert_eq!(bench.good("show | compare rollback 2 | count"), "Count: 1 lines\n");
    assert_eq!(bench.good("run show version | count"), "Count: 3 lines\n");
}

#[test]
fn a_load_brings_its_text() {
    let mut bench = editing();
    assert_eq!(bench.bad("load set terminal"), "error: the client sent no text to load\n");
    assert_eq!(bench.bad("load rdf terminal"), "syntax error: rdf\n");
    assert_eq!(bench.reply_with("load override some.conf", Some("a\nb\n")).output, "load complete\n");
    assert_eq!(bench.config.candidate, ["a", "b"]);
    bench.good("edit security");
    assert_eq!(bench.reply_with("load merge terminal relative", Some("c")).output, "load complete\n");
    assert_eq!(bench.config.candidate, ["security c"]);
    for (line, source) in
        [("load set x", Some("x")), ("lo merge terminal", Some("terminal")), ("set x y", None)]
    {
        assert_eq!(ravelin_ops::load_source(line).as_deref(), source, "{line}");
    }
}

#[test]
fn completion_follows_the_level() {
    let mut bench = editing();
    assert_eq!(bench.words("co"), ["commit", "copy"]);
    assert_eq!(bench.words("set s"), ["security", "system"]);
    assert_eq!(bench.words("commit c"), ["check", "comment", "confirmed"]);
    assert_eq!(bench.words("run show ver"), ["version"]);
    assert_eq!(bench.words("top set sec"), ["security"]);
    assert_eq!(bench.words("show | com"), ["compare"]);
    bench.good("edit security");
    assert_eq!(bench.words("set "), ["zones"]);
    assert_eq!(bench.words("top set "), ["security", "system"]);
}

#[test]
fn up_goes_by_levels_of_however_many_words() {
    let mut bench = editing();
    for (line, expected) in [
        ("up", &["security", "zones"][..]),
        ("up 1", &["security", "zones"]),
        ("up 2", &["security"]),
        ("up 3", &[]),
        ("up 9", &[]),
        ("up 0", &["security", "zones", "zone", "up"]),
        ("up 2 edit x", &["security", "x"]),
    ] {
        bench.good("top edit security zones zone up");
        bench.good(line);
        assert_eq!(bench.session.edit, expected, "{line}");
    }
    bench.good("top edit security zones zone 2");
    bench.good("up 2 set x y");
    bench.good("up set z");
    assert_eq!(bench.config.candidate, ["security x y", "security zones z"]);
    assert_eq!(bench.good("up show | display set"), "set security zones z\n");
    assert_eq!(bench.words("up 2 set "), ["zones"]);
    assert_eq!(bench.session.edit, ["security", "zones", "zone", "2"], "only `edit' moves");
    assert_eq!(bench.bad("up nowhere"), "unknown command: nowhere\n");
}
