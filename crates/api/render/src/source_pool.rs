//! `show security nat source pool`.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use ravelin_ops::{Alarm, SourceNatPool, SourceNatPools};

use crate::element::Element;

pub(crate) fn text(list: &SourceNatPools) -> String {
    let mut out = format!("Total pools: {}\n", list.pools.len());
    for pool in &list.pools {
        one(&mut out, pool);
    }
    out
}

fn one(out: &mut String, pool: &SourceNatPool) {
    let SourceNatPool { name, id, base, overload, paired, overflow, addresses, rules, .. } = pool;
    let SourceNatPool { used, others, held, capacity, alarm, total_addresses, hits, .. } = pool;
    out.push('\n');
    let mut line = |title: &str, value: &dyn std::fmt::Display| {
        let _ = writeln!(out, "{title:<20}: {value}");
    };
    line("Pool name", name);
    line("Pool id", id);
    line("Routing instance", &"default");
    line("Host address base", &base.unwrap_or(Ipv4Addr::UNSPECIFIED.into()));
    line("Port", &translation(pool));
    line("Port overloading", overload);
    line("Address assignment", &if *paired { "paired" } else { "no-paired" });
    if let Some(overflow) = overflow {
        line("Overflow pool", overflow);
    }
    line("Total addresses", total_addresses);
    line("Translation hits", hits);
    line("Referenced rules", rules);
    line("Ports in use", &format!("tcp {}, udp {}, icmp {}, other {}", used[0], used[1], used[2], used[3]));
    line("Without a port", others);
    line("Blocks or addresses", held);
    line("Capacity", capacity);
    line("Utilization", &format!("{} %", utilization(pool)));
    if let Some(Alarm { raise, clear, raised }) = alarm {
        let state = if *raised { "raised" } else { "not raised" };
        line("Utilization alarm", &format!("{state}, from {raise} % until below {clear} %"));
    }
    for (first, last) in addresses {
        line("Address range", &format!("{first} - {last}"));
    }
}

fn translation(pool: &SourceNatPool) -> String {
    pool.ports.map_or_else(|| "no translation".to_owned(), |(low, high)| format!("[{low}, {high}]"))
}

/// Percent in use of what can be given out.
fn utilization(pool: &SourceNatPool) -> u32 {
    ravelin_ops::utilization(pool.used, pool.held, pool.capacity).unwrap_or(0)
}

pub(crate) fn element(list: &SourceNatPools) -> Element {
    let pool = |pool: &SourceNatPool| {
        let entry = Element::new("source-nat-pool-info-entry")
            .leaf("pool-name", &pool.name)
            .leaf("pool-id", pool.id)
            .leaf("routing-instance-name", "default")
            .leaf("host-address-base", pool.base.unwrap_or(Ipv4Addr::UNSPECIFIED.into()))
            .leaf("source-pool-port-translation", translation(pool))
            .leaf("port-overloading-factor", pool.overload)
            .leaf("source-pool-address-assignment", if pool.paired { "paired" } else { "no-paired" })
            .leaf("source-pool-total-address", pool.total_addresses)
            .leaf("source-pool-translation-hits", pool.hits)
            .leaf("source-pool-referenced-rules", pool.rules)
            .leaf("source-pool-port-used", pool.used.iter().sum::<u64>())
            .leaf("source-pool-capacity", pool.capacity)
            .leaf("source-pool-utilization", utilization(pool));
        let entry = match pool.alarm {
            None => entry,
            Some(Alarm { raise, clear, raised }) => entry
                .leaf("source-pool-alarm-raise-threshold", raise)
                .leaf("source-pool-alarm-clear-threshold", clear)
                .leaf("source-pool-alarm", if raised { "raised" } else { "cleared" }),
        };
        entry.children(pool.addresses.iter().map(|(first, last)| {
            Element::new("source-pool-address-range")
                .leaf("address-range-low", first)
                .leaf("address-range-high", last)
        }))
    };
    Element::new("source-nat-pool-detail-information").children(list.pools.iter().map(pool))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_shown_with_what_is_in_use() {
        let pool = SourceNatPool {
            name: "p".into(),
            id: 3,
            ports: Some((1024, 63487)),
            overload: 1,
            addresses: vec![("203.0.113.8".parse().unwrap(), "203.0.113.9".parse().unwrap())],
            rules: 2,
            total_addresses: 2,
            hits: 9,
            used: [5, 62464, 2, 0],
            others: 1,
            capacity: 124_928,
            alarm: Some(Alarm { raise: 50, clear: 40, raised: true }),
            ..SourceNatPool::default()
        };
        let expected = "\
Total pools: 1

Pool name           : p
Pool id             : 3
Routing instance    : default
Host address base   : 0.0.0.0
Port                : [1024, 63487]
Port overloading    : 1
Address assignment  : no-paired
Total addresses     : 2
Translation hits    : 9
Referenced rules    : 2
Ports in use        : tcp 5, udp 62464, icmp 2, other 0
Without a port      : 1
Blocks or addresses : 0
Capacity            : 124928
Utilization         : 50 %
Utilization alarm   : raised, from 50 % until below 40 %
Address range       : 203.0.113.8 - 203.0.113.9
";
        assert_eq!(text(&SourceNatPools { pools: vec![pool] }), expected);
    }
}
