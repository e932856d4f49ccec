//! One daemon a state directory: whoever starts holds its lock for as long as it lives.
//!
//! A process that was killed holds its sockets and locks until its last thread is gone, which takes a while after it is said to have
//! ended when it had much memory. Its successor waits for that; another daemon that lives on is not waited for very long.

use std::fs::{File, OpenOptions, create_dir_all};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// How long a daemon that is ending is waited for.
pub const PATIENCE: Duration = Duration::from_secs(15);
const TRY_EVERY: Duration = Duration::from_millis(20);
const FILE: &str = "daemon.lock";

/// The right to a state directory, given up when it is dropped.
#[derive(Debug)]
pub struct Sole {
    _held: File,
}

/// Why a daemon may not start.
#[derive(Debug, thiserror::Error)]
pub enum SoleError {
    #[error("another daemon works with `{}`", .0.display())]
    Taken(PathBuf),
    #[error("`{}`: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
}

impl Sole {
    /// Waits for a daemon that is ending.
    ///
    /// # Errors
    /// Another one holds the directory for longer than `patience`, or the lock can't be had.
    pub fn of(state: &Path, patience: Duration) -> Result<Self, SoleError> {
        Self::after(state, patience, || std::thread::sleep(TRY_EVERY))
    }

    fn after(state: &Path, patience: Duration, mut pause: impl FnMut()) -> Result<Self, SoleError> {
        let path = state.join(FILE);
        let failed = |error| SoleError::Io { path: path.clone(), error };
        create_dir_all(state).map_err(failed)?;
        let mut options = OpenOptions::new();
        let file =
            options.write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(failed)?;
        let until = Instant::now() + patience;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { _held: file }),
                Err(Errno::WOULDBLOCK) if Instant::now() < until => pause(),
                Err(Errno::WOULDBLOCK) => return Err(SoleError::Taken(state.to_owned())),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(failed(errno.into())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_is_refused_and_the_next_one_waits_for_the_end_of_the_first() {
        let state = tempfile::tempdir().unwrap();
        let first = Sole::of(state.path(), Duration::ZERO).unwrap();
        assert!(matches!(Sole::of(state.path(), Duration::ZERO), Err(SoleError::Taken(_))));
        let mut ending = Some(first);
        let next = Sole::after(state.path(), PATIENCE, || drop(ending.take())).unwrap();
        assert!(matches!(Sole::of(state.path(), Duration::ZERO), Err(SoleError::Taken(_))));
        drop(next);
        Sole::of(state.path(), Duration::ZERO).unwrap();
    }

    #[test]
    fn a_directory_that_can_not_be_is_named() {
        let error = Sole::of(Path::new("/proc/no/such"), Duration::ZERO).unwrap_err();
        assert!(error.to_string().starts_with("`/proc/no/such/daemon.lock`"), "{error}");
    }
}
