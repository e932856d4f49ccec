//! The contract over a socket, end to end: every call, hostile clients, programs in chunks.

mod calls;
mod cluster;
mod fake;
mod gates;
mod golden;
mod hostile;
mod kept;
mod parts;
mod simulator;
mod synced;
mod transfer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ravelin_contract::DataPlane;
use ravelin_remote::{Client, Server, listen};

/// A server on a socket of its own, gone when dropped.
struct Served {
    server: Server,
    path: PathBuf,
    _dir: tempfile::TempDir,
}

fn serve(plane: Arc<dyn DataPlane>) -> Served {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("plane.sock");
    let server = Server::serve(listen(&path).unwrap(), plane).unwrap();
    Served { server, path, _dir: dir }
}

impl Served {
    fn client(&self) -> Client {
        Client::connect(&self.path, TIMEOUT).unwrap()
    }
}

/// Long enough for a machine that does much else.
const TIMEOUT: Duration = Duration::from_secs(20);
