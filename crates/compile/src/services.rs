//! What packets a `system-services` or `protocols` word stands for.
//!
//! Ports are those of the IANA registry, or of Junos where it has its own. Spec: docs/spec/host-inbound.

use ravelin_model::{Protocol, Service};
use ravelin_program::{PortRange, Service as Packets};
use ravelin_types::Proto;

const fn on(proto: Proto, low: u16, high: u16) -> Packets {
    Packets { proto: Some(proto), ports: PortRange { low, high }, icmp: None }
}

const fn tcp(port: u16) -> Packets {
    on(Proto::TCP, port, port)
}

const fn udp(port: u16) -> Packets {
    on(Proto::UDP, port, port)
}

const fn number(proto: Proto) -> Packets {
    Packets { proto: Some(proto), ports: PortRange::ANY, icmp: None }
}

const fn icmp(proto: Proto, low: u8, high: u8) -> Packets {
    Packets { proto: Some(proto), ports: PortRange::ANY, icmp: Some((low, high)) }
}

/// `None`: not supported. `all` is every service listed here, `any-service` every packet.
pub(crate) fn system_service(service: Service) -> Option<Vec<Packets>> {
    Some(match service {
        Service::All => {
            let one = |s: &Service| match s {
                Service::All | Service::AnyService => None,
                other => system_service(*other),
            };
            Service::ALL.iter().filter_map(one).flatten().collect()
        }
        Service::AnyService => vec![Packets { proto: None, ports: PortRange::ANY, icmp: None }],
        Service::Bootp | Service::Dhcp => vec![udp(67), udp(68)],
        Service::Dhcpv6 => vec![udp(546), udp(547)],
        Service::Dns => vec![udp(53), tcp(53)],
        Service::Finger => vec![tcp(79)],
        Service::Ftp => vec![tcp(21)],
        Service::IdentReset => vec![tcp(113)],
        Service::Http => vec![tcp(80)],
        Service::Https => vec![tcp(443)],
        Service::Ike => vec![udp(500), udp(4500), number(Proto::ESP), number(Proto::AH)],
        Service::Netconf => vec![tcp(830)],
        Service::Ping => vec![icmp(Proto::ICMP, 8, 8), icmp(Proto::ICMPV6, 128, 128)],
        Service::Rlogin => vec![tcp(513)],
        Service::ReverseTelnet => vec![tcp(2900)],
        Service::ReverseSsh => vec![tcp(2901)],
        Service::Rpm => vec![udp(7), tcp(7), tcp(862), udp(862)],
        Service::Rsh => vec![tcp(514)],
        Service::Snmp => vec![udp(161)],
        Service::SnmpTrap => vec![udp(162)],
        Service::Ssh => vec![tcp(22)],
        Service::Telnet => vec![tcp(23)],
        Service::Traceroute => vec![on(Proto::UDP, 33434, 33689)],
        Service::XnmSsl => vec![tcp(3220)],
        Service::XnmClearText => vec![tcp(3221)],
        Service::Tftp => vec![udp(69)],
        Service::Lsping => vec![udp(3503)],
        Service::Ntp => vec![udp(123)],
        Service::Sip => vec![udp(5060), on(Proto::TCP, 5060, 5061)],
        Service::Lsselfping => vec![udp(8503)],
        Service::R2cp => vec![udp(28672)],
        Service::WebapiClearText
        | Service::WebapiSsl
        | Service::TcpEncap
        | Service::Appqoe
        | Service::HighAvailability => return None,
    })
}

/// What hosts say of the groups that they are in: IGMP, and MLD (RFC 2710, RFC 3810). Spec: host-inbound-9.
fn memberships() -> Vec<Packets> {
    vec![number(Proto::IGMP), icmp(Proto::ICMPV6, 130, 132), icmp(Proto::ICMPV6, 143, 143)]
}

pub(crate) fn protocol(protocol: Protocol) -> Vec<Packets> {
    match protocol {
        Protocol::All => {
            Protocol::ALL.iter().filter(|p| **p != Protocol::All).flat_map(|p| self::protocol(*p)).collect()
        }
        Protocol::Bfd => vec![udp(3784), udp(3785), udp(4784)],
        Protocol::Bgp => vec![tcp(179)],
        Protocol::Dvmrp | Protocol::Igmp => memberships(),
        Protocol::Ldp => vec![tcp(646), udp(646)],
        Protocol::Msdp => vec![tcp(639)],
        Protocol::Ndp => vec![icmp(Proto::ICMPV6, 133, 137)],
        Protocol::Nhrp => vec![number(Proto(54))],
        Protocol::Ospf | Protocol::Ospf3 => vec![number(Proto::OSPF)],
        Protocol::Pgm => vec![number(Proto(113))],
        Protocol::Pim => [vec![number(Proto::PIM)], memberships()].concat(),
        Protocol::Rip => vec![udp(520)],
        Protocol::Ripng => vec![udp(521)],
        Protocol::RouterDiscovery => {
            vec![icmp(Proto::ICMP, 9, 10), icmp(Proto::ICMPV6, 133, 134)]
        }
        Protocol::Rsvp => vec![number(Proto(46))],
        Protocol::Sap => vec![udp(9875)],
        Protocol::Vrrp => vec![number(Proto::VRRP)],
    }
}
