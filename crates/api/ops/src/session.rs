//! One operator's session: its mode and edit path, and the running of one line.

use ravelin_contract::DataPlane;

use crate::alarms::NatAlarms;
use crate::answer::{Answer, Version};
use crate::config::{ConfigMode, Form, Problem, Written};
use crate::configure;
use crate::dynamic::{self, DynamicView};
use crate::follow::{self, Follow};
use crate::gather::{self, Failure, RouteTable};
use crate::log::{LogRequest, LogView};
use crate::names::NameTable;
use crate::packet;
use crate::pipe::{Display, Pipe, PipeError};
use crate::request::{Detail, Request};
use crate::table::{Miss, read};
use crate::watch::{FlowTrace, Watch};
use crate::words::{self, Line, Word};

const HELP: &str = "Type `?' after any part of a command to see what may follow.\n\
                    Every word may be shortened as long as it is unambiguous.\n";

/// What the daemon lends to one line.
pub struct Env<'a> {
    pub plane: &'a dyn DataPlane,
    pub config: &'a mut dyn ConfigMode,
    pub names: &'a NameTable,
    pub routes: &'a dyn RouteTable,
    pub log: &'a dyn LogView,
    pub dynamic: &'a dyn DynamicView,
    pub alarms: &'a NatAlarms,
    pub trace: &'a dyn FlowTrace,
    pub render: &'a dyn Render,
    pub facts: &'a Facts,
}

/// What never comes from the plane or the configuration's statements.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub host_name: String,
    pub version: String,
    /// Microseconds by the clock on the wall here, since 1970.
    pub local_us: i64,
}

/// Lays out answers.
pub trait Render {
    fn text(&self, answer: &Answer) -> String;
    fn json(&self, answer: &Answer) -> String;
    fn xml(&self, answer: &Answer) -> String;
}

/// Which words are understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Operational,
    Configuration,
}

/// One operator's place.
#[derive(Clone, Debug, Default)]
pub struct Session {
    pub user: String,
    pub mode: Mode,
    /// The `[edit]` path.
    pub edit: Vec<String>,
    /// Paths that `exit` goes back to.
    pub(crate) back: Vec<Vec<String>>,
    /// What the operator was asked; any other line takes it back.
    pub(crate) asked: Option<configure::Question>,
    /// Output that goes on.
    pub(crate) follow: Option<Follow>,
    /// What the client brought along with the line.
    pub(crate) brought: Option<String>,
}

/// What a line answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    pub output: String,
    pub error: bool,
    /// The operator left.
    pub closed: bool,
    /// A question to be answered with yes or no; nothing has been done yet.
    pub ask: Option<String>,
    /// More is to come: [`more`] tells it.
    pub follow: bool,
    /// A part of an answer: [`more`] tells the next one, at once.
    pub part: bool,
}

/// Why a line did nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{0}")]
    Miss(#[from] Miss),
    #[error("{0}")]
    Pipe(#[from] PipeError),
    #[error("error: {0}")]
    Failure(#[from] Failure),
    #[error("{}", problems(.0))]
    Problems(Vec<Problem>),
    #[error("{}error: configuration check-out failed", problems_ended(.0))]
    Refused(Vec<Problem>),
    #[error("error: {0}")]
    Said(&'static str),
    #[error("error: {0}")]
    Told(String),
    /// What is shown before the error.
    #[error("{0}error: {1}")]
    Before(String, String),
    #[error("{}load complete ({} errors)", problems_ended(.0), .0.len())]
    Conflicts(Vec<Problem>),
}

impl From<Vec<Problem>> for Fault {
    fn from(list: Vec<Problem>) -> Self {
        Self::Problems(list)
    }
}

fn problems_ended(list: &[Problem]) -> String {
    list.iter().map(Problem::text).collect()
}

fn problems(list: &[Problem]) -> String {
    let text = problems_ended(list);
    let text = text.trim_end();
    let plain = list.iter().all(|p| p.rendered.is_empty() && p.path.is_empty());
    if plain && !text.starts_with("error") { format!("error: {text}") } else { text.to_owned() }
}

impl Session {
    #[must_use]
    pub fn new(user: impl Into<String>) -> Self {
        Self { user: user.into(), ..Self::default() }
    }

    /// What is shown before the next line.
    #[must_use]
    pub fn prompt(&self, host: &str) -> String {
        let Self { user, mode, edit, back: _, asked: _, follow: _, brought: _ } = self;
        match mode {
            Mode::Operational => format!("{user}@{host}> "),
            Mode::Configuration if edit.is_empty() => format!("[edit]\n{user}@{host}# "),
            Mode::Configuration => format!("[edit {}]\n{user}@{host}# ", edit.join(" ")),
        }
    }

    pub(crate) fn leave_configuration(&mut self) {
        self.mode = Mode::Operational;
        self.edit.clear();
        self.back.clear();
    }
}

/// Runs one line. `text` is what a `load` brings along. An empty line does nothing.
pub fn execute(env: &mut Env<'_>, session: &mut Session, line: &str, text: Option<&str>) -> Reply {
    session.asked = None;
    follow::stop(env.plane, session);
    let parsed = words::split(line);
    match run(env, session, line, &parsed, text) {
        // Of a list nothing has been told yet.
        Ok(done) if done.part => more(env, session),
        Ok(done) => follow::cut(session, done),
        Err(fault) => Reply { output: ended(fault.to_string()), error: true, ..Reply::default() },
    }
}

/// What came since the last time of output that goes on.
pub fn more(env: &mut Env<'_>, session: &mut Session) -> Reply {
    match follow::more(env, session) {
        Ok(reply) => reply,
        Err(fault) => {
            follow::stop(env.plane, session);
            Reply { output: ended(fault.to_string()), error: true, ..Reply::default() }
        }
    }
}

/// Answers the question that a line asked back.
pub fn answer(env: &mut Env<'_>, session: &mut Session, yes: bool) -> Reply {
    configure::answer(env, session, yes)
}

fn run(
    env: &mut Env<'_>,
    session: &mut Session,
    line: &str,
    parsed: &Line,
    text: Option<&str>,
) -> Result<Reply, Fault> {
    if parsed.command.is_empty() && parsed.pipes.is_empty() {
        return Ok(Reply::default());
    }
    let pipes = parsed.pipes.iter().map(|p| Pipe::parse(&words::texts(p))).collect::<Result<Vec<_>, _>>()?;
    let mut reply = match session.mode {
        Mode::Operational => {
            session.brought = text.map(str::to_owned);
            operational(env, session, &parsed.command, &pipes)?
        }
        Mode::Configuration => {
            let input = configure::Input { line, parsed, pipes: &pipes, text };
            configure::run(env, session, &input)?
        }
    };
    if reply.part {
        return Ok(reply);
    }
    reply.output = pipes.iter().fold(ended(reply.output), |text, pipe| pipe.apply(text));
    Ok(reply)
}

fn ended(mut text: String) -> String {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

pub(crate) fn said(output: impl Into<String>) -> Reply {
    Reply { output: output.into(), ..Reply::default() }
}

/// The last `| display`.
pub(crate) fn display(pipes: &[Pipe]) -> Display {
    let shown = pipes.iter().rev().find_map(|p| if let Pipe::Display(d) = p { Some(*d) } else { None });
    shown.unwrap_or_default()
}

/// How a configuration is shown: `| display inheritance` goes with any of the others.
pub(crate) fn form(pipes: &[Pipe]) -> Form {
    let mut written = Written::Text;
    let mut inherited = None;
    for pipe in pipes {
        let Pipe::Display(display) = pipe else { continue };
        match display {
            Display::Text => written = Written::Text,
            Display::Omit => written = Written::Whole,
            Display::Set => written = Written::Set,
            Display::SetRelative => written = Written::SetRelative,
            Display::Xml => written = Written::Xml,
            Display::Json => written = Written::Json,
            Display::Detail => written = Written::Detail,
            Display::Inheritance => inherited = Some(false),
            Display::InheritanceSilent => inherited = Some(true),
        }
    }
    match (inherited, written) {
        (Some(silent), form) => Form::Inherited { form, silent },
        (None, Written::Text) => Form::Text,
        (None, Written::Whole) => Form::Whole,
        (None, Written::Set) => Form::Set,
        (None, Written::SetRelative) => Form::SetRelative,
        (None, Written::Xml) => Form::Xml,
        (None, Written::Json) => Form::Json,
        (None, Written::Detail) => Form::Detail,
    }
}

/// `| compare`: with the active configuration (0) or a rollback.
pub(crate) fn compared(pipes: &[Pipe]) -> Option<u32> {
    pipes.iter().find_map(|p| if let Pipe::Compare(n) = p { Some(n.unwrap_or(0)) } else { None })
}

/// What a line asks for; only configurations are compared.
fn asked(env: &Env<'_>, words: &[Word], pipes: &[Pipe]) -> Result<Request, Fault> {
    let request = read(words, &|arg, name| env.names.has(arg, name))?;
    if compared(pipes).is_some() && !matches!(request, Request::Configuration { .. }) {
        return Err(PipeError::Unsupported("compare".to_owned()).into());
    }
    Ok(request)
}

/// Runs an operational command.
pub(crate) fn operational(
    env: &mut Env<'_>,
    session: &mut Session,
    words: &[Word],
    pipes: &[Pipe],
) -> Result<Reply, Fault> {
    let answer = match asked(env, words, pipes)? {
        Request::Configuration { path } => {
            return Ok(said(match compared(pipes) {
                Some(number) => env.config.compare_rollbacks(number, 0)?,
                None => env.config.active(&path, form(pipes))?,
            }));
        }
        Request::Rollback { number } => return Ok(said(env.config.rollback_text(number)?)),
        Request::RollbackCompare { old, new } => return Ok(said(env.config.compare_rollbacks(old, new)?)),
        Request::Configure(kind) => return configure::enter(env, session, kind),
        Request::Kept(kept) => return configure::kept(env, session, kept),
        Request::InServiceUpgrade { package } => return upgrade(env, session, package.as_deref()),
        Request::Exit => return Ok(Reply { closed: true, ..Reply::default() }),
        Request::Help => return Ok(said(HELP)),
        request @ (Request::InterfacesTerse { .. } | Request::Routes { .. } | Request::Instances { .. }) => {
            gather::about_routes(env, &request)?
        }
        Request::Dynamic(query) => Answer::Dynamic(dynamic::answer(env.dynamic, query)?),
        Request::Buffers => Answer::Buffers(gather::buffers(env)?),
        Request::Mirrors(kind) => Answer::Mirrors(gather::mirrors(env, kind)?),
        Request::ClearMirrors(kind) => {
            Answer::MirrorsCleared { kind, mirrors: gather::clear_mirrors(env, kind)? }
        }
        request @ (Request::Firewall { .. }
        | Request::FirewallLog
        | Request::ClearFirewall { .. }
        | Request::Policers { .. }
        | Request::InterfaceFilters { .. }) => gather::about_filters(env, request)?,
        request @ (Request::AlgStatus | Request::Gates(_)) => gather::about_gateways(env, &request)?,
        Request::Counters(query) => gather::about_counters(env, &query)?,
        Request::Zones(view) => gather::zones(env, &view)?,
        Request::Policies(view) => policies(env, &view)?,
        Request::Sessions { query, detail: Detail::Summary } => {
            Answer::SessionSummary(gather::summary(env, &query)?)
        }
        Request::Sessions { query, detail } => {
            return follow::list(env, session, (query, detail == Detail::Extensive), pipes);
        }
        Request::ClearSessions { query } => Answer::Cleared { sessions: gather::clear(env, &query)? },
        Request::FlowStatistics => Answer::FlowStatistics(gather::flow_statistics(env)?),
        Request::NatSummary(kind) => Answer::NatSummary(gather::nat_rules(env, kind, None)?),
        Request::NatRules { kind, name } => Answer::NatRules(gather::nat_rules(env, kind, name.as_deref())?),
        Request::SourcePools(query) => gather::about_pools(env, &query)?,
        Request::NatState(query) => gather::about_nat_state(env, query)?,
        Request::NatDestinationPools { name } => Answer::NatPools(gather::nat_pools(env, name.as_deref())?),
        request @ (Request::Mappings(_) | Request::MappingSummary | Request::ClearMappings(_)) => {
            gather::about_mappings(env, request)?
        }
        Request::Version => Answer::Version(version(env.facts)),
        Request::CommitHistory => Answer::Commits(env.config.history()),
        Request::Watch(what) => return watched(env, session, what, pipes),
        Request::TestPacket(test) => Answer::Explained(packet::explain(env, &test)?),
        Request::PlaneStatus => Answer::PlaneStatus(gather::plane_status(env)?),
        Request::SecurityLogFile => return log_file(env),
        Request::Log(request) => about_log(env, &request),
    };
    shown(env, &answer, pipes)
}

/// Answers a request about what the security log has.
fn about_log(env: &Env<'_>, request: &LogRequest) -> Answer {
    match request {
        LogRequest::Events(query) => Answer::SecurityLog(env.log.events(query)),
        LogRequest::Clear(query) => Answer::LogCleared { events: env.log.clear(query) },
        LogRequest::Statistics => Answer::LogStatistics(env.log.statistics()),
        LogRequest::Tracking => Answer::Tracking(env.log.tracking()),
        LogRequest::ClearTracking => {
            env.log.clear_tracking();
            Answer::TrackingCleared
        }
    }
}

fn version(Facts { host_name, version, .. }: &Facts) -> Version {
    Version { host_name: host_name.clone(), version: version.clone() }
}

fn upgrade(env: &mut Env<'_>, session: &Session, package: Option<&str>) -> Result<Reply, Fault> {
    Ok(said(env.config.in_service_upgrade(package, &session.user)?))
}

/// What is asked of packets and policies.
fn watched(env: &mut Env<'_>, session: &mut Session, what: Watch, pipes: &[Pipe]) -> Result<Reply, Fault> {
    let told = |done: Result<(), String>| done.map(|()| Reply::default()).map_err(Fault::Told);
    let answer = match what {
        Watch::FollowDrops(query) => return follow::begin(env, session, query, pipes),
        Watch::FlowFilter { name, packets } => {
            packets.filter(env.names)?;
            return told(env.trace.filter(&name, &packets));
        }
        Watch::FlowFile(file) => return told(env.trace.file(&file)),
        Watch::FlowStart => return told(env.trace.start(env.plane, env.names)),
        Watch::FlowStop => {
            env.trace.stop(env.plane);
            return Ok(Reply::default());
        }
        Watch::FlowClear { name } => return told(env.trace.clear(name.as_deref())),
        Watch::FlowStatus => Answer::FlowTrace(env.trace.status()),
        Watch::Drops(query) => Answer::Drops(gather::drops(env, &query)?),
        Watch::ClearDrops => {
            env.plane.diagnostics().clear_drop_samples().map_err(Failure::from)?;
            Answer::DropsCleared
        }
        Watch::Match(tuple) => Answer::PolicyMatches(gather::matches(env, &tuple)?),
        Watch::Shadows(query) => Answer::Shadows(gather::shadows(env, &query)?),
        Watch::PolicyTotals => Answer::PolicyTotals(gather::totals(env)?),
        Watch::PolicyContexts => Answer::PolicyContexts(gather::totals(env)?),
        Watch::ScreenOptions { name } => Answer::ScreenOptions(gather::screen_options(env, &name)?),
        Watch::WhiteLists { name } => Answer::WhiteLists(gather::white_lists(env, name.as_deref())?),
        Watch::TryCapture { interface } => {
            let capture = session.brought.take().ok_or(Fault::Said("no capture was brought along"))?;
            Answer::Tried(packet::explain_capture(env, &interface, &capture)?)
        }
    };
    shown(env, &answer, pipes)
}

/// An answer in the form that was asked for.
pub(crate) fn shown(env: &Env<'_>, answer: &Answer, pipes: &[Pipe]) -> Result<Reply, Fault> {
    match display(pipes) {
        Display::Text => Ok(said(env.render.text(answer))),
        Display::Json => Ok(said(env.render.json(answer))),
        Display::Set | Display::SetRelative => Err(PipeError::Unsupported("display set".to_owned()).into()),
        Display::Omit => Err(PipeError::Unsupported("display omit".to_owned()).into()),
        Display::Xml => Ok(said(env.render.xml(answer))),
        Display::Detail => Err(PipeError::Unsupported("display detail".to_owned()).into()),
        Display::Inheritance | Display::InheritanceSilent => {
            Err(PipeError::Unsupported("display inheritance".to_owned()).into())
        }
    }
}

/// The event file as it is: messages, not an answer with structure.
fn log_file(env: &Env<'_>) -> Result<Reply, Fault> {
    match env.log.file() {
        Ok(Some(text)) => Ok(said(text)),
        Ok(None) => Err(Fault::Said("no security log file is configured")),
        Err(error) => Err(Failure::File(error).into()),
    }
}

fn policies(env: &Env<'_>, view: &crate::request::PolicyView) -> Result<Answer, gather::Failure> {
    let list = gather::policies(env, view)?;
    Ok(if view.hit_count { Answer::HitCounts(list) } else { Answer::Policies(list) })
}
