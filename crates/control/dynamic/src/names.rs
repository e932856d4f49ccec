//! What is known of names of hosts.
//!
//! An answer holds for its TTL, no shorter than [`TTL_MIN`], and no longer than the query interval before it is asked again.
//! A question that fails leaves what was known, up to [`STALE_MAX`]; a name that was never resolved has no addresses, and
//! no condition that names it holds. Spec: dns-name-1..7.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ravelin_contract::LiveAddresses;

use crate::addresses::single;

/// Junos keeps an answer for so long at least.
pub const TTL_MIN: Duration = Duration::from_secs(16);
/// How long addresses are kept that nobody confirms (RFC 8767 4: a day to three).
pub const STALE_MAX: Duration = Duration::from_secs(86_400);
/// Addresses of a name that are taken; the rest of an answer is not.
pub const ADDRESSES_MAX: usize = 256;
/// Questions that may be open at a time.
pub const QUESTIONS_MAX: usize = 16;

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Addresses of both families, and for how long, when the answer says.
    Addresses { list: Vec<IpAddr>, ttl: Option<Duration> },
    /// There is no such name, or it has no addresses.
    None { ttl: Option<Duration> },
    /// No answer.
    Failed,
}

/// What is known of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameState {
    /// Of both families, in order.
    pub addresses: Vec<IpAddr>,
    /// When the answer came that they are of.
    pub since: Option<Duration>,
    /// When it is asked again.
    pub next: Duration,
    /// The last question was not answered.
    pub failed: bool,
    is_open: bool,
    interval: Duration,
}

/// Names by what they are asked as.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(BTreeMap<String, NameState>);

impl Names {
    /// Asks for these names from now on, each with its interval, and forgets others.
    pub(crate) fn want(&mut self, wanted: &BTreeMap<String, Duration>, now: Duration) {
        self.0.retain(|name, _| wanted.contains_key(name));
        for (name, interval) in wanted {
            let new = || NameState {
                addresses: Vec::new(),
                since: None,
                next: now,
                failed: false,
                is_open: false,
                interval: *interval,
            };
            let state = self.0.entry(name.clone()).or_insert_with(new);
            state.interval = *interval;
            state.next = state.next.min(now + *interval);
        }
    }

    /// Names to ask for now; each stays open until it is answered.
    pub(crate) fn due(&mut self, now: Duration) -> Vec<String> {
        let open = self.0.values().filter(|state| state.is_open).count();
        let due = self.0.iter_mut().filter(|(_, state)| !state.is_open && state.next <= now);
        let ask = |(name, state): (&String, &mut NameState)| {
            state.is_open = true;
            name.clone()
        };
        due.take(QUESTIONS_MAX.saturating_sub(open)).map(ask).collect()
    }

    /// Forgets what is known of a name, and asks for it again at once. Whether there is such a name.
    pub(crate) fn forget(&mut self, name: &str, now: Duration) -> bool {
        let Some(state) = self.0.get_mut(name) else { return false };
        state.addresses.clear();
        (state.since, state.failed, state.next) = (None, false, now);
        true
    }

    pub(crate) fn answered(&mut self, name: &str, answer: Answer, now: Duration) {
        let Some(state) = self.0.get_mut(name) else { return };
        state.is_open = false;
        let (list, ttl) = match answer {
            Answer::Addresses { list, ttl } => (list, ttl),
            Answer::None { ttl } => (Vec::new(), ttl),
            Answer::Failed => {
                state.failed = true;
                state.next = now + TTL_MIN.min(state.interval);
                return;
            }
        };
        state.failed = false;
        state.since = Some(now);
        state.addresses = list;
        state.addresses.sort_unstable();
        state.addresses.dedup();
        state.addresses.truncate(ADDRESSES_MAX);
        state.next = now + ttl.map_or(state.interval, |ttl| ttl.max(TTL_MIN).min(state.interval));
    }

    /// Forgets what nobody has confirmed for too long.
    pub(crate) fn expire(&mut self, now: Duration) {
        for state in self.0.values_mut() {
            if state.since.is_some_and(|since| now.saturating_sub(since) >= STALE_MAX + state.interval) {
                state.addresses.clear();
                state.since = None;
            }
        }
    }

    /// `None`: unresolved, or without addresses of these families.
    pub(crate) fn addresses(&self, name: &str, (v4, v6): (bool, bool)) -> Option<LiveAddresses> {
        let list = &self.0.get(name)?.addresses;
        let wanted: Vec<IpAddr> =
            list.iter().copied().filter(|addr| if addr.is_ipv4() { v4 } else { v6 }).collect();
        (!wanted.is_empty()).then(|| single(&wanted))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&NameState> {
        self.0.get(name)
    }

    /// When there is something to ask.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.0.values().filter(|state| !state.is_open).map(|state| state.next).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: u64 = 300;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn names() -> Names {
        let mut names = Names::default();
        names.want(&BTreeMap::from([("a.example".to_owned(), at(INTERVAL))]), at(0));
        names
    }

    fn some(ttl: Option<u64>, list: &[&str]) -> Answer {
        let list = list.iter().map(|a| a.parse().unwrap()).collect();
        Answer::Addresses { list, ttl: ttl.map(at) }
    }

    fn next_after(answer: Answer) -> Duration {
        let mut names = names();
        assert_eq!(names.due(at(0)), ["a.example"]);
        assert!(names.due(at(1)).is_empty(), "it is asked already");
        names.answered("a.example", answer, at(10));
        names.next().unwrap()
    }

    #[test]
    fn the_ttl_is_followed_within_its_bounds() {
        let ip = &["192.0.2.1"];
        assert_eq!(next_after(some(Some(60), ip)), at(70));
        assert_eq!(next_after(some(Some(1), ip)), at(26));
        assert_eq!(next_after(some(Some(9999), ip)), at(310));
        assert_eq!(next_after(some(None, ip)), at(310));
        assert_eq!(next_after(Answer::None { ttl: Some(at(20)) }), at(30));
        assert_eq!(next_after(Answer::Failed), at(26));
    }

    #[test]
    fn families_are_told_apart_and_none_is_unresolved() {
        let mut names = names();
        assert_eq!(names.addresses("a.example", (true, true)), None);
        names.answered("a.example", some(None, &["192.0.2.1", "2001:db8::1", "192.0.2.1"]), at(0));
        let both = names.addresses("a.example", (true, true)).unwrap();
        assert_eq!((both.v4.len(), both.v6.len()), (1, 1));
        assert_eq!(names.addresses("a.example", (true, false)).unwrap().v6, []);
        names.answered("a.example", some(None, &["192.0.2.1"]), at(1));
        assert_eq!(names.addresses("a.example", (false, true)), None);
        names.answered("a.example", Answer::None { ttl: None }, at(2));
        assert_eq!(names.addresses("a.example", (true, true)), None);
    }

    #[test]
    fn a_failed_question_leaves_what_was_known_for_a_time() {
        let mut names = names();
        names.answered("a.example", some(Some(60), &["192.0.2.1"]), at(0));
        names.answered("a.example", Answer::Failed, at(60));
        let end = STALE_MAX.as_secs() + INTERVAL;
        for now in [60, 3600, end - 1] {
            names.expire(at(now));
            assert!(names.addresses("a.example", (true, true)).is_some(), "{now}");
        }
        names.expire(at(end));
        assert_eq!(names.addresses("a.example", (true, true)), None);
    }

    #[test]
    fn questions_and_addresses_are_bounded() {
        let mut names = Names::default();
        let many: BTreeMap<String, Duration> = (0..99).map(|n| (format!("n{n}"), at(60))).collect();
        names.want(&many, at(0));
        assert_eq!(names.due(at(0)).len(), QUESTIONS_MAX);
        assert!(names.due(at(0)).is_empty());
        let list = (0..2000u32).map(|n| IpAddr::from(n.to_be_bytes())).collect();
        names.answered("n0", Answer::Addresses { list, ttl: None }, at(1));
        assert_eq!(names.addresses("n0", (true, true)).unwrap().v4.len(), ADDRESSES_MAX);
        assert_eq!(names.due(at(1)).len(), 1);
    }

    /// Spec: dns-name-13.
    #[test]
    fn a_name_that_is_forgotten_has_no_addresses_and_is_asked_for_at_once() {
        let mut names = names();
        assert_eq!(names.due(at(0)), ["a.example"]);
        names.answered("a.example", some(None, &["192.0.2.1"]), at(1));
        assert!(names.due(at(2)).is_empty());
        assert!(names.forget("a.example", at(3)) && !names.forget("b.example", at(3)));
        assert_eq!(names.addresses("a.example", (true, true)), None);
        assert_eq!(names.get("a.example").unwrap().since, None);
        assert_eq!((names.next(), names.due(at(3))), (Some(at(3)), vec!["a.example".to_owned()]));
        names.answered("a.example", some(None, &["192.0.2.2"]), at(4));
        assert!(names.addresses("a.example", (true, true)).is_some());
    }

    #[test]
    fn a_name_that_is_not_wanted_any_more_is_forgotten() {
        let mut names = names();
        names.answered("a.example", some(None, &["192.0.2.1"]), at(0));
        names.want(&BTreeMap::new(), at(1));
        names.want(&BTreeMap::from([("a.example".to_owned(), at(16))]), at(2));
        assert_eq!(names.addresses("a.example", (true, true)), None);
    }
}
