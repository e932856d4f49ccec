//! What the checks of the model find after an edit, without those of the table beside them.

use ravelin_schema::{apply, read};

use super::*;
use crate::lower_tree;

const BOOK: &str = "security address-book global";

/// Findings after an edit of three addresses and of sets that hold one another, as messages.
#[track_caller]
fn check(edit: &str, expected: &[&str]) {
    let mut text = String::new();
    for n in 0..3 {
        text += &format!("set {BOOK} address h{n} 10.0.0.{n}/32\nset {BOOK} address-set s{n} address h{n}\n");
    }
    text += &format!("set {BOOK} address-set s1 address-set s0\nset {BOOK} address-set s2 address-set s1\n");
    let mut tree = read(&text).tree;
    let config = lower_tree(&tree).0;
    let lowered = config.security.policies.clone();
    let valid = super::check(config).unwrap_or_else(|e| panic!("{e:?}"));
    for line in edit.lines() {
        apply(&mut tree, &[], line).unwrap_or_else(|e| panic!("{line}: {e:?}"));
    }
    let messages = |result: Result<ValidConfig, Vec<Diagnostic>>| {
        result.err().unwrap_or_default().into_iter().map(|d| d.message).collect::<Vec<_>>()
    };
    let whole = messages(super::check(lower_tree(&tree).0));
    assert_eq!(whole, expected, "{edit}");
    let earlier = Earlier { lowered: &lowered, valid: &valid };
    // What changed is told apart from what did not, and the same is found.
    assert_eq!(messages(check_after(lower_tree(&tree).0, Some(earlier))), expected, "{edit}, after");
}

#[test]
fn sets_are_judged_again_when_something_in_them_changed() {
    let b = BOOK;
    check(&format!("delete {b} address h0"), &["address `h0' is not defined"]);
    check(&format!("rename {b} address h2 to address other"), &["address `h2' is not defined"]);
    check(&format!("delete {b} address-set s0"), &["address-set `s0' is not defined"]);
    check(&format!("set {b} address s2 10.1.0.0/32"), &["`s2' is also the name of an address"]);
    check(&format!("set {b} address-set s0 address none"), &["address `none' is not defined"]);
    check(&format!("set {b} address-set s0 address-set none"), &["address-set `none' is not defined"]);
    // Told of each set on the way round.
    let itself = "address-set contains itself";
    check(&format!("set {b} address-set s0 address-set s2"), &[itself; 3]);
    check(&format!("set {b} address-set s1 address-set s1"), &[itself; 2]);
    check(&format!("set {b} address h1 10.2.0.0/32"), &[]);
    check(&format!("delete {b} address-set s2\ndelete {b} address h2"), &[]);
    check(&format!("set {b} address new 10.2.0.0/32\nset {b} address-set s0 address new"), &[]);
}
