//! Texts of any size in every form, read as a whole configuration and loaded in every way: each is answered, and what a
//! broken one leaves is what was there.
//!
//! The size is such that whatever grows faster than the text would not end. `TEXT_MB=50 cargo test --release` (and
//! `make soak`) takes them at that many megabytes, and says what each took, and how many times what a tenth of it takes: ten is
//! linear. Spec: language-42.

use std::fmt::Write as _;
use std::time::Instant;

use ravelin_model::load;
use ravelin_schema::Action;
use ravelin_syntax::{DIAGNOSTICS_MAX, NESTING_MAX, Tree, decode};

/// Bytes of each text.
const BYTES: usize = 300_000;

const ACTIONS: [Action; 6] =
    [Action::Merge, Action::Replace, Action::Update, Action::Override, Action::Patch, Action::Set];

fn bytes() -> usize {
    let megabytes = std::env::var("TEXT_MB").ok().and_then(|text| text.parse::<usize>().ok());
    megabytes.map_or(BYTES, |megabytes| megabytes << 20)
}

fn repeated(part: &str, bytes: usize) -> String {
    part.repeat(bytes / part.len())
}

fn random(count: usize, of: Option<&[u8]>) -> String {
    let mut state = 88_172_645_463_325_252u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let byte = |n: u64| of.map_or(n as u8, |signs| signs[(n % signs.len() as u64) as usize]);
    decode(&(0..count).map(|_| byte(next())).collect::<Vec<u8>>())
}

/// A name, and a text of at least so many bytes.
type Shape = (&'static str, fn(usize) -> String);

/// Broken in one way each.
const BROKEN: [Shape; 30] = [
    ("braces that open", |n| repeated("a { ", n)),
    ("braces alone", |n| repeated("{", n)),
    ("closing braces", |n| repeated("}", n)),
    ("closing brackets", |n| repeated("set ]", n)),
    ("known braces that open", |n| repeated("access { ", n)),
    ("as deep as may be", |n| {
        let one = format!("{}x;{}", "access { ".repeat(NESTING_MAX), "}".repeat(NESTING_MAX));
        repeated(&one, n)
    }),
    ("one word", |n| repeated("x", n)),
    ("one word of a command", |n| format!("set {}", repeated("x", n))),
    ("one line of words", |n| format!("set {}", repeated("security zones ", n))),
    ("one list", |n| format!("set system host-name [ {}", repeated("a ", n))),
    ("quotes without an end", |n| repeated("\"a ", n)),
    ("lines of quotes without an end", |n| repeated("set system host-name \"a\n", n)),
    ("one quote", |n| format!("set system host-name \"{}", repeated("\\\"", n))),
    ("one comment", |n| format!("/* {}", repeated("y\n", n))),
    ("comments without an end", |n| repeated("/* ", n)),
    ("comment lines", |n| repeated("# y\n", n) + "x;"),
    ("tags", |n| repeated("inactive: protect: replace: delete: ", n)),
    ("wrong keywords", |n| repeated("interfases;\n", n)),
    ("wrong commands", |n| repeated("set interfases\n", n)),
    ("commands of no statement", |n| repeated("set\n", n)),
    ("levels", |n| repeated("edit system\nup 9\ntop\n", n) + "set x"),
    ("elements that open", |n| repeated("<a>", n)),
    ("elements that close", |n| format!("<a>{}", repeated("</a>", n))),
    ("elements in a configuration", |n| format!("<configuration>{}", repeated("<system>", n))),
    ("attributes", |n| format!("<configuration {}", repeated("a=\"b\" ", n))),
    ("entities", |n| format!("<configuration><version>{}", repeated("&amp;&#10;", n))),
    ("objects", |n| repeated("{\"configuration\":", n)),
    ("arrays", |n| format!("{{\"configuration\":{}", repeated("[", n))),
    ("random bytes", |n| random(n, None)),
    ("random signs", |n| random(n, Some(b"{};[]\"<>/ \n#*:set+-!"))),
];

/// Peak of this process, in megabytes.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn is_large() -> bool {
    bytes() != BYTES
}

fn told(what: &str, start: Instant) {
    if is_large() {
        println!("{what:>50} {:>8.2} s, peak {} MB", start.elapsed().as_secs_f64(), peak_mb());
    }
}

#[test]
fn a_broken_text_of_any_size_is_answered() {
    for (name, text) in BROKEN {
        let answer = |text: &str| {
            let start = Instant::now();
            let errors = load(text).result.err().unwrap_or_default();
            assert!(!errors.is_empty(), "{name}");
            assert!(errors.len() <= 3 * DIAGNOSTICS_MAX, "{name}: {}", errors.len());
            start.elapsed()
        };
        let tenth = is_large().then(|| answer(&text(bytes() / 10)));
        let start = Instant::now();
        let whole = answer(&text(bytes()));
        let times = tenth.map_or(0.0, |tenth| whole.as_secs_f64() / tenth.as_secs_f64());
        told(&format!("{name}, {times:.1} times a tenth"), start);
    }
}

#[test]
fn a_broken_load_of_any_size_leaves_what_was_there() {
    let start = ravelin_schema::read("system { host-name a; }\nsecurity { zones { security-zone z; } }").tree;
    for (name, text) in BROKEN {
        let text = text(bytes());
        for action in ACTIONS {
            let clock = Instant::now();
            let mut tree = start.clone();
            if ravelin_schema::load(&mut tree, &[], action, &text).is_err() {
                assert_eq!(tree, start, "{name}, {action:?}");
            }
            told(&format!("{name}, {action:?}"), clock);
        }
    }
}

/// Right ones: a statement a line, and changed by as many.
#[test]
fn a_long_load_of_every_kind_is_done() {
    let count = bytes() / 100;
    let zone = |n: usize| format!("security-zone z{n:07}");
    let (mut set, mut braces, mut patch, mut replace) =
        (String::new(), String::new(), String::new(), String::new());
    patch.push_str("[edit security zones]\n");
    for n in 0..count {
        let zone = zone(n);
        let _ = writeln!(set, "set security zones {zone} tcp-rst");
        let _ = writeln!(braces, "{zone} {{ tcp-rst; }}");
        let _ = writeln!(patch, "-    {zone} {{\n-        tcp-rst;\n-    }}");
        let _ = writeln!(replace, "replace: {zone} {{ description d; }}");
    }
    let whole = |inner: &str| format!("security {{ zones {{\n{inner}}} }}\n");
    let zones = |tree: &Tree| tree.find(&["security", "zones"]).map_or(0, |zones| zones.children.len());
    let mut tree = Tree::default();
    let mut load = |action: Action, text: &str| {
        let start = Instant::now();
        let done = ravelin_schema::load(&mut tree, &[], action, text);
        assert!(done.is_ok(), "{action:?}: {:?}", done.err().and_then(|errors| errors.first().cloned()));
        told(&format!("{count} statements, {action:?}"), start);
        zones(&tree)
    };
    assert_eq!(load(Action::Set, &set), count);
    assert_eq!(load(Action::Merge, &whole(&braces)), count);
    assert_eq!(load(Action::Patch, &patch), 0, "all were taken away");
    assert_eq!(load(Action::Override, &whole(&braces)), count);
    assert_eq!(load(Action::Replace, &whole(&replace)), count);
    assert_eq!(load(Action::Update, &whole(&braces)), count);
}
