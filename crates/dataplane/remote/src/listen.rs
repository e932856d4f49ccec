//! The socket file: private from the first moment, and never taken from a living server.
//!
//! The socket is made in a directory that only its owner may enter and renamed into place once its
//! mode is right, so there is no moment at which anyone else could connect.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Why there is no socket to listen on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("`{}`: another server answers there", .0.display())]
    InUse(PathBuf),
    #[error("`{}` exists and is not a socket", .0.display())]
    NotASocket(PathBuf),
    #[error("`{}`: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
}

/// Listens on a path with mode 0600; a socket that nobody serves any more is replaced.
///
/// # Errors
/// A server answers there, something else than a socket is there, or the file can't be made.
pub fn listen(path: &Path) -> Result<UnixListener, ListenError> {
    let failed = |error| ListenError::Io { path: path.to_owned(), error };
    if !vacant(path).map_err(failed)? {
        return Err(match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => ListenError::NotASocket(path.to_owned()),
            _ => ListenError::InUse(path.to_owned()),
        });
    }
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let private = parent.join(format!(".{}", std::process::id()));
    // What a crash of an earlier process under the same number may have left.
    let _ = fs::remove_file(private.join("s"));
    let _ = fs::remove_dir(&private);
    DirBuilder::new().mode(0o700).create(&private).map_err(failed)?;
    let made = place(&private.join("s"), path);
    let removed = fs::remove_dir(&private);
    let listener = made.map_err(failed)?;
    removed.map_err(failed)?;
    Ok(listener)
}

/// Whether nothing is there, or a socket that nobody serves.
fn vacant(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
        Ok(found) if !found.file_type().is_socket() => Ok(false),
        Ok(_) => match UnixStream::connect(path) {
            Ok(_) => Ok(false),
            Err(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Ok(true),
                _ => Err(error),
            },
        },
    }
}

fn place(made: &Path, path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(made)?;
    let placed =
        fs::set_permissions(made, Permissions::from_mode(0o600)).and_then(|()| fs::rename(made, path));
    if let Err(error) = placed {
        let _ = fs::remove_file(made);
        return Err(error);
    }
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_private_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plane.sock");
        let _listener = listen(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_living_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plane.sock");
        let first = listen(&path).unwrap();
        assert!(matches!(listen(&path), Err(ListenError::InUse(_))));
        drop(first);
        listen(&path).unwrap();
    }

    #[test]
    fn a_file_in_the_way_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plane.sock");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(listen(&path), Err(ListenError::NotASocket(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }
}
