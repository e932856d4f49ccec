//! What is wanted, what is known of it, and what the plane was told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ravelin_contract::{LiveAddresses, LiveSetUpdate, LiveUpdate, ScheduleUpdate};
use ravelin_types::{LiveSetId, ScheduleId};

use crate::addresses::{FeedError, Parsed, contains};
use crate::clock::{ClockState, WallClock};
use crate::feeds::{FeedState, Feeds};
use crate::names::{Answer, NameState, Names};
use crate::plan::{DynamicPlan, PlannedFeed, PlannedName, PlannedSchedule};
use crate::schedule::ScheduleState;

/// How long nothing may be looked at.
const LOOK_MAX: Duration = Duration::from_secs(1);

/// Both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub wall: Timestamp,
    pub mono: Duration,
}

/// What is to be asked of the world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    pub names: Vec<String>,
    pub feeds: Vec<String>,
}

/// The book of a node.
#[derive(Debug)]
pub struct Book {
    /// The machine's own.
    zone: TimeZone,
    plan: DynamicPlan,
    clock: WallClock,
    names: Names,
    feeds: Feeds,
    told: Option<Told>,
}

/// What the plane knows.
#[derive(Debug, Default)]
struct Told {
    /// `None`: the clock is not believed.
    schedules: BTreeMap<ScheduleId, Option<bool>>,
    sets: BTreeMap<LiveSetId, Known>,
}

/// What was said of a set: the version of a feed, or addresses of a name.
#[derive(Clone, Debug, PartialEq)]
enum Known {
    Feed(u64),
    Name(LiveAddresses),
}

impl Book {
    #[must_use]
    pub fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            plan: DynamicPlan::default(),
            clock: WallClock::default(),
            names: Names::default(),
            feeds: Feeds::default(),
            told: None,
        }
    }

    /// Watches over what a configuration asks for, and nothing else.
    pub fn follow(&mut self, plan: DynamicPlan, now: Now) {
        let mut names: BTreeMap<String, Duration> = BTreeMap::new();
        for name in &plan.names {
            let interval = names.entry(name.name.clone()).or_insert(name.interval);
            *interval = name.interval.min(*interval);
        }
        let feeds = plan.feeds.iter().map(|feed| (feed.url.clone(), (feed.update, feed.hold))).collect();
        self.names.want(&names, now.mono);
        self.feeds.want(&feeds, now.mono);
        self.plan = plan;
    }

    /// As [`Book::follow`], and goes on with what is watched already: a configuration is about to come that may yet
    /// be taken back.
    pub fn follow_too(&mut self, plan: &DynamicPlan, now: Now) {
        let both = self.plan.and(plan);
        self.follow(both, now);
    }

    #[must_use]
    pub fn plan(&self) -> &DynamicPlan {
        &self.plan
    }

    /// The plane is another one, or may have missed something.
    pub fn forget_told(&mut self) {
        self.told = None;
    }

    /// What to tell the plane, if anything is new. The caller says by [`Book::forget_told`] when that failed.
    pub fn update(&mut self, now: Now) -> Option<LiveUpdate> {
        self.names.expire(now.mono);
        self.feeds.expire(now.mono);
        let trusted = self.clock.look(now.wall, now.mono) == ClockState::Trusted;
        let mut present = Told::default();
        for planned in &self.plan.schedules {
            let open = trusted.then(|| planned.schedule.is_open(now.wall, self.zone()));
            present.schedules.insert(planned.id, open);
        }
        for planned in &self.plan.names {
            if let Some(addresses) = self.names.addresses(&planned.name, (planned.v4, planned.v6)) {
                present.sets.insert(planned.id, Known::Name(addresses));
            }
        }
        for planned in &self.plan.feeds {
            if let Some(state) = self.feeds.get(&planned.url).filter(|state| state.addresses.is_some()) {
                present.sets.insert(planned.id, Known::Feed(state.version));
            }
        }
        let update = self.difference(&present);
        self.told = Some(present);
        update
    }

    fn difference(&self, present: &Told) -> Option<LiveUpdate> {
        let none = Told::default();
        let told = self.told.as_ref().unwrap_or(&none);
        let schedules = present.schedules.iter().filter(|(id, open)| told.schedules.get(id) != Some(open));
        let mut schedules: Vec<_> =
            schedules.map(|(id, open)| ScheduleUpdate { id: *id, open: *open }).collect();
        let gone = told.schedules.keys().filter(|id| !present.schedules.contains_key(id));
        schedules.extend(gone.map(|id| ScheduleUpdate { id: *id, open: None }));
        let sets = present.sets.iter().filter(|(id, known)| told.sets.get(id) != Some(known));
        let mut sets: Vec<_> = sets
            .map(|(id, known)| LiveSetUpdate { id: *id, addresses: Some(self.content(*id, known)) })
            .collect();
        let gone = told.sets.keys().filter(|id| !present.sets.contains_key(id));
        sets.extend(gone.map(|id| LiveSetUpdate { id: *id, addresses: None }));
        let resync = self.told.is_none();
        let is_news = resync || !schedules.is_empty() || !sets.is_empty();
        is_news.then_some(LiveUpdate { resync, schedules, sets })
    }

    fn content(&self, id: LiveSetId, known: &Known) -> LiveAddresses {
        match known {
            Known::Name(addresses) => addresses.clone(),
            Known::Feed(_) => {
                let feed = self.plan.feeds.iter().find(|feed| feed.id == id);
                let state = feed.and_then(|feed| self.feeds.get(&feed.url));
                state.and_then(|state| state.addresses.as_deref().cloned()).unwrap_or_default()
            }
        }
    }

    /// Questions to ask now.
    pub fn work(&mut self, now: Now) -> Work {
        Work { names: self.names.due(now.mono), feeds: self.feeds.due(now.mono) }
    }

    /// How long nothing has to be done, at most a second: clocks are put forward and back.
    #[must_use]
    pub fn pause(&self, now: Now) -> Duration {
        let asked = [self.names.next(), self.feeds.next()].into_iter().flatten();
        let asked = asked.map(|at| at.saturating_sub(now.mono));
        asked.chain(self.until(now)).fold(LOOK_MAX, Duration::min)
    }

    /// How long no schedule changes by itself; `None`: there is none.
    #[must_use]
    pub fn until(&self, now: Now) -> Option<Duration> {
        let settled = self.clock.settles_at().map(|at| at.saturating_sub(now.mono));
        let schedules = self.plan.schedules.iter().map(|planned| {
            let until = planned.schedule.state(now.wall, self.zone()).until;
            Duration::try_from(until.duration_since(now.wall)).unwrap_or_default()
        });
        schedules.chain(settled.filter(|_| !self.plan.schedules.is_empty())).min()
    }

    /// Forgets what is known of the names that are meant, and asks for them again at once; how many there are.
    pub fn forget_names(&mut self, is_meant: impl Fn(&PlannedName) -> bool, now: Now) -> u64 {
        let meant: BTreeSet<_> =
            self.plan.names.iter().filter(|name| is_meant(name)).map(|n| &n.name).collect();
        meant.into_iter().filter(|name| self.names.forget(name, now.mono)).count() as u64
    }

    /// Looks at once at the feeds that are meant; how many there are.
    pub fn refresh_feeds(&mut self, is_meant: impl Fn(&PlannedFeed) -> bool, now: Now) -> u64 {
        let meant = self.plan.feeds.iter().filter(|feed| is_meant(feed));
        meant.filter(|feed| self.feeds.refresh(&feed.url, now.mono)).count() as u64
    }

    pub fn answered(&mut self, name: &str, answer: Answer, now: Now) {
        self.names.answered(name, answer, now.mono);
    }

    pub fn had(&mut self, url: &str, content: Result<Parsed, FeedError>, now: Now) {
        self.feeds.had(url, content, now.mono);
    }

    /// Every schedule, and how it stands; closed while the clock is not believed.
    pub fn schedules(&self, now: Now) -> impl Iterator<Item = (&PlannedSchedule, ScheduleState)> {
        let told = |id: ScheduleId| self.told.as_ref().and_then(|told| *told.schedules.get(&id)?);
        self.plan.schedules.iter().map(move |planned| {
            let state = planned.schedule.state(now.wall, self.zone());
            let open = told(planned.id).unwrap_or(false) && state.open;
            (planned, ScheduleState { open, ..state })
        })
    }

    /// Every name, and what is known of it.
    pub fn names(&self) -> impl Iterator<Item = (&PlannedName, Option<&NameState>)> {
        self.plan.names.iter().map(|planned| (planned, self.names.get(&planned.name)))
    }

    /// Every feed, what is known of it, and some of its addresses.
    pub fn feeds(&self) -> impl Iterator<Item = (&PlannedFeed, Option<&FeedState>)> {
        self.plan.feeds.iter().map(|planned| (planned, self.feeds.get(&planned.url)))
    }

    /// Whether a set holds an address; `None`: nobody knows it, or it has no address of the family.
    #[must_use]
    pub fn contains(&self, set: LiveSetId, addr: IpAddr) -> Option<bool> {
        if let Some(feed) = self.plan.feeds.iter().find(|feed| feed.id == set) {
            return contains(self.feeds.get(&feed.url)?.addresses.as_deref()?, addr);
        }
        let name = self.plan.names.iter().find(|name| name.id == set)?;
        contains(&self.names.addresses(&name.name, (name.v4, name.v6))?, addr)
    }

    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        self.plan.zone.as_ref().unwrap_or(&self.zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    fn at(seconds: u64) -> Now {
        Now { wall: Timestamp::UNIX_EPOCH, mono: Duration::from_secs(seconds) }
    }

    fn feed(id: u64, server: &str, name: &str) -> PlannedFeed {
        PlannedFeed {
            id: LiveSetId(id),
            server: server.into(),
            name: name.into(),
            addresses: vec![format!("{name}-hosts")],
            url: format!("http://{server}/{name}"),
            update: Duration::from_secs(300),
            hold: Duration::from_secs(86_400),
        }
    }

    fn name(id: u64, name: &str) -> PlannedName {
        let interval = Duration::from_secs(300);
        PlannedName { id: LiveSetId(id), name: name.into(), v4: true, v6: true, interval }
    }

    /// Everything is known from the first second on.
    fn book() -> Book {
        let mut book = Book::new(TimeZone::UTC);
        let plan = DynamicPlan {
            names: vec![name(1, "a.example"), name(2, "a.example"), name(3, "b.example")],
            feeds: vec![feed(4, "one", "bad"), feed(5, "one", "worse"), feed(6, "two", "bad")],
            ..DynamicPlan::default()
        };
        book.follow(plan, at(0));
        let Work { names, feeds } = book.work(at(0));
        for name in &names {
            let list = vec!["192.0.2.1".parse().unwrap()];
            book.answered(name, Answer::Addresses { list, ttl: None }, at(0));
        }
        for url in &feeds {
            book.had(url, parse(b"10.0.0.1\n"), at(0));
        }
        assert_eq!(book.work(at(1)), Work::default());
        assert!(book.update(at(1)).is_some() && book.update(at(1)).is_none());
        book
    }

    /// Spec: dns-name-13.
    #[test]
    fn names_that_are_meant_are_forgotten_told_of_and_asked_for() {
        let mut book = book();
        assert_eq!(book.forget_names(|planned| planned.name == "a.example", at(2)), 1, "a name once");
        let told = book.update(at(2)).unwrap();
        let sets: Vec<_> = told.sets.iter().map(|set| (set.id.0, set.addresses.is_some())).collect();
        assert_eq!(sets, [(1, false), (2, false)]);
        assert_eq!(book.work(at(2)).names, ["a.example"]);
        assert_eq!(book.forget_names(|_| true, at(3)), 2);
        assert_eq!(book.forget_names(|_| false, at(3)), 0);
    }

    /// Spec: dynamic-address-10.
    #[test]
    fn feeds_that_are_meant_are_looked_at_and_known_as_before_until_then() {
        let mut book = book();
        assert_eq!(book.refresh_feeds(|planned| planned.server == "one", at(2)), 2);
        assert!(book.update(at(2)).is_none());
        assert_eq!(book.work(at(2)).feeds, ["http://one/bad", "http://one/worse"]);
        assert_eq!(book.refresh_feeds(|_| false, at(2)), 0);
    }
}
