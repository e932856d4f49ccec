//! `security log`: which security events are told, in which form, and to whom.

use std::net::IpAddr;

use ravelin_derive::Lower;
use ravelin_schema::Value;
use ravelin_syntax::Span;

use crate::keywords::keywords;
use crate::{Config, numbers};

use super::zones::with_unit;

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct SecurityLog {
    #[lower(container = "cache")]
    pub cache: LogCache,
    #[lower(flag = "disable")]
    pub disable: bool,
    /// Timestamps in UTC, not in the machine's time zone.
    #[lower(flag = "utc-timestamp")]
    pub utc_timestamp: bool,
    #[lower(leaf = "mode")]
    pub mode: Option<LogMode>,
    /// Logs a second that event mode takes; 0: no limit.
    #[lower(leaf = "event-rate")]
    pub event_rate: Option<u32>,
    /// Logs a second that are made for event mode; 0: no limit.
    #[lower(leaf = "rate-cap")]
    pub rate_cap: Option<u32>,
    #[lower(leaf = "format")]
    pub format: Option<LogFormat>,
    #[lower(container = "time-format")]
    pub time_format: LogTimeFormat,
    #[lower(leaf = "source-address")]
    pub source_address: Option<IpAddr>,
    #[lower(leaf = "source-interface")]
    pub source_interface: Option<String>,
    #[lower(container = "transport")]
    pub transport: LogTransport,
    #[lower(leaf = "facility-override")]
    pub facility: Option<LogFacility>,
    #[lower(list = "stream")]
    pub streams: Vec<LogStream>,
    #[lower(container = "file")]
    pub file: LogFile,
    #[lower(at)]
    pub at: Span,
}

/// Who gets what, in stream mode.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct LogStream {
    #[lower(key)]
    pub name: String,
    /// This severity and what is more severe; absent: all.
    #[lower(leaf = "severity")]
    pub severity: Option<LogSeverity>,
    #[lower(leaf = "format")]
    pub format: Option<LogFormat>,
    /// Empty: all.
    #[lower(leaves = "category")]
    pub categories: Vec<LogCategory>,
    #[lower(container = "host")]
    pub host: LogHost,
    /// Logs a second.
    #[lower(leaf = "rate-limit <>")]
    pub rate_limit: Option<u32>,
    #[lower(container = "file")]
    pub file: LogStreamFile,
    #[lower(container = "transport")]
    pub transport: LogTransport,
    #[lower(container = "time-format")]
    pub time_format: LogTimeFormat,
    #[lower(leaf = "source-address")]
    pub source_address: Option<IpAddr>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct LogHost {
    #[lower(leaf = "<>")]
    pub address: Option<String>,
    #[lower(leaf = "port")]
    pub port: Option<u16>,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct LogTransport {
    #[lower(leaf = "protocol")]
    pub protocol: Option<LogProtocol>,
    /// Connections that share the stream's messages, 1..=5.
    #[lower(leaf = "tcp-connections")]
    pub connections: Option<u8>,
    #[lower(leaf = "tls-profile")]
    pub tls_profile: Option<String>,
}

/// What the traditional timestamp has beside month, day and time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Lower)]
pub struct LogTimeFormat {
    #[lower(flag = "year")]
    pub year: bool,
    #[lower(flag = "millisecond")]
    pub millisecond: bool,
}

/// The file of event mode.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct LogFile {
    #[lower(leaf = "filename")]
    pub name: Option<String>,
    /// Megabytes, 1..=10.
    #[lower(leaf = "size")]
    pub size_mb: Option<u32>,
    /// Directory.
    #[lower(leaf = "path")]
    pub path: Option<String>,
    /// Files in all, 2..=10.
    #[lower(leaf = "files")]
    pub files: Option<u32>,
}

/// A stream that ends in a file.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct LogStreamFile {
    #[lower(leaf = "localfilename")]
    pub name: Option<String>,
    /// Megabytes.
    #[lower(leaf = "size")]
    pub size_mb: Option<u32>,
    /// Files in all.
    #[lower(leaf = "rotation")]
    pub files: Option<u32>,
}

/// What `show security log` keeps.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct LogCache {
    #[lower(list = "exclude <>")]
    pub exclude: Vec<LogExclude>,
    #[lower(leaf = "limit")]
    pub limit: Option<u32>,
}

/// Events that are not kept: those that meet every condition given.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct LogExclude {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "destination-address")]
    pub destination: Option<IpAddr>,
    #[lower(leaf = "destination-port")]
    pub destination_port: Option<u16>,
    #[lower(leaf = "event-id")]
    pub event_id: Option<String>,
    #[lower(flag = "failure")]
    pub failure: bool,
    #[lower(leaf = "interface-name")]
    pub interface: Option<String>,
    #[lower(leaf = "policy-name")]
    pub policy: Option<String>,
    #[lower(leaf = "process")]
    pub process: Option<String>,
    #[lower(leaf = "protocol")]
    pub protocol: Option<LogIpProtocol>,
    #[lower(leaf = "source-address")]
    pub source: Option<IpAddr>,
    #[lower(leaf = "source-port")]
    pub source_port: Option<u16>,
    #[lower(flag = "success")]
    pub success: bool,
    #[lower(at)]
    pub at: Span,
}

/// An IP protocol by name or number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogIpProtocol(pub u8);

keywords! {
    /// Where security events go.
    LogMode {
        Stream = "stream",
        Event = "event",
        StreamEvent = "stream-event",
    }
}

keywords! {
    /// The form of a message. `welf` and `protobuf` are refused by `check`.
    LogFormat {
        Syslog = "syslog",
        SdSyslog = "sd-syslog",
        Welf = "welf",
        Binary = "binary",
        Protobuf = "protobuf",
    }
}

keywords! {
    LogProtocol {
        Udp = "udp",
        Tcp = "tcp",
        Tls = "tls",
    }
}

keywords! {
    /// The most severe first; the place is the severity's number.
    LogSeverity {
        Emergency = "emergency",
        Alert = "alert",
        Critical = "critical",
        Error = "error",
        Warning = "warning",
        Notice = "notice",
        Info = "info",
        Debug = "debug",
    }
}

keywords! {
    LogFacility {
        Kernel = "kernel",
        User = "user",
        Daemon = "daemon",
        Authorization = "authorization",
        Ftp = "ftp",
        Local0 = "local0",
        Local1 = "local1",
        Local2 = "local2",
        Local3 = "local3",
        Local4 = "local4",
        Local5 = "local5",
        Local6 = "local6",
        Local7 = "local7",
    }
}

keywords! {
    /// Kinds of events that a stream may choose.
    LogCategory {
        All = "all",
        ContentSecurity = "content-security",
        FwAuth = "fw-auth",
        Screen = "screen",
        Alg = "alg",
        Nat = "nat",
        Flow = "flow",
        Sctp = "sctp",
        Gtp = "gtp",
        Ipsec = "ipsec",
        Idp = "idp",
        Rtlog = "rtlog",
        PstDsLite = "pst-ds-lite",
        Appqos = "appqos",
        Secintel = "secintel",
        Aamw = "aamw",
        Sfw = "sfw",
        Session = "session",
        SessionOpen = "session-open",
        SessionClose = "session-close",
        Urlf = "urlf",
        Ha = "ha",
        HaOpen = "ha-open",
        HaClose = "ha-close",
        Pcp = "pcp",
        Dnsf = "dnsf",
        Dns = "dns",
    }
}

macro_rules! value_of_keyword {
    ($($name:ident),+) => {$(
        impl Value for $name {
            fn value(word: &str) -> Result<Self, String> {
                Self::from_word(word).ok_or_else(|| format!("invalid value `{word}'"))
            }
        }
    )+};
}

value_of_keyword!(LogMode, LogFormat, LogProtocol, LogSeverity, LogFacility, LogCategory);

impl Value for LogIpProtocol {
    fn value(word: &str) -> Result<Self, String> {
        let number = word.parse().ok().or_else(|| numbers::protocol(word));
        number.map(Self).ok_or_else(|| format!("invalid protocol `{word}'"))
    }
}

impl LogFacility {
    /// The facility's number (RFC 5424, table 1).
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Kernel => 0,
            Self::User => 1,
            Self::Daemon => 3,
            Self::Authorization => 4,
            Self::Ftp => 11,
            Self::Local0 => 16,
            Self::Local1 => 17,
            Self::Local2 => 18,
            Self::Local3 => 19,
            Self::Local4 => 20,
            Self::Local5 => 21,
            Self::Local6 => 22,
            Self::Local7 => 23,
        }
    }
}

impl LogFile {
    #[must_use]
    pub fn is_set(&self) -> bool {
        *self != Self::default()
    }

    /// Its name, given or not.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.name.as_deref().unwrap_or("security-log")
    }
}

impl LogStreamFile {
    #[must_use]
    pub fn is_set(&self) -> bool {
        *self != Self::default()
    }
}

impl SecurityLog {
    /// Whether the configuration says where events go, or that they go nowhere.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.mode.is_some() || self.disable || self.file.is_set() || !self.streams.is_empty()
    }

    #[must_use]
    pub fn mode(&self) -> LogMode {
        self.mode.unwrap_or(LogMode::Stream)
    }

    /// Whether events are kept on the box.
    #[must_use]
    pub fn has_event_mode(&self) -> bool {
        matches!(self.mode(), LogMode::Event | LogMode::StreamEvent)
    }

    #[must_use]
    pub fn has_stream_mode(&self) -> bool {
        matches!(self.mode(), LogMode::Stream | LogMode::StreamEvent)
    }

    /// How a stream to a host travels.
    #[must_use]
    pub fn protocol(&self, stream: &LogStream) -> LogProtocol {
        stream.transport.protocol.or(self.transport.protocol).unwrap_or(LogProtocol::Udp)
    }

    /// The address that a stream to `host` comes from: its own, that of the log, or that of the log's interface,
    /// the first one of the host's family.
    #[must_use]
    pub fn source(&self, config: &Config, stream: &LogStream, host: IpAddr) -> Option<IpAddr> {
        if stream.source_address.is_some() {
            return stream.source_address;
        }
        let of_family = |a: &IpAddr| a.is_ipv4() == host.is_ipv4();
        self.source_address.filter(of_family).or_else(|| self.interface_address(config, host))
    }

    /// The primary, else the first address of the source interface in the family of `host`.
    fn interface_address(&self, config: &Config, host: IpAddr) -> Option<IpAddr> {
        let name = with_unit(self.source_interface.as_deref()?);
        let (device, number) = name.rsplit_once('.')?;
        let interface = config.interfaces.iter().find(|i| i.name == device)?;
        let unit = interface.units.iter().find(|u| u.number.to_string() == number)?;
        let family = if host.is_ipv4() { unit.inet.as_ref() } else { unit.inet6.as_ref() };
        let addresses = &family?.addresses;
        let chosen = addresses.iter().find(|a| a.primary).or_else(|| addresses.first());
        chosen.map(|a| a.prefix.addr())
    }
}
