//! `request system software in-service-upgrade`: a successor of the packet process is started, which takes over from the
//! running one, and is watched until it has or has not.
//!
//! Place: beside the supervisor, outside the daemon's lock. The two processes settle everything between themselves; here
//! is only heard how far they are. State: none.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use ravelin_remote::Client;

use super::supervisor::{CALL_MAX, Process, command};

/// How long a successor may take over a step: longer than it itself waits for any.
const STEP_MAX: Duration = Duration::from_secs(150);
/// How long it may take from there on where nothing is left but the change itself. Should it hang with the last word
/// said, it forwards nothing: it is ended all the same, and another one started.
const CHANGE_MAX: Duration = Duration::from_secs(10);
/// How long a process that is through may take to end.
const END_MAX: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Lines of a successor that are not read yet.
const LINES_MAX: usize = 64;
/// Writable by its group or by anyone.
const OTHERS_WRITE: u32 = 0o022;
const EXECUTE: u32 = 0o111;

/// To which program.
pub struct Order {
    pub program: PathBuf,
}

/// Why the running process goes on.
#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    #[error("{program}: {source}")]
    File { program: String, source: std::io::Error },
    #[error("{0}: not a program that only its owner, the daemon's user, may change")]
    Unsafe(String),
    #[error("the new packet process could not be started: {0}")]
    Start(std::io::Error),
    #[error("in-service upgrade failed, the running packet process goes on: {0}")]
    Refused(String),
    #[error("the packet process was lost in the upgrade and is started anew: {0}")]
    Lost(String),
}

impl Order {
    /// # Errors
    /// There is no such program, or somebody else could change it.
    pub fn to(package: Option<&str>) -> Result<Self, UpgradeError> {
        let program = match package {
            Some(path) => PathBuf::from(path),
            None => installed().map_err(|source| UpgradeError::File { program: "ravelin".into(), source })?,
        };
        let shown = program.display().to_string();
        let failed = |source| UpgradeError::File { program: shown.clone(), source };
        let is = std::fs::metadata(&program).map_err(failed)?;
        let own = is.uid() == rustix::process::geteuid().as_raw();
        let safe = own && is.mode() & OTHERS_WRITE == 0 && is.mode() & EXECUTE != 0;
        if !is.is_file() || !safe || !program.is_absolute() {
            return Err(UpgradeError::Unsafe(shown));
        }
        Ok(Self { program })
    }
}

/// The program of this daemon, or what was put in its place.
fn installed() -> std::io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let name = own.to_string_lossy();
    Ok(name.strip_suffix(" (deleted)").map_or_else(|| own.clone(), PathBuf::from))
}

/// What a successor says of itself on its standard output.
enum Word {
    /// A step, and when.
    Step(String, Duration),
    Error(String),
}

impl Process {
    /// Has the program take over. The answer tells the steps.
    ///
    /// # Errors
    /// It did not, and why; the running process goes on, if there was one.
    pub fn upgrade(&self, order: &Order) -> Result<String, UpgradeError> {
        let Order { program } = order;
        let mut running = self.running();
        tracing::info!(program = %program.display(), "An in-service upgrade begins.");
        let started = Instant::now();
        let mut child = command(&self.place, program)
            .and_then(|mut command| command.arg("--take-over").stdout(Stdio::piped()).spawn())
            .map_err(UpgradeError::Start)?;
        let words = listen(&mut child, started);
        match follow(&words) {
            Ok(steps) => {
                if let Some(mut old) = running.child.replace(child) {
                    end(&mut old, END_MAX);
                }
                running.program = Some(program.clone());
                tracing::info!(took_ms = started.elapsed().as_millis(), "The in-service upgrade is done.");
                Ok(steps)
            }
            Err(failure) => {
                // One that is silent for too long is not waited for once more.
                let patience = if failure == Failure::TooLong { Duration::ZERO } else { END_MAX };
                let why = match (failure, end(&mut child, patience)) {
                    (Failure::Said(why), _) => why,
                    (Failure::TooLong, _) => "it takes too long".into(),
                    (Failure::Ended, Some(status)) => format!("it ended ({status})"),
                    (Failure::Ended, None) => "it does not end".into(),
                };
                // The old one ends only when the new one has all: then there is nobody.
                let lives = Client::connect(&self.place.socket, CALL_MAX);
                let error = match lives {
                    Ok(client) if client.epoch() == self.epoch() => UpgradeError::Refused(why),
                    Ok(_) | Err(_) => UpgradeError::Lost(why),
                };
                tracing::error!(%error, "The in-service upgrade failed.");
                Err(error)
            }
        }
    }
}

/// The lines of a successor. Its standard output is its own again when the other end goes.
fn listen(child: &mut Child, started: Instant) -> Receiver<Word> {
    let (send, receive) = sync_channel(LINES_MAX);
    let Some(out) = child.stdout.take() else { return receive };
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            let word = match line.strip_prefix("error: ") {
                Some(why) => Word::Error(why.to_owned()),
                None => Word::Step(line, started.elapsed()),
            };
            if send.send(word).is_err() {
                return;
            }
        }
    });
    receive
}

/// How long to wait for the next word of a successor.
#[derive(Default)]
struct Patience {
    /// Nothing is left but the change, and what may come between: a route has changed meanwhile, and it builds once more.
    is_last: bool,
    builds: bool,
}

impl Patience {
    fn heard(&mut self, step: &str) {
        self.is_last |= step == "imported";
        self.builds = step == "again";
    }

    const fn left(&self) -> Duration {
        if self.is_last && !self.builds { CHANGE_MAX } else { STEP_MAX }
    }
}

/// How a successor did not become one.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    Said(String),
    /// Without a word.
    Ended,
    TooLong,
}

/// Reads until it has begun.
fn follow(words: &Receiver<Word>) -> Result<String, Failure> {
    let (mut report, mut patience) = (String::new(), Patience::default());
    loop {
        match words.recv_timeout(patience.left()) {
            Ok(Word::Step(step, at)) => {
                patience.heard(&step);
                let text = match &step[..] {
                    "prepared" => "the new packet process has built the running program",
                    "imported" => "it has taken sessions in",
                    "begun" => "it forwards; the old one has ended",
                    // A newer build may say more.
                    _ => continue,
                };
                report.push_str(&format!("ISSU: {text} ({} ms)\n", at.as_millis()));
                if step == "begun" {
                    return Ok(report);
                }
            }
            Ok(Word::Error(why)) => return Err(Failure::Said(why)),
            Err(RecvTimeoutError::Disconnected) => return Err(Failure::Ended),
            Err(RecvTimeoutError::Timeout) => return Err(Failure::TooLong),
        }
    }
}

/// Waits for a process that is through, and ends it if it is not.
fn end(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    // It may be stopped, or stuck: nothing else ends it.
    let _ = child.kill();
    child.wait().ok()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::*;

    fn check(mode: u32, refused: bool) {
        let dir = tempfile::tempdir().unwrap();
        let path: &Path = &dir.path().join("program");
        fs::write(path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        let order = Order::to(path.to_str());
        assert_eq!(matches!(order, Err(UpgradeError::Unsafe(_))), refused, "{mode:o}");
    }

    #[test]
    fn only_a_program_that_nobody_else_can_change_is_started() {
        check(0o755, false);
        check(0o700, false);
        check(0o775, true);
        check(0o757, true);
        check(0o644, true);
        assert!(matches!(Order::to(Some("/no/such/program")), Err(UpgradeError::File { .. })));
        assert!(matches!(Order::to(Some("/")), Err(UpgradeError::Unsafe(_))));
        assert!(Order::to(None).is_ok());
    }

    fn heard(lines: &[&str]) -> Result<String, Failure> {
        let (send, receive) = sync_channel(LINES_MAX);
        for line in lines {
            let word = match line.strip_prefix("error: ") {
                Some(why) => Word::Error(why.to_owned()),
                None => Word::Step((*line).to_owned(), Duration::from_millis(7)),
            };
            send.send(word).unwrap();
        }
        drop(send);
        follow(&receive)
    }

    /// One that hangs with everything in its hands is ended soon, whatever it had to build again before.
    #[test]
    fn patience_is_short_once_only_the_change_is_left() {
        let after = |steps: &[&str]| {
            let mut patience = Patience::default();
            steps.iter().for_each(|step| patience.heard(step));
            patience.left()
        };
        assert_eq!(after(&[]), STEP_MAX);
        assert_eq!(after(&["prepared"]), STEP_MAX);
        assert_eq!(after(&["prepared", "imported"]), CHANGE_MAX);
        assert_eq!(after(&["prepared", "imported", "again"]), STEP_MAX);
        assert_eq!(after(&["prepared", "imported", "again", "prepared"]), CHANGE_MAX);
        // One of an older build does not say that it builds again.
        assert_eq!(after(&["prepared", "imported", "prepared"]), CHANGE_MAX);
    }

    #[test]
    fn a_successor_has_begun_or_has_said_why_not_or_ended() {
        let report = heard(&["prepared", "a newer step", "imported", "begun"]).unwrap();
        assert_eq!(report.lines().count(), 3);
        assert!(report.ends_with("it forwards; the old one has ended (7 ms)\n"), "{report}");
        assert_eq!(heard(&["prepared", "error: no room"]), Err(Failure::Said("no room".into())));
        assert_eq!(heard(&["prepared", "imported"]), Err(Failure::Ended));
    }
}
