//! The few file operations the store needs, so that tests can stop the world between any two of them.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// Largest file the store reads back.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// One flat directory.
pub trait Disk {
    /// `None` when there is no such file.
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>>;
    /// Makes or replaces a file and returns once its bytes are durable. Not atomic.
    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Adds to the end of a file, made when missing, and returns once the bytes are durable. Not atomic.
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Atomic; durable after [`Disk::sync`].
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Gives a file a second name that no file has; durable after [`Disk::sync`]. Files of several names are never written
    /// to: all are replaced as a whole.
    fn link(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// A missing file is no error.
    fn remove(&mut self, name: &str) -> io::Result<()>;
    /// Makes renames and removals durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// Replaces a file as a whole: a crash leaves the old one or the new one.
pub(crate) fn replace(disk: &mut impl Disk, name: &str, bytes: &[u8]) -> io::Result<()> {
    let new = format!("{name}.new");
    disk.write(&new, bytes)?;
    disk.rename(&new, name)?;
    disk.sync()
}

/// A directory of the file system, made when missing; files are readable by their owner alone.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        fs::create_dir_all(&path)?;
        Ok(Self { path })
    }
}

impl Disk for Directory {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.path.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o600).open(self.path.join(name))?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        let mut file = options.append(true).create(true).mode(0o600).open(self.path.join(name))?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn link(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::hard_link(self.path.join(from), self.path.join(to))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}
