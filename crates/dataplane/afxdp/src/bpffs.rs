//! The pin directory: a bpffs of our own, held by one process at a time.
//!
//! Pins outlive the process, so a killed dataplane leaves its shim attached and dropping. `ip netns exec` gives every
//! command its own mounts: pins made under such a mount die with the command. Enter a namespace with `nsenter --net`,
//! or mount the directory before.

use std::{
    fs,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::PermissionsExt,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, FlockOperation, Mode, OFlags},
    io,
    mount::{MountFlags, mount},
};

/// `BPF_FS_MAGIC`.
const BPFFS: u64 = 0xcafe_4a11;
/// The directory used when none is named.
pub const DEFAULT_PINS: &str = "/sys/fs/bpf/ravelin";

/// What stopped the pin directory from being had.
#[derive(Debug, thiserror::Error)]
pub enum PinsError {
    #[error("{step} {}: {source}", path.display())]
    Directory { step: &'static str, path: PathBuf, source: std::io::Error },
    #[error("another dataplane process holds {}", .0.display())]
    Held(PathBuf),
    #[error("the lock that was handed over is not that of {}", .0.display())]
    OtherLock(PathBuf),
}

/// The pin directory, locked.
#[derive(Debug)]
pub struct Pins {
    path: PathBuf,
    lock: OwnedFd,
}

impl Pins {
    /// Makes, mounts if it is not on a bpffs, and locks the directory.
    ///
    /// # Errors
    /// It can't be made or mounted, or another process holds it.
    pub fn open(path: &Path) -> Result<Self, PinsError> {
        let failed = |step| move |source| PinsError::Directory { step, path: path.into(), source };
        if fs::create_dir_all(path).is_err() || !on_bpffs(path).map_err(failed("look at"))? {
            mount_at(path)?;
        }
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed("set the mode of"))?;
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let lock = rustix::fs::openat(CWD, path, flags, Mode::empty())
            .map_err(|errno| failed("open")(errno.into()))?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path: path.into(), lock }),
            Err(io::Errno::WOULDBLOCK) => Err(PinsError::Held(path.into())),
            Err(errno) => Err(failed("lock")(errno.into())),
        }
    }

    /// The directory as a process hands it over: the lock is one, whoever has its descriptor.
    ///
    /// # Errors
    /// The lock is on another directory.
    pub fn inherit(path: &Path, lock: OwnedFd) -> Result<Self, PinsError> {
        let failed = |source: io::Errno| PinsError::Directory {
            step: "look at",
            path: path.into(),
            source: source.into(),
        };
        let (theirs, ours) =
            (rustix::fs::fstat(&lock).map_err(failed)?, rustix::fs::stat(path).map_err(failed)?);
        if (theirs.st_dev, theirs.st_ino) != (ours.st_dev, ours.st_ino) {
            return Err(PinsError::OtherLock(path.into()));
        }
        Ok(Self { path: path.into(), lock })
    }

    /// The directory's descriptor, which carries the lock.
    #[must_use]
    pub fn lock(&self) -> BorrowedFd<'_> {
        self.lock.as_fd()
    }

    /// The path of one pin.
    #[must_use]
    pub fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Names of all pins.
    ///
    /// # Errors
    /// The directory can't be read.
    pub fn names(&self) -> Result<Vec<String>, PinsError> {
        let failed = |source| PinsError::Directory { step: "read", path: self.path.clone(), source };
        let entries = fs::read_dir(&self.path).map_err(failed)?;
        entries
            .map(|entry| entry.map(|e| e.file_name().to_string_lossy().into_owned()).map_err(failed))
            .collect()
    }

    /// Removes one pin; a missing one is no error.
    ///
    /// # Errors
    /// It exists and can't be removed.
    pub fn remove(&self, name: &str) -> Result<(), PinsError> {
        match fs::remove_file(self.at(name)) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(PinsError::Directory { step: "remove", path: self.at(name), source })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

fn on_bpffs(path: &Path) -> std::io::Result<bool> {
    Ok(rustix::fs::statfs(path)?.f_type as u64 == BPFFS)
}

/// Mounts a bpffs: at the mount point that sysfs offers for paths under it, else at the path itself.
fn mount_at(path: &Path) -> Result<(), PinsError> {
    let sysfs_point = Path::new("/sys/fs/bpf");
    let point = if path.starts_with(sysfs_point) { sysfs_point } else { path };
    let failed = |step| move |source| PinsError::Directory { step, path: point.into(), source };
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("bpf", point, "bpf", flags, Some(c"mode=0700"))
        .map_err(|errno| failed("mount a bpffs at")(errno.into()))?;
    fs::create_dir_all(path).map_err(failed("make"))
}
