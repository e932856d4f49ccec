//! Ranges of interfaces: what members get, what wins, and what is said of it. Spec: language-67..70.

use ravelin_schema::{Form, Inherit, View, display, effective, read};
use ravelin_syntax::render;

/// The effective interfaces of `set` lines below `interfaces`.
#[track_caller]
fn check(lines: &str, expected: &[&str]) {
    let bound = read(lines);
    assert!(bound.diagnostics.is_empty(), "{:?}", bound.diagnostics);
    let effective = effective(&bound.tree, None);
    assert!(effective.diagnostics.is_empty(), "{:?}", effective.diagnostics);
    let set = render::set(&effective.tree);
    let lines: Vec<&str> = set.lines().filter_map(|line| line.strip_prefix("set interfaces ")).collect();
    assert_eq!(lines, expected);
    // Nothing of it is lost in the text as it was written.
    assert_eq!(read(&render::text(&bound.tree)).tree, bound.tree);
}

#[track_caller]
fn fails(lines: &str, expected: &str) {
    let tree = read(lines).tree;
    let told: Vec<_> =
        effective(&tree, None).diagnostics.iter().map(|d| format!("{}: {}", d.path, d.message)).collect();
    assert_eq!(told, [expected]);
}

#[test]
fn members_have_what_the_range_says_and_their_own_wins() {
    check(
        "set interfaces interface-range r member ge-0/0/1
         set interfaces interface-range r member-range ge-0/0/3 to ge-0/0/4
         set interfaces interface-range r mtu 1400
         set interfaces interface-range r unit 0 family inet mtu 1300
         set interfaces ge-0/0/3 mtu 9000
         set interfaces ge-0/0/3 unit 0 family inet address 10.0.0.1/24",
        &[
            "ge-0/0/3 mtu 9000",
            "ge-0/0/3 unit 0 family inet mtu 1300",
            "ge-0/0/3 unit 0 family inet address 10.0.0.1/24",
            "ge-0/0/1 mtu 1400",
            "ge-0/0/1 unit 0 family inet mtu 1300",
            "ge-0/0/4 mtu 1400",
            "ge-0/0/4 unit 0 family inet mtu 1300",
        ],
    );
}

#[test]
fn brackets_are_numbers_and_a_star_what_is_configured() {
    check(
        "set interfaces interface-range r member \"ge-0/[0-1]/[2,4]\"
         set interfaces interface-range r disable
         set interfaces interface-range s member xe-*
         set interfaces interface-range s mtu 9000
         set interfaces xe-0/0/7 vlan-tagging
         set interfaces ge-9/0/0 vlan-tagging",
        &[
            "xe-0/0/7 vlan-tagging",
            "xe-0/0/7 mtu 9000",
            "ge-9/0/0 vlan-tagging",
            "ge-0/0/2 disable",
            "ge-0/0/4 disable",
            "ge-0/1/2 disable",
            "ge-0/1/4 disable",
        ],
    );
}

#[test]
fn an_earlier_range_wins_and_an_inactive_one_is_none() {
    check(
        "set interfaces interface-range a member ge-0/0/0
         set interfaces interface-range a mtu 1400
         set interfaces interface-range b member ge-0/0/0
         set interfaces interface-range b mtu 1500
         set interfaces interface-range b vlan-tagging
         set interfaces interface-range c member ge-0/0/0
         set interfaces interface-range c disable
         deactivate interfaces interface-range c",
        &["ge-0/0/0 vlan-tagging", "ge-0/0/0 mtu 1400"],
    );
}

#[test]
fn what_groups_give_a_range_and_its_members_counts() {
    check(
        "set groups g interfaces interface-range <*> mtu 1400
         set groups g interfaces <ge-*> vlan-tagging
         set apply-groups g
         set interfaces interface-range r member ge-0/0/0
         set interfaces ge-0/0/0 description x",
        &["ge-0/0/0 description x", "ge-0/0/0 vlan-tagging", "ge-0/0/0 mtu 1400"],
    );
}

#[test]
fn a_range_that_names_nothing_or_too_much_is_refused() {
    let r = "interfaces interface-range r";
    fails(
        &format!("set {r} mtu 1400"),
        "interfaces interface-range r: missing mandatory statement: `member' or `member-range'",
    );
    fails(
        &format!("set {r} member \"ge-0/0/[3-1]\""),
        "interfaces interface-range r member: invalid pattern `ge-0/0/[3-1]' of interfaces",
    );
    fails(
        &format!("set {r} member \"ge-0/0/[0-70000]\""),
        "interfaces interface-range r member: invalid pattern `ge-0/0/[0-70000]' of interfaces",
    );
    fails(
        &format!("set {r} member \"ge-0/[0-999]/[0-999]\""),
        "interfaces interface-range r member: more than 1024 members",
    );
    let ends = "no range; expecting ports of one slot in rising order";
    fails(
        &format!("set {r} member-range ge-0/0/4 to ge-0/0/1"),
        &format!("interfaces interface-range r member-range: `ge-0/0/4' to `ge-0/0/1' is {ends}"),
    );
    fails(
        &format!("set {r} member-range ge-0/0/4 to ge-0/1/5"),
        &format!("interfaces interface-range r member-range: `ge-0/0/4' to `ge-0/1/5' is {ends}"),
    );
}

#[test]
fn inheritance_tells_the_range() {
    let tree =
        read("set interfaces interface-range r member ge-0/0/0\nset interfaces interface-range r mtu 1400")
            .tree;
    let view = View { form: Form::Text, inherit: Inherit::Told };
    let text = display(&tree, &["interfaces".to_owned()], view, None).unwrap();
    assert!(
        text.contains("## 'mtu' was expanded from interface-range 'r'")
            || text.contains("## '1400' was expanded from interface-range 'r'"),
        "{text}"
    );
    assert!(!text.contains("member"), "{text}");
}
