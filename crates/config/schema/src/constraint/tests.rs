//! What a path of a constraint finds.

use super::*;

#[test]
fn a_logical_interface_is_looked_for_by_its_names() {
    let text = "set interfaces ge-0/0/0 unit 100 family inet\nset interfaces ge-0/0/1 unit 0 family inet6\n\
                set schedulers scheduler high";
    let tree = crate::read(text).tree;
    for (value, constraint, expected) in [
        ("ge-0/0/0.100", "\"interfaces $$-IFL family inet\"", true),
        ("ge-0/0/0.100", "\"interfaces $$-IFL family inet6\"", false),
        ("ge-0/0/0.0", "\"interfaces $$-IFL\"", false),
        ("ge-0/0/1", "\"interfaces $$-IFL\"", true),
        ("x", "\"schedulers scheduler $$={high}\"", true),
        ("x", "\"schedulers scheduler $$={low}\"", false),
    ] {
        let mut judge = Judge::of(&tree);
        let own = Own { value, at: Span::default(), extra: 0 };
        let expression = parse(constraint).expect("a constraint");
        assert_eq!(judge.truth(&expression, own), Some(expected), "{value}: {constraint}");
    }
}
