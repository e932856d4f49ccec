//! What policies hang on, at the time that a capture shows: its clock opens and closes schedulers, the command line says
//! what names and feeds hold.

use std::net::IpAddr;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ravelin_contract::{
    DataPlane as _, LiveAddresses, LiveSetUpdate, LiveUpdate, ScheduleUpdate, UpdateBatch,
};
use ravelin_dynamic::{DynamicPlan, parse};
use ravelin_sim::SimPlane;

/// A name or a feed, and what it holds.
#[derive(Clone, Debug)]
pub struct Given<T> {
    pub of: String,
    pub holds: T,
}

/// The clock of a replay.
pub struct World {
    plan: DynamicPlan,
    zone: TimeZone,
    /// When a schedule may be another than it is; `None`: it was not looked yet.
    next: Option<Timestamp>,
}

impl World {
    pub fn new(plan: DynamicPlan, zone: TimeZone) -> Self {
        Self { plan, zone, next: None }
    }

    /// Names and feeds, before the first packet.
    ///
    /// # Errors
    /// A file that can't be read or is no list, or something that the configuration does not have.
    pub fn begin(
        &self,
        plane: &SimPlane,
        (names, feeds): (&[Given<Vec<IpAddr>>], &[Given<PathBuf>]),
    ) -> Result<(), Box<dyn std::error::Error>> {
        let mut sets = Vec::new();
        for Given { of, holds } in names {
            let planned = self.plan.names.iter().filter(|name| name.name.eq_ignore_ascii_case(of));
            let before = sets.len();
            for name in planned {
                let mut addresses = LiveAddresses::default();
                for addr in holds {
                    match addr {
                        IpAddr::V4(a) if name.v4 => addresses.v4.push((u32::from(*a), u32::from(*a))),
                        IpAddr::V6(a) if name.v6 => addresses.v6.push((u128::from(*a), u128::from(*a))),
                        IpAddr::V4(_) | IpAddr::V6(_) => {}
                    }
                }
                sets.push(LiveSetUpdate { id: name.id, addresses: Some(addresses) });
            }
            if sets.len() == before {
                return Err(format!("no address has the name `{of}'").into());
            }
        }
        for Given { of, holds } in feeds {
            let planned = self.plan.feeds.iter().find(|feed| feed.name == *of);
            let planned = planned.ok_or_else(|| format!("feed `{of}' is not configured"))?;
            let text = std::fs::read(holds).map_err(|e| format!("{}: {e}", holds.display()))?;
            let addresses = Some(parse(&text)?.addresses);
            sets.push(LiveSetUpdate { id: planned.id, addresses });
        }
        let live = LiveUpdate { resync: true, schedules: Vec::new(), sets };
        plane.updates().apply(&UpdateBatch { live: Some(live), ..UpdateBatch::default() })?;
        Ok(())
    }

    /// Time has come to a packet.
    ///
    /// # Errors
    /// The plane takes no update.
    pub fn at(&mut self, plane: &SimPlane, at_ns: u64) -> Result<(), ravelin_contract::Error> {
        let now = Timestamp::from_nanosecond(at_ns.into()).unwrap_or(Timestamp::MAX);
        if self.plan.schedules.is_empty() || self.next.is_some_and(|next| now < next) {
            return Ok(());
        }
        let states: Vec<_> =
            self.plan.schedules.iter().map(|s| (s.id, s.schedule.state(now, &self.zone))).collect();
        self.next = states.iter().map(|(_, state)| state.until).min();
        let schedules =
            states.into_iter().map(|(id, state)| ScheduleUpdate { id, open: Some(state.open) }).collect();
        let live = LiveUpdate { resync: false, schedules, sets: Vec::new() };
        plane.updates().apply(&UpdateBatch { live: Some(live), ..UpdateBatch::default() })
    }
}
