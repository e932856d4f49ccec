//! Proxy ARP and neighbour discovery: the unit exists, ranges are of its family, and none is its own address.

use ipnet::IpNet;

use super::{Report, zones};
use crate::security::with_unit;
use crate::{Config, NatProxy, ProxyRange};

pub(super) fn check(config: &Config, report: &mut Report) {
    for (word, is_v4, list) in
        [("proxy-arp", true, &config.security.proxy_arp), ("proxy-ndp", false, &config.security.proxy_ndp)]
    {
        for proxy in list {
            let path = format!("security nat {word} interface {}", proxy.interface);
            one(config, proxy, is_v4, &path, report);
        }
    }
}

fn one(config: &Config, proxy: &NatProxy, is_v4: bool, path: &str, report: &mut Report) {
    let unit = with_unit(&proxy.interface);
    if !zones::logical_interfaces(config).contains(unit.as_str()) {
        report.error(path, proxy.at, format!("interface `{unit}' is not defined"));
    }
    let own: Vec<_> = addresses(config, &unit).collect();
    for range in &proxy.addresses {
        let Some((first, last)) = range.ends() else {
            report.error(format!("{path} address"), range.at, "the range ends before it begins");
            continue;
        };
        if first.is_ipv4() != is_v4 {
            report.error(
                format!("{path} address"),
                range.at,
                format!("`{first}' is of the other address family"),
            );
        }
        if let Some(mine) = own.iter().find(|mine| (&first..=&last).contains(mine)) {
            report.error(
                format!("{path} address"),
                range.at,
                format!("`{mine}' is the interface's own address"),
            );
        }
    }
}

fn addresses<'a>(config: &'a Config, unit: &'a str) -> impl Iterator<Item = std::net::IpAddr> + 'a {
    let units = config.interfaces.iter().flat_map(move |interface| {
        let name = move |n| format!("{}.{n}", interface.name);
        interface.units.iter().filter(move |u| name(u.number) == unit)
    });
    let prefixes = units.flat_map(|u| u.inet.iter().chain(&u.inet6).flat_map(|f| &f.addresses));
    prefixes.map(|a| a.prefix.addr())
}

impl ProxyRange {
    /// The first and the last address; `None`: there is nothing between them.
    #[must_use]
    pub fn ends(&self) -> Option<(std::net::IpAddr, std::net::IpAddr)> {
        let (first, last) = (self.first, self.last.unwrap_or(self.first));
        let host = |net: &IpNet| net.prefix_len() == net.max_prefix_len();
        let ends = match self.last {
            None => (first.network(), first.broadcast()),
            Some(_) if host(&first) && host(&last) => (first.addr(), last.addr()),
            Some(_) => return None,
        };
        (ends.0.is_ipv4() == ends.1.is_ipv4() && ends.0 <= ends.1).then_some(ends)
    }
}
