//! The id book on disk: written before the commit point, so that no id is ever given out twice.
//!
//! A book, and behind it a journal of the ids given out since it was written, a line each: a commit adds its new names.
//! A line that a crash cut short was never committed.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use ravelin_compile::{Given, IdBook};
use ravelin_syntax::Diagnostic;

use crate::{Consumer, Proposal};

/// Bytes of a journal; one that would be longer becomes part of the book.
const JOURNAL_MAX: u64 = 1 << 20;

/// Where the book is kept.
#[derive(Clone, Debug)]
pub struct BookFile(pub PathBuf);

/// Why the book can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BookFileError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{}: {source}", path.display())]
    Damaged { path: PathBuf, source: serde_json::Error },
    #[error("{}: `{name}' has two ids", path.display())]
    Contradiction { path: PathBuf, name: String },
}

impl BookFile {
    /// The book; an empty one when there is no file yet.
    ///
    /// # Errors
    /// A file can't be read, or is damaged: then ids in use can't be known.
    pub fn load(&self) -> Result<IdBook, BookFileError> {
        let mut book = match read(&self.0)? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|source| damaged(&self.0, source))?,
            None => IdBook::default(),
        };
        let journal = self.journal();
        let Some(bytes) = read(&journal)? else { return Ok(book) };
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        for line in bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let given: Given = serde_json::from_slice(line).map_err(|source| damaged(&journal, source))?;
            if !book.give(&given) {
                return Err(BookFileError::Contradiction { path: journal, name: given.name });
            }
        }
        if whole < bytes.len() {
            let cut = OpenOptions::new().write(true).open(&journal).and_then(|file| {
                file.set_len(whole as u64)?;
                file.sync_all()
            });
            cut.map_err(|source| BookFileError::Io { path: journal, source })?;
        }
        Ok(book)
    }

    /// As [`Self::load`], for a plane that has had no program yet: ids of names that are gone may be given again.
    ///
    /// # Errors
    /// As there, or the book can't be written without them.
    pub fn load_anew(&self) -> Result<IdBook, BookFileError> {
        let mut book = self.load()?;
        if book.renew() {
            // First the journal: what it has must not be added to a book that has given its ids to others.
            match std::fs::remove_file(self.journal()) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(BookFileError::Io { path: self.journal(), source: error });
                }
                _ => self.sync_directory()?,
            }
            self.rewrite(&book)?;
        }
        Ok(book)
    }

    /// Makes durable what was given out since the last time.
    ///
    /// # Errors
    /// A file can't be written; what was saved before stays.
    pub fn save(&self, book: &mut IdBook) -> Result<(), BookFileError> {
        let unsaved = book.unsaved();
        if !unsaved.is_empty() {
            let mut lines = Vec::new();
            for given in &unsaved {
                serde_json::to_writer(&mut lines, given).map_err(|source| damaged(&self.0, source))?;
                lines.push(b'\n');
            }
            let journal = std::fs::metadata(self.journal()).map_or(0, |file| file.len());
            if journal + lines.len() as u64 > JOURNAL_MAX || !self.0.exists() {
                self.rewrite(book)?;
            } else {
                self.append(&lines, journal)?;
            }
        }
        book.saved();
        Ok(())
    }

    fn journal(&self) -> PathBuf {
        self.0.with_added_extension("journal")
    }

    fn append(&self, lines: &[u8], length: u64) -> Result<(), BookFileError> {
        let failed = |source| BookFileError::Io { path: self.journal(), source };
        let mut file = OpenOptions::new().append(true).create(true).open(self.journal()).map_err(failed)?;
        let added = file.write_all(lines).and_then(|()| file.sync_all());
        if let Err(source) = added {
            // Nothing may follow half a line.
            let _ = file.set_len(length);
            return Err(failed(source));
        }
        if length == 0 { self.sync_directory() } else { Ok(()) }
    }

    /// Replaces the file as a whole; what the journal has is in it.
    fn rewrite(&self, book: &IdBook) -> Result<(), BookFileError> {
        let failed = |source| BookFileError::Io { path: self.0.clone(), source };
        let text = serde_json::to_vec(book).map_err(|source| damaged(&self.0, source))?;
        let mut file = tempfile::NamedTempFile::new_in(self.directory()).map_err(failed)?;
        file.write_all(&text).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
        file.persist(&self.0).map_err(|error| failed(error.error))?;
        self.sync_directory()?;
        match std::fs::remove_file(self.journal()) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(()),
        }
    }

    fn directory(&self) -> &Path {
        self.0.parent().unwrap_or(Path::new("."))
    }

    fn sync_directory(&self) -> Result<(), BookFileError> {
        let failed = |source| BookFileError::Io { path: self.0.clone(), source };
        File::open(self.directory()).and_then(|dir| dir.sync_all()).map_err(failed)
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, BookFileError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(BookFileError::Io { path: path.to_owned(), source }),
    }
}

fn damaged(path: &Path, source: serde_json::Error) -> BookFileError {
    BookFileError::Damaged { path: path.to_owned(), source }
}

/// The book as a consumer: on disk before the commit point. A crash between the two leaves ids that nobody uses,
/// never one used twice.
pub struct BookConsumer<'a>(pub &'a BookFile, pub &'a mut IdBook);

impl Consumer for BookConsumer<'_> {
    fn name(&self) -> &'static str {
        "ids"
    }

    fn check(&mut self, _: &Proposal) -> Result<(), Vec<Diagnostic>> {
        Ok(())
    }

    fn prepare(&mut self, _: &Proposal) -> Result<(), String> {
        self.0.save(self.1).map_err(|error| error.to_string())
    }

    fn apply(&mut self, _: &Proposal) -> Result<(), String> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> (tempfile::TempDir, BookFile) {
        let dir = tempfile::tempdir().unwrap();
        let file = BookFile(dir.path().join("ids.json"));
        (dir, file)
    }

    #[test]
    fn a_book_comes_back_as_it_was_written_and_damage_is_an_error() {
        let (_dir, file) = file();
        let mut book = file.load().unwrap();
        for round in 0..5 {
            book.zone("trust").unwrap();
            book.policy(&format!("p{round}")).unwrap();
            file.save(&mut book).unwrap();
            assert_eq!(file.load().unwrap(), book, "{round}");
        }
        std::fs::write(file.journal(), b"{}\n").unwrap();
        assert!(matches!(file.load(), Err(BookFileError::Damaged { .. })));
        std::fs::remove_file(file.journal()).unwrap();
        std::fs::write(&file.0, b"{").unwrap();
        assert!(matches!(file.load(), Err(BookFileError::Damaged { .. })));
    }

    #[test]
    fn a_journal_cut_anywhere_gives_what_was_whole_and_is_gone_on_with() {
        let (_dir, file) = file();
        let mut book = IdBook::default();
        book.zone("trust").unwrap();
        file.save(&mut book).unwrap();
        let before = book.clone();
        book.policy("p").unwrap();
        file.save(&mut book).unwrap();
        let journal = std::fs::read(file.journal()).unwrap();
        for length in 0..journal.len() {
            std::fs::write(file.journal(), &journal[..length]).unwrap();
            let mut found = file.load().unwrap();
            assert_eq!(found, before, "{length}");
            found.policy("q").unwrap();
            file.save(&mut found).unwrap();
            assert_eq!(file.load().unwrap(), found, "{length}");
        }
    }

    #[test]
    fn a_book_without_room_begins_anew_with_a_plane_that_remembers_nothing() {
        let (_dir, file) = file();
        let mut book = IdBook::default();
        let zone = book.zone("trust").unwrap();
        file.save(&mut book).unwrap();
        assert!((0..).any(|n| book.application(&format!("a{n}")).is_err()));
        file.save(&mut book).unwrap();
        book.zone("untrust").unwrap();
        file.save(&mut book).unwrap();
        assert!(file.journal().exists());
        assert!(file.load().unwrap().application("new").is_err(), "sessions may have any of them");
        let mut book = file.load_anew().unwrap();
        assert_eq!(file.load().unwrap(), book);
        assert_eq!((book.application("new").unwrap(), book.zone("trust").unwrap()), (0, zone));
        file.save(&mut book).unwrap();
        assert_eq!(file.load().unwrap(), book);
        assert_eq!(file.load_anew().unwrap(), book, "there is room");
    }

    #[test]
    fn a_journal_that_is_in_the_book_already_changes_nothing() {
        let (_dir, file) = file();
        let mut book = IdBook::default();
        book.zone("trust").unwrap();
        file.save(&mut book).unwrap();
        book.zone("untrust").unwrap();
        file.save(&mut book).unwrap();
        // A crash after the book was rewritten, and before the journal went.
        std::fs::write(&file.0, serde_json::to_vec(&book).unwrap()).unwrap();
        assert_eq!(file.load().unwrap(), book);
        std::fs::write(file.journal(), b"{\"kind\":\"zone\",\"name\":\"trust\",\"id\":9}\n").unwrap();
        assert!(matches!(file.load(), Err(BookFileError::Contradiction { .. })));
    }
}
