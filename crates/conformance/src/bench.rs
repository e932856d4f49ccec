//! What a backend has to offer so that the cases can be run over it.
//!
//! Frames go in at ports and come out at ports; everything else is asked over the contract. Nothing
//! here tells a simulated port from a real one.

mod commits;
mod nodes;
mod simulator;

use std::time::Duration;

use ravelin_contract::DataPlane;
use ravelin_model::ValidConfig;
use ravelin_types::{GroupId, InterfaceId, Mac, PortId};

pub use commits::Commits;
pub use simulator::{Neighbours, Setup, Simulator};

/// Where a frame enters or leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A physical interface, `ge-0/0/0`.
    Port(String),
    /// The kernel's side of a unit, `ge-0/0/0.0`.
    Host(String),
}

/// A frame that left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub place: Place,
    pub frame: Vec<u8>,
}

/// Why a bench could not do what a case wants.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error("{0}")]
    Plane(#[from] ravelin_contract::Error),
    #[error("the configuration does not compile: {0}")]
    Compile(String),
    #[error("`{0}' is not configured")]
    Unknown(String),
    #[error("this bench can't do it: {0}")]
    Unsupported(&'static str),
    #[error("{what}: {source}")]
    Kernel { what: String, source: std::io::Error },
    #[error("a session was not taken over: {0}")]
    NotMoved(String),
    #[error("`{command}': {message}")]
    Command { command: String, message: String },
}

/// What a case waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Since the last time.
    pub frames: usize,
    /// Since the plane was made.
    pub drops: u64,
}

/// A dataplane with ports at which a case can stand.
///
/// Neighbours answer for every address of a link, with the MAC of [`neighbour_mac`].
pub trait Bench {
    fn plane(&self) -> &dyn DataPlane;

    /// Makes a configuration the running one, with the routes that follow from it.
    ///
    /// # Errors
    /// It does not compile or is refused.
    fn commit(&mut self, config: &ValidConfig) -> Result<(), BenchError>;

    /// A unit belongs to a redundancy group from the next commit on.
    fn join(&mut self, unit: &str, group: GroupId);

    /// Puts a frame, complete with its tags, in at a place and lets it through.
    ///
    /// # Errors
    /// There is no such place.
    fn send(&mut self, place: &Place, frame: &[u8]) -> Result<(), BenchError>;

    /// What has left since the last call, in order, when all that is due has come or is too late.
    ///
    /// # Errors
    /// The bench is broken.
    fn collect(&mut self, due: Due) -> Result<Vec<Arrival>, BenchError>;

    /// Lets time pass.
    ///
    /// # Errors
    /// The bench's clock can't be moved.
    fn advance(&mut self, by: Duration) -> Result<(), BenchError>;

    /// Frames come faster than they are taken, or do so no more.
    ///
    /// # Errors
    /// It can't be had here.
    fn press(&mut self, _: bool) -> Result<(), BenchError> {
        Err(BenchError::Unsupported("frames faster than they are taken"))
    }

    /// The station address of a port.
    fn station(&self, port: &str) -> Option<Mac>;

    fn unit(&self, name: &str) -> Option<InterfaceId>;

    fn port(&self, name: &str) -> Option<PortId>;
}

/// The station address of a neighbour: 02:01 and the last four octets of its address.
#[must_use]
pub fn neighbour_mac(addr: std::net::IpAddr) -> Mac {
    let [a, b, c, d] = ravelin_types::Addr::from_ip(addr).1.octets4();
    Mac([2, 1, a, b, c, d])
}
