//! The configurations that the two engines go through.

/// What they have in common; the variants change what judges sessions and packets.
pub const COMMON: &str = "
set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/8
set interfaces ge-0/0/0 unit 0 family inet6 address 2001:db8::1/64
set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24
set interfaces ge-0/0/1 unit 0 family inet6 address 2001:db8:1::1/64
set interfaces ge-0/0/2 vlan-tagging
set interfaces ge-0/0/2 unit 7 vlan-id 7
set interfaces ge-0/0/2 unit 7 family inet address 192.0.2.1/24
set interfaces ge-0/0/2 unit 7 family inet6 address 2001:db8:2::1/64
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set security zones security-zone dmz interfaces ge-0/0/2.7
set security nat source rule-set rs from zone trust
set security nat source rule-set rs to zone untrust
set security nat source rule-set rs rule r match source-address 10.0.0.0/8
set security nat source rule-set rs rule r then source-nat interface
set security nat static rule-set six from zone trust
set security nat static rule-set six rule four match destination-address 2001:db8:64::/96
set security nat static rule-set six rule four then static-nat inet
set security nat source pool four address 198.51.100.9/32
set security nat source rule-set rs rule six match source-address 2001:db8::/64
set security nat source rule-set rs rule six match destination-address 0.0.0.0/0
set security nat source rule-set rs rule six then source-nat pool four
set security nat proxy-arp interface ge-0/0/1.0 address 198.51.100.9/32
set security nat destination pool inside address 10.0.0.9/32
set security nat destination rule-set ds from zone untrust
set security nat destination rule-set ds rule r match destination-address 198.51.100.77/32
set security nat destination rule-set ds rule r then destination-nat pool inside
";

/// What each has besides.
pub const VARIANTS: [&str; 14] = [
    "",
    "set interfaces ge-0/0/1 mtu 256
",
    "set security screen ids-option s udp flood threshold 5
set security zones security-zone trust screen s
",
    "set security flow tcp-mss all-tcp mss 1000
set interfaces ge-0/0/2 disable
",
    "deactivate security policies from-zone trust to-zone dmz
",
    "set interfaces ge-0/0/2 unit 7 disable
",
    "set firewall family inet filter f term t from destination-port 53
set firewall family inet filter f term t then count c
set firewall family inet filter f term t then discard
set firewall family inet filter f term rest then accept
set interfaces ge-0/0/0 unit 0 family inet filter input f
",
    "set firewall policer p if-exceeding bandwidth-limit 8k
set firewall policer p if-exceeding burst-size-limit 1500
set firewall policer p then discard
set interfaces ge-0/0/1 unit 0 family inet6 policer output p
",
    "set interfaces ge-0/0/3 unit 0 family inet address 203.0.113.1/24
set forwarding-options port-mirroring input rate 3
set forwarding-options port-mirroring input ingress interface ge-0/0/0
set forwarding-options port-mirroring input egress interface ge-0/0/1.0
set forwarding-options port-mirroring output interface ge-0/0/3
",
    "set interfaces ge-0/0/3 unit 0 family inet address 203.0.113.1/24
set security forwarding-options mirror-filter f interface-in ge-0/0/0.0
set security forwarding-options mirror-filter f output interface ge-0/0/3.0
set security forwarding-options mirror-filter f output destination-mac 02:00:00:00:00:09
",
    "set security screen ids-option s udp flood threshold 5
set security screen ids-option s match-direction input-output
set security zones security-zone untrust screen s
",
    "set firewall policer p if-exceeding bandwidth-limit 64k
set firewall policer p if-exceeding burst-size-limit 1500
set firewall policer p then discard
set firewall family inet filter in term long from packet-length 200-300
set firewall family inet filter in term long then count long
set firewall family inet filter in term long then loss-priority high
set firewall family inet filter in term long then policer p
set firewall family inet filter in term rest then syslog
set firewall family inet filter in term rest then accept
set firewall family inet filter out term marked from dscp 0
set firewall family inet filter out term marked from ttl 63
set firewall family inet filter out term marked then count marked
set firewall family inet filter out term marked then accept
set firewall family inet filter out term pushed from tcp-flags push
set firewall family inet filter out term pushed then reject tcp-reset
set firewall family inet filter out term own from source-address 198.51.100.1/32
set firewall family inet filter out term own then policer p
set firewall family inet filter out term rest then accept
set firewall family inet6 filter six term odd from source-port 1003
set firewall family inet6 filter six term odd then reject
set firewall family inet6 filter six term rest then count six
set interfaces ge-0/0/0 unit 0 family inet filter input in
set interfaces ge-0/0/0 unit 0 family inet6 filter input six
set interfaces ge-0/0/1 unit 0 family inet filter output out
set interfaces ge-0/0/1 unit 0 family inet filter input in
set interfaces ge-0/0/2 unit 7 family inet6 filter output six
",
    "set security screen ids-option s tcp winnuke
set security screen ids-option s tcp tcp-no-flag
set security screen ids-option s tcp land
set security screen ids-option s ip source-route-option
set security screen ids-option s icmp flood threshold 3
set security screen ids-option s udp flood threshold 9
set security screen ids-option s match-direction input-output
set security zones security-zone untrust screen s
set security zones security-zone trust screen s
set firewall family inet filter f term t from destination-port 80
set firewall family inet filter f term t then count c
set firewall family inet filter f term rest then accept
set interfaces ge-0/0/1 unit 0 family inet filter input f
",
    // None of these minds a plain packet.
    "set security screen ids-option s tcp winnuke
set security screen ids-option s tcp tcp-no-flag
set security screen ids-option s tcp land
set security screen ids-option s tcp fin-no-ack
set security screen ids-option s tcp syn-fin
set security screen ids-option s ip unknown-protocol
set security screen ids-option s ip bad-option
set security screen ids-option s ip block-frag
set security screen ids-option s ip spoofing
set security screen ids-option s icmp ping-death
set security screen ids-option s limit-session source-ip-based 3
set security screen ids-option s match-direction input-output
set security zones security-zone untrust screen s
set security zones security-zone trust screen s
",
];
