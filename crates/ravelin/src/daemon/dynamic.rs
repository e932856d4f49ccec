//! Schedules, names and feeds at run time: the book of them, who tells the plane, and who asks the world.
//!
//! One thread looks at the clocks and tells the plane what is new over a connection of its own; a plane that was started
//! anew is told everything. A commit tells it what its program will ask for before the program comes, so that no policy is
//! closed for a moment that should be open.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use ravelin_commit::{Consumer, Proposal};
use ravelin_contract::{DataPlane, Error, UpdateBatch};
use ravelin_dynamic::{
    Answer, Book, DynamicPlan, FeedError, FeedState, Now, PlannedFeed, PlannedName, Work, fetch,
};
use ravelin_ops::{DnsLine, DynamicView, EntryLine, EntryList, FeedLine, Feeds, ScheduleLine};
use ravelin_remote::Client;
use ravelin_syntax::Diagnostic;
use ravelin_types::LiveSetId;

use super::supervisor::{CALL_MAX, Place};

/// Pause after a failure of the plane.
const PAUSE: Duration = Duration::from_millis(100);

/// The book behind one lock, and what wakes the thread that keeps it.
#[derive(Clone)]
pub struct Dynamic(Arc<Shared>);

struct Shared {
    book: Mutex<Book>,
    wake: Condvar,
    /// The start of the plane that was told. Held while it is told: what is told later is newer.
    told: Mutex<Option<u64>>,
}

impl Dynamic {
    pub fn new(zone: jiff::tz::TimeZone) -> Self {
        let (book, told) = (Mutex::new(Book::new(zone)), Mutex::new(None));
        Self(Arc::new(Shared { book, wake: Condvar::new(), told }))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The configuration that is in force now.
    pub fn follow(&self, plan: DynamicPlan) {
        self.book().follow(plan, now());
        self.0.wake.notify_all();
    }

    /// Keeps the plane told for as long as the daemon runs.
    pub fn keep(&self, place: &Place) {
        let mut client: Option<Client> = None;
        loop {
            let work = self.book().work(now());
            self.ask(work);
            let told = match client.take() {
                Some(client) => Ok(client),
                None => Client::connect(&place.socket, CALL_MAX),
            };
            let told =
                told.map_err(Error::from).and_then(|connected| self.tell(&connected).map(|()| connected));
            let pause = match told {
                Ok(connected) => {
                    client = Some(connected);
                    self.book().pause(now())
                }
                Err(error) => {
                    tracing::warn!(%error, "Schedules and addresses wait for the dataplane.");
                    PAUSE
                }
            };
            let book = self.book();
            drop(self.0.wake.wait_timeout(book, pause));
        }
    }

    /// Tells the plane what is new; one that was started anew, everything.
    fn tell(&self, plane: &dyn DataPlane) -> Result<(), Error> {
        let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        let epoch = plane.diagnostics().status()?.epoch;
        let update = {
            let mut book = self.book();
            if *told != Some(epoch) {
                book.forget_told();
            }
            book.update(now())
        };
        *told = None;
        if let Some(update) = update {
            plane.updates().apply(&UpdateBatch { live: Some(update), ..UpdateBatch::default() })?;
        }
        *told = Some(epoch);
        Ok(())
    }

    /// A thread a question: there are few at a time, and each ends by itself.
    fn ask(&self, work: Work) {
        let servers = self.book().plan().name_servers.clone();
        for name in work.names {
            let (own, servers) = (self.clone(), servers.clone());
            self.spawn(name.clone(), move || {
                let answer = fetch::resolve(&name, &servers);
                own.book().answered(&name, answer, now());
            });
        }
        for url in work.feeds {
            let (own, servers) = (self.clone(), servers.clone());
            self.spawn(url.clone(), move || {
                let content = fetch::feed(&url, &servers);
                if let Err(error) = &content {
                    tracing::warn!(url, %error, "A feed of addresses can't be had.");
                }
                own.book().had(&url, content, now());
            });
        }
    }

    fn spawn(&self, what: String, run: impl FnOnce() + Send + 'static) {
        let own = self.clone();
        let woken = move || {
            run();
            own.0.wake.notify_all();
        };
        if let Err(error) = std::thread::Builder::new().name("dynamic".into()).spawn(woken) {
            tracing::error!(%error, what, "There is no thread to ask with.");
            let mut book = self.book();
            book.answered(&what, Answer::Failed, now());
            book.had(&what, Err(FeedError::Fetch(error.to_string())), now());
        }
    }
}

fn now() -> Now {
    Now { wall: Timestamp::now(), mono: super::control::now().mono }
}

/// Comes before the dataplane among the consumers of a commit.
pub struct DynamicConsumer {
    pub dynamic: Dynamic,
    pub plane: Arc<dyn DataPlane>,
}

impl Consumer for DynamicConsumer {
    fn name(&self) -> &'static str {
        "dynamic"
    }

    fn check(&mut self, _: &Proposal) -> Result<(), Vec<Diagnostic>> {
        Ok(())
    }

    fn apply(&mut self, proposal: &Proposal) -> Result<(), String> {
        {
            let mut book = self.dynamic.book();
            if book.plan().is_empty() && proposal.dynamic.is_empty() {
                return Ok(());
            }
            book.follow_too(&proposal.dynamic, now());
        }
        self.dynamic.tell(&*self.plane).map_err(|error| error.to_string())
    }
}

/// What operators see of the book.
pub struct View<'a> {
    pub dynamic: &'a Dynamic,
    /// Schedulers of policies, one for each policy that has one.
    pub used: Vec<String>,
}

impl DynamicView for View<'_> {
    fn schedules(&self) -> Vec<ScheduleLine> {
        let book = self.dynamic.book();
        let lines = book.schedules(now()).map(|(planned, state)| ScheduleLine {
            name: planned.name.clone(),
            open: state.open,
            until: state.changes.then(|| {
                let at = book.zone().to_datetime(state.until);
                at.strftime("%Y-%m-%d %H:%M:%S").to_string()
            }),
            policies: self.used.iter().filter(|name| **name == planned.name).count() as u64,
        });
        lines.collect()
    }

    fn names(&self) -> Vec<DnsLine> {
        let (book, mono) = (self.dynamic.book(), now().mono);
        let lines = book.names().map(|(planned, state)| DnsLine {
            name: planned.name.clone(),
            addresses: state.map(|s| s.addresses.clone()).unwrap_or_default(),
            age_s: state.and_then(|s| s.since).map(|since| mono.saturating_sub(since).as_secs()),
            next_s: state.map_or(0, |s| s.next.saturating_sub(mono).as_secs()),
            failed: state.is_some_and(|s| s.failed),
        });
        let mut lines: Vec<_> = lines.collect();
        lines.sort_by(|a, b| a.name.cmp(&b.name));
        lines.dedup();
        lines
    }

    fn feeds(&self) -> Vec<FeedLine> {
        let (book, mono) = (self.dynamic.book(), now().mono);
        let lines = book.feeds().map(|(planned, state)| FeedLine {
            server: planned.server.clone(),
            feed: planned.name.clone(),
            url: planned.url.clone(),
            addresses: planned.addresses.clone(),
            entries: state.filter(|s| s.addresses.is_some()).map(|s| s.entries as u64),
            unread: state.map_or(0, |s| s.unread as u64),
            age_s: state.and_then(|s| s.since).map(|since| mono.saturating_sub(since).as_secs()),
            next_s: state.map_or(0, |s| s.next.saturating_sub(mono).as_secs()),
            update_interval_s: planned.update.as_secs(),
            hold_interval_s: planned.hold.as_secs(),
            error: state.and_then(|s| s.error.clone()),
        });
        lines.collect()
    }

    fn contains(&self, set: LiveSetId, addr: IpAddr) -> Option<bool> {
        self.dynamic.book().contains(set, addr)
    }

    fn entries(&self, most: usize) -> Vec<EntryList> {
        let book = self.dynamic.book();
        let mut out = Vec::new();
        for (planned, state) in book.feeds() {
            for name in &planned.addresses {
                out.push(EntryList {
                    name: name.clone(),
                    feed: planned.name.clone(),
                    entries: state.map(|s| ranges(s, most)).unwrap_or_default(),
                    count: state.filter(|s| s.addresses.is_some()).map_or(0, |s| s.entries as u64),
                });
            }
        }
        out
    }

    fn forget_names(&self, name: Option<&str>) -> u64 {
        let is_meant =
            |planned: &PlannedName| name.is_none_or(|name| planned.name.eq_ignore_ascii_case(name));
        let count = self.dynamic.book().forget_names(is_meant, now());
        self.dynamic.0.wake.notify_all();
        count
    }

    fn refresh_feeds(&self, feeds: &Feeds) -> u64 {
        let is_meant =
            |planned: &PlannedFeed| feeds.mean(planned.addresses.iter(), &planned.name, &planned.server);
        let count = self.dynamic.book().refresh_feeds(is_meant, now());
        self.dynamic.0.wake.notify_all();
        count
    }
}

fn ranges(state: &FeedState, most: usize) -> Vec<EntryLine> {
    let Some(addresses) = &state.addresses else { return Vec::new() };
    let v4 = |at: u32| IpAddr::V4(Ipv4Addr::from(at));
    let v6 = |at: u128| IpAddr::V6(Ipv6Addr::from(at));
    let first = addresses.v4.iter().map(|(a, b)| EntryLine { first: v4(*a), last: v4(*b) });
    let second = addresses.v6.iter().map(|(a, b)| EntryLine { first: v6(*a), last: v6(*b) });
    first.chain(second).take(most).collect()
}
