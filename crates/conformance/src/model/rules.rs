//! Which packets a policy, an application and `host-inbound-traffic` mean.

use std::net::IpAddr;

use ravelin_model::{
    AddressBook, AddressRange, AddressRef, AddressValue, ApplicationTerm, Config, HostInbound, Policy,
    Protocol, Service, Timeout, predefined,
};

use super::{HOST, Model, Packet};

impl Model<'_> {
    /// `zones`: those whose books the policy sees; a global policy sees none (29 of configuration.md).
    pub(super) fn matches(&self, policy: &Policy, packet: &Packet, zones: Option<(&str, &str)>) -> bool {
        let side = |refs: &[AddressRef], excluded: bool, addr: IpAddr, zone: Option<&str>| {
            let listed = refs.iter().any(|r| self.address(r, addr, zone));
            let speaks = || refs.iter().any(|r| self.speaks_of_family(r, addr, zone));
            if excluded { !listed && speaks() } else { listed }
        };
        let (from, to) = (zones.map(|zones| zones.0), zones.map(|zones| zones.1));
        self.is_in_force(policy)
            && side(&policy.source_addresses, policy.source_excluded, packet.src, from)
            && side(&policy.destination_addresses, policy.destination_excluded, packet.dst, to)
            && policy.applications.iter().any(|name| self.application(name, packet).is_some())
    }

    fn address(&self, reference: &AddressRef, addr: IpAddr, zone: Option<&str>) -> bool {
        match reference {
            AddressRef::Any => true,
            AddressRef::AnyIpv4 => addr.is_ipv4(),
            AddressRef::AnyIpv6 => addr.is_ipv6(),
            AddressRef::Prefix(net) => net.contains(&addr),
            AddressRef::Named(name) => self.named(name, zone, &|value| is_in(value, addr)),
        }
    }

    /// Whether a name of the global book means an address.
    pub(super) fn is_named(&self, name: &str, addr: IpAddr) -> bool {
        self.named(name, None, &|value| is_in(value, addr))
    }

    fn speaks_of_family(&self, reference: &AddressRef, addr: IpAddr, zone: Option<&str>) -> bool {
        let same = |ip: IpAddr| ip.is_ipv4() == addr.is_ipv4();
        match reference {
            AddressRef::Any => true,
            AddressRef::AnyIpv4 => addr.is_ipv4(),
            AddressRef::AnyIpv6 => addr.is_ipv6(),
            AddressRef::Prefix(net) => same(net.addr()),
            AddressRef::Named(name) => self.named(name, zone, &|value| match value {
                AddressValue::Prefix(net) => same(net.addr()),
                AddressValue::Range(range) => same(range.low),
                AddressValue::Wildcard(..) => addr.is_ipv4(),
                AddressValue::Dns(_) => false,
            }),
        }
    }

    /// Whether any address under a name has a property: in the book of the zone, or else in the global one.
    fn named(&self, name: &str, zone: Option<&str>, holds: &dyn Fn(&AddressValue) -> bool) -> bool {
        let books = &self.config.security.address_books;
        let own = zone.and_then(|zone| books.iter().find(|book| book.zones.iter().any(|z| z == zone)));
        let global = books.iter().find(|book| book.name == "global");
        let knows = |book: &&AddressBook| {
            book.addresses.iter().any(|a| a.name == name) || book.sets.iter().any(|s| s.name == name)
        };
        let book = own.into_iter().chain(global).find(knows);
        book.is_some_and(|book| in_book(book, name, holds))
    }

    /// Whether an application means a packet, and the timeout that its term sets.
    pub(super) fn application(&self, name: &str, packet: &Packet) -> Option<Option<Timeout>> {
        if name == "any" {
            return Some(None);
        }
        [&self.config.applications, predefined()].into_iter().find_map(|list| {
            let terms = list.applications.iter().filter(|a| a.name == name).flat_map(|a| &a.terms);
            let mut terms = terms.filter(|t| term(t, packet)).map(|t| t.inactivity_timeout);
            let sets = list.sets.iter().filter(|s| s.name == name);
            let mut members = sets.flat_map(|s| s.applications.iter().chain(&s.sets));
            terms.next().or_else(|| members.find_map(|member| self.application(member, packet)))
        })
    }

    /// Seconds of silence that a session of a policy may have; `None`: any (policy-17, session-3).
    pub(super) fn inactivity(&self, policy: Option<&Policy>, packet: &Packet) -> Option<u64> {
        let names = policy.map_or(&[][..], |policy| &policy.applications);
        match names.iter().find_map(|name| self.application(name, packet)).flatten() {
            Some(Timeout::Seconds(seconds)) => Some(u64::from(seconds)),
            Some(Timeout::Never) => None,
            None => match packet.proto {
                17 | 1 | 58 | 89 => Some(60),
                _ => Some(1800),
            },
        }
    }

    pub(super) fn host_accepts(&self, unit: &str, packet: &Packet) -> bool {
        let zones = self.config.security.zones.iter();
        let found =
            zones.flat_map(|z| z.interfaces.iter().map(move |i| (z, i))).find(|(_, i)| i.name == unit);
        let Some((zone, member)) = found else { return false };
        let HostInbound { system_services, protocols } =
            member.host_inbound.as_ref().unwrap_or(&zone.host_inbound);
        let in_rows = |rows: &[Row]| rows.iter().any(|row| row.means(packet));
        let service = |service: Service| match service {
            Service::AnyService => true,
            Service::All => SERVICES.iter().any(|(_, rows)| in_rows(rows)),
            one => SERVICES.iter().filter(|(of, _)| *of == one).any(|(_, rows)| in_rows(rows)),
        };
        let protocol = |protocol: Protocol| match protocol {
            Protocol::All => PROTOCOLS.iter().any(|(_, rows)| in_rows(rows)),
            one => PROTOCOLS.iter().filter(|(of, _)| *of == one).any(|(_, rows)| in_rows(rows)),
        };
        let by_service = |except: bool| system_services.iter().any(|(s, e)| *e == except && service(*s));
        let by_protocol = |except: bool| protocols.iter().any(|(p, e)| *e == except && protocol(*p));
        let is = |except: bool| by_service(except) || by_protocol(except);
        is(false) && !is(true)
    }
}

/// The policies that are asked about packets between two zones, in order; whether they are of that pair or global (policy-2, policy-3,
/// policy-21).
pub(super) fn between<'c>(config: &'c Config, from: &str, to: &str) -> Vec<(&'c Policy, bool)> {
    let policies = &config.security.policies;
    // Any zone is any but the firewall itself.
    let listed = |zones: &[String], zone: &str| match zones {
        [] => zone != HOST,
        named => named.iter().any(|z| z == zone || z == "any" && zone != HOST),
    };
    let pair = policies.pairs.iter().filter(|p| p.from == from && p.to == to).flat_map(|p| &p.policies);
    let global = policies.global.iter().filter(|g| listed(&g.from_zones, from) && listed(&g.to_zones, to));
    pair.map(|policy| (policy, true)).chain(global.map(|global| (&global.policy, false))).collect()
}

/// One way into the firewall: a protocol and its ports; of ICMP the type of a message.
#[derive(Clone, Copy)]
struct Row {
    proto: u8,
    low: u16,
    high: u16,
}

const fn tcp(port: u16) -> Row {
    Row { proto: 6, low: port, high: port }
}

const fn udp(port: u16) -> Row {
    Row { proto: 17, low: port, high: port }
}

const fn number(proto: u8) -> Row {
    Row { proto, low: 0, high: u16::MAX }
}

const fn message(proto: u8, low: u16, high: u16) -> Row {
    Row { proto, low, high }
}

impl Row {
    fn means(&self, packet: &Packet) -> bool {
        let port = packet.icmp().map_or(packet.dport, |(kind, _)| u16::from(kind));
        self.proto == packet.proto && (self.low..=self.high).contains(&port)
    }
}

/// The tables of docs/spec/host-inbound.md.
const SERVICES: &[(Service, &[Row])] = &[
    (Service::Bootp, &[udp(67), udp(68)]),
    (Service::Dhcp, &[udp(67), udp(68)]),
    (Service::Dhcpv6, &[udp(546), udp(547)]),
    (Service::Dns, &[udp(53), tcp(53)]),
    (Service::Finger, &[tcp(79)]),
    (Service::Ftp, &[tcp(21)]),
    (Service::Http, &[tcp(80)]),
    (Service::Https, &[tcp(443)]),
    (Service::IdentReset, &[tcp(113)]),
    (Service::Ike, &[udp(500), udp(4500), number(50), number(51)]),
    (Service::Lsping, &[udp(3503)]),
    (Service::Lsselfping, &[udp(8503)]),
    (Service::Netconf, &[tcp(830)]),
    (Service::Ntp, &[udp(123)]),
    (Service::Ping, &[message(1, 8, 8), message(58, 128, 128)]),
    (Service::R2cp, &[udp(28672)]),
    (Service::ReverseSsh, &[tcp(2901)]),
    (Service::ReverseTelnet, &[tcp(2900)]),
    (Service::Rlogin, &[tcp(513)]),
    (Service::Rpm, &[udp(7), tcp(7), udp(862), tcp(862)]),
    (Service::Rsh, &[tcp(514)]),
    (Service::Sip, &[udp(5060), tcp(5060), tcp(5061)]),
    (Service::Snmp, &[udp(161)]),
    (Service::SnmpTrap, &[udp(162)]),
    (Service::Ssh, &[tcp(22)]),
    (Service::Telnet, &[tcp(23)]),
    (Service::Tftp, &[udp(69)]),
    (Service::Traceroute, &[Row { proto: 17, low: 33434, high: 33689 }]),
    (Service::XnmClearText, &[tcp(3221)]),
    (Service::XnmSsl, &[tcp(3220)]),
];

/// IGMP and MLD.
const MEMBERSHIPS: [Row; 3] = [number(2), message(58, 130, 132), message(58, 143, 143)];

const PROTOCOLS: &[(Protocol, &[Row])] = &[
    (Protocol::Bfd, &[udp(3784), udp(3785), udp(4784)]),
    (Protocol::Bgp, &[tcp(179)]),
    (Protocol::Dvmrp, &MEMBERSHIPS),
    (Protocol::Igmp, &MEMBERSHIPS),
    (Protocol::Ldp, &[udp(646), tcp(646)]),
    (Protocol::Msdp, &[tcp(639)]),
    (Protocol::Ndp, &[message(58, 133, 137)]),
    (Protocol::Nhrp, &[number(54)]),
    (Protocol::Ospf, &[number(89)]),
    (Protocol::Ospf3, &[number(89)]),
    (Protocol::Pgm, &[number(113)]),
    (Protocol::Pim, &[number(103), MEMBERSHIPS[0], MEMBERSHIPS[1], MEMBERSHIPS[2]]),
    (Protocol::Rip, &[udp(520)]),
    (Protocol::Ripng, &[udp(521)]),
    (Protocol::RouterDiscovery, &[message(1, 9, 10), message(58, 133, 134)]),
    (Protocol::Rsvp, &[number(46)]),
    (Protocol::Sap, &[udp(9875)]),
    (Protocol::Vrrp, &[number(112)]),
];

fn is_in(value: &AddressValue, addr: IpAddr) -> bool {
    match value {
        AddressValue::Prefix(net) => net.contains(&addr),
        AddressValue::Range(range) => {
            let AddressRange { low, high } = **range;
            low.is_ipv4() == addr.is_ipv4() && low <= addr && addr <= high
        }
        AddressValue::Wildcard(of, mask) => match addr {
            IpAddr::V4(addr) => addr & *mask == *of & *mask,
            IpAddr::V6(_) => false,
        },
        // Of names the configuration alone knows nothing.
        AddressValue::Dns(_) => false,
    }
}

/// Sets are of what their own book holds, and do not contain themselves: the checks see to that.
fn in_book(book: &AddressBook, name: &str, holds: &dyn Fn(&AddressValue) -> bool) -> bool {
    let sets = book.sets.iter().filter(|set| set.name == name);
    let mut members = sets.flat_map(|set| set.addresses.iter().chain(&set.sets));
    book.addresses.iter().any(|a| a.name == name && holds(&a.value))
        || members.any(|member| in_book(book, member, holds))
}

fn term(term: &ApplicationTerm, packet: &Packet) -> bool {
    let within = |range: Option<ravelin_model::PortRange>, port: u16| {
        range.is_none_or(|r| r.low <= port && port <= r.high)
    };
    let of = |kind: Option<u8>, code: Option<u8>| {
        packet.icmp().is_some_and(|(own, own_code)| {
            kind.is_none_or(|kind| kind == own) && code.is_none_or(|code| code == own_code)
        })
    };
    let (v4, v6) = ((term.icmp_type, term.icmp_code), (term.icmp6_type, term.icmp6_code));
    let none = (None, None);
    let icmp = match packet.proto {
        1 if v4 != none => of(v4.0, v4.1),
        58 if v6 != none => of(v6.0, v6.1),
        _ => v4 == none && v6 == none,
    };
    term.protocol.is_none_or(|p| p == packet.proto)
        && within(term.source_ports, packet.sport)
        && within(term.destination_ports, packet.dport)
        && icmp
}
