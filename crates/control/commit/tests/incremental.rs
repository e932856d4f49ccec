//! What an edit leads to is what the configuration alone would lead to: checks, chunks, ids and verdicts are those of a
//! system that never saw another configuration.

use std::fmt::Write as _;

use proptest::prelude::*;
use ravelin_commit::{Proposal, propose};
use ravelin_compile::{IdBook, Resolved};
use ravelin_contract::{DataPlane, InjectRequest};
use ravelin_model::{Checked, check_tree_after};
use ravelin_schema::{apply, read};
use ravelin_sim::{SimPlane, SimSetup, SimWorkers};
use ravelin_syntax::Tree;
use ravelin_types::Generation;
use ravelin_wire::build::{Ip, Payload, frame};

/// Policies of the longer zone pair: several runs.
const LONG: usize = 200;
const PAIRS: [&str; 3] = [
    "security policies from-zone a to-zone b",
    "security policies from-zone b to-zone a",
    "security policies global",
];

fn base() -> Tree {
    let mut out = String::new();
    for (n, zone) in ["a", "b"].iter().enumerate() {
        let unit = format!("ge-0/0/{n} unit 0 family inet address 10.{n}.255.1/16");
        let _ = writeln!(
            out,
            "set interfaces {unit}\nset security zones security-zone {zone} interfaces ge-0/0/{n}.0"
        );
    }
    let book = "set security address-book global";
    for n in 0..60 {
        let _ = writeln!(out, "{book} address h{n} 10.{}.0.{n}/32", n % 2);
    }
    let _ = writeln!(out, "{book} address-set s0 address h0\n{book} address-set s1 address-set s0");
    out.push_str("set applications application x protocol udp destination-port 53\n");
    out.push_str("set applications application-set as0 application x\n");
    out.push_str("set applications application-set as1 application-set as0\n");
    for (pair, count) in PAIRS.iter().zip([LONG, 40, 40]) {
        for n in 0..count {
            let policy = format!("set {pair} policy p{n}");
            let (source, destination) = (n % 60, (n * 7 + 1) % 60);
            let _ =
                writeln!(out, "{policy} match source-address h{source} destination-address h{destination}");
            // Of those that name what may be edited, some name it by a set, and some by a set in a set.
            let application = ["junos-dns-udp", "junos-dns-udp", "x", "as0", "junos-ssh", "as1"][n / 8 % 6];
            let _ = writeln!(out, "{policy} match application {application}\n{policy} then permit");
        }
    }
    read(&out).tree
}

/// One line over few names, so that edits meet. Some make the configuration wrong, some are no edits.
fn line() -> impl Strategy<Value = String> {
    let pair = prop::sample::select(&PAIRS[..]);
    let policy = (pair, 0..LONG + 4).prop_map(|(pair, n)| format!("{pair} policy p{n}"));
    let address = prop_oneof![
        (0..62usize).prop_map(|n| format!("h{n}")),
        (0..3usize).prop_map(|n| format!("s{n}")),
        (0..8usize).prop_map(|n| format!("10.0.0.{n}/32")),
        Just("any".to_owned()),
    ];
    let application =
        prop::sample::select(&["any", "x", "y", "as0", "as1", "junos-ssh", "junos-dns-udp"][..]);
    let side = prop::sample::select(&["source-address", "destination-address"][..]);
    let word = prop::sample::select(&["set", "set", "delete"][..]);
    let action = prop::sample::select(&["permit", "deny", "reject", "count", "log session-init"][..]);
    let whole = (policy.clone(), address.clone(), address.clone(), application, action.clone()).prop_map(
        |(policy, source, destination, application, action)| {
            format!(
                "set {policy} match source-address {source} destination-address {destination} application {application}\n\
                 set {policy} then {action}"
            )
        },
    );
    prop_oneof![
        4 => whole,
        3 => policy.clone().prop_map(|policy| format!("delete {policy}")),
        2 => (policy.clone(), side, address.clone(), word.clone())
            .prop_map(|(policy, side, name, verb)| format!("{verb} {policy} match {side} {name}")),
        2 => (policy.clone(), action, word.clone()).prop_map(|(policy, action, verb)| format!("{verb} {policy} then {action}")),
        2 => (policy.clone(), 0..LONG).prop_map(|(policy, n)| format!("insert {policy} before policy p{n}")),
        1 => policy.prop_map(|policy| format!("deactivate {policy}")),
        1 => (prop::sample::select(&PAIRS[..]), 0..LONG, 0..9u8)
            .prop_map(|(pair, n, new)| format!("rename {pair} policy p{n} to policy q{new}")),
        1 => (0..62usize, 0..9u8).prop_map(|(n, to)| format!("set security address-book global address h{n} 10.0.7.{to}/32")),
        1 => (0..8usize, 0..9u8)
            .prop_map(|(n, to)| format!("set security address-book global address 10.0.0.{n}/32 10.0.9.{to}/32")),
        1 => (0..3usize, address, word)
            .prop_map(|(n, name, verb)| format!("{verb} security address-book global address-set s{n} address {name}")),
        1 => (0..3u16).prop_map(|n| format!("set applications application x destination-port 5{n}")),
        1 => Just("set applications application y protocol tcp".to_owned()),
        1 => prop::sample::select(&["x", "y", "junos-ssh", "junos-dns-udp"][..])
            .prop_flat_map(|name| prop::sample::select(&["set", "delete"][..]).prop_map(move |verb| (verb, name)))
            .prop_map(|(verb, name)| format!("{verb} applications application-set as0 application {name}")),
        1 => prop::sample::select(&["application x", "application y", "application-set as0", "application-set as1"][..])
            .prop_map(|what| format!("delete applications {what}")),
        1 => Just("set security policies default-policy permit-all".to_owned()),
        1 => Just("set system host-name n".to_owned()),
        1 => Just("set security zones security-zone b tcp-rst".to_owned()),
        1 => Just("delete security zones security-zone b".to_owned()),
        1 => Just("set groups g security policies from-zone <*> to-zone <*> policy <*> then count".to_owned()),
        1 => Just("set apply-groups g".to_owned()),
        1 => Just("delete apply-groups".to_owned()),
        1 => Just("set protocols bgp group g".to_owned()),
        // The statement is another; what is below it is what it was.
        1 => prop::sample::select(&[("b", "a", "b", "b"), ("b", "b", "b", "a"), ("a", "b", "a", "a")][..])
            .prop_map(|(from, to, new, other)| format!("rename security policies from-zone {from} to-zone {to} to from-zone {new} to-zone {other}")),
        1 => prop::sample::select(&["deactivate", "activate"][..]).prop_map(|verb| format!("{verb} security address-book global")),
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

fn plane() -> SimPlane {
    let plane = SimWorkers::plane(SimSetup::default());
    plane.start().unwrap_or_else(|e| panic!("{e}"));
    plane
}

fn put(plane: &SimPlane, proposal: &Proposal) {
    let admission = plane.check_config(&proposal.program).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(admission.refusals, []);
    plane.apply_config(&proposal.program).unwrap_or_else(|e| panic!("{e}"));
    plane.updates().apply(&proposal.routes).unwrap_or_else(|e| panic!("{e}"));
}

/// Every kind of packet that the rules speak of, explained.
fn verdicts(plane: &SimPlane) -> Vec<ravelin_contract::Explanation> {
    let mut out = Vec::new();
    for n in 0..40u8 {
        let to = (u16::from(n) * 7 + 1) % 60;
        for (unit, src, dst) in [
            ("ge-0/0/0.0", [10, 0, 0, n], [10, 1, 0, to as u8]),
            ("ge-0/0/1.0", [10, 1, 0, n], [10, 0, 0, to as u8]),
            ("ge-0/0/0.0", [10, 0, 7, n % 9], [10, 1, 0, to as u8]),
        ] {
            let frame = frame(&Ip::v4(src, dst), &Payload::udp(1000, 53, &[]));
            let request = InjectRequest { interface: unit.into(), frame, before: Vec::new() };
            out.push(plane.diagnostics().inject_packet(&request).unwrap_or_else(|e| panic!("{e}")));
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn edits_lead_where_the_configuration_alone_leads(steps in prop::collection::vec(prop::collection::vec(line(), 1..3), 1..7)) {
        let mut tree = base();
        let mut book = IdBook::default();
        let mut checked: Option<Checked> = None;
        let running = plane();
        for (generation, lines) in (1..).zip(steps) {
            let lines = lines.join("\n");
            let next = edited(&tree, &lines);
            let alone = check_tree_after(&next, None, None);
            let after = check_tree_after(&next, None, checked.as_ref());
            prop_assert_eq!(after.as_ref().err(), alone.as_ref().err(), "{}", lines);
            let (Ok(after), Ok(alone)) = (after, alone) else { continue };
            prop_assert!(after.valid == alone.valid, "{}", lines);
            // The same ids, nothing else of what was.
            let text = serde_json::to_string(&book).unwrap_or_else(|e| panic!("{e}"));
            let mut same_ids: IdBook = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}"));
            let resolved = Resolved::virtual_ports(&alone.valid);
            let whole = propose(&alone.valid, resolved.clone(), &mut same_ids, Generation(generation));
            let part = propose(&after.valid, resolved, &mut book, Generation(generation));
            let (Ok(whole), Ok(part)) = (whole, part) else { panic!("{lines}: a valid configuration compiles") };
            prop_assert_eq!(&book, &same_ids);
            prop_assert_eq!(part.program.manifest(), whole.program.manifest(), "{}", lines);
            let same = part.program.chunks().eq(whole.program.chunks());
            prop_assert!(same, "{}", lines);
            put(&running, &part);
            let fresh = plane();
            put(&fresh, &whole);
            prop_assert_eq!(verdicts(&running), verdicts(&fresh), "{}", lines);
            (tree, checked) = (next, Some(after));
        }
    }
}
