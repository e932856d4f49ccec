//! `security screen`: what is looked for in the packets that enter a zone.

use ipnet::IpNet;
use ravelin_derive::Lower;
use ravelin_schema::{Cx, lower};
use ravelin_syntax::{Node, Span};

use crate::keywords::keywords;

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Screen {
    /// Seconds between two notifications of one screen, 1..=3600; Junos' default is 2.
    #[lower(leaf = "trap interval")]
    pub trap_interval: Option<u32>,
    #[lower(list = "ids-option")]
    pub ids_options: Vec<IdsOption>,
    #[lower(list = "white-list")]
    pub white_lists: Vec<ScreenWhiteList>,
}

/// Addresses that screens name to leave them out.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct ScreenWhiteList {
    #[lower(key)]
    pub name: String,
    #[lower(leaves = "address")]
    pub addresses: Vec<IpNet>,
    #[lower(at)]
    pub at: Span,
}

keywords! {
    /// Which packets of a zone a screen looks at.
    MatchDirection {
        Input = "input",
        Output = "output",
        InputOutput = "input-output",
    }
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct IdsOption {
    #[lower(key)]
    pub name: String,
    #[lower(flag = "alarm-without-drop")]
    pub alarm_without_drop: bool,
    #[lower(with(match_direction, "match-direction"))]
    pub match_direction: Option<MatchDirection>,
    #[lower(container = "aggregation")]
    pub aggregation: ScreenAggregation,
    #[lower(container = "icmp")]
    pub icmp: ScreenIcmp,
    #[lower(container = "ip")]
    pub ip: ScreenIp,
    #[lower(container = "tcp")]
    pub tcp: ScreenTcp,
    #[lower(container = "udp")]
    pub udp: ScreenUdp,
    #[lower(container = "limit-session")]
    pub limit_session: LimitSession,
    #[lower(at)]
    pub at: Span,
}

/// Prefix lengths that `by-source` and `by-destination` count addresses by.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct ScreenAggregation {
    #[lower(leaf = "source-prefix-mask")]
    pub source4: Option<u8>,
    #[lower(leaf = "destination-prefix-mask")]
    pub destination4: Option<u8>,
    #[lower(leaf = "source-prefix-v6-mask")]
    pub source6: Option<u8>,
    #[lower(leaf = "destination-prefix-v6-mask")]
    pub destination6: Option<u8>,
}

/// A statement that is meaningful without its threshold: Junos' default holds.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Threshold {
    #[lower(leaf = "threshold")]
    pub threshold: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct ScreenIcmp {
    #[lower(presence = "ip-sweep")]
    pub ip_sweep: Option<Threshold>,
    #[lower(flag = "fragment")]
    pub fragment: bool,
    #[lower(flag = "large")]
    pub large: bool,
    #[lower(presence = "flood")]
    pub flood: Option<Threshold>,
    #[lower(flag = "ping-death")]
    pub ping_death: bool,
    #[lower(flag = "icmpv6-malformed")]
    pub icmpv6_malformed: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct ScreenIp {
    #[lower(flag = "bad-option")]
    pub bad_option: bool,
    #[lower(flag = "record-route-option")]
    pub record_route_option: bool,
    #[lower(flag = "timestamp-option")]
    pub timestamp_option: bool,
    #[lower(flag = "security-option")]
    pub security_option: bool,
    #[lower(flag = "stream-option")]
    pub stream_option: bool,
    #[lower(flag = "spoofing")]
    pub spoofing: bool,
    #[lower(flag = "source-route-option")]
    pub source_route_option: bool,
    #[lower(flag = "loose-source-route-option")]
    pub loose_source_route_option: bool,
    #[lower(flag = "strict-source-route-option")]
    pub strict_source_route_option: bool,
    #[lower(flag = "unknown-protocol")]
    pub unknown_protocol: bool,
    #[lower(presence = "block-frag")]
    pub block_frag: Option<BlockFrag>,
    #[lower(flag = "tear-drop")]
    pub tear_drop: bool,
    #[lower(container = "ipv6-extension-header")]
    pub extension_header: ExtensionHeader,
    #[lower(leaf = "ipv6-extension-header-limit")]
    pub extension_header_limit: Option<u8>,
    #[lower(flag = "ipv6-malformed-header")]
    pub malformed_header: bool,
    #[lower(container = "tunnel")]
    pub tunnel: ScreenTunnel,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct BlockFrag {
    #[lower(leaves = "white-list")]
    pub white_lists: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct ExtensionHeader {
    #[lower(container = "hop-by-hop-header")]
    pub hop_by_hop: HopByHopHeader,
    #[lower(flag = "routing-header")]
    pub routing: bool,
    #[lower(flag = "fragment-header")]
    pub fragment: bool,
    #[lower(flag = "ESP-header")]
    pub esp: bool,
    #[lower(flag = "AH-header")]
    pub ah: bool,
    #[lower(flag = "no-next-header")]
    pub no_next: bool,
    #[lower(container = "destination-header")]
    pub destination: DestinationHeader,
    #[lower(flag = "shim6-header")]
    pub shim6: bool,
    #[lower(flag = "mobility-header")]
    pub mobility: bool,
    #[lower(flag = "HIP-header")]
    pub hip: bool,
    #[lower(list = "user-defined-header-type <>")]
    pub user_defined: Vec<NumberRange>,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct HopByHopHeader {
    #[lower(flag = "jumbo-payload-option")]
    pub jumbo_payload: bool,
    #[lower(flag = "router-alert-option")]
    pub router_alert: bool,
    #[lower(flag = "quick-start-option")]
    pub quick_start: bool,
    #[lower(flag = "CALIPSO-option")]
    pub calipso: bool,
    #[lower(flag = "SMF-DPD-option")]
    pub smf_dpd: bool,
    #[lower(flag = "RPL-option")]
    pub rpl: bool,
    #[lower(list = "user-defined-option-type <>")]
    pub user_defined: Vec<NumberRange>,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct DestinationHeader {
    #[lower(flag = "tunnel-encapsulation-limit-option")]
    pub tunnel_encapsulation_limit: bool,
    #[lower(flag = "home-address-option")]
    pub home_address: bool,
    #[lower(flag = "ILNP-nonce-option")]
    pub ilnp_nonce: bool,
    #[lower(flag = "line-identification-option")]
    pub line_identification: bool,
    #[lower(list = "user-defined-option-type <>")]
    pub user_defined: Vec<NumberRange>,
}

/// `10` or `10 to 20`.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct NumberRange {
    #[lower(key)]
    pub low: u8,
    #[lower(leaf = "to <>")]
    pub high: Option<u8>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct ScreenTunnel {
    #[lower(flag = "bad-inner-header")]
    pub bad_inner_header: bool,
    #[lower(flag = "gre gre-6in4")]
    pub gre_6in4: bool,
    #[lower(flag = "gre gre-4in6")]
    pub gre_4in6: bool,
    #[lower(flag = "gre gre-6in6")]
    pub gre_6in6: bool,
    #[lower(flag = "gre gre-4in4")]
    pub gre_4in4: bool,
    #[lower(flag = "ip-in-udp teredo")]
    pub teredo: bool,
    #[lower(flag = "ipip ipip-6to4relay")]
    pub ipip_6to4relay: bool,
    #[lower(flag = "ipip ipip-6in4")]
    pub ipip_6in4: bool,
    #[lower(flag = "ipip ipip-4in6")]
    pub ipip_4in6: bool,
    #[lower(flag = "ipip ipip-4in4")]
    pub ipip_4in4: bool,
    #[lower(flag = "ipip ipip-6in6")]
    pub ipip_6in6: bool,
    #[lower(flag = "ipip ipip-6over4")]
    pub ipip_6over4: bool,
    #[lower(flag = "ipip isatap")]
    pub isatap: bool,
    #[lower(flag = "ipip dslite")]
    pub dslite: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct ScreenTcp {
    #[lower(flag = "syn-fin")]
    pub syn_fin: bool,
    #[lower(flag = "fin-no-ack")]
    pub fin_no_ack: bool,
    #[lower(flag = "tcp-no-flag")]
    pub no_flag: bool,
    #[lower(flag = "syn-frag")]
    pub syn_frag: bool,
    #[lower(presence = "port-scan")]
    pub port_scan: Option<Threshold>,
    #[lower(presence = "syn-ack-ack-proxy")]
    pub syn_ack_ack_proxy: Option<Threshold>,
    #[lower(presence = "syn-flood")]
    pub syn_flood: Option<ScreenSynFlood>,
    #[lower(flag = "land")]
    pub land: bool,
    #[lower(flag = "winnuke")]
    pub winnuke: bool,
    #[lower(presence = "tcp-sweep")]
    pub tcp_sweep: Option<Threshold>,
}

/// What isn't set has Junos' default: alarm 512, attack 200, source and destination 4000 requests a second,
/// timeout 20 seconds, queue of 1024.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct ScreenSynFlood {
    #[lower(leaf = "alarm-threshold")]
    pub alarm: Option<u32>,
    #[lower(leaf = "attack-threshold")]
    pub attack: Option<u32>,
    #[lower(leaf = "source-threshold")]
    pub source: Option<u32>,
    #[lower(leaf = "destination-threshold")]
    pub destination: Option<u32>,
    /// Seconds that a proxied request may wait.
    #[lower(leaf = "timeout")]
    pub timeout: Option<u32>,
    /// Proxied requests that may wait at once.
    #[lower(leaf = "queue-size")]
    pub queue_size: Option<u32>,
    #[lower(list = "white-list")]
    pub white_lists: Vec<SynFloodWhiteList>,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct SynFloodWhiteList {
    #[lower(key)]
    pub name: String,
    #[lower(leaves = "source-address")]
    pub sources: Vec<IpNet>,
    #[lower(leaves = "destination-address")]
    pub destinations: Vec<IpNet>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct ScreenUdp {
    #[lower(presence = "flood")]
    pub flood: Option<ScreenUdpFlood>,
    #[lower(presence = "udp-sweep")]
    pub udp_sweep: Option<Threshold>,
    #[lower(presence = "port-scan")]
    pub port_scan: Option<Threshold>,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct ScreenUdpFlood {
    #[lower(leaf = "threshold")]
    pub threshold: Option<u32>,
    #[lower(leaves = "white-list")]
    pub white_lists: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct LimitSession {
    #[lower(leaf = "source-ip-based")]
    pub source: Option<u32>,
    #[lower(leaf = "destination-ip-based")]
    pub destination: Option<u32>,
    #[lower(container = "by-source")]
    pub by_source: SideLimit,
    #[lower(container = "by-destination")]
    pub by_destination: SideLimit,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct SideLimit {
    #[lower(flatten)]
    pub all: AddressLimit,
    #[lower(container = "by-protocol tcp")]
    pub tcp: AddressLimit,
    #[lower(container = "by-protocol udp")]
    pub udp: AddressLimit,
    #[lower(container = "by-protocol icmp")]
    pub icmp: AddressLimit,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct AddressLimit {
    #[lower(leaf = "maximum-sessions")]
    pub sessions: Option<u32>,
    #[lower(leaf = "packet-rate")]
    pub packet_rate: Option<u32>,
    #[lower(leaf = "session-rate")]
    pub session_rate: Option<u32>,
    #[lower(leaves = "whitelist")]
    pub white_lists: Vec<String>,
}

fn match_direction(node: &Node, cx: &mut Cx) -> Option<MatchDirection> {
    let word: String = lower::leaf(node, "match-direction", cx)?;
    let direction = MatchDirection::from_word(&word);
    if direction.is_none() {
        cx.error(node.span, format!("invalid value `{word}'"));
    }
    direction
}
