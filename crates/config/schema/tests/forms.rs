//! The four forms of one tree: text, set, XML, JSON.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use ravelin_schema::{OPAQUE, RuleId, grammar, json, read, xml};
use ravelin_syntax::tree::{Kind, Node};
use ravelin_syntax::{Tree, Word, render};

fn tree(text: &str) -> Tree {
    let bound = read(text);
    assert!(bound.diagnostics.is_empty(), "{:?}\n{text}", bound.diagnostics);
    bound.tree
}

const TEXT: &str = "\
version 24.4R1;
groups {
    g {
        interfaces {
            <ge-*> {
                mtu 1400;
            }
        }
    }
}
apply-groups g;
/* the box */
system {
    inactive: host-name fw;
    protect: name-server {
        192.0.2.1;
    }
}
security {
    policies {
        from-zone a to-zone b {
            inactive: policy \"p\" {
                match {
                    source-address any;
                    application [ junos-http junos-https ];
                }
                then {
                    permit;
                }
            }
        }
        default-policy {
            deny-all;
        }
    }
    zones {
        security-zone trust {
            tcp-rst;
            inactive: interfaces {
                ge-0/0/0.0;
                ge-0/0/1.0 {
                    host-inbound-traffic {
                        system-services {
                            ssh;
                        }
                    }
                }
            }
        }
    }
}
interfaces {
    ge-0/0/0 {
        description \"up \\\"there\\\" & <beyond>\";
        unit 0 {
            family inet {
                address 10.0.0.1/24;
            }
        }
    }
}
";

#[test]
fn xml_is_that_of_junos() {
    let xml = xml::write(&tree(TEXT));
    for part in [
        "    <version>24.4R1</version>\n",
        "    <groups>\n        <name>g</name>\n        <interfaces>\n            <interface>\n                <name>&lt;ge-*&gt;</name>\n                <mtu>1400</mtu>\n",
        "    <apply-groups>g</apply-groups>\n",
        "    <junos:comment>/* the box */</junos:comment>\n    <system>\n        <host-name inactive=\"inactive\">fw</host-name>\n",
        "            <policy>\n                <from-zone-name>a</from-zone-name>\n                <to-zone-name>b</to-zone-name>\n                <policy inactive=\"inactive\">\n                    <name>p</name>\n                    <match>\n                        <source-address>any</source-address>\n                        <application>junos-http</application>\n                        <application>junos-https</application>\n                    </match>\n                    <then>\n                        <permit>\n                        </permit>\n",
        "                <interfaces>\n                    <name>ge-0/0/0.0</name>\n                </interfaces>\n",
        "                    <host-inbound-traffic>\n                        <system-services>\n                            <name>ssh</name>\n",
        "<tcp-rst/>\n",
        "<description>up \"there\" &amp; &lt;beyond&gt;</description>",
    ] {
        assert!(xml.contains(part), "expected\n{part}\nin\n{xml}");
    }
}

#[test]
fn json_is_that_of_junos() {
    let json: serde_json::Value = serde_json::from_str(&json::write(&tree(TEXT))).expect("it is JSON");
    let at = |pointer: &str| json.pointer(&format!("/configuration{pointer}")).cloned().unwrap_or_default();
    assert_eq!(at("/version"), "24.4R1");
    assert_eq!(at("/system/@/comment"), "/* the box */");
    assert_eq!(at("/system/@host-name/inactive"), true);
    assert_eq!(at("/security/policies/policy/0/from-zone-name"), "a");
    assert_eq!(at("/security/policies/policy/0/policy/0/@/inactive"), true);
    assert_eq!(
        at("/security/policies/policy/0/policy/0/match/application"),
        serde_json::json!(["junos-http", "junos-https"])
    );
    assert_eq!(at("/security/zones/security-zone/0/tcp-rst"), serde_json::json!([null]));
    assert_eq!(at("/security/zones/security-zone/0/interfaces/1/name"), "ge-0/0/0.0");
    assert_eq!(at("/interfaces/interface/0/name"), "ge-0/0/0");
    assert_eq!(at("/groups/0/interfaces/interface/0/mtu"), 1400);
}

#[test]
fn every_form_is_read_back_as_the_tree_it_shows() {
    same(&tree(TEXT));
    same(&tree(
        "access { profile x { client [ a b ]; /* c */ inactive: d \"e f\"; } }\nlogical-systems l { x; }\n",
    ));
    same(&tree("security { apply-macro m { one; two \"2 2\"; } }"));
    same(&tree("interfaces { ge-0/0/0 { description \" a\\n\\tb \"; } }"));
    same(&Tree::default());
}

/// Lines that say the same are one statement, whatever stood between them.
#[test]
fn a_statement_outside_the_table_is_there_once() {
    for between in ["set protocols", "set protocols lldp", "set wlan x\ndelete wlan x"] {
        let twice = tree(&format!("set poe guard-band 10\n{between}\nset poe guard-band 10\n"));
        assert_eq!(render::text(&twice).matches("guard-band").count(), 1, "{between}");
        same(&twice);
    }
}

/// A word outside the table is an attribute there: references of any character, and no other.
/// As many lines outside the table as make a level large, and a statement of the table before, among and behind them.
#[test]
fn what_is_outside_the_table_hides_nothing_that_is_in_it() {
    for before in 0..40 {
        let outside = |from: usize, to: usize| -> String {
            (from..to).map(|n| format!("set access profile p{n} authentication-order radius\n")).collect()
        };
        let (first, second) = (
            "set system host-name a\nset security zones security-zone z tcp-rst\n",
            "set system time-zone UTC\n",
        );
        let third = "set security zones security-zone z description d\nset system host-name b\n";
        let text =
            format!("{}{first}{}{second}{}{third}", outside(0, before), outside(before, 20), outside(20, 40));
        let bound = read(&text);
        assert!(bound.diagnostics.is_empty(), "{:?}", bound.diagnostics);
        let shown = render::set(&bound.tree);
        let tables: Vec<&str> = shown.lines().filter(|line| !line.starts_with("set access")).collect();
        let expected = [
            "set system host-name b",
            "set system time-zone UTC",
            "set security zones security-zone z description d",
            "set security zones security-zone z tcp-rst",
        ];
        assert_eq!(tables.len(), expected.len(), "{before}: {tables:?}");
        assert!(expected.iter().all(|line| tables.contains(line)), "{before}: {tables:?}");
        assert_eq!(bound.tree.nodes.iter().filter(|node| node.name == "system").count(), 1, "{before}");
        assert_eq!(read(&render::text(&bound.tree)).tree, bound.tree, "{before}");
    }
}

#[test]
fn words_of_any_character_are_kept_in_xml() {
    let odd = tree("protocols {\n    bgp \"a\u{0}\u{1}b & <c>\u{85}'d\" {\n        \"\u{0}\";\n    }\n}\n");
    same(&odd);
    let broken = "<configuration><protocols xmlns:ravelin=\"urn:ravelin:configuration\">\
                  <ravelin:statement words=\"a&nothing;\"/></protocols></configuration>";
    let told: Vec<String> = read(broken).diagnostics.into_iter().map(|d| d.message).collect();
    assert!(told.contains(&"unknown entity `&nothing;'".to_owned()), "{told:?}");
}

fn same(tree: &Tree) {
    let text = render::text(tree);
    for form in [text.clone(), xml::write(tree), json::write(tree)] {
        let bound = read(&form);
        assert_eq!(render::text(&bound.tree), text, "{:?}\n{form}", bound.diagnostics);
        assert_eq!(bound.tree, *tree, "{form}");
        // A value out of its range is an error in every form and kept in every form.
        assert!(
            bound.diagnostics.iter().all(|d| !d.message.contains("syntax")),
            "{:?}\n{form}",
            bound.diagnostics
        );
    }
    if !holds_opaque(&tree.nodes) {
        let set = render::set(tree);
        assert_eq!(read(&set).tree, *tree, "{set}");
    }
}

fn holds_opaque(nodes: &[Node]) -> bool {
    nodes.iter().any(|n| n.rule == OPAQUE.0 || n.kind == Kind::Opaque || holds_opaque(&n.children))
}

#[test]
fn what_junos_answers_is_read() {
    let reply = "<?xml version=\"1.0\"?>
<rpc-reply xmlns:junos=\"http://xml.juniper.net/junos/24.4R1/junos\" message-id=\"1\">
  <configuration xmlns=\"http://xml.juniper.net/xnm/1.1/xnm\" junos:changed-seconds=\"1\" junos:commit-user=\"x\">
    <version>24.4R1</version>
    <system><host-name>
        fw
      </host-name>
      <!-- a note -->
    </system>
    <security><policies><policy><from-zone-name>a</from-zone-name><to-zone-name>b</to-zone-name>
      <policy><name>p</name><then><permit/></then></policy></policy></policies></security>
  </configuration>
  <cli><banner></banner></cli>
</rpc-reply>";
    let bound = read(reply);
    assert_eq!(
        render::set(&bound.tree),
        "set version 24.4R1\nset system host-name fw\nset security policies from-zone a to-zone b policy p then permit\n",
        "{:?}",
        bound.diagnostics
    );
    assert_eq!(bound.diagnostics, [], "what the shell says of itself is passed over");
}

#[test]
fn errors_of_the_forms_have_places() {
    let junos = "<configuration><security><policies><default-policy><permit-all/></default-policy></policies></security></configuration>";
    assert_eq!(render::set(&tree(junos)), "set security policies default-policy permit-all\n");
    for (text, expected) in [
        (
            "<configuration>\n<system>\n<host-nam>a</host-nam></system></configuration>",
            "f:3:1: system: syntax error, unknown element `host-nam'",
        ),
        ("<configuration>\n <system>", "f:2:2: syntax error, `<system>' is not closed"),
        ("<configuration><system></configuration>", "syntax error"),
        (
            "<configuration><system insert=\"before\"/></configuration>",
            "only an entry of a list has a name and a place",
        ),
        (
            "<configuration><system><host-name>a&b;</host-name></system></configuration>",
            "unknown entity `&b;'",
        ),
        (
            "<configuration><security><flow><tcp-session><tcp-initial-timeout>9999</tcp-initial-timeout></tcp-session></flow></security></configuration>",
            "is not within range",
        ),
        (
            "{ \"configuration\": { \"system\": { \"host-nam\": \"a\" } } }",
            "system: syntax error, unknown element `host-nam'",
        ),
        ("{ \"configuration\": [ ] }", "must be an object"),
        ("{ \"configuration\": {\n \"system\": ", "f:2:"),
        (
            "{ \"configuration\": { \"system\": { \"@host-name\": { \"inactive\": true } } } }",
            "`@host-name' is about nothing",
        ),
        (
            "{ \"configuration\": { \"system\": { \"@\": { \"insert\": \"x\" } } } }",
            "attribute `insert' is not supported",
        ),
    ] {
        let lines: Vec<String> = read(text).diagnostics.iter().map(|d| d.line("f")).collect();
        assert!(lines.iter().any(|l| l.contains(expected)), "expected {expected} in {lines:?}\n{text}");
    }
    let deep = format!("<configuration>{}", "<system>".repeat(100_000));
    assert!(!read(&deep).diagnostics.is_empty());
    let deep = "[".repeat(100_000);
    assert!(!read(&format!("{{\"configuration\":{deep}")).diagnostics.is_empty());
}

/// Picks from a stream of numbers; nothing left is zero.
struct Choices<'a>(std::slice::Iter<'a, u16>);

impl Choices<'_> {
    fn below(&mut self, bound: usize) -> usize {
        usize::from(*self.0.next().unwrap_or(&0)) % bound.max(1)
    }
}

const TEXTS: [&str; 12] = [
    "a",
    "name-1",
    "10.0.0.1/24",
    "two words",
    "quo\"ted\\",
    "<*>",
    "semi;colon",
    "brace{}",
    "#hash",
    "/*c",
    "tab\there",
    "x:",
];

fn value(kind: &ravelin_schema::ValueType, choices: &mut Choices<'_>) -> String {
    use ravelin_schema::ValueType as V;
    match kind {
        V::Words(words) => words[choices.below(words.len())].to_owned(),
        V::Number { low, high } => [*low, *high, (*low + *high) / 2][choices.below(3)].to_string(),
        V::Decimal(_) => "1.5".to_owned(),
        V::Address | V::Ipv4 => "192.0.2.7".to_owned(),
        V::Ipv6 => "2001:db8::7".to_owned(),
        V::Prefix | V::Prefix4 | V::PrefixLength => format!("10.{}.0.0/16", choices.below(4)),
        V::Prefix6 => "2001:db8::/32".to_owned(),
        V::Mac => "00:11:22:33:44:55".to_owned(),
        V::Area => "0.0.0.1".to_owned(),
        V::TimeOfDay => "08:00".to_owned(),
        V::Any | V::Text { .. } | V::Secret => TEXTS[choices.below(TEXTS.len())].to_owned(),
    }
}

/// A statement of some rule below `id`, with what is in it.
fn grow(id: RuleId, depth: usize, choices: &mut Choices<'_>) -> Option<Node> {
    let children: Vec<RuleId> = grammar().children(id).map(|(id, _)| id).collect();
    let rule_id = *children.get(choices.below(children.len()))?;
    let rule = grammar().rule(rule_id)?;
    let mut node = grammar().node(rule_id, ravelin_syntax::Span::NOWHERE);
    let hidden_alone = grammar().hidden(id).count() <= 1;
    match rule.kind {
        Kind::Opaque => return None,
        Kind::Flag => {}
        Kind::Leaf => node.args = vec![Word::new(value(&rule.value.kind, choices))].into(),
        Kind::LeafList => {
            for _ in 0..=choices.below(3) {
                let word = Word::new(value(&rule.value.kind, choices));
                if !node.args.contains(&word) {
                    node.args.push(word);
                }
            }
        }
        Kind::Container | Kind::Entry => {
            for key in &rule.keys {
                if !key.optional || node.args.last().is_some_and(|w| ravelin_schema::takes_value(&w.text)) {
                    node.args.extend(key.keyword.map(Word::new));
                    node.args.push(Word::new(value(&key.value.kind, choices)));
                }
            }
            for _ in 0..choices.below(4) {
                if depth > 0 {
                    let child = grow(rule_id, depth - 1, choices);
                    node.children.extend(child.filter(|c| node.children.iter().all(|n| n.rule != c.rule)));
                }
            }
            node.children.sort_by_key(|n| n.rule);
        }
    }
    // A word without keyword must be told from keywords and from other such words.
    let first = node.args.first().map(|w| w.text.as_str());
    let misread = first.is_some_and(|w| grammar().keyword(id, w).is_some());
    let refused = rule.kind != Kind::Entry && first.is_some_and(|w| rule.value.check(w).is_err());
    if rule.hidden && (!hidden_alone || misread || refused) {
        return None;
    }
    node.inactive = choices.below(6) == 1;
    node.protect = choices.below(9) == 1;
    if choices.below(5) == 1 {
        node.comments =
            vec![["/* note */", "# line", "/* two\n   lines */", "/* # */"][choices.below(4)].to_owned()]
                .into();
    }
    Some(node)
}

fn grown(choices: &[u16]) -> Tree {
    let mut choices = Choices(choices.iter());
    let mut nodes: Vec<Node> = Vec::new();
    for _ in 0..6 {
        let node = grow(RuleId(0), 6, &mut choices);
        nodes.extend(node.filter(|n| nodes.iter().all(|other| other.rule != n.rule)));
    }
    nodes.sort_by_key(|n| n.rule);
    Tree { nodes }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, rng_seed: RngSeed::Fixed(11), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_of_the_grammar_is_the_same_in_every_form(choices in prop::collection::vec(any::<u16>(), 0..200)) {
        same(&grown(&choices));
    }

    #[test]
    fn any_elements_are_answered(text in "[<{]{1}[a-z<>/\"=&;:,{}\\[\\] \n]{0,200}") {
        let _ = read(&text);
    }
}
