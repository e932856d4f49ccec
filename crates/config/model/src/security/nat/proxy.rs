//! `security nat proxy-arp` and `proxy-ndp`: addresses to answer for on a link.

use ipnet::IpNet;
use ravelin_derive::Lower;
use ravelin_syntax::Span;

/// A unit and what it answers for.
#[derive(Clone, Debug, PartialEq, Lower)]
pub struct NatProxy {
    #[lower(key)]
    pub interface: String,
    #[lower(list = "address <>")]
    pub addresses: Vec<ProxyRange>,
    #[lower(at)]
    pub at: Span,
}

/// An address, a prefix, or the addresses up to another one.
#[derive(Clone, Copy, Debug, PartialEq, Lower)]
pub struct ProxyRange {
    #[lower(key)]
    pub first: IpNet,
    #[lower(leaf = "to <>")]
    pub last: Option<IpNet>,
    #[lower(at)]
    pub at: Span,
}
