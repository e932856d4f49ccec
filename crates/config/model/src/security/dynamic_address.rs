//! `security dynamic-address`: lists of addresses that a server keeps.

use ravelin_derive::Lower;
use ravelin_syntax::Span;

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct DynamicAddresses {
    #[lower(list = "feed-server")]
    pub servers: Vec<FeedServer>,
    #[lower(list = "address-name")]
    pub names: Vec<DynamicAddress>,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct FeedServer {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    /// Host, or host and port; asked by HTTP.
    #[lower(leaf = "hostname")]
    pub hostname: Option<String>,
    #[lower(leaf = "url")]
    pub url: Option<String>,
    /// Seconds from one look at the feed to the next; Junos' default is 300.
    #[lower(leaf = "update-interval")]
    pub update_interval_s: Option<u32>,
    /// Seconds that entries are kept without an answer of the server; Junos' default is 86,400.
    #[lower(leaf = "hold-interval")]
    pub hold_interval_s: Option<u32>,
    #[lower(list = "feed-name")]
    pub feeds: Vec<Feed>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Feed {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    /// Behind the server's URL.
    #[lower(leaf = "path")]
    pub path: Option<String>,
    #[lower(leaf = "update-interval")]
    pub update_interval_s: Option<u32>,
    #[lower(leaf = "hold-interval")]
    pub hold_interval_s: Option<u32>,
    #[lower(at)]
    pub at: Span,
}

/// A name for policies, and the feed that it stands for.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct DynamicAddress {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    #[lower(leaves = "profile feed-name")]
    pub feeds: Vec<String>,
    #[lower(at)]
    pub at: Span,
}
