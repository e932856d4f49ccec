//! Redundancy groups and the links between nodes.

use ravelin_contract::{FabricForwarding, FabricId, FabricState, GroupState};
use ravelin_types::GroupId;

use super::{Malformed, Read, Wire as _, small};
use crate::proto;

pub(crate) fn groups(all: &[GroupState]) -> proto::Groups {
    let one = |state: &GroupState| {
        let GroupState { group, active, lease_ms } = *state;
        proto::GroupState { group: group.0.into(), active, lease_ms }
    };
    proto::Groups { groups: all.iter().map(one).collect() }
}

pub(crate) fn known_groups(message: &proto::Groups) -> Read<Vec<GroupState>> {
    let one = |state: &proto::GroupState| {
        let proto::GroupState { group, active, lease_ms } = *state;
        Ok(GroupState { group: GroupId(small("redundancy group", group)?), active, lease_ms })
    };
    message.groups.iter().map(one).collect()
}

pub(crate) fn fabrics(all: &[FabricState]) -> proto::Fabrics {
    let one = |state: &FabricState| {
        let FabricState { fabric, to, up, sent, received } = state;
        let to = proto::FabricForwarding { fabric: fabric.0.into(), ..to.to_message() };
        proto::FabricState { to: Some(to), up: *up, sent: *sent, received: *received }
    };
    proto::Fabrics { fabrics: all.iter().map(one).collect() }
}

pub(crate) fn known_fabrics(message: proto::Fabrics) -> Read<Vec<FabricState>> {
    let one = |state: proto::FabricState| {
        let proto::FabricState { to, up, sent, received } = state;
        let to = to.ok_or(Malformed::Missing("fabric"))?;
        let fabric = FabricId(small("fabric", to.fabric)?);
        Ok(FabricState { fabric, to: FabricForwarding::from_message(to)?, up, sent, received })
    };
    message.fabrics.into_iter().map(one).collect()
}
