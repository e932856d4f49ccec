//! The applications and sets that Junos brings along: every `junos-*` name.
//!
//! Junos: group `junos-defaults`, hierarchy `applications`. A name whose meaning needs an ALG or an
//! RPC program number that is not enforced is listed as unsupported: it is refused, never matched by
//! less than Junos would.

use std::sync::LazyLock;

use crate::applications::{
    Application, ApplicationProtocol, ApplicationSet, ApplicationTerm, Applications, PortRange, Timeout,
};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP6: u8 = 58;

/// Name, protocol, first and last destination port, inactivity timeout in seconds (0: the
/// protocol's). Consecutive rows of one name are its terms.
const PORTS: &[(&str, u8, u16, u16, u32)] = &[
    ("junos-ftp", TCP, 21, 21, 1800),
    ("junos-ftp-data", TCP, 20, 20, 0),
    ("junos-tftp", UDP, 69, 69, 60),
    ("junos-rtsp", TCP, 554, 554, 1800),
    ("junos-netbios-session", TCP, 139, 139, 0),
    ("junos-smb-session", TCP, 445, 445, 0),
    ("junos-ssh", TCP, 22, 22, 0),
    ("junos-telnet", TCP, 23, 23, 0),
    ("junos-smtp", TCP, 25, 25, 0),
    ("junos-smtps", TCP, 465, 465, 0),
    ("junos-tacacs", TCP, 49, 49, 0),
    ("junos-tacacs-ds", TCP, 65, 65, 0),
    ("junos-dhcp-client", UDP, 68, 68, 0),
    ("junos-dhcp-server", UDP, 67, 67, 0),
    ("junos-dhcp-relay", UDP, 67, 67, 0),
    ("junos-bootpc", UDP, 68, 68, 0),
    ("junos-bootps", UDP, 67, 67, 0),
    ("junos-finger", TCP, 79, 79, 0),
    ("junos-http", TCP, 80, 80, 300),
    ("junos-http-ext", TCP, 7001, 7001, 0),
    ("junos-https", TCP, 443, 443, 1800),
    ("junos-pop3", TCP, 110, 110, 0),
    ("junos-ident", TCP, 113, 113, 0),
    ("junos-nntp", TCP, 119, 119, 0),
    ("junos-ntp", UDP, 123, 123, 60),
    ("junos-imap", TCP, 143, 143, 0),
    ("junos-imaps", TCP, 993, 993, 0),
    ("junos-bgp", TCP, 179, 179, 0),
    ("junos-ldap", TCP, 389, 389, 0),
    ("junos-internet-locator-service", TCP, 389, 389, 0),
    ("junos-snpp", TCP, 444, 444, 0),
    ("junos-biff", UDP, 512, 512, 0),
    ("junos-who", UDP, 513, 513, 0),
    ("junos-syslog", UDP, 514, 514, 0),
    ("junos-printer", TCP, 515, 515, 0),
    ("junos-lpr", TCP, 515, 515, 0),
    ("junos-rip", UDP, 520, 520, 0),
    ("junos-radius", UDP, 1812, 1812, 0),
    ("junos-radacct", UDP, 1813, 1813, 0),
    ("junos-nfsd-tcp", TCP, 2049, 2049, 0),
    ("junos-nfsd-udp", UDP, 2049, 2049, 0),
    ("junos-nfs", UDP, 111, 111, 0),
    ("junos-cvspserver", TCP, 2401, 2401, 0),
    ("junos-ldp-tcp", TCP, 646, 646, 0),
    ("junos-ldp-udp", UDP, 646, 646, 0),
    ("junos-xnm-ssl", TCP, 3220, 3220, 0),
    ("junos-xnm-clear-text", TCP, 3221, 3221, 0),
    ("junos-ike", UDP, 500, 500, 0),
    ("junos-ike-nat", UDP, 4500, 4500, 0),
    ("junos-aol", TCP, 5190, 5193, 0),
    ("junos-chargen", UDP, 19, 19, 0),
    ("junos-discard", UDP, 9, 9, 0),
    ("junos-discard", TCP, 9, 9, 0),
    ("junos-dns-udp", UDP, 53, 53, 60),
    ("junos-dns-tcp", TCP, 53, 53, 0),
    ("junos-echo", UDP, 7, 7, 0),
    ("junos-echo", TCP, 7, 7, 0),
    ("junos-gopher", TCP, 70, 70, 0),
    ("junos-gnutella", UDP, 6346, 6347, 0),
    ("junos-gprs-gtp-c", UDP, 2123, 2123, 0),
    ("junos-gprs-gtp-u", UDP, 2152, 2152, 0),
    ("junos-gprs-gtp-v0", UDP, 3386, 3386, 0),
    ("junos-irc", TCP, 6660, 6669, 0),
    ("junos-l2tp", UDP, 1701, 1701, 0),
    ("junos-mail", TCP, 25, 25, 0),
    ("junos-msn", TCP, 1863, 1863, 0),
    ("junos-ms-sql", TCP, 1433, 1433, 0),
    ("junos-nbds", UDP, 138, 138, 0),
    ("junos-nbname", UDP, 137, 137, 0),
    ("junos-ns-global", TCP, 15397, 15397, 0),
    ("junos-ns-global-pro", TCP, 15397, 15397, 0),
    ("junos-nsm", TCP, 7800, 7800, 0),
    ("junos-pc-anywhere", UDP, 5632, 5632, 0),
    ("junos-pc-anywhere", TCP, 5631, 5631, 0),
    ("junos-r2cp", UDP, 28672, 28672, 0),
    ("junos-rdp", TCP, 3389, 3389, 0),
    ("junos-rlogin", TCP, 513, 513, 0),
    ("junos-smb", TCP, 139, 139, 0),
    ("junos-smb", TCP, 445, 445, 0),
    ("junos-snmp-agentx", TCP, 705, 705, 0),
    ("junos-sql-monitor", UDP, 1434, 1434, 0),
    ("junos-stun", UDP, 3478, 3479, 0),
    ("junos-stun", TCP, 3478, 3479, 0),
    ("junos-tcp-any", TCP, 0, 65535, 0),
    ("junos-udp-any", UDP, 0, 65535, 0),
    ("junos-uucp", UDP, 540, 540, 0),
    ("junos-uucp", TCP, 540, 540, 0),
    ("junos-vdo-live", UDP, 7000, 7010, 0),
    ("junos-vnc", TCP, 5800, 5800, 0),
    ("junos-vnc", TCP, 5900, 5900, 0),
    ("junos-wais", TCP, 210, 210, 0),
    ("junos-whois", TCP, 43, 43, 0),
    ("junos-winframe", TCP, 1494, 1494, 0),
    ("junos-wxcontrol", TCP, 3578, 3578, 0),
    ("junos-x-windows", TCP, 6000, 6063, 0),
    ("junos-ymsg", TCP, 5000, 5010, 0),
    ("junos-ymsg", TCP, 5050, 5050, 0),
    ("junos-twamp", TCP, 862, 862, 0),
    ("junos-sip", UDP, 5060, 5060, 60),
    ("junos-sip", TCP, 5060, 5060, 1800),
    ("junos-h323", TCP, 1720, 1720, 0),
    ("junos-h323", UDP, 1719, 1719, 0),
    ("junos-h323", TCP, 1503, 1503, 0),
    ("junos-h323", TCP, 389, 389, 0),
    ("junos-h323", TCP, 522, 522, 0),
    ("junos-h323", TCP, 1731, 1731, 0),
    ("junos-mgcp-ua", UDP, 2427, 2427, 0),
    ("junos-mgcp-ca", UDP, 2727, 2727, 0),
    ("junos-ntalk", UDP, 518, 518, 0),
    ("junos-ntalk", TCP, 518, 518, 0),
    ("junos-pptp", TCP, 1723, 1723, 0),
    ("junos-rsh", TCP, 514, 514, 0),
    ("junos-sccp", TCP, 2000, 2000, 0),
    ("junos-sqlnet-v1", TCP, 1525, 1525, 0),
    ("junos-sqlnet-v2", TCP, 1521, 1521, 0),
    ("junos-talk", UDP, 517, 517, 0),
    ("junos-talk", TCP, 517, 517, 0),
];

/// Name, protocol, ICMP type, code; consecutive rows of one name are its terms.
const MESSAGES: &[(&str, u8, Option<u8>, Option<u8>)] = &[
    ("junos-gre", 47, None, None),
    ("junos-gprs-sctp", 132, None, None),
    ("junos-ospf", 89, None, None),
    ("junos-icmp-all", ICMP, None, None),
    ("junos-icmp-ping", ICMP, Some(8), None),
    ("junos-ping", ICMP, Some(8), None),
    ("junos-icmp6-all", ICMP6, None, None),
    ("junos-icmp6-dst-unreach-route", ICMP6, Some(1), Some(0)),
    ("junos-icmp6-dst-unreach-admin", ICMP6, Some(1), Some(1)),
    ("junos-icmp6-dst-unreach-beyond", ICMP6, Some(1), Some(2)),
    ("junos-icmp6-dst-unreach-addr", ICMP6, Some(1), Some(3)),
    ("junos-icmp6-dst-unreach-port", ICMP6, Some(1), Some(4)),
    ("junos-icmp6-packet-too-big", ICMP6, Some(2), Some(0)),
    ("junos-icmp6-time-exceed-transit", ICMP6, Some(3), Some(0)),
    ("junos-icmp6-time-exceed-reassembly", ICMP6, Some(3), Some(1)),
    ("junos-icmp6-param-prob-header", ICMP6, Some(4), Some(0)),
    ("junos-icmp6-param-prob-nexthdr", ICMP6, Some(4), Some(1)),
    ("junos-icmp6-param-prob-option", ICMP6, Some(4), Some(2)),
    ("junos-icmp6-echo-request", ICMP6, Some(128), None),
    ("junos-icmp6-echo-reply", ICMP6, Some(129), None),
    ("junos-pingv6", ICMP6, Some(128), None),
];

/// Protocols of the application layer that a name says, of the term to a port. Their gateways go by the port.
const SPOKEN: &[(&str, u16, ApplicationProtocol)] = &[
    ("junos-ftp", 21, ApplicationProtocol::Ftp),
    ("junos-tftp", 69, ApplicationProtocol::Tftp),
    ("junos-rtsp", 554, ApplicationProtocol::Rtsp),
    ("junos-ssh", 22, ApplicationProtocol::Ssh),
    ("junos-telnet", 23, ApplicationProtocol::Telnet),
    ("junos-smtp", 25, ApplicationProtocol::Smtp),
    ("junos-mail", 25, ApplicationProtocol::Smtp),
    ("junos-smtps", 465, ApplicationProtocol::Smtps),
    ("junos-http", 80, ApplicationProtocol::Http),
    ("junos-http-ext", 7001, ApplicationProtocol::Http),
    ("junos-https", 443, ApplicationProtocol::Https),
    ("junos-pop3", 110, ApplicationProtocol::Pop3),
    ("junos-imap", 143, ApplicationProtocol::Imap),
    ("junos-imaps", 993, ApplicationProtocol::Imaps),
    ("junos-dns-udp", 53, ApplicationProtocol::Dns),
    ("junos-dns-tcp", 53, ApplicationProtocol::Dns),
    ("junos-sip", 5060, ApplicationProtocol::Sip),
    ("junos-h323", 1720, ApplicationProtocol::Q931),
    ("junos-h323", 1719, ApplicationProtocol::Ras),
    ("junos-mgcp-ua", 2427, ApplicationProtocol::MgcpUa),
    ("junos-mgcp-ca", 2727, ApplicationProtocol::MgcpCa),
    ("junos-ntalk", 518, ApplicationProtocol::Talk),
    ("junos-talk", 517, ApplicationProtocol::Talk),
    ("junos-pptp", 1723, ApplicationProtocol::Pptp),
    ("junos-rsh", 514, ApplicationProtocol::Rsh),
    ("junos-sccp", 2000, ApplicationProtocol::Sccp),
    ("junos-sqlnet-v1", 1525, ApplicationProtocol::SqlNet),
    ("junos-sqlnet-v2", 1521, ApplicationProtocol::SqlNetV2),
];

/// Sets and their members.
const SETS: &[(&str, &[&str])] = &[
    ("junos-mgcp", &["junos-mgcp-ua", "junos-mgcp-ca"]),
    ("junos-cifs", &["junos-netbios-session", "junos-smb-session"]),
    ("junos-routing-inbound", &["junos-bgp", "junos-rip", "junos-ldp-tcp", "junos-ldp-udp"]),
];

/// Names of Junos whose meaning hangs on RPC programs, or on a gateway alone.
const UNSUPPORTED: &[&str] = &[
    "junos-ms-rpc",
    "junos-ms-rpc-any",
    "junos-ms-rpc-epm",
    "junos-ms-rpc-iis-com",
    "junos-ms-rpc-msexchange",
    "junos-ms-rpc-tcp",
    "junos-ms-rpc-udp",
    "junos-ms-rpc-wmic",
    "junos-persistent-nat",
    "junos-realaudio",
    "junos-sun-rpc",
    "junos-sun-rpc-any",
    "junos-sun-rpc-mountd",
    "junos-sun-rpc-nfs",
    "junos-sun-rpc-nlockmgr",
    "junos-sun-rpc-portmap",
    "junos-sun-rpc-rquotad",
    "junos-sun-rpc-ruserd",
    "junos-sun-rpc-sadmind",
    "junos-sun-rpc-sprayd",
    "junos-sun-rpc-status",
    "junos-sun-rpc-tcp",
    "junos-sun-rpc-udp",
    "junos-sun-rpc-walld",
    "junos-sun-rpc-ypbind",
    "junos-sun-rpc-ypserv",
];

static PREDEFINED: LazyLock<Applications> = LazyLock::new(build);

/// The predefined applications and sets that can be enforced.
#[must_use]
pub fn predefined() -> &'static Applications {
    &PREDEFINED
}

/// Whether Junos predefines this name but its meaning is not enforced here.
#[must_use]
pub fn is_unsupported(name: &str) -> bool {
    UNSUPPORTED.contains(&name)
}

/// What sessions of a term speak: what it says itself, or what its predefined application's name does. `None`: nobody says it.
#[must_use]
pub fn spoken(name: &str, term: &ApplicationTerm) -> Option<ApplicationProtocol> {
    let of_name = || {
        let port = term.destination_ports?.low;
        SPOKEN.iter().find(|(of, to, _)| *of == name && *to == port).map(|(_, _, protocol)| *protocol)
    };
    term.application_protocol.or_else(of_name)
}

fn build() -> Applications {
    let mut out = Applications::default();
    for (name, proto, low, high, timeout) in PORTS {
        let ports = (*low, *high) != (0, u16::MAX);
        let term = ApplicationTerm {
            protocol: Some(*proto),
            destination_ports: ports.then_some(PortRange { low: *low, high: *high }),
            inactivity_timeout: (*timeout > 0).then_some(Timeout::Seconds(*timeout)),
            ..ApplicationTerm::default()
        };
        add(&mut out.applications, name, term);
    }
    for (name, proto, kind, code) in MESSAGES {
        let v6 = *proto == ICMP6;
        let term = ApplicationTerm {
            protocol: Some(*proto),
            icmp_type: kind.filter(|_| !v6),
            icmp_code: code.filter(|_| !v6),
            icmp6_type: kind.filter(|_| v6),
            icmp6_code: code.filter(|_| v6),
            ..ApplicationTerm::default()
        };
        add(&mut out.applications, name, term);
    }
    out.sets = SETS
        .iter()
        .map(|(name, members)| ApplicationSet {
            name: (*name).to_owned(),
            applications: members.iter().map(|m| (*m).to_owned()).collect(),
            ..ApplicationSet::default()
        })
        .collect();
    out
}

/// Adds a term to the application of this name, the last one or a new one.
fn add(applications: &mut Vec<Application>, name: &str, term: ApplicationTerm) {
    match applications.last_mut().filter(|a| a.name == name) {
        Some(application) => application.terms.push(term),
        None => applications.push(Application {
            name: name.to_owned(),
            terms: vec![term],
            ..Application::default()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_members_exist() {
        let all = predefined();
        let names: BTreeSet<_> = all.applications.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names.len(), all.applications.len(), "rows of one name stand together");
        for set in &all.sets {
            assert!(set.applications.iter().all(|m| names.contains(m.as_str())), "{}", set.name);
        }
        assert!(UNSUPPORTED.iter().all(|n| !names.contains(n)));
    }

    #[test]
    fn every_name_that_says_a_protocol_has_a_term_to_its_port() {
        for (name, port, protocol) in SPOKEN {
            let application = predefined().applications.iter().find(|a| a.name == *name).unwrap();
            let to = |term: &&ApplicationTerm| term.destination_ports.is_some_and(|ports| ports.low == *port);
            let terms: Vec<_> = application.terms.iter().filter(to).collect();
            assert!(!terms.is_empty(), "{name} {port}");
            assert!(terms.iter().all(|term| spoken(name, term) == Some(*protocol)), "{name} {port}");
        }
        let other = predefined().applications.iter().find(|a| a.name == "junos-h323").unwrap();
        let said: Vec<_> = other.terms.iter().filter_map(|term| spoken("junos-h323", term)).collect();
        assert_eq!(said, [ApplicationProtocol::Q931, ApplicationProtocol::Ras]);
    }

    #[test]
    fn ports_are_those_of_junos() {
        let find = |name: &str| predefined().applications.iter().find(|a| a.name == name).unwrap();
        let ssh = &find("junos-ssh").terms[0];
        assert_eq!((ssh.protocol, ssh.destination_ports), (Some(TCP), Some(PortRange { low: 22, high: 22 })));
        assert_eq!(find("junos-ymsg").terms.len(), 2);
        assert_eq!(find("junos-ping").terms[0].icmp_type, Some(8));
    }
}
