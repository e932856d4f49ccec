//! `applications`: what a policy matches by protocol, ports and ICMP types.

use ravelin_syntax::Span;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applications {
    pub applications: Vec<Application>,
    pub sets: Vec<ApplicationSet>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Application {
    pub name: String,
    pub description: Option<String>,
    /// Written terms, or the one term that the statements outside a term make (its name is empty).
    pub terms: Vec<ApplicationTerm>,
    pub at: Span,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApplicationTerm {
    pub name: String,
    /// `None` matches any protocol: only the predefined `junos-*` any-applications have it.
    pub protocol: Option<u8>,
    pub source_ports: Option<PortRange>,
    pub destination_ports: Option<PortRange>,
    pub icmp_type: Option<u8>,
    pub icmp_code: Option<u8>,
    pub icmp6_type: Option<u8>,
    pub icmp6_code: Option<u8>,
    pub inactivity_timeout: Option<Timeout>,
    pub at: Span,
}

/// Ports from `low` to `high`, both included, `low <= high`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortRange {
    pub low: u16,
    pub high: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timeout {
    Seconds(u32),
    Never,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApplicationSet {
    pub name: String,
    pub description: Option<String>,
    pub applications: Vec<String>,
    pub sets: Vec<String>,
    pub at: Span,
}
