//! Schedules and live sets of addresses.

use ravelin_contract::{LiveAddresses, LiveSetUpdate, LiveUpdate, ScheduleUpdate};
use ravelin_types::{LiveSetId, ScheduleId};

use super::{Malformed, Read, Wire, decode_all, encode_all};
use crate::proto;

/// Bytes of a range of each family.
const RANGE_V4: usize = 8;
const RANGE_V6: usize = 32;

impl Wire for LiveUpdate {
    type Message = proto::LiveUpdate;

    fn to_message(&self) -> proto::LiveUpdate {
        let Self { resync, schedules, sets } = self;
        proto::LiveUpdate { resync: *resync, schedules: encode_all(schedules), sets: encode_all(sets) }
    }

    fn from_message(message: proto::LiveUpdate) -> Read<Self> {
        Ok(Self {
            resync: message.resync,
            schedules: decode_all(message.schedules)?,
            sets: decode_all(message.sets)?,
        })
    }
}

impl Wire for ScheduleUpdate {
    type Message = proto::ScheduleUpdate;

    fn to_message(&self) -> proto::ScheduleUpdate {
        let Self { id, open } = *self;
        proto::ScheduleUpdate { id: id.0, open }
    }

    fn from_message(message: proto::ScheduleUpdate) -> Read<Self> {
        Ok(Self { id: ScheduleId(message.id), open: message.open })
    }
}

impl Wire for LiveSetUpdate {
    type Message = proto::LiveSetUpdate;

    fn to_message(&self) -> proto::LiveSetUpdate {
        let Self { id, addresses } = self;
        proto::LiveSetUpdate { id: id.0, addresses: addresses.as_ref().map(Wire::to_message) }
    }

    fn from_message(message: proto::LiveSetUpdate) -> Read<Self> {
        let addresses = message.addresses.map(LiveAddresses::from_message).transpose()?;
        Ok(Self { id: LiveSetId(message.id), addresses })
    }
}

impl Wire for LiveAddresses {
    type Message = proto::LiveAddresses;

    fn to_message(&self) -> proto::LiveAddresses {
        let Self { v4, v6 } = self;
        proto::LiveAddresses {
            v4: v4.iter().flat_map(|(a, b)| [a.to_be_bytes(), b.to_be_bytes()]).flatten().collect(),
            v6: v6.iter().flat_map(|(a, b)| [a.to_be_bytes(), b.to_be_bytes()]).flatten().collect(),
        }
    }

    fn from_message(message: proto::LiveAddresses) -> Read<Self> {
        let (v4, rest4) = message.v4.as_chunks::<RANGE_V4>();
        let (v6, rest6) = message.v6.as_chunks::<RANGE_V6>();
        if !rest4.is_empty() || !rest6.is_empty() {
            return Err(Malformed::Address);
        }
        let pair4 = |bytes: &[u8; RANGE_V4]| {
            let both = u64::from_be_bytes(*bytes);
            ((both >> 32) as u32, both as u32)
        };
        let pair6 = |bytes: &[u8; RANGE_V6]| {
            let half =
                |at: usize| bytes[at..at + 16].iter().fold(0, |all: u128, b| all << 8 | u128::from(*b));
            (half(0), half(16))
        };
        Ok(Self { v4: v4.iter().map(pair4).collect(), v6: v6.iter().map(pair6).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::survives;
    use super::*;

    #[test]
    fn every_state_survives() {
        survives(
            [None, Some(false), Some(true)].map(|open| ScheduleUpdate { id: ScheduleId(u64::MAX), open }),
        );
        let some = LiveAddresses { v4: vec![(1, 2), (0xff00_0000, u32::MAX)], v6: vec![(7, u128::MAX - 1)] };
        let known = [None, Some(LiveAddresses::default()), Some(some)];
        let sets = known.map(|addresses| LiveSetUpdate { id: LiveSetId(3), addresses });
        survives(sets.clone());
        survives([LiveUpdate { resync: true, schedules: Vec::new(), sets: sets.to_vec() }]);
    }

    #[test]
    fn half_a_range_is_malformed() {
        let message = proto::LiveAddresses { v4: vec![1; 12], v6: Vec::new() };
        assert!(LiveAddresses::from_message(message).is_err());
    }
}
