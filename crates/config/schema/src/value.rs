//! What a value may be: enumerations, ranges, lengths, addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueType {
    Any,
    Words(Vec<&'static str>),
    /// Whole numbers, both ends included.
    Number {
        low: i64,
        high: i64,
    },
    Text {
        low: usize,
        high: usize,
    },
    Address,
    Ipv4,
    Ipv6,
    Prefix,
}

impl ValueType {
    pub(crate) fn parse(cell: &'static str) -> Self {
        let mut parts = cell.split("; ");
        let kind = parts.next().unwrap_or("");
        let limits = |s: &str| -> Option<(i64, i64)> {
            let (low, high) = s.split_once(" .. ")?;
            Some((low.parse().ok()?, high.parse().ok()?))
        };
        for part in parts {
            if let Some(words) = part.strip_prefix("enum ") {
                return Self::Words(words.split(',').collect());
            }
            if let Some((low, high)) =
                part.strip_prefix("range ").and_then(limits).filter(|_| kind.contains("int"))
            {
                return Self::Number { low, high };
            }
            if let Some((low, high)) = part.strip_prefix("length ").and_then(limits) {
                return Self::Text { low: low.max(0) as usize, high: high.max(0) as usize };
            }
        }
        match kind {
            "ipaddr" => Self::Address,
            "ipv4addr" => Self::Ipv4,
            "ipv6addr" => Self::Ipv6,
            "ipprefix" => Self::Prefix,
            "string|uint32" | "uint32|string" => Self::Number { low: 0, high: u32::MAX.into() },
            "string|uint16" | "uint16|string" => Self::Number { low: 0, high: u16::MAX.into() },
            _ => Self::Any,
        }
    }

    /// Whether a word could be this value.
    pub fn check(&self, word: &str) -> Result<(), String> {
        match self {
            Self::Any => Ok(()),
            Self::Words(words) if words.contains(&word) => Ok(()),
            Self::Words(words) => Err(match nearest(word, words.iter().copied()) {
                Some(near) => format!("invalid value `{word}'; did you mean `{near}'?"),
                None => format!("invalid value `{word}'"),
            }),
            Self::Number { low, high } => match word.parse::<i64>() {
                Ok(n) if (*low..=*high).contains(&n) => Ok(()),
                Ok(n) => Err(format!("value {n} is not within range ({low}..{high})")),
                Err(_) => Err(format!("invalid numeric value `{word}'")),
            },
            Self::Text { low, high } => match word.chars().count() {
                n if (*low..=*high).contains(&n) => Ok(()),
                n => Err(format!("length {n} is not within range ({low}..{high})")),
            },
            Self::Address => parsed::<IpAddr>(word, "IP address"),
            Self::Ipv4 => parsed::<Ipv4Addr>(word, "IPv4 address"),
            Self::Ipv6 => parsed::<Ipv6Addr>(word, "IPv6 address"),
            Self::Prefix => match word.parse::<IpAddr>() {
                Ok(_) => Ok(()),
                Err(_) => parsed::<IpNet>(word, "prefix"),
            },
        }
    }
}

fn parsed<T: std::str::FromStr>(word: &str, what: &str) -> Result<(), String> {
    word.parse::<T>().map(|_| ()).map_err(|_| format!("invalid {what} `{word}'"))
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
