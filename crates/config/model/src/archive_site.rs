//! Where copies of the configuration go.
//!
//! Junos: `system archival configuration archive-sites`. State: none. Spec: commit-41, commit-49.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};

use ravelin_derive::Lower;
use ravelin_schema::Value;
use ravelin_schema::secret::Secret;

/// Longest address of a site.
const URL_MAX: usize = 1024;
const EXPECTED: &str =
    "expecting file:///directory, or ftp, pasvftp, scp, sftp, http or https://[user@]host[:port]/path";

/// A site with what opens it.
#[derive(Clone, Debug, PartialEq, Eq, Lower)]
pub struct ArchiveSite {
    #[lower(key)]
    pub place: SitePlace,
    #[lower(leaf = "password")]
    pub password: Option<Secret>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SitePlace {
    /// A directory of this node, absolute: `file:///var/archive` or `/var/archive`.
    Directory(PathBuf),
    Remote(RemoteSite),
}

/// A directory of another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteSite {
    pub protocol: SiteProtocol,
    pub user: Option<String>,
    /// As in a URL: an IPv6 address in brackets.
    pub host: String,
    pub port: Option<u16>,
    /// With a slash at its beginning.
    pub path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteProtocol {
    Ftp,
    /// FTP in which the other end waits for the second connection.
    PassiveFtp,
    Scp,
    Sftp,
    Http,
    Https,
}

impl SiteProtocol {
    /// What it is called in the address of a site.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ftp => "ftp",
            Self::PassiveFtp => "pasvftp",
            Self::Scp => "scp",
            Self::Sftp => "sftp",
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// Over a secure shell: hosts are known by their keys.
    #[must_use]
    pub const fn is_ssh(self) -> bool {
        matches!(self, Self::Scp | Self::Sftp)
    }

    fn of(word: &str) -> Option<Self> {
        let all = [Self::Ftp, Self::PassiveFtp, Self::Scp, Self::Sftp, Self::Http, Self::Https];
        all.into_iter().find(|protocol| protocol.word() == word)
    }
}

impl Value for SitePlace {
    fn value(word: &str) -> Result<Self, String> {
        let invalid = || format!("invalid archive site `{}'; {EXPECTED}", told(word));
        let (scheme, rest) = word.split_once("://").unwrap_or(("file", word));
        // What stands in the address is shown, logged, and handed to a program line by line.
        if word.len() > URL_MAX || word.chars().any(|c| c.is_control() || c == '"' || c == '\\') {
            return Err(invalid());
        }
        if scheme == "file" {
            return Path::new(rest).is_absolute().then(|| Self::Directory(rest.into())).ok_or_else(invalid);
        }
        let Some(protocol) = SiteProtocol::of(scheme) else {
            return Err(format!("archive site `{scheme}://' is not supported; {EXPECTED}"));
        };
        let (authority, path) = rest.split_once('/').map_or((rest, ""), |(a, path)| (a, path));
        let (user, at) = match authority.rsplit_once('@') {
            Some((user, at)) => (Some(user), at),
            None => (None, authority),
        };
        if user.is_some_and(|user| user.contains(':')) {
            let message = "a password in the address would be seen by all; give it as `password'";
            return Err(format!("invalid archive site `{}': {message}", told(word)));
        }
        let (host, port) = host_and_port(at).ok_or_else(invalid)?;
        let is_plain = |c: char| c.is_ascii_graphic();
        if user == Some("")
            || !authority.chars().chain(path.chars()).all(is_plain)
            || path.contains(['?', '#'])
        {
            return Err(invalid());
        }
        let path = format!("/{}", path.trim_end_matches('/'));
        Ok(Self::Remote(RemoteSite { protocol, user: user.map(str::to_owned), host, port, path }))
    }
}

/// An address without a password that somebody wrote into it.
fn told(word: &str) -> String {
    match word.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?))) {
        Some((scheme, (user, rest))) => {
            format!("{scheme}://{}@{rest}", user.split(':').next().unwrap_or_default())
        }
        None => word.to_owned(),
    }
}

/// `None`: it is neither a name nor an address, or the port is none.
fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port = match port {
        None | Some("") => None,
        Some(port) => Some(port.parse().ok().filter(|port| *port != 0)?),
    };
    let of_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && !host.starts_with('-') && host.chars().all(of_name),
    };
    is_host.then(|| (host.to_owned(), port))
}

/// As it was given, a password aside.
impl fmt::Display for SitePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(f),
            Self::Remote(RemoteSite { protocol, user, host, port, path }) => {
                write!(f, "{}://", protocol.word())?;
                user.iter().try_for_each(|user| write!(f, "{user}@"))?;
                f.write_str(host)?;
                port.iter().try_for_each(|port| write!(f, ":{port}"))?;
                f.write_str(path)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, expected: Result<&str, &str>) {
        let found = SitePlace::value(word).map(|place| place.to_string());
        match (&found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{word}"),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{word}: {found}"),
            _ => panic!("{word}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn sites_are_directories_and_addresses_without_secrets() {
        for (word, expected) in [
            ("/var/x", Ok("/var/x")),
            ("file:///var/x", Ok("/var/x")),
            ("scp://ann@192.0.2.1/var/x", Ok("scp://ann@192.0.2.1/var/x")),
            ("scp://ann@192.0.2.1:2222/var/x/", Ok("scp://ann@192.0.2.1:2222/var/x")),
            ("ftp://ann@fw.example:/x", Ok("ftp://ann@fw.example/x")),
            ("pasvftp://fw.example", Ok("pasvftp://fw.example/")),
            ("sftp://[2001:db8::1]:22/x", Ok("sftp://[2001:db8::1]:22/x")),
            ("https://fw.example/x", Ok("https://fw.example/x")),
            ("var/x", Err("invalid archive site `var/x'")),
            ("file://host/x", Err("invalid archive site")),
            ("tftp://192.0.2.1/x", Err("archive site `tftp://' is not supported")),
            ("scp://", Err("invalid archive site")),
            ("scp:///x", Err("invalid archive site")),
            ("scp://@h/x", Err("invalid archive site")),
            ("scp://h:0/x", Err("invalid archive site")),
            ("scp://h:x/x", Err("invalid archive site")),
            ("scp://-oProxyCommand=x/x", Err("invalid archive site")),
            ("scp://[192.0.2.1]/x", Err("invalid archive site")),
            ("scp://h/x y", Err("invalid archive site")),
            ("http://h/x?y", Err("invalid archive site")),
            ("scp://h/x\"\nurl=file:///etc/passwd", Err("invalid archive site")),
        ] {
            check(word, expected);
        }
        check("ftp://ann:topmost@h/x", Err("give it as `password'"));
        let said = SitePlace::value("ftp://ann:topmost@h/x").unwrap_err();
        assert!(!said.contains("topmost") && said.contains("ftp://ann@h/x"), "{said}");
    }
}
