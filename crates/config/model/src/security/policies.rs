//! `security policies`: who may talk to whom.

use ipnet::IpNet;
use ravelin_syntax::Span;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policies {
    /// One entry a zone pair, in written order.
    pub pairs: Vec<ZonePairPolicies>,
    pub global: Vec<GlobalPolicy>,
    pub default_policy: DefaultPolicy,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DefaultPolicy {
    #[default]
    DenyAll,
    PermitAll,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ZonePairPolicies {
    pub from: String,
    pub to: String,
    pub policies: Vec<Policy>,
    pub at: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub struct GlobalPolicy {
    pub policy: Policy,
    /// Empty: any zone.
    pub from_zones: Vec<String>,
    pub to_zones: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub name: String,
    pub description: Option<String>,
    pub source_addresses: Vec<AddressRef>,
    pub destination_addresses: Vec<AddressRef>,
    pub source_excluded: bool,
    pub destination_excluded: bool,
    /// Names; `any` stands alone.
    pub applications: Vec<String>,
    pub action: PolicyAction,
    pub log_init: bool,
    pub log_close: bool,
    pub count: bool,
    pub at: Span,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AddressRef {
    Any,
    AnyIpv4,
    AnyIpv6,
    Named(String),
    Prefix(IpNet),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyAction {
    Permit,
    Deny,
    Reject,
}
