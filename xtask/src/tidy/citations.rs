//! Citations: what code and cases cite of docs/spec must be there.
//!
//! A rule is defined in docs/spec as a bold id at the start of a list item (`- **flow-3** ...`) and cited
//! after `Spec:`, alone or as a range: `Spec: flow-3, nat-source-1..6.`

use super::{Finding, Rule};
use std::collections::BTreeSet;

const SPEC_FOLDER: &str = "docs/spec/";
const CITING: &[&str] = &[".rs", ".sh"];

/// Every rule that docs/spec defines.
pub struct Spec(BTreeSet<String>);

impl Spec {
    /// Reads the definitions out of `(path, text)` of the whole tree.
    pub fn new(files: &[(String, String)]) -> Self {
        let pages = files.iter().filter(|(path, _)| path.starts_with(SPEC_FOLDER));
        Self(pages.flat_map(|(_, text)| text.lines()).filter_map(definition).map(str::to_owned).collect())
    }

    pub fn check(&self, path: &str, text: &str, findings: &mut Vec<Finding>) {
        if !CITING.iter().any(|extension| path.ends_with(extension)) {
            return;
        }
        for (index, line) in text.lines().enumerate() {
            let missing = cited(line).into_iter().filter(|id| !self.0.contains(id));
            findings.extend(missing.map(|id| Finding {
                path: path.to_owned(),
                line: index + 1,
                rule: Rule::Citation,
                message: format!("`{id}` is not defined in {SPEC_FOLDER}"),
            }));
        }
    }
}

fn definition(line: &str) -> Option<&str> {
    line.strip_prefix("- **")?.split_once("**").map(|(id, _)| id)
}

/// The ids that a comment line cites; a range gives its two ends.
fn cited(line: &str) -> Vec<String> {
    let is_comment = line.trim_start().starts_with(['/', '#']);
    let Some((_, list)) = line.split_once("Spec: ").filter(|_| is_comment) else { return Vec::new() };
    list.split([',', ' ']).flat_map(ends).collect()
}

fn ends(word: &str) -> Vec<String> {
    let word = word.trim_end_matches('.');
    let (first, last) = word.split_once("..").map_or((word, None), |(first, last)| (first, Some(last)));
    let Some((name, number)) = first.rsplit_once('-') else { return Vec::new() };
    let numbers = [Some(number), last].into_iter().flatten();
    numbers.filter(|n| n.parse::<u32>().is_ok()).map(|n| format!("{name}-{n}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<String> {
        let page = "# Flow\n\n- **flow-1** One.\n- **flow-2** Two.\n- **nat-source-1** One.\n";
        let spec = Spec::new(&[("docs/spec/flow.md".to_owned(), page.to_owned())]);
        let mut findings = Vec::new();
        spec.check("crates/a.rs", text, &mut findings);
        findings.iter().map(Finding::to_string).collect()
    }

    #[test]
    fn what_is_defined_may_be_cited() {
        let none: Vec<String> = Vec::new();
        assert_eq!(findings("//! State: none. Spec: flow-1..2, nat-source-1.\n"), none);
    }

    #[test]
    fn what_is_not_defined_may_not() {
        let expected = ["crates/a.rs:2: citation: `flow-3` is not defined in docs/spec/"];
        assert_eq!(findings("//! Head.\n//! Spec: flow-1..3.\n"), expected);
        let expected = ["crates/a.rs:1: citation: `host-1` is not defined in docs/spec/"];
        assert_eq!(findings("/// Why. Spec: host-1\n"), expected);
    }
}
