//! Filters: terms and what they look for.

use ipnet::IpNet;
use ravelin_derive::Lower;
use ravelin_schema::Value;
use ravelin_syntax::Span;

use super::then::{FilterReject, FilterThen, reject4, reject6};
use super::values::{
    Dscp, Esp, ForwardingClass, FragmentOffset, HexNumber, Icmp4Code, Icmp4Type, Icmp6Code, Icmp6Type,
    InterfaceGroup, IpOption, Listed, LossPriorityLevel, PacketLength, PortNumber, Precedence,
    ProtocolNumber, Ttl,
};
use crate::keywords::keywords;

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct FirewallFilter4 {
    #[lower(key)]
    pub name: String,
    /// Counters and policers of its own for each interface and direction.
    #[lower(flag = "interface-specific")]
    pub interface_specific: bool,
    /// Its policers are of physical interfaces.
    #[lower(flag = "physical-interface-filter")]
    pub physical: bool,
    #[lower(list = "term")]
    pub terms: Vec<FilterTerm4>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct FirewallFilter6 {
    #[lower(key)]
    pub name: String,
    #[lower(flag = "interface-specific")]
    pub interface_specific: bool,
    #[lower(flag = "physical-interface-filter")]
    pub physical: bool,
    #[lower(list = "term")]
    pub terms: Vec<FilterTerm6>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct FilterTerm4 {
    #[lower(key)]
    pub name: String,
    /// Another filter, whose terms stand here; with nothing else in the term.
    #[lower(leaf = "filter")]
    pub filter: Option<String>,
    #[lower(container = "from")]
    pub from: FilterFrom4,
    #[lower(container = "then")]
    pub then: FilterThen,
    #[lower(with(
        reject4,
        "then reject",
        "then reject network-unreachable",
        "then reject host-unreachable",
        "then reject protocol-unreachable",
        "then reject port-unreachable",
        "then reject fragmentation-needed",
        "then reject source-route-failed",
        "then reject network-unknown",
        "then reject host-unknown",
        "then reject source-host-isolated",
        "then reject network-prohibited",
        "then reject host-prohibited",
        "then reject bad-network-tos",
        "then reject bad-host-tos",
        "then reject administratively-prohibited",
        "then reject precedence-violation",
        "then reject precedence-cutoff",
        "then reject tcp-reset"
    ))]
    pub reject: Option<FilterReject>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct FilterTerm6 {
    #[lower(key)]
    pub name: String,
    /// Another filter, whose terms stand here; with nothing else in the term.
    #[lower(leaf = "filter")]
    pub filter: Option<String>,
    #[lower(container = "from")]
    pub from: FilterFrom6,
    #[lower(container = "then")]
    pub then: FilterThen,
    #[lower(with(
        reject6,
        "then reject",
        "then reject no-route",
        "then reject administratively-prohibited",
        "then reject beyond-scope",
        "then reject address-unreachable",
        "then reject port-unreachable",
        "then reject policy-failed",
        "then reject reject-route",
        "then reject tcp-reset"
    ))]
    pub reject: Option<FilterReject>,
    #[lower(at)]
    pub at: Span,
}

/// Conditions of family inet.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct FilterFrom4 {
    #[lower(flatten)]
    pub common: FilterMatch,
    #[lower(leaves = "protocol")]
    pub protocol: Vec<Listed<ProtocolNumber>>,
    #[lower(leaves = "protocol-except")]
    pub protocol_except: Vec<Listed<ProtocolNumber>>,
    #[lower(leaves = "dscp")]
    pub dscp: Vec<Listed<Dscp>>,
    #[lower(leaves = "dscp-except")]
    pub dscp_except: Vec<Listed<Dscp>>,
    #[lower(leaves = "precedence")]
    pub precedence: Vec<Listed<Precedence>>,
    #[lower(leaves = "precedence-except")]
    pub precedence_except: Vec<Listed<Precedence>>,
    #[lower(leaves = "ttl")]
    pub ttl: Vec<Listed<Ttl>>,
    #[lower(leaves = "ttl-except")]
    pub ttl_except: Vec<Listed<Ttl>>,
    #[lower(leaves = "ip-options")]
    pub ip_options: Vec<Listed<IpOption>>,
    #[lower(leaves = "ip-options-except")]
    pub ip_options_except: Vec<Listed<IpOption>>,
    #[lower(flag = "is-fragment")]
    pub is_fragment: bool,
    #[lower(flag = "first-fragment")]
    pub first_fragment: bool,
    #[lower(leaves = "fragment-offset")]
    pub fragment_offset: Vec<Listed<FragmentOffset>>,
    #[lower(leaves = "fragment-offset-except")]
    pub fragment_offset_except: Vec<Listed<FragmentOffset>>,
    #[lower(leaf = "fragment-flags")]
    pub fragment_flags: Option<String>,
    #[lower(leaves = "esp-spi")]
    pub esp_spi: Vec<Listed<Esp>>,
    #[lower(leaves = "esp-spi-except")]
    pub esp_spi_except: Vec<Listed<Esp>>,
    #[lower(leaves = "icmp-type")]
    pub icmp_type: Vec<Listed<Icmp4Type>>,
    #[lower(leaves = "icmp-type-except")]
    pub icmp_type_except: Vec<Listed<Icmp4Type>>,
    #[lower(leaves = "icmp-code")]
    pub icmp_code: Vec<Listed<Icmp4Code>>,
    #[lower(leaves = "icmp-code-except")]
    pub icmp_code_except: Vec<Listed<Icmp4Code>>,
}

/// Conditions of family inet6.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct FilterFrom6 {
    #[lower(flatten)]
    pub common: FilterMatch,
    #[lower(leaves = "next-header")]
    pub next_header: Vec<Listed<ProtocolNumber>>,
    #[lower(leaves = "next-header-except")]
    pub next_header_except: Vec<Listed<ProtocolNumber>>,
    #[lower(leaves = "traffic-class")]
    pub traffic_class: Vec<Listed<Dscp>>,
    #[lower(leaves = "traffic-class-except")]
    pub traffic_class_except: Vec<Listed<Dscp>>,
    #[lower(leaves = "icmp-type")]
    pub icmp_type: Vec<Listed<Icmp6Type>>,
    #[lower(leaves = "icmp-type-except")]
    pub icmp_type_except: Vec<Listed<Icmp6Type>>,
    #[lower(leaves = "icmp-code")]
    pub icmp_code: Vec<Listed<Icmp6Code>>,
    #[lower(leaves = "icmp-code-except")]
    pub icmp_code_except: Vec<Listed<Icmp6Code>>,
}

/// Conditions that both families have.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct FilterMatch {
    #[lower(list = "address <>")]
    pub address: Vec<FilterAddress>,
    #[lower(list = "source-address <>")]
    pub source_address: Vec<FilterAddress>,
    #[lower(list = "destination-address <>")]
    pub destination_address: Vec<FilterAddress>,
    #[lower(list = "prefix-list <>")]
    pub prefix_list: Vec<FilterPrefixList>,
    #[lower(list = "source-prefix-list <>")]
    pub source_prefix_list: Vec<FilterPrefixList>,
    #[lower(list = "destination-prefix-list <>")]
    pub destination_prefix_list: Vec<FilterPrefixList>,
    #[lower(leaves = "port")]
    pub port: Vec<Listed<PortNumber>>,
    #[lower(leaves = "port-except")]
    pub port_except: Vec<Listed<PortNumber>>,
    #[lower(leaves = "source-port")]
    pub source_port: Vec<Listed<PortNumber>>,
    #[lower(leaves = "source-port-except")]
    pub source_port_except: Vec<Listed<PortNumber>>,
    #[lower(leaves = "destination-port")]
    pub destination_port: Vec<Listed<PortNumber>>,
    #[lower(leaves = "destination-port-except")]
    pub destination_port_except: Vec<Listed<PortNumber>>,
    #[lower(leaves = "packet-length")]
    pub packet_length: Vec<Listed<PacketLength>>,
    #[lower(leaves = "packet-length-except")]
    pub packet_length_except: Vec<Listed<PacketLength>>,
    #[lower(leaf = "tcp-flags")]
    pub tcp_flags: Option<String>,
    #[lower(flag = "tcp-initial")]
    pub tcp_initial: bool,
    #[lower(flag = "tcp-established")]
    pub tcp_established: bool,
    #[lower(leaves = "interface")]
    pub interface: Vec<String>,
    #[lower(leaves = "interface-set")]
    pub interface_set: Vec<String>,
    #[lower(leaves = "interface-group")]
    pub interface_group: Vec<Listed<InterfaceGroup>>,
    #[lower(leaves = "interface-group-except")]
    pub interface_group_except: Vec<Listed<InterfaceGroup>>,
    #[lower(leaves = "forwarding-class")]
    pub forwarding_class: Vec<Listed<ForwardingClass>>,
    #[lower(leaves = "forwarding-class-except")]
    pub forwarding_class_except: Vec<Listed<ForwardingClass>>,
    #[lower(leaves = "loss-priority")]
    pub loss_priority: Vec<Listed<LossPriorityLevel>>,
    #[lower(leaves = "loss-priority-except")]
    pub loss_priority_except: Vec<Listed<LossPriorityLevel>>,
    #[lower(presence = "flexible-match-mask")]
    pub flexible_mask: Option<FlexibleMask>,
    #[lower(presence = "flexible-match-range")]
    pub flexible_range: Option<FlexibleRange>,
}

/// An address of a list.
#[derive(Clone, Debug, PartialEq, Lower)]
pub struct FilterAddress {
    #[lower(key)]
    pub prefix: IpNet,
    #[lower(flag = "except")]
    pub except: bool,
    #[lower(at)]
    pub at: Span,
}

/// A prefix list by name.
#[derive(Clone, Debug, PartialEq, Lower)]
pub struct FilterPrefixList {
    #[lower(key)]
    pub name: String,
    #[lower(flag = "except")]
    pub except: bool,
    #[lower(at)]
    pub at: Span,
}

keywords! {
    /// Where a flexible match counts from.
    FlexibleStart {
        Layer3 = "layer-3",
        Layer4 = "layer-4",
        Payload = "payload",
    }
}

impl Value for FlexibleStart {
    fn value(word: &str) -> Result<Self, String> {
        let unsupported =
            || format!("match-start `{word}' is not supported: layer-3, layer-4 and payload are");
        Self::from_word(word).ok_or_else(unsupported)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct FlexibleMask {
    /// Where the bits are, by a name of `firewall flexible-match`.
    #[lower(leaf = "flexible-mask-name")]
    pub template: Option<String>,
    #[lower(leaf = "match-start")]
    pub start: Option<FlexibleStart>,
    #[lower(leaf = "byte-offset")]
    pub byte_offset: Option<u8>,
    #[lower(leaf = "bit-offset")]
    pub bit_offset: Option<u8>,
    #[lower(leaf = "bit-length")]
    pub bit_length: Option<u8>,
    #[lower(leaf = "mask-in-hex")]
    pub mask: Option<HexNumber>,
    /// The bits wanted: hexadecimal with `0x`, else as characters.
    #[lower(leaf = "prefix")]
    pub prefix: Option<String>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct FlexibleRange {
    #[lower(leaf = "flexible-range-name")]
    pub template: Option<String>,
    #[lower(leaf = "match-start")]
    pub start: Option<FlexibleStart>,
    #[lower(leaf = "byte-offset")]
    pub byte_offset: Option<u8>,
    #[lower(leaf = "bit-offset")]
    pub bit_offset: Option<u8>,
    #[lower(leaf = "bit-length")]
    pub bit_length: Option<u8>,
    #[lower(leaf = "range")]
    pub range: Option<String>,
    #[lower(leaf = "range-except")]
    pub range_except: Option<String>,
    #[lower(at)]
    pub at: Span,
}

/// Bits that terms look at by a name.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct FlexibleTemplate {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "match-start")]
    pub start: Option<FlexibleStart>,
    #[lower(leaf = "byte-offset")]
    pub byte_offset: Option<u8>,
    #[lower(leaf = "bit-offset")]
    pub bit_offset: Option<u8>,
    #[lower(leaf = "bit-length")]
    pub bit_length: Option<u8>,
    #[lower(at)]
    pub at: Span,
}
