//! What changes without a commit, as it is shown.

use std::net::IpAddr;

use ravelin_types::LiveSetId;
use serde::{Deserialize, Serialize};

use crate::gather::Failure;

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
    /// Forgets the addresses of a name, or of all, and has them asked for again; how many there are.
    fn forget_names(&self, name: Option<&str>) -> u64;
    /// Has the feeds that are meant looked at at once; how many there are.
    fn refresh_feeds(&self, feeds: &Feeds) -> u64;
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
    /// Feeds, or those that are meant.
    Summary(Feeds),
    /// What is in them.
    Entries(Feeds),
    /// Forget names.
    ClearDnsCache {
        name: Option<String>,
    },
    /// Look at feeds now.
    Update(Feeds),
}

/// Which feeds are meant: by the name that policies use, by the feed's own, and by its server's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Feeds {
    pub address: Option<String>,
    pub feed: Option<String>,
    pub server: Option<String>,
}

impl Feeds {
    /// `names`: those that policies use.
    #[must_use]
    pub fn mean<'a>(&self, mut names: impl Iterator<Item = &'a String>, feed: &str, server: &str) -> bool {
        self.server.as_ref().is_none_or(|wanted| wanted == server)
            && self.address.as_ref().is_none_or(|wanted| names.any(|name| name == wanted))
            && self.feed.as_ref().is_none_or(|wanted| wanted == feed)
    }

    /// What was asked for, for who finds nothing.
    fn named(&self) -> Option<(&'static str, &String)> {
        let server = self.server.as_ref().map(|name| ("feed server", name));
        let feed = self.feed.as_ref().map(|name| ("feed", name)).or(server);
        self.address.as_ref().map(|name| ("dynamic address", name)).or(feed)
    }
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DynamicAnswer {
    Schedulers(Vec<ScheduleLine>),
    DnsCache(Vec<DnsLine>),
    Feeds(Vec<FeedLine>),
    Addresses(Vec<EntryList>),
    /// So many names were forgotten.
    NamesCleared(u64),
    /// So many feeds are looked at.
    Updated(u64),
}

/// Entries of a dynamic address that are listed.
const ENTRIES_MAX: usize = 1000;

/// # Errors
/// Nothing has the name that was asked for.
pub(crate) fn answer(view: &dyn DynamicView, query: DynamicQuery) -> Result<DynamicAnswer, Failure> {
    match query {
        DynamicQuery::Schedulers { name } => {
            let mut lines = view.schedules();
            lines.retain(|line| name.as_ref().is_none_or(|name| line.name == *name));
            some(lines, name.as_ref().map(|name| ("scheduler", name))).map(DynamicAnswer::Schedulers)
        }
        DynamicQuery::DnsCache { name } => {
            let mut lines = view.names();
            lines.retain(|line| name.as_ref().is_none_or(|name| line.name.eq_ignore_ascii_case(name)));
            some(lines, name.as_ref().map(|name| ("name", name))).map(DynamicAnswer::DnsCache)
        }
        DynamicQuery::Summary(feeds) => {
            let mut lines = view.feeds();
            lines.retain(|line| feeds.mean(line.addresses.iter(), &line.feed, &line.server));
            some(lines, feeds.named()).map(DynamicAnswer::Feeds)
        }
        DynamicQuery::Entries(feeds) => {
            let mut lists = view.entries(ENTRIES_MAX);
            lists.retain(|list| feeds.mean(std::iter::once(&list.name), &list.feed, ""));
            some(lists, feeds.named()).map(DynamicAnswer::Addresses)
        }
        DynamicQuery::ClearDnsCache { name } => {
            let names = view.forget_names(name.as_deref());
            found(names, name.as_ref().map(|name| ("name", name))).map(DynamicAnswer::NamesCleared)
        }
        DynamicQuery::Update(feeds) => {
            found(view.refresh_feeds(&feeds), feeds.named()).map(DynamicAnswer::Updated)
        }
    }
}

fn found(count: u64, named: Option<(&'static str, &String)>) -> Result<u64, Failure> {
    match named {
        Some((what, name)) if count == 0 => Err(Failure::NotFound { what, name: name.clone() }),
        Some(_) | None => Ok(count),
    }
}

fn some<T>(lines: Vec<T>, named: Option<(&'static str, &String)>) -> Result<Vec<T>, Failure> {
    match named {
        Some((what, name)) if lines.is_empty() => Err(Failure::NotFound { what, name: name.clone() }),
        Some(_) | None => Ok(lines),
    }
}
