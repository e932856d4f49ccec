//! Counters, events, status and injected packets.

use ravelin_contract::{
    BufferCounters, CarriedCounters, CounterClear, Diagnostics, DropSamples, Error, EventBatch, Explanation,
    FilterLog, FirewallClear, FirewallCounters, Global, InjectRequest, InjectVerdict, InterfaceCounters,
    InterfacePorts, KeptFilter, KeptList, MappingFilter, MappingList, MirrorCounters, NatClear, NatCounters,
    PolicyCounters, PoolCounters, ScreenCounters, Status, Telemetry, TraceBatch, TraceId, TraceRequest,
    UnitScreenCounters,
};
use ravelin_engine::{
    Checksum, Egress, Ingress, Limits, LiveSession, Output, Packet, Rules, Seed, Shared, Snapshot, State,
    Steering, Trace, Verdict, keys_of, step,
};
use ravelin_program::Screen;
use ravelin_types::{DropReason, Instant, InterfaceId, MirrorId, WorkerId};

use crate::Plane;
use crate::counting;
use crate::explain::findings;
use crate::workers::{Workers, ask, each};

/// Room in front of an injected frame for a VLAN tag.
const HEADROOM: usize = 64;
/// Nothing outside ever meets the scratch state.
const SCRATCH_SEED: Seed = Seed([0; 32]);
/// Sessions of a trial.
const TRIAL_SESSIONS: usize = 256;

impl<W: Workers> Telemetry for Plane<W> {
    fn global(&self) -> Result<Global, Error> {
        let mut sum = Global {
            sessions_live: self.shared.sessions(),
            sessions_max: self.shared.sessions_max(),
            ..Global::default()
        };
        for worker in each(&self.workers) {
            let (c, lost) =
                ask(&self.workers, worker, |state, _, _| (state.counters.clone(), state.events.lost))?;
            sum.rx_packets += c.rx_packets;
            sum.rx_bytes += c.rx_bytes;
            sum.tx_packets += c.tx_packets;
            sum.tx_bytes += c.tx_bytes;
            sum.host_packets += c.host_packets;
            sum.answers += c.answers;
            sum.handed_over += c.handed_over;
            sum.sessions_created += c.sessions_created;
            sum.sessions_closed += c.sessions_closed;
            sum.events_lost += lost;
            for (total, one) in sum.drops.iter_mut().zip(c.drops) {
                *total += one;
            }
        }
        Ok(sum)
    }

    fn policies(&self) -> Result<Vec<PolicyCounters>, Error> {
        match self.rules() {
            Some(rules) => counting::policies(self, &rules),
            None => Ok(Vec::new()),
        }
    }

    fn nat_rules(&self) -> Result<Vec<NatCounters>, Error> {
        let Some(rules) = self.rules() else { return Ok(Vec::new()) };
        let mut all: Vec<_> = rules
            .nat_rules()
            .map(|r| NatCounters { id: r.id, identity: r.identity, ..NatCounters::default() })
            .collect();
        for worker in each(&self.workers) {
            let hits = ask(&self.workers, worker, |state, _, _| state.counters.nat_rules.clone())?;
            for counter in &mut all {
                let Some(hit) = hits.get(counter.id.index()) else { continue };
                counter.hits += hit.hits;
                counter.failed += hit.failed;
                counter.pool_hits += hit.pool_hits;
                counter.sessions += hit.sessions;
            }
        }
        Ok(all)
    }

    fn source_pools(&self) -> Result<Vec<PoolCounters>, Error> {
        let Some(rules) = self.rules() else { return Ok(Vec::new()) };
        let id = |(id, _): (ravelin_nat::PoolId, &str)| u32::from(id.0);
        let mut all: Vec<_> = rules
            .source_pools()
            .map(|pool| PoolCounters { id: id(pool), ..PoolCounters::default() })
            .collect();
        for worker in each(&self.workers) {
            let pools = ask(&self.workers, worker, |state, _, _| state.pools())?;
            for (pool, usage) in pools {
                let Some(counter) = all.iter_mut().find(|c| c.id == u32::from(pool.0)) else { continue };
                counter.ports.iter_mut().zip(usage.ports).for_each(|(sum, ports)| *sum += ports);
                counter.others += usage.others;
                counter.held += usage.held;
                counter.capacity += usage.capacity;
            }
        }
        Ok(all)
    }

    fn interfaces(&self) -> Result<Vec<InterfaceCounters>, Error> {
        let Some(rules) = self.rules() else { return Ok(Vec::new()) };
        let one = |id: InterfaceId| InterfaceCounters { interface: id, ..Default::default() };
        let mut all: Vec<_> = rules.units().map(|u| one(u.id)).collect();
        for worker in each(&self.workers) {
            let units = ask(&self.workers, worker, |state, _, _| state.counters.units.clone())?;
            for counter in &mut all {
                let Some(unit) = units.get(counter.interface.index()) else { continue };
                counter.rx_packets += unit.rx_packets;
                counter.rx_bytes += unit.rx_bytes;
                counter.tx_packets += unit.tx_packets;
                counter.tx_bytes += unit.tx_bytes;
            }
        }
        Ok(all)
    }

    fn screens(&self) -> Result<Vec<ScreenCounters>, Error> {
        let Some(rules) = self.rules() else { return Ok(Vec::new()) };
        let mut sums: Vec<_> = rules.zones().map(|zone| (zone.id, [0; Screen::COUNT])).collect();
        for worker in each(&self.workers) {
            let counts = ask(&self.workers, worker, |state, _, _| state.counters.screens.clone())?;
            for (zone, sum) in &mut sums {
                let Some(counts) = counts.get(zone.index()) else { continue };
                sum.iter_mut().zip(counts).for_each(|(sum, one): (&mut u64, _)| *sum += one);
            }
        }
        let counters = sums.into_iter().map(|(zone, sum)| ScreenCounters { zone, hits: hit(sum) });
        Ok(counters.filter(|c| !c.hits.is_empty()).collect())
    }

    fn unit_screens(&self) -> Result<Vec<UnitScreenCounters>, Error> {
        let Some(rules) = self.rules() else { return Ok(Vec::new()) };
        let mut sums: Vec<_> = rules.units().map(|unit| (unit.id, [0; Screen::COUNT])).collect();
        for worker in each(&self.workers) {
            let counts = ask(&self.workers, worker, |state, _, _| state.counters.unit_screens.clone())?;
            for (unit, sum) in &mut sums {
                let Some(counts) = counts.get(unit.index()) else { continue };
                sum.iter_mut().zip(counts).for_each(|(sum, one): (&mut u64, _)| *sum += one);
            }
        }
        let counters =
            sums.into_iter().map(|(interface, sum)| UnitScreenCounters { interface, hits: hit(sum) });
        Ok(counters.filter(|c| !c.hits.is_empty()).collect())
    }

    fn clear_counters(&self, what: &CounterClear) -> Result<(), Error> {
        crate::clear::counters(self, what)
    }

    fn buffers(&self) -> Result<Vec<BufferCounters>, Error> {
        let mut all = Vec::new();
        for worker in each(&self.workers) {
            all.extend(ask(&self.workers, worker, |state, _, _| state.buffers())?);
        }
        Ok(all)
    }

    fn mirrors(&self) -> Result<Vec<MirrorCounters>, Error> {
        crate::mirrors::counters(self)
    }

    fn clear_mirrors(&self, mirrors: &[MirrorId]) -> Result<(), Error> {
        crate::mirrors::clear(self, mirrors)
    }

    fn firewall(&self) -> Result<FirewallCounters, Error> {
        crate::firewall::counters(self)
    }

    fn firewall_log(&self) -> Result<FilterLog, Error> {
        crate::firewall::log(self)
    }

    fn clear_firewall(&self, what: &FirewallClear) -> Result<(), Error> {
        crate::firewall::clear(self, what)
    }

    fn persistent_mappings(&self, filter: &MappingFilter, most: usize) -> Result<MappingList, Error> {
        crate::mappings::list(self, filter, most)
    }

    fn clear_persistent_mappings(&self, filter: &MappingFilter) -> Result<u64, Error> {
        crate::mappings::clear(self, filter)
    }

    fn kept_ports(&self, filter: &KeptFilter, most: usize) -> Result<KeptList, Error> {
        crate::kept::list(self, filter, most)
    }

    fn interface_ports(&self) -> Result<Vec<InterfacePorts>, Error> {
        crate::kept::interface_ports(self)
    }

    fn clear_nat(&self, what: &NatClear) -> Result<(), Error> {
        crate::kept::clear(self, what)
    }

    fn carry_over(&self, counters: &CarriedCounters) -> Result<(), Error> {
        crate::carry::counters(self, counters)
    }

    fn events(&self, max: usize) -> Result<EventBatch, Error> {
        let mut batch = EventBatch::default();
        for worker in each(&self.workers) {
            let left = max - batch.events.len();
            let (events, lost) = ask(&self.workers, worker, move |state, _, _| {
                (state.events.take(left), state.events.newly_lost())
            })?;
            batch.events.extend(events);
            batch.lost += lost;
        }
        Ok(batch)
    }
}

/// Screens that were hit.
fn hit(sum: [u64; Screen::COUNT]) -> Vec<(Screen, u64)> {
    let all = Screen::ALL.iter().map(|screen| (*screen, sum[screen.index()]));
    all.filter(|(_, hits)| *hits > 0).collect()
}

impl<W: Workers> Diagnostics for Plane<W> {
    fn status(&self) -> Result<Status, Error> {
        let core = self.core();
        Ok(Status {
            backend: W::NAME.to_owned(),
            armed: core.armed,
            epoch: self.epoch,
            generation: core.running.as_ref().map(|r| r.generation),
            workers: self.workers.workers(),
            ports: self.workers.ports(),
        })
    }

    fn arm(&self, armed: bool) -> Result<(), Error> {
        let mut core = self.core();
        if core.running.is_none() {
            return Err(Error::NotReady);
        }
        core.armed = armed;
        self.publish(&core)
    }

    fn inject_packet(&self, request: &InjectRequest) -> Result<Explanation, Error> {
        let rules = self.rules().ok_or(Error::NotReady)?;
        let unit = rules.units().find(|u| u.name == request.interface);
        let unit = unit
            .ok_or_else(|| Error::Backend(format!("interface `{}` is not configured", request.interface)))?;
        let tag = unit.vlan;
        let (armed, fabrics) = {
            let core = self.core();
            (core.armed, crate::link::fabrics(&core))
        };
        let snapshot = Snapshot {
            rules: rules.clone(),
            forwarding: self.forwarding(),
            armed,
            any_station: true,
            judged: 1,
            fabrics,
        };
        let now = ask(&self.workers, WorkerId(0), |_, _, now| now)?;
        let mut live = Vec::new();
        for worker in each(&self.workers) {
            let frames = request.before.iter().chain([&request.frame]);
            let keys: Vec<_> = frames.flat_map(|frame| keys_of(frame, unit.instance)).collect();
            live.extend(ask(&self.workers, worker, move |state, _, now| state.copies(&keys, now))?);
        }
        Ok(judge(&snapshot, (Ingress::Port(unit.port), tag), (request, &live), now))
    }

    fn drop_samples(&self, max: usize) -> Result<DropSamples, Error> {
        crate::trace::samples(self, max)
    }

    fn clear_drop_samples(&self) -> Result<(), Error> {
        crate::trace::clear_samples(self)
    }

    fn trace_start(&self, request: &TraceRequest) -> Result<TraceId, Error> {
        crate::trace::start(self, request)
    }

    fn trace_read(&self, id: TraceId, max: usize) -> Result<TraceBatch, Error> {
        crate::trace::read(self, id, max)
    }

    fn trace_stop(&self, id: TraceId) -> Result<(), Error> {
        crate::trace::stop(self, id)
    }
}

/// Runs a frame on a state of its own, so that nothing remains of it: with copies of the sessions that it may be of, and
/// behind the frames that are tried before it.
fn judge(
    snapshot: &Snapshot,
    (ingress, tag): (Ingress, Option<u16>),
    (request, live): (&InjectRequest, &[LiveSession]),
    now: Instant,
) -> Explanation {
    let limits = Limits { sessions: TRIAL_SESSIONS, events: 16 };
    let mut state = State::new(Steering::alone(&SCRATCH_SEED), &SCRATCH_SEED, 0, limits).for_trial();
    let shared = Shared::new(TRIAL_SESSIONS as u64, &SCRATCH_SEED);
    state.adopt(&snapshot.rules, &shared, now);
    live.iter().for_each(|live| state.plant(live, &shared, now));
    let (mut out, mut trace) = (Output::new(), Trace::default());
    for frame in request.before.iter().chain([&request.frame]) {
        trace.0.clear();
        let mut buffer = tagged(frame, tag);
        let len = buffer.len() - HEADROOM;
        let packet = Packet::new(&mut buffer, HEADROOM, len, ingress, Checksum::Unverified);
        step(snapshot, (&mut state, &shared), now, &mut [packet], &mut out, &mut trace);
    }
    let verdict = verdict(&snapshot.rules, out.verdicts.first().copied());
    Explanation { verdict, findings: findings(&trace.0, &snapshot.rules) }
}

/// A frame as the unit's port sees it, behind room for more.
fn tagged(frame: &[u8], tag: Option<u16>) -> Vec<u8> {
    let mut buffer = vec![0; HEADROOM];
    match (tag, frame.len() >= 12) {
        (Some(vlan), true) => {
            buffer.extend_from_slice(&frame[..12]);
            buffer.extend_from_slice(&[0x81, 0x00]);
            buffer.extend_from_slice(&vlan.to_be_bytes());
            buffer.extend_from_slice(&frame[12..]);
        }
        _ => buffer.extend_from_slice(frame),
    }
    buffer
}

pub(crate) fn verdict(rules: &Rules, verdict: Option<Verdict>) -> InjectVerdict {
    let name = |unit: InterfaceId| rules.unit(unit).map_or_else(String::new, |u| u.name.clone());
    match verdict {
        Some(Verdict::Send { egress: Egress::Port(_) | Egress::Peer(_), unit, .. }) => {
            InjectVerdict::Forward { interface: name(unit) }
        }
        Some(Verdict::Send { egress: Egress::Host(_), unit, .. }) => {
            InjectVerdict::Host { interface: name(unit) }
        }
        Some(Verdict::Drop(reason)) => InjectVerdict::Drop(reason),
        Some(Verdict::Consume | Verdict::HandOver(_)) => InjectVerdict::Consume,
        None => InjectVerdict::Drop(DropReason::NotReady),
    }
}
