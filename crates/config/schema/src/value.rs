//! What a value may be: enumerations, ranges, lengths, addresses, patterns.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use regex::Regex;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ValueType {
    #[default]
    Any,
    Words(Vec<&'static str>),
    /// Whole numbers, both ends included; `k`, `m` and `g` stand for thousands.
    Number {
        low: i128,
        high: i128,
    },
    /// With digits behind the point; the ends of its range, if there is one.
    Decimal(Option<(i32, i32)>),
    Text {
        low: usize,
        high: usize,
    },
    Address,
    Ipv4,
    Ipv6,
    Prefix,
    Prefix4,
    Prefix6,
    /// An address with its length.
    PrefixLength,
    Mac,
    /// `0.0.0.0` or a number.
    Area,
    TimeOfDay,
    /// Kept obscured, never shown in clear.
    Secret,
}

/// The values of a leaf or of a key, as the table tells them.
#[derive(Debug, Default)]
pub struct Values {
    pub kind: ValueType,
    pub default: Option<&'static str>,
    pub unit: Option<&'static str>,
    /// As in the table; with a leading `!` what may not match.
    pub pattern: Option<&'static str>,
    /// It is never to be told but where the configuration is shown.
    pub is_secret: bool,
    compiled: OnceLock<Option<Regex>>,
}

/// Programs larger than this are not compiled: the table's own fit.
const PATTERN_BYTES_MAX: usize = 1 << 20;

impl Values {
    pub(crate) fn parse(cell: &'static str) -> Self {
        let (cell, pattern) = match cell.split_once("; match ") {
            Some((cell, pattern)) => (cell, Some(pattern)),
            None => (cell, None),
        };
        let named = |name: &str| cell.split("; ").find_map(|p| p.strip_prefix(name));
        let kind = ValueType::parse(cell);
        Self {
            is_secret: kind == ValueType::Secret || cell.split("; ").any(|part| part == "secret"),
            kind,
            default: named("default "),
            unit: named("unit "),
            pattern,
            compiled: OnceLock::new(),
        }
    }

    /// Whether a word could be this value.
    pub fn check(&self, word: &str) -> Result<(), String> {
        let checked = self.judge(word);
        let told = |message: &str| !self.is_secret || word.is_empty() || !message.contains(word);
        checked.map_err(|message| if told(&message) { message } else { "invalid secret".to_owned() })
    }

    fn judge(&self, word: &str) -> Result<(), String> {
        // Of a secret that is kept obscured the form says nothing.
        if self.is_secret && crate::secret::is_obscured(word) {
            return Ok(());
        }
        self.kind.check(word)?;
        let Some(pattern) = self.pattern else { return Ok(()) };
        let (negated, expression) = pattern.strip_prefix('!').map_or((false, pattern), |rest| (true, rest));
        let compiled = self.compiled.get_or_init(|| {
            let build = regex::RegexBuilder::new(expression).size_limit(PATTERN_BYTES_MAX).build();
            build.ok()
        });
        match compiled {
            Some(regex) if regex.is_match(word) == negated => {
                let must = if negated { "must not" } else { "must" };
                Err(format!("invalid value `{word}'; it {must} match {expression}"))
            }
            _ => Ok(()),
        }
    }
}

impl ValueType {
    fn parse(cell: &'static str) -> Self {
        let mut parts = cell.split("; ");
        let kind = parts.next().unwrap_or("");
        let whole = kind.contains("int");
        let is_decimal = ["decimal64", "unsigned-float"].contains(&kind);
        for part in parts {
            if let Some((low, high)) = part.strip_prefix("range ").and_then(limits).filter(|_| is_decimal) {
                return Self::Decimal(i32::try_from(low).ok().zip(i32::try_from(high).ok()));
            }
            if let Some(words) = part.strip_prefix("enum ") {
                return Self::Words(words.split(',').collect());
            }
            if let Some((low, high)) = part.strip_prefix("range ").and_then(limits).filter(|_| whole) {
                return Self::Number { low, high };
            }
            if let Some((low, high)) = part.strip_prefix("length ").and_then(limits) {
                return Self::Text { low: low.max(0) as usize, high: high.max(0) as usize };
            }
        }
        let number = |low: i128, high: i128| Self::Number { low, high };
        match kind {
            "ipaddr" => Self::Address,
            "ipv4addr" => Self::Ipv4,
            "ipv6addr" => Self::Ipv6,
            "ipprefix" | "ipprefix-optional" => Self::Prefix,
            "ipprefix-mandatory" | "ipprefix-only" => Self::PrefixLength,
            "ipv4prefix" => Self::Prefix4,
            "ipv6prefix" => Self::Prefix6,
            "mac-addr" | "mac-unicast" | "mac-multicast" => Self::Mac,
            "areaid" => Self::Area,
            "time-of-day" => Self::TimeOfDay,
            _ if is_decimal => Self::Decimal(None),
            "unreadable" => Self::Secret,
            _ if kind.contains("interface") => Self::Any,
            _ if kind.contains("uint8") => number(0, u8::MAX.into()),
            _ if kind.contains("uint16") => number(0, u16::MAX.into()),
            _ if kind.contains("uint32") => number(0, u32::MAX.into()),
            _ if kind.contains("uint64") => number(0, u64::MAX.into()),
            _ if kind.contains("int16") => number(i16::MIN.into(), i16::MAX.into()),
            _ if kind.contains("int32") => number(i32::MIN.into(), i32::MAX.into()),
            _ => Self::Any,
        }
    }

    /// Whether a word could be this value.
    pub fn check(&self, word: &str) -> Result<(), String> {
        match self {
            Self::Any | Self::Secret => Ok(()),
            Self::Words(words) if words.contains(&word) => Ok(()),
            Self::Words(words) => Err(match nearest(word, words.iter().copied()) {
                Some(near) => format!("invalid value `{word}'; did you mean `{near}'?"),
                None => format!("invalid value `{word}'"),
            }),
            Self::Number { low, high } => match number(word) {
                Some(n) if (*low..=*high).contains(&n) => Ok(()),
                Some(n) => Err(format!("value {n} is not within range ({low}..{high})")),
                None => Err(format!("invalid numeric value `{word}'")),
            },
            Self::Decimal(range) => {
                parsed::<f64>(word, "number")?;
                let fits =
                    |n: f64| range.is_none_or(|(low, high)| (f64::from(low)..=f64::from(high)).contains(&n));
                match (range, word.parse()) {
                    (Some((low, high)), Ok(n)) if !fits(n) => {
                        Err(format!("value {word} is not within range ({low}..{high})"))
                    }
                    _ => Ok(()),
                }
            }
            Self::Text { low, high } => match word.chars().count() {
                n if (*low..=*high).contains(&n) => Ok(()),
                n => Err(format!("length {n} is not within range ({low}..{high})")),
            },
            Self::Address => parsed::<IpAddr>(word, "IP address"),
            Self::Ipv4 => parsed::<Ipv4Addr>(word, "IPv4 address"),
            Self::Ipv6 => parsed::<Ipv6Addr>(word, "IPv6 address"),
            Self::Prefix | Self::Prefix4 | Self::PrefixLength if self.completed(word).is_some() => Ok(()),
            Self::Prefix if word.parse::<IpAddr>().is_ok() => Ok(()),
            Self::Prefix => parsed::<IpNet>(word, "prefix"),
            Self::PrefixLength => parsed::<IpNet>(word, "prefix"),
            Self::Prefix4 if word.parse::<Ipv4Addr>().is_ok() => Ok(()),
            Self::Prefix4 => parsed::<Ipv4Net>(word, "IPv4 prefix"),
            Self::Prefix6 if word.parse::<Ipv6Addr>().is_ok() => Ok(()),
            Self::Prefix6 => parsed::<Ipv6Net>(word, "IPv6 prefix"),
            Self::Mac => reason(is_mac(word), word, "MAC address"),
            Self::Area => {
                reason(word.parse::<Ipv4Addr>().is_ok() || word.parse::<u32>().is_ok(), word, "area")
            }
            Self::TimeOfDay => reason(is_time(word), word, "time of day"),
        }
    }

    /// A prefix with octets left out as Junos completes it: `10/8` is `10.0.0.0/8`. `None`: it is whole, or none.
    #[must_use]
    pub fn completed(&self, word: &str) -> Option<String> {
        if !matches!(self, Self::Prefix | Self::Prefix4 | Self::PrefixLength) {
            return None;
        }
        let (octets, length) = word.split_once('/')?;
        let given: Vec<u8> = octets.split('.').map(|octet| octet.parse().ok()).collect::<Option<_>>()?;
        let left = 4usize.checked_sub(given.len()).filter(|left| *left > 0)?;
        length.parse::<u8>().ok().filter(|length| *length <= 32)?;
        Some(format!("{octets}{}/{length}", ".0".repeat(left)))
    }

    /// What stands for the value in help: `<name>`, `<1..10>`.
    #[must_use]
    pub fn placeholder(&self) -> String {
        match self {
            Self::Number { low, high } => format!("<{low}..{high}>"),
            Self::Address | Self::Ipv4 | Self::Ipv6 => "<address>".to_owned(),
            Self::Prefix | Self::Prefix4 | Self::Prefix6 | Self::PrefixLength => "<prefix>".to_owned(),
            Self::Decimal(_) => "<number>".to_owned(),
            Self::Mac => "<mac-address>".to_owned(),
            Self::Area => "<area>".to_owned(),
            Self::TimeOfDay => "<hh:mm>".to_owned(),
            Self::Secret => "<secret>".to_owned(),
            Self::Words(_) | Self::Any | Self::Text { .. } => "<name>".to_owned(),
        }
    }
}

/// Both ends, or the one value there is.
fn limits(text: &str) -> Option<(i128, i128)> {
    let (low, high) = text.split_once(" .. ").unwrap_or((text, text));
    Some((low.trim().parse().ok()?, high.trim().parse().ok()?))
}

/// A whole number, with Junos' suffixes for thousands.
#[must_use]
pub fn number(word: &str) -> Option<i128> {
    let (digits, factor) = match word.as_bytes().last()? {
        b'k' => (&word[..word.len() - 1], 1_000),
        b'm' => (&word[..word.len() - 1], 1_000_000),
        b'g' => (&word[..word.len() - 1], 1_000_000_000),
        _ => (word, 1),
    };
    digits.parse::<i64>().map(|n| i128::from(n) * factor).or_else(|_| word.parse::<i128>()).ok()
}

fn parsed<T: std::str::FromStr>(word: &str, what: &str) -> Result<(), String> {
    reason(word.parse::<T>().is_ok(), word, what)
}

fn reason(fits: bool, word: &str, what: &str) -> Result<(), String> {
    if fits { Ok(()) } else { Err(format!("invalid {what} `{word}'")) }
}

fn is_mac(word: &str) -> bool {
    let groups: Vec<&str> = word.split([':', '-', '.']).collect();
    let width = match groups.len() {
        6 => 2,
        3 => 4,
        _ => return false,
    };
    groups.iter().all(|g| !g.is_empty() && g.len() <= width && g.chars().all(|c| c.is_ascii_hexdigit()))
}

/// `hh:mm` or `hh:mm:ss`.
fn is_time(word: &str) -> bool {
    let parts: Vec<Option<u8>> = word.split(':').map(|p| p.parse().ok()).collect();
    let small = |n: &Option<u8>| n.is_some_and(|n| n < 60);
    match parts.as_slice() {
        [Some(hour), rest @ ..] => *hour < 24 && matches!(rest.len(), 1 | 2) && rest.iter().all(small),
        _ => false,
    }
}

/// The candidate closest to a mistyped word, when it is close at all.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 64 {
        return None;
    }
    let limit = (word.len() / 3).max(1);
    candidates
        .filter(|c| c.len().abs_diff(word.len()) <= limit)
        .map(|c| (distance(word, c), c))
        .filter(|(d, _)| *d <= limit)
        .min()
        .map(|(_, c)| c)
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let cost = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
