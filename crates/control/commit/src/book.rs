//! The id book on disk: written before the commit point, so that no id is ever given out twice.

use std::io::Write;
use std::path::PathBuf;

use ravelin_compile::IdBook;
use ravelin_syntax::Diagnostic;

use crate::{Consumer, Proposal};

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
}

impl BookFile {
    /// The book; an empty one when there is no file yet.
    ///
    /// # Errors
    /// The file can't be read, or is damaged: then ids in use can't be known.
    pub fn load(&self) -> Result<IdBook, BookFileError> {
        let path = || self.0.clone();
        match std::fs::read(&self.0) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|source| BookFileError::Damaged { path: path(), source }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(IdBook::default()),
            Err(source) => Err(BookFileError::Io { path: path(), source }),
        }
    }

    /// Replaces the file as a whole and syncs it.
    ///
    /// # Errors
    /// The file can't be written; the old one stays.
    pub fn save(&self, book: &IdBook) -> Result<(), BookFileError> {
        let failed = |source| BookFileError::Io { path: self.0.clone(), source };
        let text = serde_json::to_vec(book)
            .map_err(|source| BookFileError::Damaged { path: self.0.clone(), source })?;
        let dir = self.0.parent().unwrap_or(std::path::Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(dir).map_err(failed)?;
        file.write_all(&text).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
        file.persist(&self.0).map_err(|error| failed(error.error))?;
        std::fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)
    }
}

/// The book as a consumer: on disk before the commit point. A crash between the two leaves ids that nobody uses,
/// never one used twice.
pub struct BookConsumer<'a>(pub &'a BookFile, pub &'a IdBook);

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

    #[test]
    fn a_book_comes_back_as_it_was_written_and_damage_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = BookFile(dir.path().join("ids.json"));
        let mut book = file.load().unwrap();
        book.zone("trust").unwrap();
        file.save(&book).unwrap();
        assert_eq!(file.load().unwrap(), book);
        std::fs::write(&file.0, b"{").unwrap();
        assert!(matches!(file.load(), Err(BookFileError::Damaged { .. })));
    }
}
