//! The dataplane process: found running or started, and started again when it dies.
//!
//! It lives in a session of its own, so that nothing that ends the daemon ends it too.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ravelin_remote::Client;

/// How the packet process is reached and started.
#[derive(Clone, Debug)]
pub struct Place {
    pub socket: PathBuf,
    pub pins: PathBuf,
    pub log: PathBuf,
    pub workers: u8,
    pub sessions: usize,
}

/// Why there is no packet process.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    #[error("start the dataplane process: {0}")]
    Start(std::io::Error),
    #[error("the dataplane process ended at once ({0}); see its log")]
    Ended(std::process::ExitStatus),
    #[error("the dataplane process does not answer: {0}")]
    Silent(String),
}

/// How long a started process may take to listen.
const START_MAX: Duration = Duration::from_secs(20);
/// How often it is tried meanwhile.
const TRY_EVERY: Duration = Duration::from_millis(20);
/// How long a call may take.
pub const CALL_MAX: Duration = Duration::from_secs(20);

/// A client of the process: of the one that runs, or of one started now.
///
/// # Errors
/// It can't be started or does not answer.
pub fn connect(place: &Place) -> Result<(Client, Option<Child>), SupervisorError> {
    if let Ok(client) = Client::connect(&place.socket, CALL_MAX) {
        return Ok((client, None));
    }
    let mut child = start(place)?;
    let deadline = Instant::now() + START_MAX;
    loop {
        match Client::connect(&place.socket, CALL_MAX) {
            Ok(client) => return Ok((client, Some(child))),
            Err(error) if Instant::now() >= deadline => {
                return Err(SupervisorError::Silent(error.to_string()));
            }
            Err(_) => {}
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(SupervisorError::Ended(status));
        }
        std::thread::sleep(TRY_EVERY);
    }
}

fn start(place: &Place) -> Result<Child, SupervisorError> {
    let binary = std::env::current_exe().map_err(SupervisorError::Start)?;
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&place.log)
        .map_err(SupervisorError::Start)?;
    Command::new(binary)
        .arg("dataplane")
        .arg("--socket")
        .arg(&place.socket)
        .arg("--bpffs")
        .arg(&place.pins)
        .args(["--workers", &place.workers.to_string()])
        .args(["--sessions", &place.sessions.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .process_group(0)
        .spawn()
        .map_err(SupervisorError::Start)
}
