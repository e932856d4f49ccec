//! A firewall from a configuration: a simulator behind a socket, and an operator at it.

use std::time::Duration;

use ravelin_compile::{IdBook, Resolved, compile};
use ravelin_conformance::bench::{Bench as _, Place, Setup, Simulator};
use ravelin_contract::DataPlane;
use ravelin_model::load;
use ravelin_remote::{Client, Server, listen};
use ravelin_types::{Generation, Mac};
use ravelin_wire::build::{self, Ip, Payload};
use tempfile::TempDir;

use super::Bench;

/// How long a call over the socket may take on a machine that does much else.
const CALL_MAX: Duration = Duration::from_secs(20);

/// The firewall, and all that must live as long.
pub struct World {
    pub bench: Bench,
    pub simulator: Simulator,
    pub server: Option<Server>,
    _ground: TempDir,
}

impl World {
    /// With so many workers, or with as many as simulators have.
    pub fn new(text: &str, workers: Option<u8>) -> Self {
        let ground = TempDir::new().unwrap();
        let path = ground.path().join("plane");
        let valid = load(text).result.unwrap_or_else(|errors| panic!("{errors:?}"));
        let resolved = Resolved::virtual_ports(&valid);
        let program = compile(&valid, &resolved, &mut IdBook::default(), Generation(1)).unwrap();
        let mut server = None;
        let simulator = Simulator::new(Setup { workers, ..Setup::default() }).behind(|plane| {
            server = Some(Server::serve(listen(&path).unwrap(), plane).unwrap());
            Client::connect(&path, CALL_MAX).map(|client| Box::new(client) as Box<dyn DataPlane>)
        });
        let mut simulator = simulator.unwrap();
        simulator.commit(&valid).unwrap();
        let client = Client::connect(&path, CALL_MAX).unwrap();
        let bench = Bench::over(Box::new(client), &program);
        Self { bench, simulator, server, _ground: ground }
    }

    /// One packet into a port.
    pub fn send(&mut self, port: &str, (from, to): ([u8; 4], [u8; 4]), payload: &Payload) {
        let mut ip = Ip::v4(from, to);
        ip.dst_mac = self.simulator.station(port).unwrap_or(Mac([0; 6]));
        self.simulator.send(&Place::Port(port.into()), &build::frame(&ip, payload)).unwrap();
    }
}
