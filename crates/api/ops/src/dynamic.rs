//! What changes without a commit, as it is shown.

use std::net::IpAddr;

use ravelin_types::LiveSetId;
use serde::{Deserialize, Serialize};

/// `show schedulers`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleLine {
    pub name: String,
    pub open: bool,
    /// When that changes, as the firewall's clock will read; `None`: not in sight.
    pub until: Option<String>,
    /// Policies that go by it.
    pub policies: u64,
}

/// `show security dns-cache`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsLine {
    pub name: String,
    pub addresses: Vec<IpAddr>,
    /// Seconds since it was answered; `None`: never.
    pub age_s: Option<u64>,
    /// Seconds until it is asked for again.
    pub next_s: u64,
    /// The last question was not answered.
    pub failed: bool,
}

/// `show security dynamic-address summary`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedLine {
    pub server: String,
    pub feed: String,
    pub url: String,
    /// Names that policies use.
    pub addresses: Vec<String>,
    /// `None`: never had, or held for too long.
    pub entries: Option<u64>,
    /// Lines that could not be read.
    pub unread: u64,
    pub age_s: Option<u64>,
    pub next_s: u64,
    pub update_interval_s: u64,
    pub hold_interval_s: u64,
    pub error: Option<String>,
}

/// One entry of `show security dynamic-address`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryLine {
    pub first: IpAddr,
    pub last: IpAddr,
}

/// Entries of a name that policies use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryList {
    pub name: String,
    pub feed: String,
    /// The first of them.
    pub entries: Vec<EntryLine>,
    /// How many there are.
    pub count: u64,
}

/// Where all this is read.
pub trait DynamicView {
    fn schedules(&self) -> Vec<ScheduleLine>;
    fn names(&self) -> Vec<DnsLine>;
    fn feeds(&self) -> Vec<FeedLine>;
    /// Whether a live set holds an address; `None`: nobody knows the set, or it has no address of the family.
    fn contains(&self, set: LiveSetId, addr: IpAddr) -> Option<bool>;
    /// At most so many entries of each name.
    fn entries(&self, most: usize) -> Vec<EntryList>;
}

/// What is asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DynamicQuery {
    Schedulers {
        name: Option<String>,
    },
    DnsCache {
        name: Option<String>,
    },
    /// Feeds.
    Summary,
    /// What is in them.
    Entries,
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DynamicAnswer {
    Schedulers(Vec<ScheduleLine>),
    DnsCache(Vec<DnsLine>),
    Feeds(Vec<FeedLine>),
    Addresses(Vec<EntryList>),
}

/// Entries of a dynamic address that are listed.
const ENTRIES_MAX: usize = 1000;

pub(crate) fn answer(view: &dyn DynamicView, query: DynamicQuery) -> DynamicAnswer {
    match query {
        DynamicQuery::Schedulers { name } => {
            let mut lines = view.schedules();
            lines.retain(|line| name.as_ref().is_none_or(|name| line.name == *name));
            DynamicAnswer::Schedulers(lines)
        }
        DynamicQuery::DnsCache { name } => {
            let mut lines = view.names();
            lines.retain(|line| name.as_ref().is_none_or(|name| line.name.eq_ignore_ascii_case(name)));
            DynamicAnswer::DnsCache(lines)
        }
        DynamicQuery::Summary => DynamicAnswer::Feeds(view.feeds()),
        DynamicQuery::Entries => DynamicAnswer::Addresses(view.entries(ENTRIES_MAX)),
    }
}
