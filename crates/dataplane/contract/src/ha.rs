//! Link cycles and high availability.

use ravelin_types::Mac;

use crate::Error;

/// A redundancy group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GroupId(pub u8);

/// One of the two fabric links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FabricId(pub u8);

/// How to reach the peer over a fabric link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FabricForwarding {
    /// Empty: the fabric is disabled.
    pub interface: String,
    pub peer_mac: Mac,
    pub local_mac: Mac,
}

/// Ports that are taken down and up under the plane.
pub trait Link {
    /// Holds workers back until the link cycle is done.
    ///
    /// # Errors
    /// Not supported.
    fn defer_workers(&self, defer: bool) -> Result<(), Error>;
    /// Stops queues before a port is reprogrammed.
    ///
    /// # Errors
    /// Not supported, or a queue does not stop.
    fn prepare_link_cycle(&self) -> Result<(), Error>;
    /// Takes the ports up again.
    ///
    /// # Errors
    /// Not supported, or a port can't be had.
    fn notify_link_cycle(&self) -> Result<(), Error>;
}

/// Chassis cluster controls.
pub trait Ha {
    /// # Errors
    /// Not supported.
    fn set_group_active(&self, group: GroupId, active: bool) -> Result<(), Error>;
    /// # Errors
    /// Not supported.
    fn set_watchdog(&self, group: GroupId, timestamp_ns: u64) -> Result<(), Error>;
    /// # Errors
    /// Not supported.
    fn set_fabric_forwarding(&self, fabric: FabricId, to: &FabricForwarding) -> Result<(), Error>;
    /// # Errors
    /// Not supported.
    fn sync_fabric_state(&self) -> Result<(), Error>;
}
