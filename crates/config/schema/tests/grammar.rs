//! The table as the interpreter sees it: what may follow, what it is called, how fast it is there.

use ravelin_schema::{CandidateKind, Mark, complete, grammar, levels};

fn words(line: &[&str], partial: &str) -> Vec<String> {
    complete(line, partial).into_iter().filter(|c| c.supported).map(|c| c.word).collect()
}

#[test]
fn every_row_is_loaded_and_every_mark_finds_its_row() {
    let rows = include_str!("../grammar.tsv").lines().count();
    assert_eq!(grammar().len(), rows + 1);
    for line in include_str!("../enforced.tsv").lines().skip(1) {
        let path = line.split('\t').next().unwrap_or("");
        assert!(grammar().by_path(path).is_some(), "enforced.tsv: no such path: {path}");
    }
}

#[test]
fn every_supported_statement_has_help_and_a_supported_parent() {
    for (id, rule) in grammar().marked() {
        let path = grammar().path(id);
        assert!(!rule.help.is_empty(), "{path}");
        let parent = path.rsplit_once(' ').map(|(parent, _)| parent);
        let marked = |p: &str| {
            grammar().by_path(p).and_then(|id| grammar().rule(id)).is_some_and(|r| r.mark != Mark::Known)
        };
        assert!(parent.is_none_or(marked), "{path}");
    }
}

#[test]
fn completion_follows_the_line() {
    assert_eq!(words(&["system"], "ho"), ["host-name"]);
    assert_eq!(words(&["system", "host-name"], ""), ["<name>"]);
    assert_eq!(words(&["security", "policies", "from-zone"], ""), ["<name>"]);
    assert_eq!(words(&["security", "policies", "from-zone", "a"], ""), ["to-zone"]);
    assert_eq!(words(&["security", "policies", "from-zone", "a", "to-zone"], ""), ["<name>"]);
    assert_eq!(words(&["security", "policies", "from-zone", "a", "to-zone", "b"], ""), ["policy"]);
    let then = ["security", "policies", "from-zone", "a", "to-zone", "b", "policy", "p", "then"];
    assert_eq!(words(&then, ""), ["deny", "reject", "permit", "log", "count"]);
    assert_eq!(words(&["security", "policies", "default-policy"], ""), ["permit-all", "deny-all"]);
    assert_eq!(words(&["interfaces", "ge-0/0/0", "unit", "0", "family"], ""), ["inet", "inet6"]);
    assert_eq!(words(&["security", "flow", "tcp-session", "tcp-initial-timeout"], ""), ["<4..300>"]);
    assert!(words(&["no-such", "thing"], "").is_empty());
    assert_eq!(complete(&["system"], "host-name")[0].help, "Name of this node");
    let all = complete(&["system"], "domain-name");
    assert!(all.len() == 1 && !all[0].supported && all[0].kind == CandidateKind::Keyword);
}

#[test]
fn set_form_takes_several_leaves_on_a_line_and_lists_in_brackets() {
    let bound = ravelin_schema::read(
        "set applications application a term t protocol tcp destination-port 80\n\
         set applications application-set s application [ junos-http junos-https ]\n\
         edit system\nset host-name x\ntop\nset security flow tcp-session no-syn-check",
    );
    assert!(bound.diagnostics.is_empty(), "{:?}", bound.diagnostics);
    assert_eq!(
        ravelin_syntax::render::set(&bound.tree),
        "set system host-name x\n\
         set security flow tcp-session no-syn-check\n\
         set applications application a term t protocol tcp\n\
         set applications application a term t destination-port 80\n\
         set applications application-set s application junos-http\n\
         set applications application-set s application junos-https\n"
    );
}

/// A level is named whole: an entry by all its keys, whatever they are called. What a leaf takes is none. Of a
/// hierarchy whose statements are kept as words each word is one.
#[test]
fn a_path_has_levels_of_several_words() {
    for (path, expected) in [
        ("security policies from-zone a to-zone b policy p", &[1, 2, 6, 8][..]),
        ("security policies from-zone to-zone to-zone to-zone policy policy match", &[1, 2, 6, 8, 9]),
        ("groups g security zones security-zone a", &[1, 2, 3, 4, 6]),
        ("security policies from-zone a", &[1, 2]),
        ("security policies from-zone a towards b", &[1, 2]),
        ("security policies from-zone a to-zone b policy", &[1, 2, 6]),
        ("system host-name fw", &[1]),
        ("security zones security-zone a tcp-rst", &[1, 2, 4]),
        ("security polices", &[1]),
        ("protocols bgp group a", &[1, 2, 3, 4]),
        ("", &[]),
    ] {
        let words: Vec<&str> = path.split_whitespace().collect();
        assert_eq!(levels(&words), expected, "{path}");
    }
}
