//! Screens: what is looked for in the packets that enter a zone.
//!
//! Junos: `security screen ids-option`, `security screen trap`, `security flow syn-flood-protection-mode`.
//! A limit that is `None` is not configured and costs nothing. Spec: screen-1..6.

use ravelin_types::ZoneId;

use crate::policy::Prefix;

macro_rules! screens {
    ($($name:ident = $number:literal $path:literal $text:literal)*) => {
        /// One screen. Its number is its place in counters and on the wire and never changes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Screen { $($name = $number,)* }

        impl Screen {
            /// Every screen, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            pub const COUNT: usize = Self::ALL.len();

            /// The statement below `security screen ids-option <name>` that switches it on.
            #[must_use]
            pub const fn path(self) -> &'static str {
                match self { $(Self::$name => $path,)* }
            }

            /// The line of `show security screen statistics`, and the name in events.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

screens! {
    IcmpFlood = 0 "icmp flood" "ICMP flood"
    UdpFlood = 1 "udp flood" "UDP flood"
    Winnuke = 2 "tcp winnuke" "TCP winnuke"
    TcpPortScan = 3 "tcp port-scan" "TCP port scan"
    UdpPortScan = 4 "udp port-scan" "UDP port scan"
    IpSweep = 5 "icmp ip-sweep" "ICMP address sweep"
    TcpSweep = 6 "tcp tcp-sweep" "TCP sweep"
    UdpSweep = 7 "udp udp-sweep" "UDP sweep"
    TearDrop = 8 "ip tear-drop" "IP tear drop"
    SynFlood = 9 "tcp syn-flood attack-threshold" "TCP SYN flood"
    SynFloodAlarm = 10 "tcp syn-flood alarm-threshold" "TCP SYN flood alarm"
    SynFloodSource = 11 "tcp syn-flood source-threshold" "SYN flood source"
    SynFloodDestination = 12 "tcp syn-flood destination-threshold" "SYN flood destination"
    Spoofing = 13 "ip spoofing" "IP spoofing"
    PingDeath = 14 "icmp ping-death" "ICMP ping of death"
    SourceRoute = 15 "ip source-route-option" "IP source route option"
    Land = 16 "tcp land" "TCP land attack"
    SynFrag = 17 "tcp syn-frag" "TCP SYN fragment"
    TcpNoFlag = 18 "tcp tcp-no-flag" "TCP no flag"
    UnknownProtocol = 19 "ip unknown-protocol" "IP unknown protocol"
    BadOption = 20 "ip bad-option" "IP bad options"
    RecordRoute = 21 "ip record-route-option" "IP record route option"
    TimestampOption = 22 "ip timestamp-option" "IP timestamp option"
    SecurityOption = 23 "ip security-option" "IP security option"
    LooseSourceRoute = 24 "ip loose-source-route-option" "IP loose source route option"
    StrictSourceRoute = 25 "ip strict-source-route-option" "IP strict source route option"
    StreamOption = 26 "ip stream-option" "IP stream option"
    IcmpFragment = 27 "icmp fragment" "ICMP fragment"
    IcmpLarge = 28 "icmp large" "ICMP large packet"
    SynFin = 29 "tcp syn-fin" "TCP SYN FIN"
    FinNoAck = 30 "tcp fin-no-ack" "TCP FIN no ACK"
    SourceSessions = 31 "limit-session source-ip-based" "Source session limit"
    SynAckAckProxy = 32 "tcp syn-ack-ack-proxy" "TCP SYN-ACK-ACK proxy"
    BlockFrag = 33 "ip block-frag" "IP block fragment"
    DestinationSessions = 34 "limit-session destination-ip-based" "Destination session limit"
    Icmpv6Malformed = 35 "icmp icmpv6-malformed" "ICMPv6 malformed packet"
    Ipv6Malformed = 36 "ip ipv6-malformed-header" "IPv6 malformed header"
    Ipv6HeaderLimit = 37 "ip ipv6-extension-header-limit" "IPv6 extension header limit"
    HopJumbo = 38 "ip ipv6-extension-header hop-by-hop-header jumbo-payload-option" "IPv6 jumbo payload option"
    HopRouterAlert = 39 "ip ipv6-extension-header hop-by-hop-header router-alert-option" "IPv6 router alert option"
    HopQuickStart = 40 "ip ipv6-extension-header hop-by-hop-header quick-start-option" "IPv6 quick start option"
    HopCalipso = 41 "ip ipv6-extension-header hop-by-hop-header CALIPSO-option" "IPv6 CALIPSO option"
    HopSmfDpd = 42 "ip ipv6-extension-header hop-by-hop-header SMF-DPD-option" "IPv6 SMF DPD option"
    HopRpl = 43 "ip ipv6-extension-header hop-by-hop-header RPL-option" "IPv6 RPL option"
    HopUserDefined = 44 "ip ipv6-extension-header hop-by-hop-header user-defined-option-type" "IPv6 user-defined hop-by-hop option"
    DestinationTunnelLimit = 45 "ip ipv6-extension-header destination-header tunnel-encapsulation-limit-option" "IPv6 tunnel encapsulation limit option"
    DestinationHomeAddress = 46 "ip ipv6-extension-header destination-header home-address-option" "IPv6 home address option"
    DestinationIlnpNonce = 47 "ip ipv6-extension-header destination-header ILNP-nonce-option" "IPv6 ILNP nonce option"
    DestinationLineId = 48 "ip ipv6-extension-header destination-header line-identification-option" "IPv6 line identification option"
    DestinationUserDefined = 49 "ip ipv6-extension-header destination-header user-defined-option-type" "IPv6 user-defined destination option"
    RoutingHeader = 50 "ip ipv6-extension-header routing-header" "IPv6 routing header"
    FragmentHeader = 51 "ip ipv6-extension-header fragment-header" "IPv6 fragment header"
    EspHeader = 52 "ip ipv6-extension-header ESP-header" "IPv6 ESP header"
    AhHeader = 53 "ip ipv6-extension-header AH-header" "IPv6 AH header"
    NoNextHeader = 54 "ip ipv6-extension-header no-next-header" "IPv6 no next header"
    Shim6Header = 55 "ip ipv6-extension-header shim6-header" "IPv6 shim6 header"
    MobilityHeader = 56 "ip ipv6-extension-header mobility-header" "IPv6 mobility header"
    HipHeader = 57 "ip ipv6-extension-header HIP-header" "IPv6 HIP header"
    UserDefinedHeader = 58 "ip ipv6-extension-header user-defined-header-type" "IPv6 user-defined header"
    BadInnerHeader = 59 "ip tunnel bad-inner-header" "IP tunnel bad inner header"
    Gre6in4 = 60 "ip tunnel gre gre-6in4" "IP tunnel GRE 6in4"
    Gre4in6 = 61 "ip tunnel gre gre-4in6" "IP tunnel GRE 4in6"
    Gre6in6 = 62 "ip tunnel gre gre-6in6" "IP tunnel GRE 6in6"
    Gre4in4 = 63 "ip tunnel gre gre-4in4" "IP tunnel GRE 4in4"
    Teredo = 64 "ip tunnel ip-in-udp teredo" "IP tunnel IP in UDP Teredo"
    Ipip6to4Relay = 65 "ip tunnel ipip ipip-6to4relay" "IP tunnel IPIP 6to4 relay"
    Ipip6in4 = 66 "ip tunnel ipip ipip-6in4" "IP tunnel IPIP 6in4"
    Ipip4in6 = 67 "ip tunnel ipip ipip-4in6" "IP tunnel IPIP 4in6"
    Ipip4in4 = 68 "ip tunnel ipip ipip-4in4" "IP tunnel IPIP 4in4"
    Ipip6in6 = 69 "ip tunnel ipip ipip-6in6" "IP tunnel IPIP 6in6"
    Ipip6over4 = 70 "ip tunnel ipip ipip-6over4" "IP tunnel IPIP 6over4"
    Isatap = 71 "ip tunnel ipip isatap" "IP tunnel IPIP ISATAP"
    DsLite = 72 "ip tunnel ipip dslite" "IP tunnel IPIP DS-Lite"
    BySourceSessions = 73 "limit-session by-source maximum-sessions" "Session limit by source"
    BySourcePackets = 74 "limit-session by-source packet-rate" "Packet rate by source"
    BySourceRate = 75 "limit-session by-source session-rate" "Session rate by source"
    BySourceProtocolSessions = 76 "limit-session by-source by-protocol maximum-sessions" "Session limit by source and protocol"
    BySourceProtocolPackets = 77 "limit-session by-source by-protocol packet-rate" "Packet rate by source and protocol"
    BySourceProtocolRate = 78 "limit-session by-source by-protocol session-rate" "Session rate by source and protocol"
    ByDestinationSessions = 79 "limit-session by-destination maximum-sessions" "Session limit by destination"
    ByDestinationPackets = 80 "limit-session by-destination packet-rate" "Packet rate by destination"
    ByDestinationRate = 81 "limit-session by-destination session-rate" "Session rate by destination"
    ByDestinationProtocolSessions = 82 "limit-session by-destination by-protocol maximum-sessions" "Session limit by destination and protocol"
    ByDestinationProtocolPackets = 83 "limit-session by-destination by-protocol packet-rate" "Packet rate by destination and protocol"
    ByDestinationProtocolRate = 84 "limit-session by-destination by-protocol session-rate" "Session rate by destination and protocol"
    SynProxyQueue = 85 "tcp syn-flood queue-size" "TCP SYN proxy queue full"
}

const _: () = assert!(Screen::COUNT <= 128, "one bit of a set each");

impl Screen {
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The screen of a number, as the wire carries it.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }
}

/// A set of screens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ScreenSet(pub u128);

impl ScreenSet {
    pub const NONE: Self = Self(0);

    #[must_use]
    pub const fn of(screens: &[Screen]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < screens.len() {
            bits |= 1 << screens[at] as u8;
            at += 1;
        }
        Self(bits)
    }

    #[inline]
    #[must_use]
    pub const fn has(self, screen: Screen) -> bool {
        self.0 >> screen as u8 & 1 == 1
    }

    /// Whether any screen is in both sets.
    #[inline]
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    #[inline]
    pub const fn add(&mut self, screen: Screen) {
        self.0 |= 1 << screen as u8;
    }

    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members, by number.
    pub fn iter(self) -> impl Iterator<Item = Screen> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let screen = Screen::from_number(left.trailing_zeros())?;
            left &= left - 1;
            Some(screen)
        })
    }
}

impl FromIterator<Screen> for ScreenSet {
    fn from_iter<I: IntoIterator<Item = Screen>>(screens: I) -> Self {
        let mut set = Self::NONE;
        screens.into_iter().for_each(|screen| set.add(screen));
        set
    }
}

/// Which packets of a zone a profile looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ScreenDirection {
    #[default]
    Input,
    Output,
    Both,
}

/// How the firewall stands in for a server under a SYN flood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SynProtection {
    #[default]
    Cookie,
    Proxy,
}

/// Packets a second to one destination address and port, and who is not counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UdpFlood {
    pub threshold: u32,
    /// Source or destination.
    pub white_list: Vec<Prefix>,
}

/// A pair of lists that exempts connection requests: each list that is not empty must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SynWhiteList {
    pub sources: Vec<Prefix>,
    pub destinations: Vec<Prefix>,
}

/// Connection requests a second, but `timeout` (seconds) and `queue_size` (requests being proxied).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SynFlood {
    pub alarm: u32,
    pub attack: u32,
    pub source: u32,
    pub destination: u32,
    pub timeout: u32,
    pub queue_size: u32,
    pub white_lists: Vec<SynWhiteList>,
}

/// Microseconds in which ten targets make a sweep or scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sweeps {
    pub ip_sweep: Option<u32>,
    pub tcp_sweep: Option<u32>,
    pub udp_sweep: Option<u32>,
    pub tcp_port_scan: Option<u32>,
    pub udp_port_scan: Option<u32>,
}

/// What one address may have: sessions at once, packets a second, new sessions a second.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Allowance {
    pub sessions: Option<u32>,
    pub packet_rate: Option<u32>,
    pub session_rate: Option<u32>,
    /// Addresses that are not counted.
    pub white_list: Vec<Prefix>,
}

/// Allowances of one side, in all and by protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SideLimits {
    pub all: Allowance,
    pub tcp: Allowance,
    pub udp: Allowance,
    pub icmp: Allowance,
}

/// Prefix lengths that addresses are cut to before [`SideLimits`] count them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Aggregation {
    pub source4: u8,
    pub destination4: u8,
    pub source6: u8,
    pub destination6: u8,
}

impl Default for Aggregation {
    fn default() -> Self {
        Self { source4: 32, destination4: 32, source6: 128, destination6: 128 }
    }
}

/// Numbers `low..=high` of user-defined IPv6 options and headers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct UserDefined {
    pub hop_options: Vec<(u8, u8)>,
    pub destination_options: Vec<(u8, u8)>,
    pub headers: Vec<(u8, u8)>,
}

/// One `ids-option`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ScreenProfile {
    pub name: String,
    pub alarm_without_drop: bool,
    pub direction: ScreenDirection,
    pub aggregation: Aggregation,
    /// The screens that are on or off.
    pub checks: ScreenSet,
    pub user_defined: UserDefined,
    /// Extension headers a packet may have.
    pub header_limit: Option<u8>,
    /// Source or destination that `ip block-frag` lets through.
    pub fragment_white_list: Vec<Prefix>,
    /// Packets a second to one destination address.
    pub icmp_flood: Option<u32>,
    pub udp_flood: Option<UdpFlood>,
    pub syn_flood: Option<SynFlood>,
    pub sweeps: Sweeps,
    /// Connections of one source that are open and have said nothing.
    pub syn_ack_ack: Option<u32>,
    /// Sessions at once of one source, and to one destination.
    pub source_sessions: Option<u32>,
    pub destination_sessions: Option<u32>,
    pub by_source: SideLimits,
    pub by_destination: SideLimits,
}

/// All profiles and the zones they are bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Screens {
    pub profiles: Vec<ScreenProfile>,
    /// Zone and index into `profiles`; a zone stands once.
    pub zones: Vec<(ZoneId, u16)>,
    pub protection: SynProtection,
    /// Seconds between two notifications of one screen.
    pub trap_interval: u32,
    /// As they are called, for whoever asks: profiles have their prefixes themselves.
    pub white_lists: Vec<WhiteList>,
}

/// `security screen white-list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct WhiteList {
    pub name: String,
    pub addresses: Vec<Prefix>,
    /// Indices of the profiles that name it.
    pub profiles: Vec<u16>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_its_place_and_paths_are_unique() {
        for (index, screen) in Screen::ALL.iter().enumerate() {
            assert_eq!(screen.index(), index);
            assert_eq!(Screen::from_number(index as u32), Some(*screen));
        }
        let paths: std::collections::BTreeSet<_> = Screen::ALL.iter().map(|s| s.path()).collect();
        assert_eq!(paths.len(), Screen::COUNT);
        assert_eq!(Screen::from_number(Screen::COUNT as u32), None);
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set: ScreenSet = [Screen::Land, Screen::SynProxyQueue, Screen::IcmpFlood].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [Screen::IcmpFlood, Screen::Land, Screen::SynProxyQueue]);
        assert_eq!(set, ScreenSet::of(&[Screen::SynProxyQueue, Screen::Land, Screen::IcmpFlood]));
        assert!(!set.has(Screen::SynFin) && set.meets(ScreenSet::of(&[Screen::Land])));
    }
}
