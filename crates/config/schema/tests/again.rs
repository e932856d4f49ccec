//! A text made from the one before is the text.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use ravelin_schema::{apply, read};
use ravelin_syntax::render::{Rendered, text, text_after};
use ravelin_syntax::{Children, Tree};

const PAIR: &str = "security policies from-zone a to-zone b";

/// A configuration of long lists, at the top and in a group.
fn tree() -> Tree {
    let mut lists = String::from("security { address-book { global {\n");
    for n in 0..150 {
        let _ = writeln!(lists, "address a{n} 10.0.0.{n}/32;");
    }
    lists.push_str("} }\npolicies { from-zone a to-zone b {\n");
    for n in 0..150 {
        let _ = writeln!(
            lists,
            "policy p{n} {{ match {{ source-address a{n}; destination-address any; application any; }} \
             then {{ permit; }} }}"
        );
    }
    lists.push_str("} }\n}\n");
    read(&format!("system {{ host-name a; }}\ngroups {{ g {{\n{lists}}} }}\n{lists}")).tree
}

/// An edit; of those that there is nothing for none is made.
fn line((kind, n, m): (u8, u8, u8)) -> String {
    let level = if n % 4 == 0 { format!("groups g {PAIR}") } else { PAIR.to_owned() };
    let book = "security address-book global";
    match kind {
        0 => format!("set {level} policy p{n} then count"),
        1 => format!("delete {level} policy p{n}"),
        2 => format!("insert {level} policy p{n} before policy p{m}"),
        3 => format!("rename {level} policy p{n} to policy q{n}"),
        4 => format!("deactivate {level} policy p{n}"),
        5 => format!("annotate {level} policy p{n} \"note {m}\""),
        6 => format!("protect {level} policy p{n}"),
        7 => format!("set {level} policy new{n} match source-address a{m}"),
        8 => format!("set {book} address a{n} 192.0.2.{m}/32"),
        9 => format!("delete {book} address a{n}"),
        10 => format!("wildcard delete {level} policy p[1-9]{}", n % 10),
        11 => format!("delete {level}"),
        12 => format!("set system host-name fw{n}"),
        13 => format!("rename groups g to g{n}"),
        14 => format!("deactivate {level}"),
        15 => format!("wildcard delete {book} address a1?{}.*", n % 10),
        _ => format!("annotate {book} \"{n}\""),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, rng_seed: RngSeed::Fixed(3), ..ProptestConfig::default() })]
    #[test]
    fn whatever_was_edited_the_text_is_that_of_the_tree(
        edits in prop::collection::vec((0u8..17, 0u8..150, 0u8..150), 1..24)
    ) {
        let mut now = tree();
        let mut rendered: Rendered = text_after(&now, None);
        prop_assert_eq!(rendered.text().to_string(), text(&now));
        for edit in edits {
            let mut edited = now.clone();
            if apply(&mut edited, &[], &line(edit)).is_ok() {
                now = edited;
            }
            rendered = text_after(&now, Some(&rendered));
            prop_assert_eq!(rendered.text().to_string(), text(&now), "{}", line(edit));
        }
    }
}

#[test]
fn statements_that_changed_places_are_found_wherever_they_went() {
    let old = tree();
    let before = text_after(&old, None);
    let mut new = old.clone();
    new.nodes.reverse();
    for node in &mut new.nodes {
        for level in &mut *node.children {
            level.children = level.children.iter().cloned().rev().collect::<Children>();
            for list in &mut *level.children {
                list.children = list.children.iter().cloned().rev().collect::<Children>();
            }
        }
    }
    assert_eq!(text_after(&new, Some(&before)).text().to_string(), text(&new));
    assert_eq!(text_after(&Tree::default(), Some(&before)).text().to_string(), "");
}
