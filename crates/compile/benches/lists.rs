//! What large and broken texts cost, by their length: seconds for 50 MB, and for a tenth of it. Linear time shows
//! as a factor of ten; beside it lists of many entries.
//!
//! `cargo bench -p ravelin-compile --bench texts [MEGABYTES]`. One core, each text once; asserts nothing.

use std::fmt::Write as _;
use std::time::Instant as Clock;

use ravelin_compile::{IdBook, Resolved, compile};
use ravelin_model::load;
use ravelin_schema::read;
use ravelin_syntax::{NESTING_MAX, decode};
use ravelin_types::Generation;

fn main() {
    let megabytes = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(50usize);
    let bytes = megabytes << 20;
    println!("{megabytes} MB of text, a tenth of it, and the factor; seconds");
    broken("braces that open", bytes, &|n| "a { ".repeat(n / 4));
    broken("braces that open and close", bytes, &|n| {
        format!("{}{}", "access { ".repeat(n / 11), "} ".repeat(n / 11))
    });
    broken("braces as deep as may be", bytes, &|n| {
        let one = format!("{}x;{}", "access { ".repeat(NESTING_MAX), "}".repeat(NESTING_MAX));
        one.repeat(n / one.len())
    });
    broken("elements that open", bytes, &|n| "<a>".repeat(n / 3));
    broken("one word", bytes, &|n| "x".repeat(n));
    broken("one line of words", bytes, &|n| format!("set {}", "security zones ".repeat(n / 15)));
    broken("one list", bytes, &|n| format!("set system host-name [ {}", "a ".repeat(n / 2)));
    broken("one comment", bytes, &|n| format!("/* {}", "y\n".repeat(n / 2)));
    broken("wrong keywords", bytes, &|n| "interfases;\n".repeat(n / 12));
    broken("random bytes", bytes, &|n| decode(&random(n, None)));
    broken("random signs", bytes, &|n| decode(&random(n, Some(b"{};[]\"<>/ \n#*:set"))));
    println!("lists; milliseconds");
    for count in [100_000, 1_000_000] {
        members(count);
    }
}

fn random(count: usize, of: Option<&[u8]>) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let byte = |n: u64| of.map_or(n as u8, |signs| signs[(n % signs.len() as u64) as usize]);
    (0..count).map(|_| byte(next())).collect()
}

fn broken(name: &str, bytes: usize, text: &dyn Fn(usize) -> String) {
    let time = |bytes: usize| {
        let text = text(bytes);
        let start = Clock::now();
        std::hint::black_box(load(&text));
        start.elapsed().as_secs_f64()
    };
    let (small, large) = (time(bytes / 10), time(bytes));
    println!("{name:>30} {large:>8.3} {small:>8.3} {:>6.1}", large / small);
}

/// One address set of so many members, in one policy.
fn members(count: usize) {
    let mut text = String::from(
        "interfaces { ge-0/0/0 { unit 0 { family inet { address 10.0.0.1/8; } } } }\n\
         security { zones { security-zone trust { interfaces { ge-0/0/0.0; } } }\naddress-book { global {\n",
    );
    for n in 0..count {
        let (a, b, c) = ((n >> 16) & 255, (n >> 8) & 255, n & 255);
        let _ = writeln!(text, "address a{n} 10.{a}.{b}.{c}/32;");
    }
    text.push_str("address-set all {\n");
    for n in 0..count {
        let _ = writeln!(text, "address a{n};");
    }
    text.push_str(
        "}\n} }\npolicies { from-zone trust to-zone trust { policy p { match { source-address all; destination-address any; \
         application any; } then { permit; } } } } }\n",
    );
    let start = Clock::now();
    let tree = read(&text).tree;
    let read = start.elapsed();
    let valid = ravelin_model::check_tree(&tree).unwrap_or_else(|e| panic!("{e:?}"));
    let checked = start.elapsed();
    let resolved = Resolved::virtual_ports(&valid);
    let program = compile(&valid, &resolved, &mut IdBook::default(), Generation(1));
    assert!(program.is_ok(), "{:?}", program.err());
    let compiled = start.elapsed();
    let ms = |d: std::time::Duration| d.as_secs_f64() * 1e3;
    println!(
        "{count:>10} members: read {:.0}, check {:.0}, compile {:.0}, all {:.0}",
        ms(read),
        ms(checked - read),
        ms(compiled - checked),
        ms(compiled)
    );
}
