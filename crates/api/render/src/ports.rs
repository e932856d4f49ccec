//! `show security nat source deterministic`, `show security nat resource-usage source-pool`.

use std::fmt::Write as _;

use ravelin_ops::{DeterministicPool, DeterministicPools, HostPorts, PoolUse, PoolUses};

use crate::element::Element;

pub(crate) fn deterministic(list: &DeterministicPools) -> String {
    let mut out = String::new();
    for pool in &list.pools {
        head(&mut out, pool);
        let _ = writeln!(out, "{:<40}{:<40}Port_Range", "Host_IP", "External_IP");
        for HostPorts { host, external, low, high } in &pool.lines {
            let _ = writeln!(out, "{host:<40}{external:<40}{low}-{high}");
        }
        if pool.more > 0 {
            let _ = writeln!(out, "and {} more", pool.more);
        }
    }
    out
}

fn head(out: &mut String, pool: &DeterministicPool) {
    let DeterministicPool { name, block_size, hosts, blocks, .. } = pool;
    if !out.is_empty() {
        out.push('\n');
    }
    let _ = writeln!(out, "Pool name: {name}");
    let _ = writeln!(out, "Port-overloading-factor: 1     Port block size: {block_size}");
    let _ = writeln!(out, "Hosts/total port blocks: {hosts}/{blocks}");
}

pub(crate) fn ranges(list: &DeterministicPools) -> String {
    let mut out = String::new();
    for pool in &list.pools {
        head(&mut out, pool);
        for (first, last) in &pool.ranges {
            let _ = writeln!(out, "Host address range: {first} - {last}");
        }
    }
    out
}

pub(crate) fn deterministic_element(list: &DeterministicPools) -> Element {
    let line = |line: &HostPorts| {
        Element::new("det-nat-host-entry")
            .leaf("det-nat-host-ip", line.host)
            .leaf("det-nat-external-ip", line.external)
            .leaf("det-nat-port-low", line.low)
            .leaf("det-nat-port-high", line.high)
    };
    let pool = |pool: &DeterministicPool| pool_element(pool).children(pool.lines.iter().map(line));
    Element::new("deterministic-nat-information").children(list.pools.iter().map(pool))
}

pub(crate) fn ranges_element(list: &DeterministicPools) -> Element {
    let pool = |pool: &DeterministicPool| {
        pool_element(pool).children(pool.ranges.iter().map(|(first, last)| {
            Element::new("det-nat-host-address-range")
                .leaf("address-range-low", first)
                .leaf("address-range-high", last)
        }))
    };
    Element::new("deterministic-nat-information").children(list.pools.iter().map(pool))
}

fn pool_element(pool: &DeterministicPool) -> Element {
    Element::new("det-nat-pool-entry")
        .leaf("pool-name", &pool.name)
        .leaf("port-block-size", pool.block_size)
        .leaf("host-count", pool.hosts)
        .leaf("port-block-total", pool.blocks)
}

pub(crate) fn pool_use(list: &PoolUses) -> String {
    let mut out = String::new();
    for (title, is_pat) in [
        ("PAT pools(including address-shared pool) port utilization:", true),
        ("Non-PAT pools address utilization:", false),
    ] {
        let mut pools = list.pools.iter().filter(|pool| pool.is_pat == is_pat).peekable();
        if pools.peek().is_none() {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        let _ = writeln!(out, "{title}");
        let columns =
            ["Pool", "Unit", "Address", "Factor", "Used", "Avail", "Total", "Usage"].map(str::to_owned);
        row(&mut out, &columns);
        for pool in pools {
            let PoolUse { name, unit, addresses, overload, used, total, .. } = pool;
            let numbers = [*addresses, (*overload).into(), *used, total.saturating_sub(*used), *total];
            let [addresses, overload, used, avail, total] = numbers.map(|n| n.to_string());
            let usage = format!("{}%", percent(pool));
            row(&mut out, &[name.clone(), unit.clone(), addresses, overload, used, avail, total, usage]);
        }
    }
    out
}

fn row(out: &mut String, cells: &[String; 8]) {
    let [name, rest @ ..] = cells;
    let _ = write!(out, "{name:<20}");
    for cell in rest {
        let _ = write!(out, " {cell:>11}");
    }
    out.push('\n');
}

fn percent(pool: &PoolUse) -> u64 {
    (pool.used * 100).checked_div(pool.total).unwrap_or(0).min(100)
}

pub(crate) fn pool_use_element(list: &PoolUses) -> Element {
    let pool = |pool: &PoolUse| {
        Element::new(if pool.is_pat { "pat-pool-usage-entry" } else { "non-pat-pool-usage-entry" })
            .leaf("pool-name", &pool.name)
            .leaf("resource-unit", &pool.unit)
            .leaf("total-address", pool.addresses)
            .leaf("port-overloading-factor", pool.overload)
            .leaf("resource-used", pool.used)
            .leaf("resource-avail", pool.total.saturating_sub(pool.used))
            .leaf("resource-total", pool.total)
            .leaf("resource-usage", percent(pool))
    };
    Element::new("source-resource-usage-pool-information").children(list.pools.iter().map(pool))
}
