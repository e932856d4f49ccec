//! Texts as they come: from real devices, and from whoever wants the reader to stop.

use ravelin_model::load;
use ravelin_syntax::{decode, render};

fn set(bytes: &[u8]) -> String {
    let loaded = load(&decode(bytes));
    let errors: Vec<String> = loaded.result.err().unwrap_or_default().iter().map(|d| d.line("f")).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    render::set(&loaded.tree)
}

#[test]
fn what_a_device_writes_is_read() {
    let braces = b"\xef\xbb\xbf## Last commit: 2024-05-01 10:00:00 UTC by root\r\nversion 21.4R3-S5.4;\r\n\
        groups {\r\n    node0 {\r\n        system {\r\n            host-name left;\r\n        }\r\n    }\r\n}\r\n\
        apply-groups \"${node}\";\r\napply-macro \"m\" {\r\n\tone two;\r\n}\r\n\
        system {\r\n\t/* a note */\r\n\thost-name fw; ## SECRET-DATA\r\n}\r\n\
        # a line\r\ninterfaces {\r\n    ge-0/0/0 {\r\n        description \"caf\xc3\xa9\";\r\n        unit 0;\r\n    }\r\n}\r\n";
    assert_eq!(
        set(braces),
        "set version 21.4R3-S5.4\nset groups node0 system host-name left\nset apply-groups \"${node}\"\n\
         set apply-macro m one two\nset system host-name fw\nannotate system host-name \"a note\"\n\
         set interfaces ge-0/0/0 description caf\u{e9}\nset interfaces ge-0/0/0 unit 0\n\
         annotate interfaces \"# a line\"\n"
    );
    let lines = b"# shown by a device\n\nset version 21.4R3-S5.4\r\nset system host-name fw\r\n\
        set interfaces ge-0/0/0 description \"caf\xe9\"\nset interfaces ge-0/0/0 unit 0\ndeactivate interfaces ge-0/0/0\n";
    assert_eq!(
        set(lines),
        "set version 21.4R3-S5.4\nset system host-name fw\nset interfaces ge-0/0/0 description caf\u{e9}\n\
         set interfaces ge-0/0/0 unit 0\ndeactivate interfaces ge-0/0/0\n"
    );
}

#[test]
fn a_very_long_line_is_a_line() {
    let mut text = String::from("security { address-book { global { ");
    for n in 0..20_000 {
        text.push_str(&format!("address a{n} 10.{}.{}.{}/32; ", n >> 16, (n >> 8) & 255, n & 255));
    }
    text.push_str("address wrong 10.0.0.300/32; } } }");
    let errors = load(&text).result.err().unwrap_or_default();
    let wrong = errors.iter().find(|e| e.message == "invalid prefix `10.0.0.300/32'");
    let caret = wrong.unwrap_or_else(|| panic!("{errors:?}")).caret("f", &text);
    assert!(caret.len() < 1000, "what is shown of a long line is short");
    assert!(caret.contains("address wrong 10.0.0.300/32;"), "{caret}");
}

/// Bytes of each of the texts below: enough that anything that grows faster than the text would not end.
const BYTES: usize = 5 << 20;

fn repeated(part: &str) -> String {
    part.repeat(BYTES / part.len())
}

/// Answered, with errors; the number of them is bounded.
#[track_caller]
fn answered(text: &str) {
    let loaded = load(text);
    let errors = loaded.result.err().unwrap_or_default();
    assert!(!errors.is_empty());
    assert!(errors.len() <= 3 * ravelin_syntax::DIAGNOSTICS_MAX, "{}", errors.len());
}

#[test]
fn nesting_ends() {
    answered(&repeated("a { "));
    answered(&repeated("{"));
    answered(&repeated("}"));
    answered(&repeated("system { services { ssh { } } } security { zones { "));
    answered(&format!("{}{}", repeated("access { "), repeated("} ")));
}

#[test]
fn nesting_of_elements_ends() {
    answered(&repeated("<a>"));
    answered(&format!("<configuration>{}", repeated("<system>")));
    answered(&repeated("{\"configuration\":"));
    answered(&format!("{{\"configuration\":{}", repeated("[")));
}

#[test]
fn one_line_ends() {
    answered(&repeated("x"));
    answered(&format!("\"{}", repeated("y")));
    answered(&format!("/* {}", repeated("y\n")));
    answered(&format!("set system host-name [ {}", repeated("a ")));
    answered(&format!("set {}", repeated("security zones ")));
    answered(&repeated("inactive: "));
    answered(&format!(
        "groups {{ g {{ interfaces {{ <{}> {{ unit 0; }} }} }} }} apply-groups g;",
        repeated("*a")
    ));
}

#[test]
fn random_bytes_end() {
    let mut state = 88172645463325252u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let bytes: Vec<u8> = (0..BYTES).map(|_| next() as u8).collect();
    answered(&decode(&bytes));
    let signs = b"{};[]\"<>/ \n#*:set";
    let bytes: Vec<u8> = (0..BYTES).map(|_| signs[(next() % signs.len() as u64) as usize]).collect();
    answered(&decode(&bytes));
}

#[test]
fn many_statements_end() {
    let mut text = String::new();
    // In the wrong order, each on its own line, and switched off and on again.
    for n in (0..30_000).rev() {
        text.push_str(&format!("set security zones security-zone z{n} tcp-rst\nset system host-name n{n}\n"));
    }
    for n in 0..30_000 {
        text.push_str(&format!("deactivate security zones security-zone z{n}\n"));
        text.push_str(&format!("annotate security zones security-zone z{n} \"note {n}\"\n"));
    }
    for n in 0..29_999 {
        text.push_str(&format!("delete security zones security-zone z{n}\n"));
    }
    let loaded = load(&text);
    assert_eq!(loaded.result.err(), None);
    assert_eq!(
        render::set(&loaded.tree),
        "set system host-name n0\nset security zones security-zone z29999 tcp-rst\n\
         annotate security zones security-zone z29999 \"note 29999\"\n\
         deactivate security zones security-zone z29999\n"
    );
}

#[test]
fn values_of_one_list_end() {
    let mut text = String::new();
    for n in 0..60_000 {
        text.push_str(&format!("set security policies global policy p match application a{n}\n"));
    }
    let loaded = load(&text);
    assert_eq!(render::set(&loaded.tree), text);
}
