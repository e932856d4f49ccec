//! What address sets of many members cost, from text to program. Texts of any size, broken ones too: `TEXT_MB=50 cargo test
//! --release -p ravelin-model --test large`.
//!
//! `cargo bench -p ravelin-compile --bench lists`. One core, each list once; asserts nothing.

use std::fmt::Write as _;
use std::time::Instant as Clock;

use ravelin_compile::{IdBook, Resolved, compile};
use ravelin_schema::read;
use ravelin_types::Generation;

fn main() {
    println!("address sets; milliseconds, and the peak of memory so far");
    for count in [10_000, 100_000, 1_000_000] {
        members(count);
    }
}

/// Peak of this process, in megabytes.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()).unwrap_or(0) / 1024
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
        "{count:>10} members: read {:.0}, check {:.0}, compile {:.0}, all {:.0}; {} MB",
        ms(read),
        ms(checked - read),
        ms(compiled - checked),
        ms(compiled),
        peak_mb()
    );
}
