//! Every condition of a filter has a case in which it alone decides: cases/firewall-from/FAMILY-CONDITION.txt, where term `t` of
//! filter `f` has it and nothing else, and where there are packets that it holds of and others. Spec: firewall-filter-2.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Conditions that are enforced, with their family.
fn enforced() -> BTreeSet<(&'static str, &'static str)> {
    let marks = include_str!("../../config/schema/enforced.tsv");
    let mut found = BTreeSet::new();
    for line in marks.lines() {
        let path = line.split('\t').next().unwrap_or_default();
        for (family, below) in [
            ("inet", "firewall family inet filter term from "),
            ("inet6", "firewall family inet6 filter term from "),
            // Without a family it is inet; what that one lacks would stand out here.
            ("inet", "firewall filter term from "),
        ] {
            let condition = path.strip_prefix(below).and_then(|rest| rest.split(' ').next());
            found.extend(condition.map(|condition| (family, condition)));
        }
    }
    found
}

/// What is missing of the case of a condition.
fn wanting(family: &str, condition: &str, text: &str) -> Option<String> {
    let term = format!("    set firewall family {family} filter f term t from ");
    let mut said = text.lines().filter_map(|line| line.strip_prefix(&term)).peekable();
    if said.peek().is_none() {
        return Some("the condition itself".to_owned());
    }
    // Junos wants the protocol beside flags of TCP.
    let beside = if condition.starts_with("tcp-") { Some("next-header tcp") } else { None };
    if let Some(other) = said.find(|said| said.split(' ').next() != Some(condition) && Some(*said) != beside)
    {
        return Some(format!("nothing beside it: `{other}'"));
    }
    let outcomes: Vec<&str> = text.lines().filter_map(|line| line.split_once(" => ")).map(|o| o.1).collect();
    let taken = |outcome: &&str| *outcome == "drop filter-discard";
    if !outcomes.iter().any(taken) {
        return Some("a packet that it holds of".to_owned());
    }
    let passed = |outcome: &&str| outcome.starts_with("ge-0/0/1.0") || *outcome == "sent 1";
    (!outcomes.iter().any(passed)).then(|| "a packet that it does not hold of".to_owned())
}

#[test]
fn every_condition_decides_alone_in_a_case() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/firewall-from");
    let all = enforced();
    assert!(all.len() > 60, "{} conditions", all.len());
    let mut wrong = Vec::new();
    for (family, condition) in &all {
        let name = format!("{family}-{condition}.txt");
        match fs::read_to_string(folder.join(&name)) {
            Ok(text) => {
                wrong.extend(wanting(family, condition, &text).map(|what| format!("{name} lacks {what}")))
            }
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    assert_eq!(fs::read_dir(folder).unwrap().count(), all.len(), "cases of nothing that is enforced");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
