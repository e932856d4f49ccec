//! What changes without a commit, and TCP options of a policy.

use ravelin_types::{LiveSetId, ScheduleId};

use super::decode::small;
use super::{WireError, proto};
use crate::{Live, PolicyTcp, WildcardAddress};

pub(super) fn encode(x: &Live) -> proto::Live {
    let Live { schedules, sets } = x;
    let named = |id, name: &String| proto::LiveName { id, name: name.clone() };
    proto::Live {
        schedules: schedules.iter().map(|(id, name)| named(id.0, name)).collect(),
        sets: sets.iter().map(|(id, name)| named(id.0, name)).collect(),
    }
}

pub(super) fn decode(x: proto::Live) -> Live {
    Live {
        schedules: x.schedules.into_iter().map(|n| (ScheduleId(n.id), n.name)).collect(),
        sets: x.sets.into_iter().map(|n| (LiveSetId(n.id), n.name)).collect(),
    }
}

pub(super) fn wildcard(x: &WildcardAddress) -> proto::WildcardAddress {
    let WildcardAddress { addr, mask } = *x;
    proto::WildcardAddress { addr, mask }
}

pub(super) fn read_wildcard(x: &proto::WildcardAddress) -> WildcardAddress {
    WildcardAddress { addr: x.addr, mask: x.mask }
}

pub(super) fn policy_tcp(x: &PolicyTcp) -> proto::PolicyTcp {
    let PolicyTcp { syn_check, sequence_check, window_scale, initial_mss, reverse_mss } = *x;
    proto::PolicyTcp {
        syn_check,
        sequence_check,
        window_scale,
        initial_mss: initial_mss.map(Into::into),
        reverse_mss: reverse_mss.map(Into::into),
    }
}

pub(super) fn read_policy_tcp(x: &proto::PolicyTcp) -> Result<PolicyTcp, WireError> {
    let mss = |value: Option<u32>| value.map(|mss| small("MSS", mss)).transpose();
    Ok(PolicyTcp {
        syn_check: x.syn_check,
        sequence_check: x.sequence_check,
        window_scale: x.window_scale,
        initial_mss: mss(x.initial_mss)?,
        reverse_mss: mss(x.reverse_mss)?,
    })
}
