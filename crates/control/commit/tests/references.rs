//! An edit of what others refer to is judged as the whole configuration is: addresses, sets, applications, zones, pools,
//! screens, schedulers and filters that come, go, change, are renamed or deactivated while something names them.

use std::fmt::Write as _;

use proptest::prelude::*;
use ravelin_commit::propose;
use ravelin_compile::{IdBook, Resolved};
use ravelin_model::{Checked, check_tree_after};
use ravelin_schema::{apply, changed, effective, read, violations, violations_of};
use ravelin_syntax::Tree;
use ravelin_types::Generation;

const BOOK: &str = "security address-book global";
const PAIR: &str = "security policies from-zone a to-zone b";
/// Enough for several runs, and for levels that are looked up by a table.
const ADDRESSES: usize = 150;
const POLICIES: usize = 100;

fn base() -> Tree {
    let mut out = String::new();
    for (n, zone) in ["a", "b", "c"].iter().enumerate() {
        let unit = format!("ge-0/0/{n} unit 0 family inet address 10.{n}.255.1/16");
        let _ = writeln!(
            out,
            "set interfaces {unit}\nset security zones security-zone {zone} interfaces ge-0/0/{n}.0"
        );
    }
    for n in 0..ADDRESSES {
        let _ = writeln!(out, "set {BOOK} address h{n} 10.{}.0.{n}/32", n % 2);
    }
    for n in 0..40 {
        let _ = writeln!(
            out,
            "set {BOOK} address-set s{n} address h{}\nset {BOOK} address-set s{n} address h{}",
            n,
            n + 40
        );
        if n > 0 && n % 3 == 0 {
            let _ = writeln!(out, "set {BOOK} address-set s{n} address-set s{}", n - 1);
        }
    }
    for n in 0..4 {
        let _ = writeln!(out, "set applications application x{n} protocol tcp destination-port {}", 80 + n);
        let _ = writeln!(out, "set applications application-set t{n} application x{n}");
        let _ = writeln!(out, "set security nat source pool p{n} address 198.51.100.{n}/32");
        let _ = writeln!(out, "set security nat destination pool d{n} address 10.0.0.{n}/32");
        let _ = writeln!(out, "set security screen ids-option i{n} tcp land");
        let _ = writeln!(out, "set schedulers scheduler w{n} daily start-time 0{n}:00:00 stop-time 17:00:00");
        let _ = writeln!(out, "set firewall family inet filter f{n} term t then accept");
        let _ = writeln!(
            out,
            "set firewall policer l{n} if-exceeding bandwidth-limit 1m burst-size-limit 10k\nset firewall policer l{n} then discard"
        );
    }
    out.push_str(
        "set applications application-set t0 application-set t1\n\
         set security zones security-zone b screen i0\n\
         set interfaces ge-0/0/0 unit 0 family inet filter input f0\n\
         set firewall family inet filter f1 term t then policer l0\n\
         set security nat source rule-set r from zone a\nset security nat source rule-set r to zone b\n\
         set security nat source rule-set r rule q match source-address 10.0.0.0/8\n\
         set security nat source rule-set r rule q then source-nat pool p0\n\
         set security nat destination rule-set e from zone b\n\
         set security nat destination rule-set e rule q match destination-address 192.0.2.1/32\n\
         set security nat destination rule-set e rule q then destination-nat pool d0\n",
    );
    for n in 0..POLICIES {
        let policy = format!("set {PAIR} policy p{n}");
        let _ = writeln!(out, "{policy} match source-address h{} destination-address s{}", n % 60, n % 40);
        let _ =
            writeln!(out, "{policy} match application [ x{} t{} ]\n{policy} then permit", n % 4, (n + 1) % 4);
    }
    let _ = writeln!(out, "set {PAIR} policy p3 scheduler-name w0");
    let tree = read(&out).tree;
    check_tree_after(&tree, None, None).unwrap_or_else(|e| panic!("{e:?}"));
    tree
}

/// What others refer to, by the path of one of them, and how many there are at first.
const NAMED: [(&str, &str, usize); 10] = [
    (BOOK, "address h", ADDRESSES),
    (BOOK, "address-set s", 40),
    ("applications", "application x", 4),
    ("applications", "application-set t", 4),
    ("security zones", "security-zone ", 3),
    ("security nat source", "pool p", 4),
    ("security nat destination", "pool d", 4),
    ("security screen", "ids-option i", 4),
    ("schedulers", "scheduler w", 4),
    ("firewall family inet", "filter f", 4),
];

fn name(kind: &str, n: usize) -> String {
    if kind.ends_with("zone ") {
        format!("{kind}{}", char::from(b'a' + n as u8))
    } else {
        format!("{kind}{n}")
    }
}

/// Something by name, which may not be there.
fn named() -> impl Strategy<Value = (&'static str, String, String)> {
    (prop::sample::select(&NAMED[..]), any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(
        |((above, kind, count), one, other)| {
            // The first few are those that are referred to.
            let most = count.min(8) + 2;
            (above, name(kind, one.index(most)), name(kind, other.index(most)))
        },
    )
}

fn statement() -> impl Strategy<Value = String> {
    let verb = || prop::sample::select(&["set", "set", "delete"][..]);
    let set = |n: usize| format!("{BOOK} address-set s{n}");
    let few = || 0..6usize;
    prop_oneof![
        (verb(), few(), few()).prop_map(move |(verb, n, m)| format!("{verb} {} address h{m}", set(n))),
        (verb(), few(), few()).prop_map(move |(verb, n, m)| format!("{verb} {} address-set s{m}", set(n))),
        (few(), few()).prop_map(move |(n, m)| format!("deactivate {} address h{m}", set(n))),
        (few(), 0..9u8).prop_map(|(n, to)| format!("set {BOOK} address h{n} 10.9.0.{to}/32")),
        few().prop_map(|n| format!("set {BOOK} address s{n} 10.8.0.{n}/32")),
        few().prop_map(|n| format!("set {BOOK} address new{n} 10.7.0.{n}/32")),
        few().prop_map(|n| format!("set {BOOK} address-set h{n} address h0")),
        (verb(), few()).prop_map(|(verb, n)| format!("{verb} applications application-set t0 application x{n}")),
        (verb(), few(), few())
            .prop_map(|(verb, n, m)| format!("{verb} applications application-set t{n} application-set t{m}")),
        (few(), 1..9u8).prop_map(|(n, to)| format!("set applications application x{n} protocol tcp destination-port {to}")),
        (verb(), 0..4usize).prop_map(|(verb, n)| format!("{verb} security zones security-zone {} interfaces ge-0/0/{n}.0", ["a", "b", "c", "d"][n])),
        (verb(), 0..4usize, few())
            .prop_map(|(verb, n, m)| format!("{verb} security zones security-zone {} screen i{m}", ["a", "b", "c", "d"][n])),
        (few(), 0..4u8).prop_map(|(n, to)| format!("set security nat source pool p{n} address 198.51.101.{to}/32")),
        few().prop_map(|n| format!("set security nat source rule-set r rule q then source-nat pool p{n}")),
        (verb(), few()).prop_map(|(verb, n)| format!("{verb} security nat source pool p{n} port no-translation")),
        (verb(), few(), few()).prop_map(|(verb, n, m)| format!("{verb} security nat source pool p{n} overflow-pool p{m}")),
        few().prop_map(|n| format!("set security nat source rule-set r rule n{n} match source-address 10.0.{n}.0/24\nset security nat source rule-set r rule n{n} then source-nat interface")),
        few().prop_map(|n| format!("set security nat destination rule-set e rule q then destination-nat pool d{n}")),
        few().prop_map(|n| format!("set security screen ids-option i{n} icmp fragment")),
        (verb(), few(), few()).prop_map(|(verb, n, m)| format!("{verb} {PAIR} policy p{n} scheduler-name w{m}")),
        (verb(), few()).prop_map(|(verb, n)| format!("{verb} interfaces ge-0/0/0 unit 0 family inet filter input f{n}")),
        (verb(), few(), few()).prop_map(|(verb, n, m)| format!("{verb} firewall family inet filter f{n} term t then policer l{m}")),
        (few(), few()).prop_map(|(n, m)| format!("rename firewall policer l{n} to policer l{m}")),
        (verb(), few(), few()).prop_map(|(verb, n, m)| format!("{verb} {PAIR} policy p{n} match source-address s{m}")),
        Just(format!("set groups g {BOOK} address new0 10.6.0.1/32")),
        Just(format!("set groups g {PAIR} policy <p*> then count")),
        Just("set apply-groups g".to_owned()),
        Just("delete apply-groups".to_owned()),
        Just(format!("set {BOOK} description x")),
    ]
}

/// One edit. Many leave something undefined, or defined twice.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => named().prop_map(|(above, one, _)| format!("delete {above} {one}")),
        2 => named().prop_map(|(above, one, other)| format!("rename {above} {one} to {other}")),
        1 => named().prop_map(|(above, one, other)| format!("insert {above} {one} before {other}")),
        1 => named().prop_map(|(above, one, _)| format!("deactivate {above} {one}")),
        1 => named().prop_map(|(above, one, _)| format!("activate {above} {one}")),
        1 => prop::sample::select(&["deactivate", "activate"][..])
            .prop_flat_map(|verb| prop::sample::select(&NAMED[..]).prop_map(move |(above, ..)| format!("{verb} {above}"))),
        12 => statement(),
    ]
}

fn edited(tree: &Tree, lines: &str) -> Tree {
    let mut out = tree.clone();
    for line in lines.lines() {
        // What names nothing that exists changes nothing.
        let _ = apply(&mut out, &[], line);
    }
    out
}

/// What the table's constraints forbid after an edit, beside what the checks of the model find of the same.
fn forbidden_alike(old: &Tree, new: &Tree, line: &str) -> Result<(), TestCaseError> {
    let is_plain = |tree: &Tree| effective(tree, None).tree.as_ref() == tree;
    let Some(changes) = changed(old, new).filter(|_| is_plain(old) && is_plain(new)) else { return Ok(()) };
    let paths =
        |found: Vec<ravelin_syntax::Diagnostic>| found.into_iter().map(|d| d.path).collect::<Vec<_>>();
    let (whole, after) = (paths(violations(new)), paths(violations_of(new, &changes.list)));
    prop_assert_eq!(whole.is_empty(), after.is_empty(), "{}: {:?}, after the edit {:?}", line, whole, after);
    Ok(())
}

/// Checks each configuration on its own and after the one before, and goes on from those that are right.
fn check(steps: &[String]) -> Result<(), TestCaseError> {
    let mut tree = base();
    let mut book = IdBook::default();
    let mut checked: Option<Checked> = check_tree_after(&tree, None, None).ok();
    for (generation, lines) in (1..).zip(steps) {
        let next = edited(&tree, lines);
        let alone = check_tree_after(&next, None, None);
        let after = check_tree_after(&next, None, checked.as_ref());
        prop_assert_eq!(after.as_ref().err(), alone.as_ref().err(), "{}", lines);
        forbidden_alike(&tree, &next, lines)?;
        let (Ok(after), Ok(alone)) = (after, alone) else { continue };
        prop_assert!(after.valid == alone.valid, "{}", lines);
        let text = serde_json::to_string(&book).unwrap_or_else(|e| panic!("{e}"));
        let mut same_ids: IdBook = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}"));
        let resolved = Resolved::virtual_ports(&alone.valid);
        let whole = propose(&alone.valid, resolved.clone(), &mut same_ids, Generation(generation));
        let part = propose(&after.valid, resolved, &mut book, Generation(generation));
        match (whole, part) {
            (Ok(whole), Ok(part)) => {
                prop_assert_eq!(part.program.manifest(), whole.program.manifest(), "{}", lines);
            }
            (Err(whole), Err(part)) => prop_assert_eq!(part, whole, "{}", lines),
            (whole, part) => panic!("{lines}: {:?} {:?}", whole.err(), part.err()),
        }
        (tree, checked) = (next, Some(after));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 300, ..ProptestConfig::default() })]

    #[test]
    fn what_is_referred_to_is_judged_as_a_whole_configuration_is(
        steps in prop::collection::vec(prop::collection::vec(line(), 1..3).prop_map(|lines| lines.join("\n")), 1..9)
    ) {
        check(&steps)?;
    }
}

/// What each kind of reference needs: the last line of each is refused, or goes through, as it is when nothing was before.
#[test]
fn every_kind_of_reference_is_judged_after_an_edit() {
    let refused = [
        format!("delete {BOOK} address h3"),
        format!("delete {BOOK} address-set s5"),
        format!("rename {BOOK} address h41 to address other"),
        format!("rename {BOOK} address-set s2 to address-set other"),
        format!("deactivate {BOOK} address h79"),
        format!("deactivate {BOOK} address-set s8"),
        format!("set {BOOK} address s4 192.0.2.1/32"),
        format!("set {BOOK} address-set h100 address h1"),
        format!("set {BOOK} address-set s2 address-set s3"),
        format!("set {BOOK} address-set s2 address none"),
        format!("set {BOOK} address-set s1 address-set s1"),
        "delete applications application x1".to_owned(),
        "delete applications application-set t1".to_owned(),
        "delete security zones security-zone b".to_owned(),
        "delete security nat source pool p0".to_owned(),
        "rename security nat destination pool d0 to pool d9".to_owned(),
        "delete security screen ids-option i0".to_owned(),
        "deactivate schedulers scheduler w0".to_owned(),
        "delete firewall family inet filter f0".to_owned(),
        "delete firewall policer l0".to_owned(),
    ];
    let first = base();
    let before = check_tree_after(&first, None, None).unwrap_or_else(|e| panic!("{e:?}"));
    for line in refused {
        let next = edited(&first, &line);
        let after = check_tree_after(&next, None, Some(&before));
        assert!(after.is_err(), "{line}");
        forbidden_alike(&first, &next, &line).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(after.err(), check_tree_after(&next, None, None).err(), "{line}");
    }
    let right = [
        format!("rename {BOOK} address h149 to address other"),
        format!("delete {BOOK} address h120"),
        format!("set {BOOK} address-set s1 address-set s2"),
        format!("delete {BOOK} address-set s9 address h9"),
        format!(
            "delete {BOOK} address-set s9 address h9\ndelete {BOOK} address-set s9 address h49\nset {BOOK} address-set s9 address h120"
        ),
        "delete security nat source pool p2".to_owned(),
        "set security zones security-zone c screen i3".to_owned(),
    ];
    for line in right {
        let next = edited(&first, &line);
        forbidden_alike(&first, &next, &line).unwrap_or_else(|e| panic!("{e}"));
        let after = check_tree_after(&next, None, Some(&before)).unwrap_or_else(|e| panic!("{line}: {e:?}"));
        let alone = check_tree_after(&next, None, None).unwrap_or_else(|e| panic!("{line}: {e:?}"));
        assert!(after.valid == alone.valid, "{line}");
    }
}
