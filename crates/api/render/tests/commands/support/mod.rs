//! A small firewall without packets: the plane, the configuration and the routes that commands are tested on.

mod cluster;
mod config;
mod drops;
mod firewall;
mod gates;
mod half;
pub mod kept;
mod log;
mod plane;
mod program;
mod trace;
mod world;

use ravelin_contract::{DataPlane, NextHop, Route};
use ravelin_metrics::{Commits, Exposition, Source, gather};
use ravelin_ops::{
    Answer, Candidate, DnsLine, DynamicView, EntryLine, EntryList, Env, Facts, FeedLine, Feeds, NameTable,
    NatAlarms, Render, Reply, RouteEntry, RouteTable, ScheduleLine, Session, answer, complete, execute, wire,
};
use ravelin_program::Program;
use ravelin_render::Junos;
use ravelin_types::{InstanceId, InterfaceId};

pub use config::FakeConfig;
pub use log::FakeLog;
pub use plane::FakePlane;
pub use program::program;
pub use trace::FakeTrace;
pub use world::World;

pub struct FakeRoutes;

impl RouteTable for FakeRoutes {
    fn instances(&self) -> Vec<(String, String)> {
        vec![("VR-A".into(), "virtual-router".into()), ("ISP2".into(), "forwarding".into())]
    }

    fn routes(&self) -> Vec<RouteEntry> {
        let entry = |prefix: &str, protocol: &str, preference, age_s, route| RouteEntry {
            instance: InstanceId::DEFAULT,
            prefix: prefix.parse().unwrap(),
            protocol: protocol.to_owned(),
            preference,
            age_s,
            route,
        };
        let via = |id, gateway: Option<&str>| {
            let gateway = gateway.map(|g| g.parse().unwrap());
            Route::Via(vec![NextHop { interface: InterfaceId(id), gateway, weight: 1 }])
        };
        vec![
            entry("10.1.0.1/32", "Local", 0, Some(602), Route::Local(InterfaceId(0))),
            entry("0.0.0.0/0", "Static", 5, Some(90_000), via(1, Some("198.51.100.254"))),
            entry("10.1.0.0/24", "Direct", 0, None, via(0, None)),
            entry("192.0.2.0/24", "Static", 5, None, Route::Discard),
            entry("2001:db8::/64", "Direct", 0, None, via(0, None)),
            RouteEntry {
                instance: InstanceId(3),
                ..entry("0.0.0.0/0", "Static", 5, None, Route::Table(InstanceId::DEFAULT))
            },
            RouteEntry {
                instance: InstanceId(4),
                ..entry("0.0.0.0/0", "Static", 5, None, via(1, Some("192.0.2.2")))
            },
        ]
    }
}

pub struct FakeDynamic;

impl DynamicView for FakeDynamic {
    fn schedules(&self) -> Vec<ScheduleLine> {
        let until = Some("2026-11-20 17:00:00".to_owned());
        vec![
            ScheduleLine { name: "office".into(), open: true, until, policies: 2 },
            ScheduleLine { name: "past".into(), open: false, until: None, policies: 0 },
        ]
    }

    fn names(&self) -> Vec<DnsLine> {
        let addresses = vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        vec![
            DnsLine { name: "a.example".into(), addresses, age_s: Some(7), next_s: 53, failed: false },
            DnsLine { name: "b.example".into(), failed: true, next_s: 16, ..DnsLine::default() },
        ]
    }

    fn feeds(&self) -> Vec<FeedLine> {
        vec![FeedLine {
            server: "lists".into(),
            feed: "bad".into(),
            url: "http://lists.example/bad.txt".into(),
            addresses: vec!["bad-hosts".into()],
            entries: Some(1),
            age_s: Some(12),
            next_s: 288,
            update_interval_s: 300,
            hold_interval_s: 86_400,
            ..FeedLine::default()
        }]
    }

    fn contains(&self, _: ravelin_types::LiveSetId, _: std::net::IpAddr) -> Option<bool> {
        None
    }

    fn entries(&self, _: usize) -> Vec<EntryList> {
        let entry = EntryLine { first: "10.0.0.0".parse().unwrap(), last: "10.0.0.255".parse().unwrap() };
        vec![EntryList { name: "bad-hosts".into(), feed: "bad".into(), entries: vec![entry], count: 1 }]
    }

    fn forget_names(&self, name: Option<&str>) -> u64 {
        self.names().iter().filter(|line| name.is_none_or(|name| line.name == name)).count() as u64
    }

    fn refresh_feeds(&self, feeds: &Feeds) -> u64 {
        let is_meant = |line: &&FeedLine| feeds.mean(line.addresses.iter(), &line.feed, &line.server);
        self.feeds().iter().filter(is_meant).count() as u64
    }
}

fn scrape(env: &Env<'_>, plane: &dyn DataPlane, series_max: usize) -> Exposition {
    let source = Source {
        plane: Some(plane),
        names: env.names,
        alarms: env.alarms,
        dynamic: env.dynamic,
        log: &env.log.statistics(),
        commits: Commits { serial: 7, time_s: 1_770_000_000, kept: 3, ..Commits::default() },
        routes: env.routes.routes().len() as u64,
        version: &env.facts.version,
        process: None,
    };
    gather(&source, series_max)
}

/// Lays nothing out.
struct AsItIs;

impl Render for AsItIs {
    fn text(&self, answer: &Answer) -> String {
        self.json(answer)
    }

    fn json(&self, answer: &Answer) -> String {
        serde_json::to_string(answer).unwrap()
    }

    fn xml(&self, answer: &Answer) -> String {
        self.json(answer)
    }
}

/// A session with the fakes.
pub struct Bench {
    pub plane: FakePlane,
    pub config: FakeConfig,
    pub session: Session,
    pub log: FakeLog,
    pub alarms: NatAlarms,
    pub trace: FakeTrace,
    /// Stands in for the fake one.
    other: Option<Box<dyn DataPlane>>,
    render: &'static dyn Render,
    names: NameTable,
    facts: Facts,
}

impl Bench {
    pub fn new() -> Self {
        Self {
            plane: FakePlane::default(),
            config: FakeConfig::default(),
            session: Session::new("admin"),
            log: FakeLog::default(),
            alarms: NatAlarms::default(),
            trace: FakeTrace::default(),
            other: None,
            render: &Junos,
            names: NameTable::new(&program()),
            facts: Facts { host_name: "fw1".into(), version: "0.1.0".into(), local_us: 43_200_500_000 },
        }
    }

    /// A firewall on another plane, which runs this program.
    pub fn over(plane: Box<dyn DataPlane>, program: &Program) -> Self {
        Self { other: Some(plane), names: NameTable::new(program), ..Self::new() }
    }

    /// What a line answers, before it is laid out.
    #[track_caller]
    pub fn asked(&mut self, line: &str) -> Answer {
        self.render = &AsItIs;
        let output = self.good(&format!("{line} | display json"));
        self.render = &Junos;
        serde_json::from_str(&output).unwrap_or_else(|error| panic!("{line}: {error}: {output}"))
    }

    /// What a scrape tells.
    pub fn metrics(&mut self, series_max: usize) -> Exposition {
        self.with_env(|env, _| scrape(env, env.plane, series_max))
    }

    /// What one tells whose plane dies meanwhile.
    pub fn half_of_metrics(&mut self) -> Exposition {
        self.with_env(|env, _| scrape(env, &half::Half(env.plane), 1000))
    }

    pub fn reply(&mut self, line: &str) -> Reply {
        self.reply_with(line, None)
    }

    /// What commands are run with, made in one place.
    fn with_env<T>(&mut self, work: impl FnOnce(&mut Env<'_>, &mut Session) -> T) -> T {
        let Self { plane, config, session, names, log, alarms, trace, facts, other, render } = self;
        let mut env = Env {
            plane: other.as_deref().unwrap_or(plane),
            config,
            names,
            routes: &FakeRoutes,
            log: &*log,
            dynamic: &FakeDynamic,
            alarms,
            trace: &*trace,
            render: *render,
            facts,
        };
        work(&mut env, session)
    }

    pub fn reply_with(&mut self, line: &str, text: Option<&str>) -> Reply {
        self.with_env(|env, session| execute(env, session, line, text))
    }

    /// More of what goes on.
    pub fn more(&mut self) -> Reply {
        self.with_env(ravelin_ops::more)
    }

    /// The answer to a question.
    pub fn answer(&mut self, yes: bool) -> Reply {
        self.with_env(|env, session| answer(env, session, yes))
    }

    /// What a client shows before the next line.
    pub fn prompt(&mut self) -> String {
        let nothing = wire::Request::Run { line: String::new(), text: None };
        self.with_env(|env, session| wire::answer(env, session, &nothing).prompt)
    }

    /// Output of a line that must succeed.
    #[track_caller]
    pub fn good(&mut self, line: &str) -> String {
        let mut reply = self.reply(line);
        let mut output = std::mem::take(&mut reply.output);
        while reply.part {
            reply = self.more();
            output.push_str(&reply.output);
        }
        assert!(!reply.error, "{line}: {output}");
        output
    }

    /// Output of a line that must fail.
    #[track_caller]
    pub fn bad(&mut self, line: &str) -> String {
        let reply = self.reply(line);
        assert!(reply.error, "{line}: {}", reply.output);
        reply.output
    }

    /// What `?` lists.
    pub fn candidates(&mut self, line: &str) -> Vec<Candidate> {
        self.with_env(|env, session| complete(env, session, line))
    }

    pub fn words(&mut self, line: &str) -> Vec<String> {
        self.candidates(line).into_iter().map(|candidate| candidate.word).collect()
    }
}
