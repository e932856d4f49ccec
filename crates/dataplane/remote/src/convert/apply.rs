//! Answers to checking and applying a program.

use ravelin_contract::{Admission, ApplyResult, Capabilities, FilterSpan, ManagedInterface};
use ravelin_types::{Generation, PolicyId, ZoneId};

use super::{Read, Wire, decode_all, encode_all, small};
use crate::proto;

impl Wire for Admission {
    type Message = proto::Admission;

    fn to_message(&self) -> proto::Admission {
        let Self { refusals } = self;
        proto::Admission { refusals: encode_all(refusals) }
    }

    fn from_message(message: proto::Admission) -> Read<Self> {
        Ok(Self { refusals: decode_all(message.refusals)? })
    }
}

impl Wire for ApplyResult {
    type Message = proto::ApplyResult;

    fn to_message(&self) -> proto::ApplyResult {
        apply_result(self.clone())
    }

    fn from_message(message: proto::ApplyResult) -> Read<Self> {
        let zone = |(name, id)| Ok((name, small("zone id", id).map(ZoneId)?));
        let span = |(name, span)| Ok((name, FilterSpan::from_message(span)?));
        Ok(Self {
            generation: Generation(message.generation),
            zone_ids: message.zone_ids.into_iter().map(zone).collect::<Read<_>>()?,
            filter_ids: message.filter_ids,
            filter_spans: message.filter_spans.into_iter().map(span).collect::<Read<_>>()?,
            nat_counter_ids: message.nat_counter_ids,
            pool_ids: message.pool_ids,
            policy_names: message.policy_names.into_iter().map(|(id, name)| (PolicyId(id), name)).collect(),
            app_names: message.app_names,
            policy_schedule_slots: message.policy_schedule_slots,
            managed_interfaces: decode_all(message.managed_interfaces)?,
            capabilities: Capabilities {
                supported: message.supported,
                refusals: decode_all(message.refusals)?,
            },
        })
    }
}

/// With the name of every policy.
pub(crate) fn apply_result(result: ApplyResult) -> proto::ApplyResult {
    let ApplyResult {
        generation,
        zone_ids,
        filter_ids,
        filter_spans,
        nat_counter_ids,
        pool_ids,
        policy_names,
        app_names,
        policy_schedule_slots,
        managed_interfaces,
        capabilities: Capabilities { supported, refusals },
    } = result;
    proto::ApplyResult {
        generation: generation.0,
        zone_ids: zone_ids.into_iter().map(|(name, id)| (name, id.0.into())).collect(),
        filter_ids,
        filter_spans: filter_spans.iter().map(|(name, span)| (name.clone(), span.to_message())).collect(),
        nat_counter_ids,
        pool_ids,
        policy_names: policy_names.iter().map(|(id, name)| (id.0, name.to_owned())).collect(),
        app_names,
        policy_schedule_slots,
        managed_interfaces: encode_all(&managed_interfaces),
        supported,
        refusals: encode_all(&refusals),
    }
}

impl Wire for FilterSpan {
    type Message = proto::FilterSpan;

    fn to_message(&self) -> proto::FilterSpan {
        let Self { filter_id, rule_start, rule_count } = *self;
        proto::FilterSpan { filter_id, rule_start, rule_count }
    }

    fn from_message(message: proto::FilterSpan) -> Read<Self> {
        let proto::FilterSpan { filter_id, rule_start, rule_count } = message;
        Ok(Self { filter_id, rule_start, rule_count })
    }
}

impl Wire for ManagedInterface {
    type Message = proto::ManagedInterface;

    fn to_message(&self) -> proto::ManagedInterface {
        let Self { name, device, mode } = self.clone();
        proto::ManagedInterface { name, device, mode }
    }

    fn from_message(message: proto::ManagedInterface) -> Read<Self> {
        let proto::ManagedInterface { name, device, mode } = message;
        Ok(Self { name, device, mode })
    }
}
