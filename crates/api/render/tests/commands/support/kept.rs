//! What hosts have of the sample's pools.

use std::cell::RefCell;
use std::net::IpAddr;

use ravelin_contract::{InterfacePorts, KeptKind, KeptPorts, NatClear};

thread_local! {
    /// What was cleared last.
    static CLEARED: RefCell<Option<NatClear>> = const { RefCell::new(None) };
}

pub fn note(what: &NatClear) {
    CLEARED.with(|cleared| *cleared.borrow_mut() = Some(what.clone()));
}

pub fn cleared() -> NatClear {
    CLEARED.with(|cleared| cleared.borrow_mut().take()).unwrap_or_default()
}

fn addr(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub fn kept() -> Vec<KeptPorts> {
    let block = |host, (low, high), used, is_active| KeptPorts {
        kind: KeptKind::Block,
        pool: 6,
        host: addr(host),
        external: addr("203.0.113.14"),
        low,
        high,
        used,
        is_active,
        age_s: 100,
        left_s: is_active.then_some(200),
    };
    let pair = |pool, host, external| KeptPorts {
        kind: KeptKind::Address,
        pool,
        host: addr(host),
        external: addr(external),
        low: 0,
        high: u16::MAX,
        used: 3,
        is_active: true,
        age_s: 0,
        left_s: None,
    };
    vec![
        block("2001:db8::9", (1152, 1215), 64, false),
        block("10.1.0.7", (1088, 1151), 2, true),
        block("10.1.0.7", (1024, 1087), 64, false),
        pair(4, "10.1.0.9", "203.0.113.11"),
        pair(4, "10.1.0.8", "203.0.113.10"),
    ]
}

pub fn interface_ports() -> Vec<InterfacePorts> {
    let single_max = 62_464;
    vec![InterfacePorts { addr: addr("198.51.100.1"), single: 5, single_max, twin: 2, twin_max: 2048 }]
}
