//! Copies to other nodes, by the transfer program of the machine (curl).
//!
//! Place: on the archive's own thread. What the program is told stands in its standard input, a password with it: never
//! among its arguments, in its environment, or in the log. It is given so much time and no more. Spec: commit-49..51.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use ravelin_model::{RemoteSite, SiteProtocol};
use ravelin_schema::secret::Secret;

use super::Transfer;

const NAME: &str = "curl";
/// Bytes of what the program says that are told on.
const SAID_MAX: u64 = 1024;
const KNOWN_HOSTS: &str = ".ssh/known_hosts";
/// Keys of the daemon's user, the first that is there: what current servers take without question comes first. The program
/// by itself looks for an RSA key alone.
const KEYS: [&str; 3] = [".ssh/id_ed25519", ".ssh/id_ecdsa", ".ssh/id_rsa"];
/// Whom `scp` and `sftp` log in as where the site names nobody: the daemon's user, as ssh has it.
const OWN_USER: &str = "root";
const NOBODY_KNOWN: &str = "no host is known: the daemon's user has no .ssh/known_hosts";
const POLL: Duration = Duration::from_millis(20);

/// How long a site is waited for, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    pub connect: Duration,
    pub transfer: Duration,
    /// What the program has beyond that to end by itself.
    pub grace: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            transfer: Duration::from_secs(120),
            grace: Duration::from_secs(5),
        }
    }
}

/// The transfer program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carrier {
    path: PathBuf,
    /// Of the daemon's user: keys, and the hosts that are known.
    home: PathBuf,
    patience: Patience,
}

impl Carrier {
    pub const MISSING: &'static str = "the transfer program `curl' is not installed";

    /// Where the machine has it.
    #[must_use]
    pub fn find() -> Option<Self> {
        let path = std::env::var_os("PATH")?;
        let found =
            std::env::split_paths(&path).map(|directory| directory.join(NAME)).find(|p| p.is_file())?;
        let home = std::env::var_os("HOME").unwrap_or_else(|| "/root".into());
        Some(Self::at(found, home, Patience::default()))
    }

    #[must_use]
    pub fn at(path: impl Into<PathBuf>, home: impl Into<PathBuf>, patience: Patience) -> Self {
        Self { path: path.into(), home: home.into(), patience }
    }

    pub(super) fn send(
        &self,
        site: &RemoteSite,
        password: Option<&Secret>,
        job: &Transfer,
    ) -> io::Result<()> {
        // Without the file the program asks nobody who the other end is.
        if site.protocol.is_ssh() && !self.home.join(KNOWN_HOSTS).is_file() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, NOBODY_KNOWN));
        }
        // Readable by its owner alone, and gone afterwards.
        let mut copy = tempfile::NamedTempFile::new()?;
        job.text.pieces().try_for_each(|piece| copy.write_all(piece.as_bytes()))?;
        copy.flush()?;
        let orders = self.orders(site, password, (&job.name, &copy.path().to_string_lossy()))?;
        let mut command = Command::new(&self.path);
        // Nobody's own settings first: they could send the copy elsewhere.
        command.args(["--disable", "--config", "-"]).env_clear().env("HOME", &self.home);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let told = match child.stdin.take() {
            Some(mut stdin) => stdin.write_all(orders.as_bytes()),
            None => Ok(()),
        };
        let Patience { connect: _, transfer, grace } = self.patience;
        let ended = wait(&mut child, transfer + grace);
        let said = child.stderr.take().map_or_else(String::new, said);
        match ended? {
            Some(status) if status.success() => told,
            Some(_) => Err(io::Error::other(said)),
            None => Err(io::Error::new(io::ErrorKind::TimedOut, "it took too long")),
        }
    }

    /// A line an option.
    fn orders(
        &self,
        site: &RemoteSite,
        password: Option<&Secret>,
        (name, copy): (&str, &str),
    ) -> io::Result<String> {
        let RemoteSite { protocol, user, host, port, path } = site;
        let scheme = match protocol {
            SiteProtocol::PassiveFtp => SiteProtocol::Ftp.word(),
            other => other.word(),
        };
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        let slash = if path.ends_with('/') { "" } else { "/" };
        let Patience { connect, transfer, grace: _ } = self.patience;
        let mut out = String::from("silent\nshow-error\nfail\ngloboff\n");
        let mut option = |option: &str, value: &str| -> io::Result<()> {
            let value = quoted(value)?;
            out.push_str(&format!("{option} = {value}\n"));
            Ok(())
        };
        option("proto", &format!("={scheme}"))?;
        option("noproxy", "*")?;
        option("connect-timeout", &connect.as_secs().to_string())?;
        option("max-time", &transfer.as_secs().to_string())?;
        option("url", &format!("{scheme}://{host}{port}{path}{slash}{name}"))?;
        option("upload-file", copy)?;
        let is_ssh = protocol.is_ssh();
        let user = user.as_deref().or(is_ssh.then_some(OWN_USER));
        if user.is_some() || password.is_some() {
            let password = password.map_or("", Secret::reveal);
            option("user", &format!("{}:{password}", user.unwrap_or_default()))?;
        }
        let key = KEYS.map(|key| self.home.join(key)).into_iter().find(|key| key.is_file());
        if let Some(key) = key.filter(|_| is_ssh && password.is_none()) {
            option("key", &key.to_string_lossy())?;
        }
        if is_ssh {
            option("create-file-mode", "0600")?;
        }
        if *protocol == SiteProtocol::Ftp {
            option("ftp-port", "-")?;
        }
        Ok(out)
    }
}

/// `None`: it had to be stopped.
fn wait(child: &mut Child, patience: Duration) -> io::Result<Option<std::process::ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= patience {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(POLL);
    }
}

/// What it said of its failure; it has ended.
fn said(stderr: ChildStderr) -> String {
    let mut said = Vec::new();
    // What can't be read is not told.
    let _ = stderr.take(SAID_MAX).read_to_end(&mut said);
    // What follows the first line is advice for whoever sits before it.
    String::from_utf8_lossy(&said).trim().lines().next().unwrap_or_default().replace(char::is_control, " ")
}

/// A value as the program reads it: one line, whatever is in it.
fn quoted(value: &str) -> io::Result<String> {
    if value.chars().any(char::is_control) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a password with control characters"));
    }
    Ok(format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::fs::PermissionsExt as _;

    use ravelin_model::{ArchiveSite, SitePlace};
    use ravelin_schema::Value as _;

    use super::super::{Transferred, transfer};
    use super::*;

    fn job(url: &str, password: Option<&str>) -> Transfer {
        let place = SitePlace::value(url).unwrap();
        let sites = vec![ArchiveSite { place, password: password.map(Secret::new) }];
        let text = "system {\n    host-name a;\n}\n".into();
        Transfer { sites, name: "a_juniper.conf.1".into(), text, serial: 1, by_commit: true }
    }

    fn remote(url: &str) -> RemoteSite {
        match SitePlace::value(url) {
            Ok(SitePlace::Remote(site)) => site,
            other => panic!("{other:?}"),
        }
    }

    /// A program in place of the machine's, which keeps what it is given.
    fn stand_in(directory: &std::path::Path, script: &str) -> Carrier {
        let path = directory.join("program");
        let text = format!("#!/bin/sh\ncd {}\n{script}\n", directory.display());
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        let patience =
            Patience { transfer: Duration::ZERO, grace: Duration::from_secs(20), ..Patience::default() };
        std::fs::create_dir_all(directory.join(".ssh")).unwrap();
        std::fs::write(directory.join(KNOWN_HOSTS), "").unwrap();
        Carrier::at(path, directory, patience)
    }

    #[test]
    fn every_site_is_an_order_of_lines() {
        let program = Carrier::at("curl", "/root", Patience::default());
        for (url, password, expected) in [
            (
                "scp://ann@h:2222/x",
                Some("a\"b\\c"),
                "proto = \"=scp\"|url = \"scp://h:2222/x/n\"|upload-file = \"/t\"|user = \"ann:a\\\"b\\\\c\"|\
                 create-file-mode = \"0600\"",
            ),
            ("ftp://h/", None, "proto = \"=ftp\"|url = \"ftp://h/n\"|upload-file = \"/t\"|ftp-port = \"-\""),
            (
                "pasvftp://ann@[2001:db8::1]/x",
                None,
                "proto = \"=ftp\"|url = \"ftp://[2001:db8::1]/x/n\"|upload-file = \"/t\"|user = \"ann:\"",
            ),
        ] {
            let secret = password.map(Secret::new);
            let orders = program.orders(&remote(url), secret.as_ref(), ("n", "/t")).unwrap();
            let common =
                ["silent", "show-error", "fail", "globoff", "noproxy", "connect-timeout", "max-time"];
            let own =
                orders.lines().filter(|line| !common.contains(&line.split(" =").next().unwrap_or_default()));
            assert_eq!(own.collect::<Vec<_>>().join("|"), expected, "{url}");
        }
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".ssh")).unwrap();
        let program = Carrier::at("curl", home.path(), Patience::default());
        let opens = |url: &str, password: Option<&str>| {
            let secret = password.map(Secret::new);
            let orders = program.orders(&remote(url), secret.as_ref(), ("n", "/t")).unwrap();
            let lines = orders.lines().filter(|line| line.starts_with("user") || line.starts_with("key"));
            lines.collect::<Vec<_>>().join("|")
        };
        assert_eq!(
            opens("sftp://h/x", None),
            "user = \"root:\"",
            "without a key the program looks for itself"
        );
        for key in [".ssh/id_rsa", ".ssh/id_ecdsa", ".ssh/id_ed25519"] {
            std::fs::write(home.path().join(key), "").unwrap();
            let expected = format!("user = \"ann:\"|key = \"{}\"", home.path().join(key).display());
            assert_eq!(opens("scp://ann@h/x", None), expected, "each goes before those made until then");
            assert_eq!(opens("scp://ann@h/x", Some("a")), "user = \"ann:a\"", "a password goes before all");
            assert_eq!(opens("pasvftp://ann@h/x", None), "user = \"ann:\"", "no key for FTP");
        }
        let two_lines = Secret::new("a\nurl = \"file:///etc/shadow\"");
        assert!(program.orders(&remote("scp://h/x"), Some(&two_lines), ("n", "/t")).is_err());
    }

    #[test]
    fn a_password_is_seen_by_the_program_alone_and_its_words_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let keep = "echo \"$@\" > arguments; env > environment; cat > orders; echo no such user >&2; exit 9";
        let program = stand_in(dir.path(), keep);
        let job = job("scp://ann@192.0.2.1/x", Some("topmost"));
        let Transferred { site: None, failed } = transfer(&job, Some(&program)) else {
            panic!("it has failed")
        };
        assert_eq!(failed[0].1.to_string(), "no such user");
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(read("arguments"), "--disable --config -\n");
        assert!(!read("environment").contains("topmost"));
        assert!(read("orders").contains("user = \"ann:topmost\""));
        let copy =
            read("orders").lines().find_map(|l| l.strip_prefix("upload-file = ").map(str::to_owned)).unwrap();
        assert!(!std::path::Path::new(copy.trim_matches('"')).exists(), "nothing is left behind");
        assert!(!format!("{job:?}").contains("topmost"));
    }

    #[test]
    fn a_program_that_never_ends_is_stopped_and_one_that_is_missing_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut program = stand_in(dir.path(), "exec sleep 1000");
        program.patience.grace = Duration::ZERO;
        let job = job("scp://ann@192.0.2.1/x", None);
        assert_eq!(transfer(&job, Some(&program)).failed[0].1.kind(), io::ErrorKind::TimedOut);
        assert_eq!(transfer(&job, None).failed[0].1.to_string(), Carrier::MISSING);
        std::fs::remove_file(dir.path().join(KNOWN_HOSTS)).unwrap();
        assert_eq!(transfer(&job, Some(&program)).failed[0].1.to_string(), NOBODY_KNOWN);
    }

    /// The machine's own program, where it has one, and a server of one request.
    #[test]
    fn a_copy_is_put_to_a_server() {
        let Some(program) = Carrier::find() else { return };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            let mut part = [0; 4096];
            while !String::from_utf8_lossy(&asked).ends_with("}\n") {
                match stream.read(&mut part).unwrap() {
                    0 => break,
                    length => asked.extend_from_slice(&part[..length]),
                }
                if String::from_utf8_lossy(&asked).contains("100-continue") {
                    stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
                }
            }
            stream
                .write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .unwrap();
            String::from_utf8(asked).unwrap()
        });
        let job = job(&format!("http://ann@127.0.0.1:{port}/x"), Some("topmost"));
        assert!(transfer(&job, Some(&program)).site.is_some());
        let asked = server.join().unwrap();
        assert!(asked.starts_with("PUT /x/a_juniper.conf.1 HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("Authorization: Basic YW5uOnRvcG1vc3Q="), "{asked}");
        assert!(asked.ends_with(&format!("\r\n\r\n{}", job.text)), "{asked}");
    }
}
