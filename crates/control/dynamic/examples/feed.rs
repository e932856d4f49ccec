//! How long a feed of a million entries takes from text to packets: `cargo run --release -p ravelin-dynamic --example feed`.

use std::fmt::Write as _;
use std::time::Instant;

use ravelin_compile::{IdBook, Resolved, compile};
use ravelin_contract::{DataPlane, LiveSetUpdate, LiveUpdate, UpdateBatch};
use ravelin_dynamic::{DynamicPlan, parse};
use ravelin_sim::{SimSetup, SimWorkers};
use ravelin_types::Generation;

const ENTRIES: u32 = 1 << 20;

fn main() {
    let text = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set security dynamic-address feed-server lists url http://lists.example
set security dynamic-address feed-server lists feed-name bad
set security dynamic-address address-name bad-hosts profile feed-name bad
";
    let mut text = text.to_owned();
    for n in 0..20 {
        let policy = format!("set security policies from-zone trust to-zone untrust policy p{n}");
        let to = if n % 4 == 0 { "bad-hosts" } else { "any" };
        let _ = writeln!(text, "{policy} match source-address 10.{n}.0.0/16");
        let _ = writeln!(text, "{policy} match destination-address {to}");
        let _ = writeln!(text, "{policy} match application any\n{policy} then deny");
    }
    let valid = ravelin_model::load(&text).result.unwrap_or_else(|errors| panic!("{errors:?}"));
    let plan = DynamicPlan::new(&valid);
    let resolved = Resolved::virtual_ports(&valid);
    let program = compile(&valid, &resolved, &mut IdBook::default(), Generation(1));
    let program = program.unwrap_or_else(|errors| panic!("{errors:?}"));
    let plane = SimWorkers::plane(SimSetup::default());
    plane.apply_config(&program).unwrap_or_else(|error| panic!("{error}"));
    for round in 0..3 {
        let mut list = String::new();
        for n in 0..ENTRIES {
            let at = n.wrapping_mul(0x9e37_79b1).wrapping_add(round);
            let _ = writeln!(list, "{}", std::net::Ipv4Addr::from(at));
        }
        let start = Instant::now();
        let parsed = parse(list.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        let read = start.elapsed();
        let sets = vec![LiveSetUpdate { id: plan.feeds[0].id, addresses: Some(parsed.addresses) }];
        let live = LiveUpdate { resync: false, schedules: Vec::new(), sets };
        let batch = UpdateBatch { live: Some(live), ..UpdateBatch::default() };
        let start = Instant::now();
        plane.updates().apply(&batch).unwrap_or_else(|error| panic!("{error}"));
        println!("{ENTRIES} entries: read in {read:?}, in force after {:?}", start.elapsed());
    }
}
