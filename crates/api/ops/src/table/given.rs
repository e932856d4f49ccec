//! Arguments of commands: what each accepts, and what a line gave.

use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_types::{Family, Proto};

use super::{Miss, Param};
use crate::log::SEVERITIES;

const ZONE_TYPES: [(&str, &str); 2] =
    [("functional", "For the firewall itself alone"), ("security", "That policies can name")];

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    Zone,
    ZoneType,
    Policy,
    NatRule,
    NatPool,
    SourcePool,
    Interface,
    Address,
    /// A prefix, or an address that means itself.
    Prefix,
    Port,
    Protocol,
    Family,
    Number,
    SessionId,
    /// A date and time, UTC.
    Time,
    Severity,
    /// Any word.
    Name,
    /// Words of a configuration path, as many as follow.
    ConfigPath,
}

impl Arg {
    /// What stands for it in help.
    #[must_use]
    pub const fn placeholder(self) -> &'static str {
        match self {
            Self::Zone => "<zone>",
            Self::ZoneType => "<type>",
            Self::Policy => "<policy-name>",
            Self::NatRule => "<rule-name>",
            Self::NatPool | Self::SourcePool => "<pool-name>",
            Self::Interface => "<interface-name>",
            Self::Address => "<address>",
            Self::Prefix => "<prefix>",
            Self::Port => "<port>",
            Self::Protocol => "<protocol>",
            Self::Family => "<family>",
            Self::Number => "<number>",
            Self::SessionId => "<session-id>",
            Self::Time => "<YYYY-MM-DD.HH:MM:SS>",
            Self::Severity => "<severity>",
            Self::Name => "<name>",
            Self::ConfigPath => "<path>",
        }
    }

    pub(crate) const fn wanted(self) -> &'static str {
        match self {
            Self::Zone => "a zone",
            Self::ZoneType => "functional or security",
            Self::Policy => "a policy name",
            Self::NatRule => "a rule name",
            Self::NatPool | Self::SourcePool => "a pool name",
            Self::Interface => "an interface name",
            Self::Address => "an IPv4 or IPv6 address",
            Self::Prefix => "an address or prefix",
            Self::Port => "a port from 1 to 65535",
            Self::Protocol => "a protocol name or number",
            Self::Family => "inet or inet6",
            Self::Number => "a number",
            Self::SessionId => "a session identifier",
            Self::Time => "a date and time as YYYY-MM-DD.HH:MM:SS or YYYY-MM-DD",
            Self::Severity => "a severity, from emergency to debug",
            Self::Name => "a name",
            Self::ConfigPath => "a statement",
        }
    }

    pub(crate) fn accepts(self, word: &str) -> bool {
        match self {
            Self::Zone
            | Self::Policy
            | Self::NatRule
            | Self::NatPool
            | Self::SourcePool
            | Self::Interface
            | Self::Name
            | Self::ConfigPath => !word.is_empty(),
            Self::ZoneType => ZONE_TYPES.iter().any(|(name, _)| *name == word),
            Self::Time => time(word).is_some(),
            Self::Severity => severity(word).is_some(),
            Self::Address => word.parse::<IpAddr>().is_ok(),
            Self::Prefix => prefix(word).is_some(),
            Self::Port => word.parse::<u16>().is_ok_and(|p| p > 0),
            Self::Protocol => proto(word).is_some(),
            Self::Family => family(word).is_some(),
            Self::Number => word.parse::<u32>().is_ok(),
            Self::SessionId => word.parse::<u64>().is_ok(),
        }
    }

    /// Fixed words of the kind, with help.
    pub(crate) fn words(self) -> Vec<(String, &'static str)> {
        match self {
            Self::Protocol => {
                (0..=u8::MAX).filter_map(|n| Proto(n).name()).map(|n| (n.to_owned(), "IP protocol")).collect()
            }
            Self::Family => vec![("inet".into(), "IPv4"), ("inet6".into(), "IPv6")],
            Self::ZoneType => ZONE_TYPES.iter().map(|(name, help)| ((*name).to_owned(), *help)).collect(),
            Self::Severity => {
                SEVERITIES.iter().map(|s| ((*s).to_owned(), "This and what is more severe")).collect()
            }
            Self::Zone
            | Self::Policy
            | Self::NatRule
            | Self::NatPool
            | Self::SourcePool
            | Self::Interface
            | Self::Address
            | Self::Prefix
            | Self::Port
            | Self::Number
            | Self::SessionId
            | Self::Time
            | Self::Name
            | Self::ConfigPath => Vec::new(),
        }
    }
}

/// Parameters of one line, by the keyword of each; a value alone is under the empty word.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given(Vec<(&'static str, Vec<String>)>);

impl Given {
    pub fn flag(&mut self, param: &Param) {
        self.0.push((param.word.unwrap_or(""), Vec::new()));
    }

    pub fn value(&mut self, param: &Param, value: &str) {
        let word = param.word.unwrap_or("");
        match self.0.iter_mut().find(|(w, _)| *w == word) {
            Some((_, values)) => values.push(value.to_owned()),
            None => self.0.push((word, vec![value.to_owned()])),
        }
    }

    pub fn has(&self, param: &Param) -> bool {
        self.is_set(param.word.unwrap_or(""))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn is_set(&self, word: &str) -> bool {
        self.0.iter().any(|(w, _)| *w == word)
    }

    /// What is said beside these words has no meaning there.
    pub fn only(&self, words: &[&str]) -> Result<(), Miss> {
        match self.0.iter().find(|(word, _)| !words.contains(word)) {
            Some((word, _)) => Err(Miss::Word((*word).to_owned())),
            None => Ok(()),
        }
    }

    /// Values of a keyword; the empty word: values that stand alone.
    pub fn values(&self, word: &str) -> &[String] {
        self.0.iter().find(|(w, _)| *w == word).map_or(&[], |(_, values)| values)
    }

    pub fn text(&self, word: &str) -> Option<String> {
        self.values(word).first().cloned()
    }

    /// A value read; it was accepted when the line was matched.
    pub fn read<T>(&self, word: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.values(word).first().and_then(|v| read(v))
    }

    pub fn required<T>(&self, word: &'static str, read: impl Fn(&str) -> Option<T>) -> Result<T, Miss> {
        self.read(word, read).ok_or(Miss::Missing(word))
    }
}

pub(crate) fn proto(word: &str) -> Option<Proto> {
    if let Ok(number) = word.parse::<u8>() {
        return Some(Proto(number));
    }
    (0..=u8::MAX).map(Proto).find(|p| p.name() == Some(word))
}

/// Seconds since 1970 of a time as Junos writes it; a date alone is its beginning.
pub(crate) fn time(word: &str) -> Option<i64> {
    let (date, clock) = word.split_once('.').unwrap_or((word, "00:00:00"));
    let time: jiff::civil::DateTime = format!("{date}T{clock}").parse().ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

/// A severity's number.
pub(crate) fn severity(word: &str) -> Option<u8> {
    SEVERITIES.iter().zip(0..).find(|(name, _)| **name == word).map(|(_, number)| number)
}

pub(crate) fn family(word: &str) -> Option<Family> {
    match word {
        "inet" => Some(Family::V4),
        "inet6" => Some(Family::V6),
        _ => None,
    }
}

pub(crate) fn prefix(word: &str) -> Option<IpNet> {
    match word.parse::<IpAddr>() {
        Ok(addr) => Some(IpNet::from(addr)),
        Err(_) => word.parse().ok(),
    }
}
