//! What is known of feeds.
//!
//! A feed is looked at every update interval; a look that fails leaves its entries, up to the hold interval since
//! the last that did not. Spec: dynamic-address-4..7.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ravelin_contract::LiveAddresses;

use crate::addresses::{FeedError, Parsed};

/// Looks at feeds that may be open at a time.
pub const FETCHES_MAX: usize = 4;

/// One feed.
#[derive(Clone, Debug)]
pub struct FeedState {
    /// `None`: never had, or held for too long.
    pub addresses: Option<Arc<LiveAddresses>>,
    pub entries: usize,
    pub unread: usize,
    /// When it was had last.
    pub since: Option<Duration>,
    pub next: Duration,
    pub error: Option<String>,
    /// Raised when its entries change.
    pub(crate) version: u64,
    is_open: bool,
    /// It was asked for while it was looked at: what comes may be of before.
    is_wanted: bool,
    update: Duration,
    hold: Duration,
}

/// Feeds by where they are had.
#[derive(Clone, Debug, Default)]
pub(crate) struct Feeds(BTreeMap<String, FeedState>);

impl Feeds {
    /// Looks at these feeds from now on, with update and hold interval, and forgets others.
    pub(crate) fn want(&mut self, wanted: &BTreeMap<String, (Duration, Duration)>, now: Duration) {
        self.0.retain(|url, _| wanted.contains_key(url));
        for (url, (update, hold)) in wanted {
            let new = || FeedState {
                addresses: None,
                entries: 0,
                unread: 0,
                since: None,
                next: now,
                error: None,
                version: 0,
                is_open: false,
                is_wanted: false,
                update: *update,
                hold: *hold,
            };
            let state = self.0.entry(url.clone()).or_insert_with(new);
            (state.update, state.hold) = (*update, *hold);
            state.next = state.next.min(now + *update);
        }
    }

    /// Feeds to look at now.
    pub(crate) fn due(&mut self, now: Duration) -> Vec<String> {
        let open = self.0.values().filter(|state| state.is_open).count();
        let due = self.0.iter_mut().filter(|(_, state)| !state.is_open && state.next <= now);
        let look = |(url, state): (&String, &mut FeedState)| {
            state.is_open = true;
            url.clone()
        };
        due.take(FETCHES_MAX.saturating_sub(open)).map(look).collect()
    }

    /// Looks at a feed at once; what is known of it stays until then. Whether there is such a feed.
    pub(crate) fn refresh(&mut self, url: &str, now: Duration) -> bool {
        let Some(state) = self.0.get_mut(url) else { return false };
        (state.next, state.is_wanted) = (now, state.is_open);
        true
    }

    pub(crate) fn had(&mut self, url: &str, content: Result<Parsed, FeedError>, now: Duration) {
        let Some(state) = self.0.get_mut(url) else { return };
        state.is_open = false;
        let again = std::mem::take(&mut state.is_wanted);
        state.next = if again { now } else { now + state.update };
        match content {
            Ok(Parsed { addresses, entries, unread }) => {
                (state.entries, state.unread, state.since, state.error) = (entries, unread, Some(now), None);
                if state.addresses.as_deref() != Some(&addresses) {
                    state.addresses = Some(Arc::new(addresses));
                    state.version += 1;
                }
            }
            Err(error) => state.error = Some(error.to_string()),
        }
    }

    /// Forgets entries that were held for too long.
    pub(crate) fn expire(&mut self, now: Duration) {
        for state in self.0.values_mut() {
            let is_over = |since| now.saturating_sub(since) >= state.hold + state.update;
            if state.error.is_some() && state.since.is_some_and(is_over) {
                (state.addresses, state.since, state.entries) = (None, None, 0);
                state.version += 1;
            }
        }
    }

    pub(crate) fn get(&self, url: &str) -> Option<&FeedState> {
        self.0.get(url)
    }

    pub(crate) fn next(&self) -> Option<Duration> {
        self.0.values().filter(|state| !state.is_open).map(|state| state.next).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addresses::parse;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn entries_survive_failures_up_to_the_hold_interval() {
        let mut feeds = Feeds::default();
        feeds.want(&BTreeMap::from([("u".to_owned(), (at(30), at(100)))]), at(0));
        assert_eq!(feeds.due(at(0)), ["u"]);
        feeds.had("u", parse(b"10.0.0.1\n"), at(1));
        assert!(feeds.due(at(30)).is_empty());
        assert_eq!(feeds.due(at(31)), ["u"]);
        feeds.had("u", Err(FeedError::NoAddresses { lines: 1 }), at(32));
        feeds.expire(at(130));
        assert!(feeds.get("u").unwrap().addresses.is_some());
        feeds.expire(at(131));
        assert!(feeds.get("u").unwrap().addresses.is_none());
    }

    /// Spec: dynamic-address-10.
    #[test]
    fn a_feed_is_looked_at_when_asked_and_once_more_if_that_was_under_way() {
        let mut feeds = Feeds::default();
        feeds.want(&BTreeMap::from([("u".to_owned(), (at(30), at(100)))]), at(0));
        assert_eq!(feeds.due(at(0)), ["u"]);
        feeds.had("u", parse(b"10.0.0.1\n"), at(1));
        assert!(feeds.due(at(5)).is_empty());
        assert!(feeds.refresh("u", at(5)) && !feeds.refresh("v", at(5)));
        assert_eq!(feeds.due(at(5)), ["u"]);
        assert!(feeds.refresh("u", at(6)) && feeds.due(at(6)).is_empty(), "it is open");
        feeds.had("u", parse(b"10.0.0.1\n"), at(7));
        assert!(feeds.get("u").unwrap().addresses.is_some(), "what is known stays");
        assert_eq!(feeds.due(at(7)), ["u"]);
        feeds.had("u", parse(b"10.0.0.1\n"), at(8));
        assert_eq!(feeds.next(), Some(at(38)));
    }

    #[test]
    fn the_same_entries_again_are_no_change() {
        let mut feeds = Feeds::default();
        feeds.want(&BTreeMap::from([("u".to_owned(), (at(30), at(100)))]), at(0));
        let mut versions = Vec::new();
        for text in ["10.0.0.1\n", "10.0.0.1\n", "10.0.0.2\n", "#\n"] {
            feeds.had("u", parse(text.as_bytes()), at(1));
            versions.push(feeds.get("u").unwrap().version);
        }
        assert_eq!(versions, [1, 1, 2, 3]);
    }
}
