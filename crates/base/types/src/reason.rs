//! Every way a packet can die: one closed table.
//!
//! The table generates the enum, the counter's name, and the line that `show` prints. A new way to
//! die is a new row, and a case that produces it.

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident $metric:literal $text:literal)*) => {
        /// Why a packet was dropped.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum DropReason { $($(#[$doc])* $name,)* }

        impl DropReason {
            /// Every reason, in the order of the counters.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            pub const COUNT: usize = Self::ALL.len();

            /// The name in counters, metrics and verdict files.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $metric,)* }
            }

            /// The name in `show security flow statistics`.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

reasons! {
    MalformedEthernet "malformed-ethernet" "Malformed Ethernet header"
    MalformedIpv4 "malformed-ipv4" "Malformed IPv4 header"
    BadIpv4Checksum "bad-ipv4-checksum" "Bad IPv4 header checksum"
    MalformedIpv6 "malformed-ipv6" "Malformed IPv6 header"
    MalformedExtension "malformed-extension-header" "Malformed IPv6 extension header"
    TooManyExtensions "too-many-extension-headers" "Too many IPv6 extension headers"
    MappedAddress "ipv4-mapped-address" "IPv4-mapped IPv6 address"
    MalformedTransport "malformed-transport" "Malformed transport header"
    MalformedIcmp "malformed-icmp" "Malformed ICMP header"
    OtherStation "other-station" "Destination MAC of another station"
    UnknownVlan "unknown-vlan" "No logical interface for the VLAN"
    InterfaceDisabled "interface-disabled" "Interface disabled"
    NoZone "no-zone" "Interface in no zone"
    FamilyNotConfigured "family-not-configured" "Family not configured on the interface"
    UnknownEthertype "unknown-ethertype" "EtherType not handled"
    InvalidSource "invalid-source-address" "Invalid source address"
    InvalidDestination "invalid-destination-address" "Invalid destination address"
    TtlExpired "ttl-expired" "TTL or hop limit exceeded"
    NoRoute "no-route" "No route to destination"
    RouteDiscard "route-discard" "Discard route"
    RouteReject "route-reject" "Reject route"
    EgressNoZone "egress-no-zone" "Egress interface in no zone"
    EgressDown "egress-down" "Egress interface down"
    PolicyDeny "policy-deny" "Denied by policy"
    PolicyReject "policy-reject" "Rejected by policy"
    DefaultDeny "default-deny" "Denied by default policy"
    Screen "screen" "Stopped by a screen"
    SynFlood "syn-flood" "Connection request during a SYN flood"
    TcpNotSyn "tcp-not-syn" "First TCP segment is not SYN"
    TcpBadFlags "tcp-bad-flags" "TCP flags that can't stand together"
    TcpNotEstablished "tcp-not-established" "TCP handshake not complete"
    TcpOutOfWindow "tcp-out-of-window" "TCP sequence outside the window"
    TcpAckOutOfWindow "tcp-ack-out-of-window" "TCP acknowledgement of nothing sent"
    TcpSackOutOfWindow "tcp-sack-out-of-window" "TCP SACK of nothing sent"
    TcpRstOutOfWindow "tcp-rst-out-of-window" "TCP RST outside the window"
    TcpRstNotExpected "tcp-rst-not-expected" "TCP RST without the expected sequence"
    TcpSynInWindow "tcp-syn-in-window" "TCP SYN-ACK in an established session"
    TcpAfterFin "tcp-after-fin" "TCP data after an acknowledged FIN"
    BadIcmpChecksum "bad-icmp-checksum" "Bad ICMP checksum"
    IcmpErrorFragment "icmp-error-fragment" "ICMP error in fragments"
    IcmpErrorNoSession "icmp-error-no-session" "ICMP error for no session"
    IcmpReplyNoSession "icmp-reply-no-session" "ICMP reply for no session"
    FragmentNoFirst "fragment-no-first" "Fragment before its first"
    FragmentHoldFull "fragment-hold-full" "Too many fragments before their first"
    FragmentLength "fragment-length" "Fragment of no possible length"
    FragmentTooLong "fragment-too-long" "Fragment behind the longest datagram"
    FragmentTiny "fragment-tiny" "Fragment within the transport header"
    FragmentOverlap "fragment-overlap" "Overlapping fragments"
    FragmentEnds "fragment-ends" "Fragments with more than one end"
    FragmentTooMany "fragment-too-many" "Too many fragments of one datagram"
    FragmentDuplicate "fragment-duplicate" "Duplicate fragment"
    SessionTableFull "session-table-full" "Session table full"
    SessionCollision "session-collision" "Session wing already in use"
    NatNoAddress "nat-no-address" "No address for source NAT"
    NatPortsExhausted "nat-ports-exhausted" "Source NAT ports exhausted"
    PacketTooBig "packet-too-big" "Packet larger than the egress MTU"
    NeighbourUnresolved "neighbour-unresolved" "Next hop could not be resolved"
    HoldQueueFull "hold-queue-full" "Hold queue for unresolved next hops full"
    HostInboundDenied "host-inbound-denied" "Denied by host-inbound-traffic"
    HostQueueFull "host-queue-full" "Host queue full"
    AnswerQueueFull "answer-queue-full" "Answer queue full"
    HandOverFull "hand-over-full" "Ring to another worker full"
    HandOverLoop "hand-over-loop" "Handed over between workers too often"
    TxQueueFull "tx-queue-full" "Transmit queue full"
    NotReady "not-ready" "No program applied"
    NatAddressesExhausted "nat-addresses-exhausted" "Source NAT addresses exhausted"
    NatTableFull "nat-table-full" "Source NAT table full"
    FilterDiscard "filter-discard" "Discarded by a firewall filter"
    FilterReject "filter-reject" "Rejected by a firewall filter"
    PolicerDiscard "policer-discard" "Discarded by a policer"
    AlgAddress "alg-address" "Data connection of another host or to a privileged port"
    AlgTableFull "alg-table-full" "Too many expected sessions"
    AlgOversize "alg-oversize" "DNS message longer than allowed"
    SynCookieInvalid "syn-cookie-invalid" "TCP ACK with a wrong or used SYN cookie"
    Nat64NoSource "nat64-no-source" "No source NAT between address families"
    Nat64Protocol "nat64-protocol" "No counterpart in the other address family"
    Nat64Fragment "nat64-fragment" "Fragment that can't change its address family"
    Nat64Header "nat64-header" "Route header that can't change its address family"
    Nptv6Unmappable "nptv6-unmappable" "Address that NPTv6 can't map"
    PersistentNatFiltered "persistent-nat-filtered" "Remote host not permitted by persistent NAT"
    ManagementZone "management-zone" "Transit through the management zone"
    PolicyTranslation "policy-translation" "Destination address translated, or not, against the policy"
    DnsReply "dns-reply-no-query" "DNS reply without a query"
    GroupPassive "redundancy-group-passive" "Redundancy group not active on this node"
    FabricFrame "fabric-frame" "Frame on a fabric link that is not the peer's"
    Overload "overload" "New flow during overload"
    FragmentIncomplete "fragment-incomplete" "Fragment of a datagram that did not become whole"
}

impl DropReason {
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The reason of a name, as the wire and files carry it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|r| r.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = DropReason::ALL.iter().map(|r| r.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), DropReason::COUNT);
        assert_eq!(DropReason::from_name("no-route"), Some(DropReason::NoRoute));
    }
}
