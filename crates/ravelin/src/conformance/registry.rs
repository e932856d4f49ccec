//! Which test proves what, as the tests say it.
//!
//! A test says so in a comment: `// Proves: rfc4787-3, rfc5382-7.` right above a function, `# Proves: …` in the head of a case or of a
//! test of the lab. docs/spec/proofs.tsv is what they say together; the tests here read the tree and compare
//! (`UPDATE_EXPECT=1` writes it anew).

/// Pairs of a requirement and a test.
pub fn read(text: &str) -> Vec<(&str, &str)> {
    text.lines().filter_map(|line| line.split_once('\t')).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::read;
    use crate::conformance::sheet::{Sheet, Status};
    use crate::conformance::{PROOFS, SHEETS};

    const MARK: &str = "Proves: ";

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
    }

    fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                files(&path, extension, found);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }

    /// What a comment line says that is proved.
    fn proved<'a>(line: &'a str, comment: &str) -> Vec<&'a str> {
        let said =
            line.trim_start().strip_prefix(comment).and_then(|rest| rest.trim_start().strip_prefix(MARK));
        said.map_or(Vec::new(), |ids| ids.trim_end_matches('.').split(", ").collect())
    }

    /// Tests of a Rust file and what they say of themselves. Panics when one that says something is none, or is not run.
    fn of_rust(path: &str, text: &str) -> Vec<(String, String)> {
        let (mut all, mut ids, mut attributes) = (Vec::new(), Vec::new(), String::new());
        for line in text.lines() {
            let start = line.trim_start();
            let said = proved(line, "//");
            if !said.is_empty() {
                ids.extend(said.into_iter().map(str::to_owned));
            } else if start.starts_with("#[") {
                attributes.push_str(start);
            } else if !start.starts_with("//") {
                if !ids.is_empty() {
                    let name = start.strip_prefix("fn ").and_then(|rest| rest.split_once('('));
                    let (name, rest) = name.unwrap_or_else(|| panic!("{path}: no test below {ids:?}"));
                    let is_property =
                        text.contains("proptest!") && (rest.contains(" in ") || rest.is_empty());
                    let is_test = attributes.contains("#[test]") || is_property;
                    assert!(
                        is_test && !attributes.contains("ignore"),
                        "{path}: `{name}` is no test that is run"
                    );
                    all.extend(ids.drain(..).map(|id| (id, format!("{path} {name}"))));
                }
                attributes.clear();
            }
        }
        assert!(ids.is_empty(), "{path}: no test below {ids:?}");
        all
    }

    /// What all tests of the tree say.
    fn said() -> BTreeSet<(String, String)> {
        let root = root();
        let shown = |path: &Path| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let mut said = BTreeSet::new();
        let mut found = Vec::new();
        files(&root.join("crates"), "rs", &mut found);
        for path in found.drain(..).filter(|path| !path.ends_with("conformance/registry.rs")) {
            said.extend(of_rust(&shown(&path), &fs::read_to_string(&path).unwrap()));
        }
        for (folder, extension, kind) in
            [("crates/conformance/cases", "txt", "case"), ("lab/tests", "sh", "lab")]
        {
            files(&root.join(folder), extension, &mut found);
            for path in found.drain(..) {
                let text = fs::read_to_string(&path).unwrap();
                let name = shown(&path.with_extension("")).split_off(folder.len() + 1);
                for id in text.lines().flat_map(|line| proved(line, "#")) {
                    said.insert((id.to_owned(), format!("{kind} {name}")));
                }
            }
        }
        said
    }

    fn sheets() -> Vec<Sheet<'static>> {
        SHEETS.iter().map(|(name, text)| Sheet::read(name, text).unwrap_or_else(|e| panic!("{e}"))).collect()
    }

    #[test]
    fn the_registry_is_what_the_tests_say() {
        let said = said();
        let text: String = said.iter().map(|(id, test)| format!("{id}\t{test}\n")).collect();
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(root().join("docs/spec/proofs.tsv"), &text).unwrap();
            return;
        }
        let known: BTreeSet<_> =
            read(PROOFS).into_iter().map(|(id, t)| (id.to_owned(), t.to_owned())).collect();
        let differ: Vec<_> = said.symmetric_difference(&known).collect();
        assert!(
            differ.is_empty(),
            "docs/spec/proofs.tsv differs from what tests say (UPDATE_EXPECT=1): {differ:#?}"
        );
    }

    #[test]
    fn nothing_is_called_met_without_a_test_and_nothing_else_without_a_reason() {
        let mut proofs: BTreeMap<&str, usize> = BTreeMap::new();
        read(PROOFS).into_iter().for_each(|(id, _)| *proofs.entry(id).or_default() += 1);
        let mut known = BTreeSet::new();
        for sheet in sheets() {
            for requirement in &sheet.requirements {
                let id = requirement.id.to_owned();
                let is_proved = proofs.contains_key(&*id);
                let (is_right, needs_reason) = match requirement.status {
                    Status::Met => (is_proved, false),
                    Status::ByConfiguration => (is_proved, true),
                    // A part of it may be met, and tests show that.
                    Status::DeliberatelyNot => (true, true),
                    Status::NotApplicable => (!is_proved, true),
                };
                assert!(is_right, "{id}: tests");
                assert!(!needs_reason || !requirement.reason.is_empty(), "{id}: why?");
                assert!(known.insert(id), "{} stands twice", requirement.id);
            }
        }
        let strangers: Vec<_> = proofs.keys().filter(|id| !known.contains(**id)).collect();
        assert!(strangers.is_empty(), "proved, and in no sheet: {strangers:?}");
    }

    #[test]
    fn every_sheet_of_the_specification_is_printed() {
        let mut found = Vec::new();
        files(&root().join("docs/spec"), "md", &mut found);
        let names =
            found.iter().filter_map(|path| path.file_stem()?.to_str()).filter(|n| n.starts_with("rfc"));
        let printed: BTreeSet<_> = SHEETS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.collect::<BTreeSet<_>>(), printed);
    }

    #[test]
    fn a_function_that_is_no_test_proves_nothing() {
        let of = |text: &str| std::panic::catch_unwind(|| of_rust("a.rs", text)).map_err(|_| ());
        let proof = |test: &str| Ok(vec![("rfc1-1".to_owned(), format!("a.rs {test}"))]);
        assert_eq!(of("// Proves: rfc1-1.\n#[test]\nfn a() {}\n"), proof("a"));
        assert_eq!(of("proptest! {\n    // Proves: rfc1-1.\n    fn b(x in 0..9) {}\n"), proof("b"));
        assert_eq!(of("// Proves: rfc1-1.\nfn a() {}\n"), Err(()));
        assert_eq!(of("// Proves: rfc1-1.\n#[test]\n#[ignore]\nfn a() {}\n"), Err(()));
        assert_eq!(of("// Proves: rfc1-1.\nstruct A;\n"), Err(()));
    }
}
