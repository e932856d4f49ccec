//! Lists of addresses as files and servers hold them.
//!
//! A line is an address, a prefix or a range `first-last`; `#` and `;` begin a comment. Spec: dynamic-address-5.

use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_contract::LiveAddresses;

/// Entries that a feed may have.
pub const ENTRIES_MAX: usize = 1 << 20;

/// A list that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    pub addresses: LiveAddresses,
    pub entries: usize,
    /// Lines that say nothing that can be understood.
    pub unread: usize,
}

/// Why a feed can't be used; what was known of it stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    #[error("no line of {lines} is an address")]
    NoAddresses { lines: usize },
    #[error("more than {ENTRIES_MAX} entries")]
    TooMany,
    #[error("{0}")]
    Fetch(String),
}

/// Reads a list.
///
/// # Errors
/// It has lines and none of them is an address (it is something else, an error page perhaps), or too many.
pub fn parse(text: &[u8]) -> Result<Parsed, FeedError> {
    let mut out = Parsed::default();
    for line in text.split(|byte| *byte == b'\n') {
        let end = line.iter().position(|byte| matches!(byte, b'#' | b';')).unwrap_or(line.len());
        let line = line[..end].trim_ascii();
        if line.is_empty() {
            continue;
        }
        match std::str::from_utf8(line).ok().and_then(range) {
            Some(range) => out.add(range)?,
            None => out.unread += 1,
        }
    }
    if out.entries == 0 && out.unread > 0 {
        return Err(FeedError::NoAddresses { lines: out.unread });
    }
    Ok(out)
}

enum Range {
    V4(u32, u32),
    V6(u128, u128),
}

impl Parsed {
    fn add(&mut self, range: Range) -> Result<(), FeedError> {
        if self.entries == ENTRIES_MAX {
            return Err(FeedError::TooMany);
        }
        self.entries += 1;
        match range {
            Range::V4(first, last) => self.addresses.v4.push((first, last)),
            Range::V6(first, last) => self.addresses.v6.push((first, last)),
        }
        Ok(())
    }
}

fn range(line: &str) -> Option<Range> {
    if let Some((first, last)) = line.split_once('-') {
        return match (first.trim().parse().ok()?, last.trim().parse().ok()?) {
            (IpAddr::V4(a), IpAddr::V4(b)) if a <= b => Some(Range::V4(a.into(), b.into())),
            (IpAddr::V6(a), IpAddr::V6(b)) if a <= b => Some(Range::V6(a.into(), b.into())),
            _ => None,
        };
    }
    if let Ok(addr) = line.parse::<IpAddr>() {
        return Some(match addr {
            IpAddr::V4(a) => Range::V4(a.into(), a.into()),
            IpAddr::V6(a) => Range::V6(a.into(), a.into()),
        });
    }
    Some(match line.parse::<IpNet>().ok()? {
        IpNet::V4(net) => Range::V4(u32::from(net.network()), u32::from(net.broadcast())),
        IpNet::V6(net) => Range::V6(u128::from(net.network()), u128::from(net.broadcast())),
    })
}

/// Addresses one by one.
pub(crate) fn single(list: &[IpAddr]) -> LiveAddresses {
    let mut out = LiveAddresses::default();
    for addr in list {
        match addr {
            IpAddr::V4(a) => out.v4.push((u32::from(*a), u32::from(*a))),
            IpAddr::V6(a) => out.v6.push((u128::from(*a), u128::from(*a))),
        }
    }
    out
}

/// `None`: there is no address of the family.
pub(crate) fn contains(list: &LiveAddresses, addr: IpAddr) -> Option<bool> {
    match addr {
        IpAddr::V4(a) => {
            let a = u32::from(a);
            (!list.v4.is_empty()).then(|| list.v4.iter().any(|(first, last)| *first <= a && a <= *last))
        }
        IpAddr::V6(a) => {
            let a = u128::from(a);
            (!list.v6.is_empty()).then(|| list.v6.iter().any(|(first, last)| *first <= a && a <= *last))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_prefixes_and_ranges() {
        let text =
            b"# list\n10.0.0.1\n10.1.0.0/16 ; why\r\n 10.2.0.1 - 10.2.0.9\n\n2001:db8::/32\n2001:db9::1\n";
        let read = parse(text).unwrap();
        let v4 = |a: [u8; 4]| u32::from_be_bytes(a);
        let at = v4([10, 0, 0, 1]);
        let v4s = vec![
            (at, at),
            (v4([10, 1, 0, 0]), v4([10, 1, 255, 255])),
            (v4([10, 2, 0, 1]), v4([10, 2, 0, 9])),
        ];
        assert_eq!(read.addresses.v4, v4s);
        let base = 0x2001_0db8_u128 << 96;
        assert_eq!(read.addresses.v6[0], (base, base | (u128::MAX >> 32)));
        assert_eq!((read.entries, read.unread), (5, 0));
    }

    #[test]
    fn what_is_no_list_is_refused_and_an_empty_one_is_not() {
        assert_eq!(parse(b"<html>\n<body>404</body>\n"), Err(FeedError::NoAddresses { lines: 2 }));
        assert_eq!(parse(b"# nothing now\n\n"), Ok(Parsed::default()));
        let some = parse(b"10.0.0.1\n10.0.0.9-10.0.0.1\nten\n\xff\n").unwrap();
        assert_eq!((some.entries, some.unread), (1, 3));
    }

    #[test]
    fn too_many_entries_are_refused_whole() {
        let text = "10.0.0.1\n".repeat(ENTRIES_MAX);
        assert_eq!(parse(text.as_bytes()).map(|read| read.entries), Ok(ENTRIES_MAX));
        assert_eq!(parse((text + "10.0.0.2\n").as_bytes()), Err(FeedError::TooMany));
    }
}
