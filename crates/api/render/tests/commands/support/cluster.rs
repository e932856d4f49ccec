//! One node of two: a redundancy group and a fabric link.

use ravelin_contract::{Error, FabricForwarding, FabricId, FabricState, GroupState, Ha};
use ravelin_types::{GroupId, Mac};

use super::plane::{FakePlane, unsupported};

impl Ha for FakePlane {
    fn set_group_active(&self, _: GroupId, _: bool) -> Result<(), Error> {
        unsupported()
    }
    fn set_watchdog(&self, _: GroupId, _: u64) -> Result<(), Error> {
        unsupported()
    }
    fn groups(&self) -> Result<Vec<GroupState>, Error> {
        Ok(vec![GroupState { group: GroupId(1), active: true, lease_ms: 9990 }])
    }
    fn set_fabric_forwarding(&self, _: FabricId, _: &FabricForwarding) -> Result<(), Error> {
        unsupported()
    }
    fn fabrics(&self) -> Result<Vec<FabricState>, Error> {
        let [peer_mac, local_mac] = [Mac([2, 0, 0, 0, 0, 9]), Mac([2, 0, 0, 0, 0, 8])];
        let to = FabricForwarding { interface: "ge-0/0/7".into(), peer_mac, local_mac };
        Ok(vec![FabricState { fabric: FabricId(0), to, up: true, sent: 12, received: 34 }])
    }
    fn sync_fabric_state(&self) -> Result<(), Error> {
        unsupported()
    }
}
