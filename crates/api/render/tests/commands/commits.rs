//! Entering, leaving and committing, as operators see it.

use crate::support::Bench;
use ravelin_ops::{ConfigureKind, EditorEntry, Mode, Problem, Refusal};

fn editor(user: &str, mode: ConfigureKind) -> EditorEntry {
    EditorEntry {
        user: user.into(),
        terminal: Some("pts/1".into()),
        pid: Some(4681),
        since_s: 1_795_238_340,
        idle_s: 0,
        mode,
        path: Vec::new(),
    }
}

const ENTERING: &str = "Entering configuration mode\n";
const LEAVING: &str = "Exiting configuration mode\n";
const CHANGED: &str = "The configuration has been changed but not committed\n";

#[test]
fn leaving_the_shared_candidate_with_changes_is_asked_about() {
    let mut bench = Bench::new();
    bench.good("configure");
    bench.good("set a");
    let asked = bench.reply("exit configuration-mode");
    assert_eq!(asked.output, CHANGED);
    assert_eq!(asked.ask.as_deref(), Some("Exit with uncommitted changes? [yes,no] (yes) "));
    assert_eq!(bench.answer(false).output, "");
    assert_eq!(bench.session.mode, Mode::Configuration);
    bench.reply("exit");
    bench.good("show");
    assert!(bench.answer(true).error, "another line takes the question back");
    bench.reply("quit");
    assert_eq!(bench.answer(true).output, LEAVING);
    assert_eq!(bench.session.mode, Mode::Operational);
    assert_eq!(bench.good("configure"), format!("{ENTERING}{CHANGED}"));
    assert_eq!(bench.config.candidate, ["a"]);
}

#[test]
fn exclusive_and_private_changes_are_discarded() {
    for (line, warning) in [
        ("configure exclusive", "warning: Auto rollback on exiting 'configure exclusive'\n"),
        ("configure private", ""),
    ] {
        let mut bench = Bench::new();
        let entered = bench.good(line);
        assert_eq!(entered, format!("warning: uncommitted changes will be discarded on exit\n{ENTERING}"));
        bench.good("set a");
        let asked = bench.reply("quit");
        assert_eq!(asked.output, format!("{CHANGED}{warning}"), "{line}");
        assert_eq!(asked.ask.as_deref(), Some("Discard uncommitted changes? [yes,no] (yes) "));
        let left = bench.answer(true).output;
        assert_eq!(left, format!("warning: discarding uncommitted changes\nload complete\n{LEAVING}"));
        assert!(bench.config.candidate.is_empty());
    }
    assert_eq!(Bench::new().bad("configure exclusive private"), "syntax error: private\n");
}

#[test]
fn who_else_is_editing_is_said() {
    let mut bench = Bench::new();
    let ann =
        EditorEntry { path: vec!["security".into(), "zones".into()], ..editor("ann", ConfigureKind::Shared) };
    let bob = EditorEntry { terminal: None, idle_s: 3_725, ..editor("bob", ConfigureKind::Exclusive) };
    bench.config.editors = vec![editor("me", ConfigureKind::Shared), ann, bob];
    let others = "  ann terminal pts/1 (pid 4681) on since 2026-11-21 05:19:00 UTC\n      [edit security zones]\n\
                  \x20 bob (pid 4681) on since 2026-11-21 05:19:00 UTC, idle 01:02:05\n      exclusive [edit]\n";
    let heading = "Users currently editing the configuration:\n";
    assert_eq!(bench.good("configure"), format!("{ENTERING}{heading}{others}"));
    let me = "  me terminal pts/1 (pid 4681) on since 2026-11-21 05:19:00 UTC\n      [edit]\n";
    assert_eq!(bench.good("status"), format!("{heading}{me}{others}"));
    assert_eq!(bench.good("run request system logout pid 4681"), "");
    assert_eq!(
        bench.bad("run request system logout pid 1"),
        "error: nobody of this process edits the configuration\n"
    );
    bench.good("edit security");
    assert_eq!(bench.config.calls.last().map(String::as_str), Some("at security"));
}

#[test]
fn a_refusal_names_who_is_in_the_way() {
    let mut bench = Bench::new();
    let ann = || vec![editor("ann", ConfigureKind::Exclusive)];
    let entry = "  ann terminal pts/1 (pid 4681) on since 2026-11-21 05:19:00 UTC\n      exclusive [edit]\n";
    bench.config.refusal = Some(Refusal::Modified(ann()));
    assert_eq!(
        bench.bad("configure exclusive"),
        format!(
            "Users currently editing the configuration:\n{entry}error: configuration database modified\n"
        )
    );
    bench.config.refusal = Some(Refusal::SharedModified);
    assert_eq!(bench.bad("configure private"), "error: shared configuration database modified\n");
    assert_eq!(bench.session.mode, Mode::Operational);
    bench.good("configure");
    for line in ["set a", "delete a", "commit", "commit check", "rollback 0", "load set x"] {
        bench.config.refusal = Some(Refusal::Locked(ann()));
        let reply = bench.reply_with(line, Some("set b"));
        assert!(reply.error, "{line}");
        assert_eq!(reply.output, format!("error: configuration database locked by:\n{entry}"), "{line}");
    }
    assert!(bench.config.candidate.is_empty());
}

#[test]
fn a_conflict_of_private_changes_counts_its_errors() {
    let mut bench = Bench::new();
    bench.good("configure private");
    let message = "statement does not match patch; 'host-name b' != 'host-name a'";
    let rendered = format!("[edit system]\n  'host-name c'\n    {message}");
    let conflict = Problem { rendered, ..Problem::default() };
    bench.config.refusal = Some(Refusal::Conflicts(vec![conflict.clone()]));
    let said = format!("[edit system]\n  'host-name c'\n    {message}\nload complete (1 errors)\n");
    assert_eq!(bench.bad("update"), said);
    assert_eq!(bench.good("update"), "");
    bench.config.refusal = Some(Refusal::Conflicts(vec![conflict]));
    assert_eq!(bench.bad("commit"), said);
}

#[test]
fn a_confirmed_commit_says_when_it_goes_back() {
    let mut bench = Bench::new();
    bench.good("configure");
    bench.good("set a");
    bench.good("commit");
    let rolled = |minutes: &str| {
        format!(
            "commit confirmed will be automatically rolled back in {minutes} unless confirmed\ncommit complete\n"
        )
    };
    assert_eq!(bench.good("commit confirmed"), rolled("10 minutes"));
    assert_eq!(bench.good("commit conf 1 comment \"try this\""), rolled("1 minute"));
    assert_eq!(bench.prompt(), "# commit confirmed will be rolled back in 1 minute\n[edit]\nadmin@fw1# ");
    assert_eq!(
        bench.good("run show system commit"),
        "0   2026-11-21 05:19:00 UTC by admin via cli commit confirmed, rollback in 1mins\n\
         \x20   try this\n    rollback pending\n\
         1   2026-11-21 05:19:00 UTC by admin via cli commit confirmed, rollback in 10mins\n\
         2   2026-11-21 05:19:00 UTC by admin via cli\n"
    );
    let json = bench.good("run show system commit | display json");
    assert!(json.contains("\"commit-confirmed\"") && json.contains("rollback pending"), "{json}");
    bench.good("commit");
    assert_eq!(bench.prompt(), "[edit]\nadmin@fw1# ");
    for wrong in ["0", "65536", "1x"] {
        let said = format!("invalid value '{wrong}', expecting minutes from 1 to 65535\n");
        assert_eq!(bench.bad(&format!("commit confirmed {wrong}")), said);
    }
    assert_eq!(bench.bad("commit check confirmed 5"), "syntax error: confirmed\n");
}

/// Spec: commit-52, commit-53.
#[test]
fn a_commit_over_two_nodes_says_what_each_did() {
    let mut bench = Bench::new();
    bench.good("configure");
    bench.good("commit");
    let done = "node0:\nconfiguration check succeeds\nnode1:\ncommit complete\nnode0:\ncommit complete\n";
    bench.config.other_node = true;
    for line in ["commit synchronize", "commit synchronize force", "commit comment x synchronize"] {
        assert_eq!(bench.good(line), done, "{line}");
    }
    let confirmed = bench.good("commit confirmed 5 synchronize");
    assert!(confirmed.starts_with("commit confirmed will") && confirmed.ends_with(done), "{confirmed}");
    let both = "node0:\nconfiguration check succeeds\nnode1:\nconfiguration check succeeds\n";
    assert_eq!(bench.good("commit check synchronize"), both);
    assert_eq!(bench.good("commit no-synchronize"), "commit complete\n");
    for (line, word) in [
        ("commit synchronize synchronize", "synchronize"),
        ("commit synchronize no-synchronize", "no-synchronize"),
        ("commit force", "force"),
        ("commit at 23:00 no-synchronize", "no-synchronize"),
    ] {
        assert_eq!(bench.bad(line), format!("syntax error: {word}\n"), "{line}");
    }
    bench.config.other_node = false;
    assert_eq!(bench.good("commit synchronize"), "commit complete\n");
}

#[test]
fn a_scheduled_commit_ends_configuration_mode() {
    let mut bench = Bench::new();
    bench.good("configure");
    assert_eq!(bench.bad("commit at"), "syntax error, missing argument for `at'\n");
    let done = bench.good("commit at \"2026-11-21 05:19\" comment x");
    assert_eq!(
        done,
        format!(
            "configuration check succeeds\ncommit at will be executed at 2026-11-21 05:19:00 UTC\n{LEAVING}"
        )
    );
    assert_eq!(bench.session.mode, Mode::Operational);
    assert!(bench.config.calls.contains(&"commit at 2026-11-21 05:19".to_owned()));
    assert_eq!(
        bench.good("show system commit"),
        "commit requested by admin via cli at 2026-11-21 05:19:00 UTC\n"
    );
    assert_eq!(bench.good("clear system commit"), "Pending commit cleared.\n");
    assert_eq!(bench.good("clear system commit"), "No commit scheduled.\n");
}

#[test]
fn a_rescue_configuration_is_kept_and_taken() {
    let mut bench = Bench::new();
    assert_eq!(bench.bad("show system configuration rescue"), "error: No rescue configuration is set.\n");
    assert_eq!(bench.good("request system configuration rescue save"), "");
    assert_eq!(bench.good("show system configuration rescue"), "rescued\n");
    bench.good("configure");
    assert_eq!(bench.good("rollback rescue"), "load complete\n");
    assert_eq!(bench.config.candidate, ["rescued"]);
    assert_eq!(bench.good("run request system configuration rescue delete"), "");
    assert_eq!(bench.bad("rollback res"), "error: No rescue configuration is set.\n");
    assert!(bench.words("rollback ").is_empty(), "nothing was ever committed");
    for _ in 0..11 {
        bench.good("commit");
    }
    bench.good("run request system configuration rescue save");
    bench.config.history.rescue = Some(Default::default());
    let words = bench.words("rollback ");
    assert_eq!((words[0].as_str(), words[1].as_str(), words[11].as_str()), ("rescue", "0", "10"));
    assert_eq!(bench.words("run request system configuration rescue "), ["delete", "save"]);
    assert_eq!(bench.words("commit confirmed ")[0], "<minutes>");
}
