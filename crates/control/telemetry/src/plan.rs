//! What the log is to do: the typed configuration with every default filled in.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use jiff::tz::TimeZone;
use ravelin_model::{
    Config, LogCategory, LogExclude, LogFacility, LogFormat, LogKind, LogProtocol, LogSeverity, LogStream,
    LogTimeFormat, SecurityLog,
};

use crate::file::Content;
use crate::filter::{Filter, Outcome};

/// What the host is called when it has no name.
const NAMELESS: &str = "ravelin";
/// Ports of collectors, unless given (RFC 5426 and RFC 5425).
const SYSLOG_PORT: u16 = 514;
const SYSLOG_TLS_PORT: u16 = 6514;
/// The event file, unless given.
const EVENT_FILE_MB: u32 = 10;
const EVENT_FILES: u32 = 10;
const STREAM_FILE_MB: u32 = 25;
const STREAM_FILES: u32 = 10;
const MB: u64 = 1024 * 1024;
/// Events that `show security log` keeps, unless given.
const CACHE_LIMIT: u32 = 10_000;

/// The security log of one configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogPlan {
    /// Whether the configuration speaks of it at all.
    pub configured: bool,
    pub enabled: bool,
    pub host_name: String,
    pub utc: bool,
    /// `None`: the machine's own.
    pub zone: Option<TimeZone>,
    /// By number.
    pub facility: u8,
    pub streams: Vec<StreamPlan>,
    pub event: Option<EventPlan>,
}

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// As BSD's syslog (RFC 3164).
    Syslog,
    /// As RFC 5424 structured data.
    SdSyslog,
    /// As numbers and lengths, without names.
    Binary,
}

/// A form with what varies in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Style {
    pub form: Form,
    pub time: LogTimeFormat,
    /// Lines of a file have no priority in the BSD form.
    pub in_file: bool,
}

/// A set of kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kinds(u16);

/// One stream.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamPlan {
    pub name: String,
    pub style: Style,
    pub severity: LogSeverity,
    pub kinds: Kinds,
    pub rate_limit: Option<u32>,
    pub to: Destination,
}

/// Where a stream ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    Udp { from: IpAddr, to: SocketAddr },
    Tcp { from: IpAddr, to: SocketAddr, connections: u8 },
    Tls { from: IpAddr, to: SocketAddr, connections: u8, profile: String },
    File(FilePlan),
}

/// A file and the older ones beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePlan {
    /// `None`: where the daemon keeps its logs.
    pub directory: Option<PathBuf>,
    pub name: String,
    pub bytes_max: u64,
    /// In all.
    pub files: u32,
    pub content: Content,
}

/// Event mode.
#[derive(Clone, Debug, PartialEq)]
pub struct EventPlan {
    pub style: Style,
    pub cap: Option<u32>,
    pub rate: Option<u32>,
    pub file: Option<FilePlan>,
    pub cache: CachePlan,
}

/// What `show security log` keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct CachePlan {
    pub limit: usize,
    pub exclude: Vec<Filter>,
}

impl LogPlan {
    /// The plan of a valid configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let log = &config.security.log;
        let streams = log.streams.iter().filter_map(|stream| stream_plan(config, stream));
        Self {
            configured: log.is_configured(),
            enabled: !log.disable,
            host_name: config.system.host_name.clone().unwrap_or_else(|| NAMELESS.to_owned()),
            utc: log.utc_timestamp,
            zone: None,
            facility: log.facility.unwrap_or(LogFacility::User).number(),
            streams: if log.has_stream_mode() { streams.collect() } else { Vec::new() },
            event: log.has_event_mode().then(|| event_plan(log)),
        }
    }

    /// The files that are written to.
    pub fn files(&self) -> impl Iterator<Item = &FilePlan> {
        let of_streams = self.streams.iter().filter_map(|stream| match &stream.to {
            Destination::File(file) => Some(file),
            Destination::Udp { .. } | Destination::Tcp { .. } | Destination::Tls { .. } => None,
        });
        of_streams.chain(self.event.iter().filter_map(|event| event.file.as_ref()))
    }
}

impl Form {
    fn content(self) -> Content {
        match self {
            Self::Syslog | Self::SdSyslog => Content::Text,
            Self::Binary => Content::Binary,
        }
    }
}

fn form(format: Option<LogFormat>) -> Form {
    match format {
        Some(LogFormat::SdSyslog) => Form::SdSyslog,
        Some(LogFormat::Binary) => Form::Binary,
        // The last two never get past `check`.
        None | Some(LogFormat::Syslog | LogFormat::Welf | LogFormat::Protobuf) => Form::Syslog,
    }
}

/// `None`: a stream that `check` refuses.
fn stream_plan(config: &Config, stream: &LogStream) -> Option<StreamPlan> {
    let log = &config.security.log;
    let own = stream.time_format;
    let to = destination(config, stream)?;
    Some(StreamPlan {
        name: stream.name.clone(),
        style: Style {
            form: form(stream.format.or(log.format)),
            time: if own == LogTimeFormat::default() { log.time_format } else { own },
            in_file: matches!(to, Destination::File(_)),
        },
        severity: stream.severity.unwrap_or(LogSeverity::Debug),
        kinds: Kinds::of(&stream.categories),
        rate_limit: stream.rate_limit,
        to,
    })
}

fn destination(config: &Config, stream: &LogStream) -> Option<Destination> {
    if let Some(name) = &stream.file.name {
        return Some(Destination::File(FilePlan {
            directory: None,
            name: name.clone(),
            bytes_max: u64::from(stream.file.size_mb.unwrap_or(STREAM_FILE_MB)) * MB,
            files: stream.file.files.unwrap_or(STREAM_FILES),
            content: form(stream.format.or(config.security.log.format)).content(),
        }));
    }
    let log = &config.security.log;
    let host: IpAddr = stream.host.address.as_deref()?.parse().ok()?;
    let from = log.source(config, stream, host)?;
    let connections = stream.transport.connections.or(log.transport.connections).unwrap_or(1);
    let at = |port| SocketAddr::new(host, stream.host.port.unwrap_or(port));
    Some(match log.protocol(stream) {
        LogProtocol::Udp => Destination::Udp { from, to: at(SYSLOG_PORT) },
        LogProtocol::Tcp => Destination::Tcp { from, to: at(SYSLOG_PORT), connections },
        LogProtocol::Tls => {
            let profile =
                stream.transport.tls_profile.as_ref().or(log.transport.tls_profile.as_ref())?.clone();
            Destination::Tls { from, to: at(SYSLOG_TLS_PORT), connections, profile }
        }
    })
}

fn event_plan(log: &SecurityLog) -> EventPlan {
    let limited = |n: Option<u32>| n.filter(|n| *n > 0);
    let file = log.file.is_set().then(|| FilePlan {
        directory: log.file.path.as_ref().map(PathBuf::from),
        name: log.file.file_name().to_owned(),
        bytes_max: u64::from(log.file.size_mb.unwrap_or(EVENT_FILE_MB)) * MB,
        files: log.file.files.unwrap_or(EVENT_FILES),
        content: form(log.format).content(),
    });
    EventPlan {
        style: Style { form: form(log.format), time: log.time_format, in_file: true },
        cap: limited(log.rate_cap),
        rate: limited(log.event_rate),
        file,
        cache: CachePlan {
            limit: log.cache.limit.unwrap_or(CACHE_LIMIT) as usize,
            exclude: log.cache.exclude.iter().map(excluded).collect(),
        },
    }
}

fn excluded(exclude: &LogExclude) -> Filter {
    let LogExclude {
        name: _,
        destination,
        destination_port,
        event_id,
        failure,
        interface,
        policy,
        process,
        protocol,
        source,
        source_port,
        success,
        at: _,
    } = exclude;
    Filter {
        source: *source,
        source_port: *source_port,
        destination: *destination,
        destination_port: *destination_port,
        protocol: protocol.map(|p| p.0),
        event: event_id.clone(),
        process: process.clone(),
        interface: interface.clone(),
        policy: policy.clone(),
        outcome: match (success, failure) {
            (true, _) => Some(Outcome::Success),
            (false, true) => Some(Outcome::Failure),
            (false, false) => None,
        },
        ..Filter::default()
    }
}

impl Kinds {
    /// Every kind.
    pub const ALL: Self = Self(u16::MAX);

    /// Those of the categories; no category is every kind. Spec: log-24.
    #[must_use]
    pub fn of(categories: &[LogCategory]) -> Self {
        if categories.is_empty() {
            return Self::ALL;
        }
        let kinds = categories.iter().flat_map(|category| category.kinds());
        Self(kinds.fold(0, |set, kind| set | 1 << *kind as u16))
    }

    #[must_use]
    pub fn has(self, kind: LogKind) -> bool {
        self.0 & 1 << kind as u16 != 0
    }
}
