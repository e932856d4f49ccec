//! Link cycles and redundancy groups of the plane that answers fixed values.

use ravelin_contract::{Error, FabricForwarding, FabricId, FabricState, GroupState, Ha, Link};
use ravelin_types::GroupId;

use crate::fake::Fake;

impl Link for Fake {
    fn defer_workers(&self, _: bool) -> Result<(), Error> {
        Err(Error::Unsupported("link cycle"))
    }

    fn prepare_link_cycle(&self) -> Result<(), Error> {
        Err(Error::Unsupported("link cycle"))
    }

    fn notify_link_cycle(&self) -> Result<(), Error> {
        Err(Error::Unsupported("link cycle"))
    }
}

impl Ha for Fake {
    fn set_group_active(&self, group: GroupId, active: bool) -> Result<(), Error> {
        self.note(format!("{group:?} {active}"));
        Ok(())
    }

    fn set_watchdog(&self, group: GroupId, timestamp_ns: u64) -> Result<(), Error> {
        self.note(format!("{group:?} {timestamp_ns}"));
        Ok(())
    }

    fn groups(&self) -> Result<Vec<GroupState>, Error> {
        Ok(crate::kept::groups())
    }

    fn set_fabric_forwarding(&self, fabric: FabricId, to: &FabricForwarding) -> Result<(), Error> {
        self.note(format!("{fabric:?} {to:?}"));
        Ok(())
    }

    fn sync_fabric_state(&self) -> Result<(), Error> {
        self.note("sync_fabric_state".to_owned());
        Ok(())
    }

    fn fabrics(&self) -> Result<Vec<FabricState>, Error> {
        Ok(crate::kept::fabrics())
    }
}
