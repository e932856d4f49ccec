//! What filters of the generator are made of.

/// Three units, a zone each, and everything let through; filters change that.
pub const BASE: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/24
set interfaces ge-0/0/0 unit 0 family inet6 address 2001:db8:0::1/64
set interfaces ge-0/0/1 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/1 unit 0 family inet6 address 2001:db8:1::1/64
set interfaces ge-0/0/2 unit 0 family inet address 10.2.0.1/24
set interfaces ge-0/0/2 unit 0 family inet6 address 2001:db8:2::1/64
set interfaces ge-0/0/3 unit 0 family inet address 10.3.0.1/24
set interfaces ge-0/0/3 unit 0 family inet6 address 2001:db8:3::1/64
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set security zones security-zone dmz interfaces ge-0/0/2.0
set policy-options prefix-list some 10.0.0.2/32
set policy-options prefix-list some 10.1.0.0/24
set policy-options prefix-list some 2001:db8::2/128
set policy-options prefix-list some 2001:db8:1::/48
set policy-options prefix-list four 10.0.0.0/8
set policy-options prefix-list six 2001:db8::/32
set firewall interface-set outside ge-0/0/1.0
set firewall interface-set outside ge-0/0/2*
set firewall interface-set first ge-0/0/0
";

/// Lines of their own, behind `set`.
pub const MORE: [&str; 10] = [
    "security policies default-policy permit-all",
    "security policies default-policy permit-all",
    "security zones security-zone trust host-inbound-traffic system-services any-service",
    "security zones security-zone untrust host-inbound-traffic system-services any-service",
    "security zones security-zone untrust host-inbound-traffic protocols all",
    "security zones security-zone trust tcp-rst",
    "interfaces ge-0/0/1 unit 0 family inet mtu 600",
    "interfaces ge-0/0/1 unit 0 family inet6 mtu 1280",
    "interfaces ge-0/0/0 unit 0 family inet filter group 3",
    "interfaces ge-0/0/1 unit 0 family inet6 filter group 7",
];

/// A line each behind `set security nat`.
pub const NATS: [&[&str]; 5] = [
    &[],
    &[],
    &[
        "static rule-set st from zone untrust",
        "static rule-set st rule r match destination-address 10.1.0.77/32",
        "static rule-set st rule r then static-nat prefix 10.0.0.2/32",
        "static rule-set st rule q match destination-address 2001:db8:1::77/128",
        "static rule-set st rule q then static-nat prefix 2001:db8::2/128",
    ],
    &[
        "destination pool d address 10.2.0.2/32",
        "destination rule-set ds from zone trust",
        "destination rule-set ds rule r match destination-address 10.1.0.0/24",
        "destination rule-set ds rule r then destination-nat pool d",
    ],
    &[
        "source rule-set rs from zone trust",
        "source rule-set rs to zone untrust",
        "source rule-set rs rule r match source-address 10.0.0.0/16",
        "source rule-set rs rule r then source-nat interface",
    ],
];

/// Conditions of both families; `4:` or `6:` before those of one.
pub const CONDITIONS: [&str; 89] = [
    "4:source-address 10.0.0.2/32",
    "4:source-address 10.0.0.0/24",
    "4:source-address 10.0.0.0/8",
    "4:source-address 10.0.0.3/32 except",
    "4:source-address 10.0.0.0/24 except",
    "4:source-address 0.0.0.0/0",
    "4:destination-address 10.1.0.2/32",
    "4:destination-address 10.1.0.0/24",
    "4:destination-address 10.0.0.0/8",
    "4:destination-address 10.1.0.2/32 except",
    "4:destination-address 0.0.0.0/0",
    "4:address 10.1.0.2/32",
    "4:address 10.0.0.0/24",
    "4:address 10.0.0.2/32 except",
    "4:address 0.0.0.0/0",
    "6:source-address 2001:db8::2/128",
    "6:source-address 2001:db8::/64",
    "6:source-address 2001:db8::3/128 except",
    "6:source-address ::/0",
    "6:destination-address 2001:db8:1::2/128",
    "6:destination-address 2001:db8:1::/64 except",
    "6:destination-address ::/0",
    "6:address 2001:db8:1::/48",
    "6:address 2001:db8::3/128 except",
    "6:address ::/0",
    "prefix-list some",
    "prefix-list some except",
    "source-prefix-list some",
    "source-prefix-list four",
    "source-prefix-list six",
    "destination-prefix-list some",
    "destination-prefix-list some except",
    "destination-prefix-list six",
    "destination-prefix-list four",
    "4:protocol tcp",
    "4:protocol udp",
    "4:protocol icmp",
    "4:protocol 50-60",
    "4:protocol-except tcp",
    "4:protocol-except [ tcp udp ]",
    "6:next-header tcp",
    "6:next-header [ udp icmp6 ]",
    "6:next-header-except udp",
    "source-port 1000",
    "source-port 1-1023",
    "source-port-except 1000",
    "destination-port 22",
    "destination-port [ 20-25 53 ]",
    "destination-port-except 22",
    "port 53",
    "port 1000",
    "port-except 53",
    "tcp-flags syn",
    "tcp-flags \"syn & !ack\"",
    "tcp-flags \"(ack | rst), fin\"",
    "tcp-flags \"!(syn | fin) & !urgent\"",
    "tcp-flags 0x12",
    "tcp-initial",
    "tcp-established",
    "packet-length 0-48",
    "packet-length 600",
    "packet-length-except 30-60",
    "4:ttl 64",
    "4:ttl [ 1-2 63 ]",
    "4:ttl-except 63-64",
    "4:dscp 46",
    "4:dscp-except [ 8 0 ]",
    "4:precedence [ 1 7 ]",
    "4:precedence-except 0",
    "6:traffic-class ef",
    "6:traffic-class-except 0",
    "4:icmp-type echo-request",
    "4:icmp-type [ 3 13 0 ]",
    "4:icmp-type-except 8",
    "4:icmp-code 3",
    "4:icmp-code-except 0",
    "6:icmp-type echo-request",
    "6:icmp-type-except 1-127",
    "6:icmp-code 0",
    "4:ip-options any",
    "4:ip-options [ record-route timestamp ]",
    "4:ip-options-except [ loose-source-route 7 ]",
    "4:ip-options-except any",
    "4:fragment-flags dont-fragment",
    "4:fragment-flags \"!dont-fragment\"",
    "4:fragment-offset 0",
    "4:fragment-offset-except 0",
    "4:is-fragment",
    "4:first-fragment",
];

/// The same on where a packet came from and how it is marked, and what is rare.
pub const OTHERS: [&str; 16] = [
    "interface ge-0/0/0.0",
    "interface ge-0/0/1",
    "interface [ ge-0/0/1.0 ge-0/0/2.0 ]",
    "interface-set outside",
    "interface-set [ first outside ]",
    "interface-group 3",
    "interface-group-except 3",
    "interface-group [ 0 7 ]",
    "forwarding-class expedited-forwarding",
    "forwarding-class-except best-effort",
    "loss-priority high",
    "loss-priority-except low",
    "loss-priority [ low medium-high ]",
    "4:esp-spi 0x07070707",
    "4:esp-spi-except 1",
    "packet-length-except 0",
];

pub const REJECTS: [&str; 6] = [
    "reject",
    "reject",
    "reject tcp-reset",
    "4:reject host-prohibited",
    "6:reject policy-failed",
    "reject port-unreachable",
];

pub const ENDS: [&str; 9] =
    ["", "accept", "accept", "accept", "accept", "next term", "next term", "discard", "REJECT"];

/// What a term does beside.
pub const BESIDE: [&str; 11] = [
    "port-mirror",
    "port-mirror-instance m",
    "count c",
    "count d",
    "count c",
    "syslog",
    "log",
    "forwarding-class expedited-forwarding",
    "loss-priority high",
    "loss-priority medium-high",
    "forwarding-class best-effort",
];

/// Policers of few packets, and what a term says to take one.
pub const POLICERS: [&str; 7] = [
    "policer few",
    "policer few",
    "policer bytes",
    "policer shared",
    "policer marking",
    "three-color-policer single-rate single",
    "three-color-policer two-rate double",
];

/// What they allow: one of these at a time.
pub const LIMITS: [&str; 3] = [
    "\
set firewall policer few if-exceeding-pps pps-limit 1
set firewall policer few if-exceeding-pps packet-burst 3
set firewall policer few then discard
",
    "\
set firewall policer few if-exceeding-pps pps-limit 1
set firewall policer few if-exceeding-pps packet-burst 2
set firewall policer few then discard
",
    "\
set firewall policer few if-exceeding-pps pps-limit 1
set firewall policer few if-exceeding-pps packet-burst 2
set firewall policer few then loss-priority high
",
];

pub const OTHER_POLICERS: &str = "\
set firewall policer bytes if-exceeding bandwidth-limit 8k
set firewall policer bytes if-exceeding burst-size-limit 1500
set firewall policer bytes then discard
set firewall policer shared filter-specific
set firewall policer shared if-exceeding bandwidth-limit 8k
set firewall policer shared if-exceeding burst-size-limit 2000
set firewall policer shared then discard
set firewall policer marking if-exceeding bandwidth-limit 16k
set firewall policer marking if-exceeding burst-size-limit 1500
set firewall policer marking then loss-priority medium-high
set firewall policer marking then forwarding-class assured-forwarding
set firewall three-color-policer single action loss-priority high then discard
set firewall three-color-policer single single-rate color-aware
set firewall three-color-policer single single-rate committed-information-rate 8k
set firewall three-color-policer single single-rate committed-burst-size 1500
set firewall three-color-policer single single-rate excess-burst-size 2000
set firewall three-color-policer double two-rate color-blind
set firewall three-color-policer double two-rate committed-information-rate 8k
set firewall three-color-policer double two-rate committed-burst-size 1500
set firewall three-color-policer double two-rate peak-information-rate 16k
set firewall three-color-policer double two-rate peak-burst-size 3000
";

/// Where one stands without a filter.
pub const POLICED: [&str; 4] = [
    "interfaces ge-0/0/0 unit 0 family inet policer input few",
    "interfaces ge-0/0/1 unit 0 family inet policer output bytes",
    "interfaces ge-0/0/0 unit 0 family inet6 policer input marking",
    "interfaces ge-0/0/1 unit 0 family inet6 policer output few",
];

/// Mirrors that terms name, and those that take everything of a unit.
pub const MIRRORS: &str = "\
set interfaces ge-0/0/4 unit 0 family inet address 10.4.0.1/24
set interfaces ge-0/0/5 unit 0 family inet address 10.5.0.1/24
set interfaces ge-0/0/6 unit 0 family inet address 10.6.0.1/24
set interfaces ge-0/0/7 unit 0 family inet address 10.7.0.1/24
set forwarding-options port-mirroring output interface ge-0/0/4
set forwarding-options port-mirroring instance m family inet output interface ge-0/0/5.0
set forwarding-options port-mirroring instance m input maximum-packet-length 36
";

pub const MIRRORED: [&str; 4] = [
    "\
set forwarding-options port-mirroring instance in input ingress interface ge-0/0/0.0
set forwarding-options port-mirroring instance in output interface ge-0/0/6
",
    "\
set forwarding-options port-mirroring instance out input egress interface ge-0/0/1.0
set forwarding-options port-mirroring instance out output interface ge-0/0/7
",
    "set forwarding-options port-mirroring instance m disable\n",
    "set forwarding-options port-mirroring disable-all-instances\n",
];
