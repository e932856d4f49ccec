//! Redundancy groups.

use ravelin_contract::GroupState;
use ravelin_types::GroupId;

use super::{Read, small};
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
