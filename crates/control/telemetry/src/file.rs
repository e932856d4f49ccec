//! A file that is renamed when it is full: `name`, then `name.0`, `name.1` and so on, the oldest last.
//!
//! Spec: log-27.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::binary::START;

/// Owner writes, group reads.
const MODE: u32 = 0o640;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// A line a message.
    Text,
    /// Records that tell their own length.
    Binary,
}

/// The open file and its bounds.
#[derive(Debug)]
pub struct RotatingFile {
    path: PathBuf,
    bytes_max: u64,
    files: u32,
    content: Content,
    open: Option<(File, u64)>,
}

impl RotatingFile {
    /// Nothing is opened before the first line.
    #[must_use]
    pub fn new(path: PathBuf, bytes_max: u64, files: u32) -> Self {
        Self { path, bytes_max, files, content: Content::Text, open: None }
    }

    /// The same with another content.
    #[must_use]
    pub fn holding(self, content: Content) -> Self {
        Self { content, ..self }
    }

    /// Appends lines; how many were written whole, and what stopped it.
    pub fn append<L: AsRef<[u8]>>(&mut self, lines: &[L]) -> (usize, io::Result<()>) {
        for (done, line) in lines.iter().enumerate() {
            if let Err(error) = self.write(line.as_ref()) {
                // What is open may be deleted, full or on a file system that is gone: start over.
                self.open = None;
                return (done, Err(error));
            }
        }
        (lines.len(), Ok(()))
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(line.len() + 1);
        bytes.extend_from_slice(line);
        if self.content == Content::Text {
            bytes.push(b'\n');
        }
        let length = bytes.len() as u64;
        let (file, size) = match &mut self.open {
            Some((_, size)) if *size + length > self.bytes_max && *size > 0 => self.rotate()?,
            Some(open) => open,
            None => {
                let (file, size) = open(&self.path)?;
                // A file of the other content moves on as if it were full: none holds both.
                let other = size > 0 && content(&self.path)? != self.content;
                if other || (size + length > self.bytes_max && size > 0) {
                    self.rotate()?
                } else {
                    self.open.insert((file, size))
                }
            }
        };
        if let Err(error) = file.write_all(&bytes) {
            // No half line stays: the next one would continue it.
            let _ = file.set_len(*size);
            return Err(error);
        }
        *size += length;
        Ok(())
    }

    /// Renames every file one further, drops the oldest, and opens an empty one.
    fn rotate(&mut self) -> io::Result<&mut (File, u64)> {
        self.open = None;
        let older = |n: u32| numbered(&self.path, n);
        // `files` in all: the current one and files - 1 older ones.
        match self.files.checked_sub(2) {
            None => remove(&self.path)?,
            Some(last) => {
                for n in (0..last).rev() {
                    rename(&older(n), &older(n + 1))?;
                }
                rename(&self.path, &older(0))?;
            }
        }
        let opened = open(&self.path)?;
        Ok(self.open.insert(opened))
    }
}

fn content(path: &Path) -> io::Result<Content> {
    let mut start = [0; START.len()];
    let found = File::open(path)?.read(&mut start)?;
    Ok(if start[..found] == START { Content::Binary } else { Content::Text })
}

/// `name.N`.
fn numbered(path: &Path, n: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{n}"));
    name.into()
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let file = OpenOptions::new().append(true).create(true).mode(MODE).open(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

/// A missing file is no error.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    found(fs::rename(from, to))
}

fn remove(path: &Path) -> io::Result<()> {
    found(fs::remove_file(path))
}

fn found(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<(String, String)> {
        let mut out: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|e| (e.file_name().into_string().unwrap(), fs::read_to_string(e.path()).unwrap()))
            .collect();
        out.sort();
        out
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_full_file_moves_on_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        // Two lines of four bytes fit.
        let mut file = RotatingFile::new(dir.path().join("log/events"), 8, 4);
        let lines: Vec<_> = (1..=9).map(|n| format!("l-{n}")).collect();
        let (done, result) = file.append(&lines);
        assert!(result.is_ok() && done == 9);
        let expected = pairs(&[
            ("events", "l-9\n"),
            ("events.0", "l-7\nl-8\n"),
            ("events.1", "l-5\nl-6\n"),
            ("events.2", "l-3\nl-4\n"),
        ]);
        assert_eq!(names(&dir.path().join("log")), expected);
    }

    #[test]
    fn it_goes_on_where_another_run_left_off() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events");
        assert!(RotatingFile::new(path.clone(), 8, 2).append(&["a", "b"]).1.is_ok());
        assert!(RotatingFile::new(path, 8, 2).append(&["long", "c"]).1.is_ok());
        assert_eq!(names(dir.path()), pairs(&[("events", "long\nc\n"), ("events.0", "a\nb\n")]));
    }

    #[test]
    fn one_file_alone_starts_over_and_a_line_may_be_larger_than_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = RotatingFile::new(dir.path().join("events"), 4, 1);
        assert!(file.append(&["too long", "x"]).1.is_ok());
        assert_eq!(names(dir.path()), pairs(&[("events", "x\n")]));
    }

    #[test]
    fn what_can_not_be_written_is_said_and_tried_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events");
        fs::create_dir(&path).unwrap();
        let mut file = RotatingFile::new(path.clone(), 8, 2);
        let (done, result) = file.append(&["a", "b"]);
        assert!(done == 0 && result.is_err());
        fs::remove_dir(&path).unwrap();
        assert!(file.append(&["b"]).1.is_ok());
        assert_eq!(names(dir.path()), pairs(&[("events", "b\n")]));
    }
}
