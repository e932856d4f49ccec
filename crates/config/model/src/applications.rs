//! `applications`: what a policy matches by protocol, ports and ICMP types.

use std::collections::{HashMap, HashSet};

use ravelin_derive::Lower;
use ravelin_schema::lower;
use ravelin_schema::{Cx, Value};
use ravelin_syntax::{Node, Span};

use crate::keywords::keywords;
use crate::numbers;

/// The gateway, as a term says it and as an application does.
const TERM_GATEWAY: &str = "alg";
const GATEWAY: &str = "application-protocol";

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Applications {
    #[lower(list = "application")]
    pub applications: Vec<Application>,
    #[lower(list = "application-set")]
    pub sets: Vec<ApplicationSet>,
}

impl Applications {
    /// Names that stand for something else here than there, or for nothing in one of them.
    #[must_use]
    pub fn differing(&self, other: &Self) -> HashSet<String> {
        let mut out = HashSet::new();
        differing(&self.applications, &other.applications, |a| &a.name, |a, b| a.terms == b.terms, &mut out);
        let same =
            |a: &ApplicationSet, b: &ApplicationSet| a.applications == b.applications && a.sets == b.sets;
        differing(&self.sets, &other.sets, |set| &set.name, same, &mut out);
        // A set with such a name in it stands for something else, too.
        while !out.is_empty() {
            let holds = |set: &&ApplicationSet| {
                set.applications.iter().chain(&set.sets).any(|name| out.contains(name))
            };
            let sets = self.sets.iter().chain(&other.sets).filter(|set| !out.contains(&set.name));
            let more: Vec<String> = sets.filter(holds).map(|set| set.name.clone()).collect();
            if more.is_empty() {
                break;
            }
            out.extend(more);
        }
        out
    }
}

fn differing<'a, T>(
    here: &'a [T],
    there: &'a [T],
    name: impl Fn(&'a T) -> &'a String,
    same: impl Fn(&T, &T) -> bool,
    out: &mut HashSet<String>,
) {
    let mut known: HashMap<&str, &T> = there.iter().map(|member| (name(member).as_str(), member)).collect();
    for member in here {
        let other = known.remove(name(member).as_str());
        if !other.is_some_and(|other| same(member, other)) {
            out.insert(name(member).clone());
        }
    }
    out.extend(known.into_keys().map(str::to_owned));
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Application {
    pub name: String,
    pub description: Option<String>,
    /// Written terms, or the one term that the statements outside a term make (its name is empty).
    pub terms: Vec<ApplicationTerm>,
    pub at: Span,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct ApplicationTerm {
    #[lower(key)]
    pub name: String,
    /// `None` matches any protocol: only the predefined `junos-*` any-applications have it.
    #[lower(with(protocol, "protocol"))]
    pub protocol: Option<u8>,
    #[lower(leaf = "source-port")]
    pub source_ports: Option<PortRange>,
    #[lower(leaf = "destination-port")]
    pub destination_ports: Option<PortRange>,
    #[lower(with(icmp_type, "icmp-type"))]
    pub icmp_type: Option<u8>,
    #[lower(leaf = "icmp-code")]
    pub icmp_code: Option<u8>,
    #[lower(with(icmp6_type, "icmp6-type"))]
    pub icmp6_type: Option<u8>,
    #[lower(leaf = "icmp6-code")]
    pub icmp6_code: Option<u8>,
    #[lower(leaf = "inactivity-timeout")]
    pub inactivity_timeout: Option<Timeout>,
    /// `alg` of a term, `application-protocol` outside of one.
    #[lower(with(application_protocol, "alg"))]
    pub application_protocol: Option<ApplicationProtocol>,
    #[lower(at)]
    pub at: Span,
}

/// Ports from `low` to `high`, both included, `low <= high`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortRange {
    pub low: u16,
    pub high: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timeout {
    Seconds(u32),
    Never,
}

keywords! {
    /// What an application says that its sessions speak, whatever their port.
    ApplicationProtocol {
        Ftp = "ftp",
        Tftp = "tftp",
        Dns = "dns",
        Ignore = "ignore",
        Nothing = "none",
        Http = "http",
        Https = "https",
        Imap = "imap",
        Imaps = "imaps",
        Pop3 = "pop3",
        Pop3s = "pop3s",
        Smtp = "smtp",
        Smtps = "smtps",
        Ssh = "ssh",
        Telnet = "telnet",
        H323 = "h323",
        Q931 = "q931",
        Ras = "ras",
        MgcpCa = "mgcp-ca",
        MgcpUa = "mgcp-ua",
        DceRpc = "dce-rpc",
        DceRpcPortmap = "dce-rpc-portmap",
        MsRpc = "ms-rpc",
        Pptp = "pptp",
        Rsh = "rsh",
        RealAudio = "realaudio",
        Rtsp = "rtsp",
        Sccp = "sccp",
        Sip = "sip",
        SqlNet = "sqlnet",
        SqlNetV2 = "sqlnet-v2",
        Rpc = "rpc",
        RpcPortmap = "rpc-portmap",
        SunRpc = "sun-rpc",
        Talk = "talk",
    }
}

/// Which gateway an application's sessions go through, whatever their port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApplicationGateway {
    Ftp,
    Tftp,
    Dns,
    /// None: `ignore`, and protocols that Junos has no gateway for.
    Nothing,
    /// One that is not here, by its name below `security alg`: the application is its ports.
    Missing(&'static str),
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct ApplicationSet {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    #[lower(leaves = "application")]
    pub applications: Vec<String>,
    #[lower(leaves = "application-set")]
    pub sets: Vec<String>,
    #[lower(at)]
    pub at: Span,
}

/// An application is its terms, or is itself the only one: by hand because one statement gives two structs.
impl ravelin_schema::Lower for Application {
    fn lower(node: &Node, cx: &mut Cx) -> Option<Self> {
        let mut terms: Vec<ApplicationTerm> = lower::list(node, "term", cx);
        let protocol: Option<ApplicationProtocol> = lower::leaf(node, GATEWAY, cx);
        let is_own = |n: &Node| n.is_value() && n.name != "description" && n.name != GATEWAY;
        if node.active().any(is_own) || terms.is_empty() {
            if !terms.is_empty() {
                cx.error(node.span, "statements outside a term can't be combined with terms");
            }
            let term = ApplicationTerm::lower(node, cx)?;
            terms.push(ApplicationTerm { name: String::new(), ..term });
        }
        // What is said of the application holds of terms that say nothing of their own.
        for term in &mut terms {
            term.application_protocol = term.application_protocol.or(protocol);
        }
        Some(Self {
            name: lower::key(node, 0, cx)?,
            description: lower::leaf(node, "description", cx),
            terms,
            at: node.span,
        })
    }

    fn covered(prefix: &str, out: &mut Vec<String>) {
        out.push(lower::join(prefix, "description"));
        let mut own = Vec::new();
        ApplicationTerm::covered("", &mut own);
        let outside = |path: &str| if path == TERM_GATEWAY { GATEWAY } else { path }.to_owned();
        out.extend(own.iter().map(|path| lower::join(prefix, &outside(path))));
        out.push(lower::join(prefix, "term"));
        ApplicationTerm::covered(&lower::join(prefix, "term"), out);
    }
}

impl Value for PortRange {
    fn value(word: &str) -> Result<Self, String> {
        let port = |w: &str| w.parse().ok().or_else(|| numbers::port(w));
        let bad = || format!("invalid port `{word}'");
        let (low, high) = match (port(word), word.split_once('-')) {
            (Some(port), _) => (port, port),
            (None, Some((low, high))) => (port(low).ok_or_else(bad)?, port(high).ok_or_else(bad)?),
            (None, None) => return Err(bad()),
        };
        if low > high {
            return Err(format!("port range `{word}' ends before it begins"));
        }
        Ok(Self { low, high })
    }
}

impl Value for Timeout {
    fn value(word: &str) -> Result<Self, String> {
        match word.parse() {
            _ if word == "never" => Ok(Self::Never),
            Ok(seconds @ 4..=86400) => Ok(Self::Seconds(seconds)),
            _ => Err(format!("invalid timeout `{word}'; expecting 4..86400 or `never'")),
        }
    }
}

impl Value for ApplicationProtocol {
    fn value(word: &str) -> Result<Self, String> {
        let unknown = || format!("`{word}' is not supported: the application is its ports without it");
        Self::from_word(word).ok_or_else(unknown)
    }
}

impl ApplicationProtocol {
    /// The gateway that looks at it.
    #[must_use]
    pub fn gateway(self) -> ApplicationGateway {
        match self {
            Self::Ftp => ApplicationGateway::Ftp,
            Self::Tftp => ApplicationGateway::Tftp,
            Self::Dns => ApplicationGateway::Dns,
            Self::Ignore
            | Self::Nothing
            | Self::Http
            | Self::Https
            | Self::Imap
            | Self::Imaps
            | Self::Pop3
            | Self::Pop3s
            | Self::Smtp
            | Self::Smtps
            | Self::Ssh
            | Self::Telnet => ApplicationGateway::Nothing,
            Self::H323 | Self::Q931 | Self::Ras => ApplicationGateway::Missing("h323"),
            Self::MgcpCa | Self::MgcpUa => ApplicationGateway::Missing("mgcp"),
            Self::DceRpc | Self::DceRpcPortmap | Self::MsRpc => ApplicationGateway::Missing("msrpc"),
            Self::Pptp => ApplicationGateway::Missing("pptp"),
            Self::Rsh => ApplicationGateway::Missing("rsh"),
            Self::RealAudio | Self::Rtsp => ApplicationGateway::Missing("rtsp"),
            Self::Sccp => ApplicationGateway::Missing("sccp"),
            Self::Sip => ApplicationGateway::Missing("sip"),
            Self::SqlNet | Self::SqlNetV2 => ApplicationGateway::Missing("sql"),
            Self::Rpc | Self::RpcPortmap | Self::SunRpc => ApplicationGateway::Missing("sunrpc"),
            Self::Talk => ApplicationGateway::Missing("talk"),
        }
    }
}

impl ApplicationTerm {
    /// The gateway that it names, if it does.
    #[must_use]
    pub fn gateway(&self) -> Option<ApplicationGateway> {
        self.application_protocol.map(ApplicationProtocol::gateway)
    }
}

/// An IP protocol by its name or number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpProtocol(pub u8);

impl Value for IpProtocol {
    fn value(word: &str) -> Result<Self, String> {
        let number = word.parse().ok().or_else(|| numbers::protocol(word));
        number.map(Self).ok_or_else(|| format!("invalid protocol `{word}'"))
    }
}

struct IcmpType<const V6: bool>(u8);

impl<const V6: bool> Value for IcmpType<V6> {
    fn value(word: &str) -> Result<Self, String> {
        let named = if V6 { numbers::icmp6_type(word) } else { numbers::icmp_type(word) };
        word.parse().ok().or(named).map(Self).ok_or_else(|| format!("invalid ICMP type `{word}'"))
    }
}

fn protocol(node: &Node, cx: &mut Cx) -> Option<u8> {
    lower::leaf::<IpProtocol>(node, "protocol", cx).map(|p| p.0)
}

fn icmp_type(node: &Node, cx: &mut Cx) -> Option<u8> {
    lower::leaf::<IcmpType<false>>(node, "icmp-type", cx).map(|t| t.0)
}

fn icmp6_type(node: &Node, cx: &mut Cx) -> Option<u8> {
    lower::leaf::<IcmpType<true>>(node, "icmp6-type", cx).map(|t| t.0)
}

fn application_protocol(node: &Node, cx: &mut Cx) -> Option<ApplicationProtocol> {
    lower::leaf(node, TERM_GATEWAY, cx)
}
