//! Link cycles and high availability.

use ravelin_types::{GroupId, Mac};

use crate::Error;

/// How long a group forwards after the last word of its control side, in nanoseconds.
pub const GROUP_LEASE_NS: u64 = 10_000_000_000;

/// One of the two fabric links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FabricId(pub u8);

/// How to reach the peer over a fabric link, which carries nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FabricForwarding {
    /// A port of the program that has no units; empty: the fabric is disabled. It must take packets that are 20 bytes longer
    /// than those of the other links.
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

/// What a plane does for a redundancy group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupState {
    pub group: GroupId,
    /// It forwards. `false`: told to be passive, or its control side has been silent for too long.
    pub active: bool,
    /// How long it goes on forwarding without another word, in milliseconds.
    pub lease_ms: u32,
}

/// What has become of a fabric link since the plane started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FabricState {
    pub fabric: FabricId,
    pub to: FabricForwarding,
    /// The port is there and up.
    pub up: bool,
    /// Packets given to the peer, and taken from it.
    pub sent: u64,
    pub received: u64,
}

/// Chassis cluster controls.
///
/// Units belong to redundancy groups by the program. What came by or would leave by a unit of a group that is not active here
/// is dropped, or goes to the peer where there is a fabric link; sessions of the group are kept as they are until it is active or
/// the peer says that they ended. A group that nobody activated is passive. Spec: contract-20..29.
pub trait Ha {
    /// A group forwards from here on, for [`GROUP_LEASE_NS`] and as long as the watchdog is told of it; or it does not.
    /// On return no worker forwards for a group that is passive.
    ///
    /// # Errors
    /// It is no group (0), or the plane does not answer.
    fn set_group_active(&self, group: GroupId, active: bool) -> Result<(), Error>;
    /// The control side of a group lived at that time, in nanoseconds of the plane's clock (`CLOCK_MONOTONIC`; one to come
    /// counts as now). A group that is passive stays so.
    ///
    /// # Errors
    /// It is no group, or [`Error::Stale`]: its lease has run out, and the peer may have taken it; or the plane does not answer.
    fn set_watchdog(&self, group: GroupId, timestamp_ns: u64) -> Result<(), Error>;
    /// Every group that was ever told of, by number.
    ///
    /// # Errors
    /// The plane does not answer.
    fn groups(&self) -> Result<Vec<GroupState>, Error>;
    /// Packets for groups that the peer has go over this link, and those that the peer sends are taken from it. Both links are
    /// used when both are up, each flow by one.
    ///
    /// # Errors
    /// There is no such fabric (0 and 1), no such port, it has units, or an address is that of a group or nobody's; or the plane
    /// does not answer. Then all is as before.
    fn set_fabric_forwarding(&self, fabric: FabricId, to: &FabricForwarding) -> Result<(), Error>;
    /// Looks for the ports of the fabrics anew and publishes them.
    ///
    /// # Errors
    /// The plane does not answer.
    fn sync_fabric_state(&self) -> Result<(), Error>;
    /// Every fabric that is set, by number.
    ///
    /// # Errors
    /// The plane does not answer.
    fn fabrics(&self) -> Result<Vec<FabricState>, Error>;
}
