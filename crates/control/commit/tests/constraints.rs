//! What the table's constraints forbid after an edit is what they forbid of the configuration as a whole.

use ravelin_schema::{apply, changed, read, violations, violations_of};
use ravelin_syntax::{Diagnostic, Tree};

const EVERYTHING: &str = include_str!("everything.set");
const ZONE_BOOKS: &str = include_str!("zone-books.set");

fn paths(findings: &[Diagnostic]) -> Vec<&str> {
    findings.iter().map(|finding| finding.path.as_str()).collect()
}

/// From a tree in which nothing is forbidden.
#[track_caller]
fn check(old: &Tree, new: &Tree, line: &str) -> bool {
    let changes = changed(old, new).unwrap_or_else(|| panic!("few differences: {line}"));
    let (whole, after) = (violations(new), violations_of(new, &changes.list));
    let (whole, after) = (paths(&whole), paths(&after));
    assert_eq!(whole.is_empty(), after.is_empty(), "{line}: {whole:?}, after the edit {after:?}");
    assert!(after.iter().all(|path| whole.contains(path)), "{line}: {whole:?}, after the edit {after:?}");
    whole.is_empty()
}

/// Every statement is taken away, alone and with all that stands in it, and put back.
fn each_comes_and_goes(text: &str) -> usize {
    let whole = read(text).tree;
    assert_eq!(paths(&violations(&whole)), Vec::<&str>::new());
    let mut forbidden = 0;
    for line in text.lines().filter_map(|line| line.strip_prefix("set ")) {
        let words: Vec<&str> = line.split(' ').collect();
        // The statement itself, and the nearest that it stands in.
        for length in [words.len(), words.len().saturating_sub(1).max(2)] {
            let path = words[..length].join(" ");
            let mut without = whole.clone();
            if apply(&mut without, &[], &format!("delete {path}")).is_err() {
                continue;
            }
            match check(&whole, &without, line) {
                true => drop(check(&without, &whole, line)),
                false => forbidden += 1,
            }
        }
    }
    forbidden
}

#[test]
fn what_an_edit_forbids_is_what_is_forbidden_of_the_whole() {
    let forbidden = each_comes_and_goes(EVERYTHING) + each_comes_and_goes(ZONE_BOOKS);
    assert!(forbidden > 20, "{forbidden} statements are needed by others");
}

#[test]
fn a_book_of_all_forbids_the_books_of_zones_wherever_they_are() {
    let mut old = read("set security zones security-zone z address-book address a 192.0.2.1/32").tree;
    let mut new = old.clone();
    apply(&mut new, &[], "set security address-book global address b 192.0.2.2/32").expect("a statement");
    assert!(!check(&old, &new, "a book of all"));
    old = read("set security address-book global address b 192.0.2.2/32").tree;
    new = old.clone();
    apply(&mut new, &[], "set security address-book global address c 192.0.2.3/32").expect("a statement");
    assert!(check(&old, &new, "another address"));
}
