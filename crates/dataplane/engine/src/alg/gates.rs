//! Expected sessions for the control plane, walked in bounded steps.
//!
//! A walk goes by the order in which they came to be expected, and a place in it is a number that is given out once: what
//! comes and goes meanwhile moves no other. Spec: contract-31.

use ravelin_contract::{GateSource, GateView};
use ravelin_types::Instant;

use super::{Expected, Source};
use crate::key::FlowKey;
use crate::session::application_index;
use crate::state::State;

impl State {
    /// Expected sessions among the next `budget` places from one on, 0 for the first, and where to go on.
    #[must_use]
    pub fn walk_gates(&self, from: u32, budget: usize, now: Instant) -> (Vec<GateView>, Option<u32>) {
        let gateways = &self.gateways;
        // Numbers begin anew behind the last one: near each other, which comes first is told by how far it is.
        let before = |number: u32| number.wrapping_sub(from) > u32::MAX / 2;
        let first = match from {
            0 => 0,
            _ => gateways.order.partition_point(|awaited| before(awaited.number)),
        };
        let mut places = gateways.order.iter().skip(first);
        let found = (places.by_ref().take(budget)).filter_map(|awaited| {
            let expected = gateways.expected.get(&awaited.key)?;
            (expected.number == awaited.number).then(|| self.gate(&awaited.key, expected, now))
        });
        let found = found.collect();
        (found, places.next().map(|awaited| awaited.number))
    }

    fn gate(&self, key: &FlowKey, expected: &Expected, now: Instant) -> GateView {
        let Expected { alg, parent, zone, to_zone, to, source, lease, expires, .. } = expected;
        let parent = self.sessions.get(*parent);
        let left_ms = expires.since(now).as_millis();
        GateView {
            worker: self.worker,
            key: key.to_session_key(),
            source_ports: (0, u16::MAX),
            to: to.0.to_ip(key.family()),
            to_port: to.1,
            source: match source {
                Source::Keep => GateSource::Kept,
                Source::Address(addr) => GateSource::Address(addr.to_ip(key.family())),
                Source::Rules => GateSource::ByRules,
            },
            alg: *alg,
            parent: parent.id,
            application: application_index(parent.application),
            from_zone: *zone,
            to_zone: *to_zone,
            leased: lease.is_some(),
            left_s: u32::try_from(left_ms.div_ceil(1000)).unwrap_or(u32::MAX),
        }
    }
}
