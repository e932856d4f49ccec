//! The dataplane process: found running or started, and started again when it dies.
//!
//! It lives in a process group of its own, so that nothing that ends the daemon ends it too. State: the process, if this
//! daemon started it, and the epoch of its plane, which is the same in every process that the plane is handed to.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
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

/// The packet process and what this daemon knows of it.
pub struct Process {
    pub place: Place,
    epoch: AtomicU64,
    /// Held during an upgrade, so that nobody takes the old process' end for a death.
    running: Mutex<Running>,
}

/// Which process runs.
#[derive(Default)]
pub struct Running {
    /// `None`: another daemon started it.
    pub child: Option<Child>,
    /// `None`: the daemon's own.
    pub program: Option<PathBuf>,
}

/// What a look at the process found.
pub enum Watched {
    Lives,
    /// It ended, and another one has its plane.
    HandedOver,
    /// It had died. The new one has nothing.
    Started(Client),
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

impl Process {
    pub fn new(place: Place, epoch: u64, child: Option<Child>) -> Self {
        let running = Mutex::new(Running { child, program: None });
        Self { place, epoch: AtomicU64::new(epoch), running }
    }

    /// Whichever process it is, it is one assignment: a panic elsewhere leaves it whole.
    pub fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Whether it lives; starts it if not.
    ///
    /// # Errors
    /// It can't be started or does not answer.
    pub fn look(&self) -> Result<Watched, SupervisorError> {
        let mut running = self.running();
        let mut ended = false;
        if let Some(child) = &mut running.child {
            if matches!(child.try_wait(), Ok(None)) {
                return Ok(Watched::Lives);
            }
            running.child = None;
            ended = true;
        }
        if let Ok(client) = Client::connect(&self.place.socket, CALL_MAX)
            && client.epoch() == self.epoch()
        {
            return Ok(if ended { Watched::HandedOver } else { Watched::Lives });
        }
        tracing::error!("The dataplane process is gone; it is started again.");
        let (client, child) = connect(&self.place, running.program.as_deref())?;
        self.epoch.store(client.epoch(), Ordering::Relaxed);
        running.child = child;
        Ok(Watched::Started(client))
    }
}

/// A client of the process: of the one that runs, or of one started now.
///
/// # Errors
/// It can't be started or does not answer.
pub fn connect(place: &Place, program: Option<&Path>) -> Result<(Client, Option<Child>), SupervisorError> {
    if let Ok(client) = Client::connect(&place.socket, CALL_MAX) {
        return Ok((client, None));
    }
    let mut child = start(place, program)?;
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

fn start(place: &Place, program: Option<&Path>) -> Result<Child, SupervisorError> {
    let own = || std::env::current_exe().map_err(SupervisorError::Start);
    let program = program.map_or_else(own, |program| Ok(program.to_owned()))?;
    let mut command = command(place, &program).map_err(SupervisorError::Start)?;
    command
        .args(["--workers", &place.workers.to_string()])
        .args(["--sessions", &place.sessions.to_string()])
        .stdout(Stdio::null())
        .spawn()
        .map_err(SupervisorError::Start)
}

/// The packet process of a program, not started yet.
pub fn command(place: &Place, program: &Path) -> std::io::Result<Command> {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(&place.log)?;
    let mut command = Command::new(program);
    command
        .arg("dataplane")
        .arg("--socket")
        .arg(&place.socket)
        .arg("--bpffs")
        .arg(&place.pins)
        .stdin(Stdio::null())
        .stderr(log)
        .process_group(0);
    Ok(command)
}
