//! One call on the plane, its answer as a message.

use std::collections::BTreeSet;

use ravelin_contract::{
    CarriedCounters, CarriedMapping, CloseReason, CounterClear, DataPlane, DeltaCursor, Error, ExportCursor,
    FabricForwarding, FabricId, FirewallClear, InjectRequest, MappingFilter, NatClear, SessionFilter,
    SessionKey, SessionRef, SyncedSession, TraceId, TraceRequest, UpdateBatch,
};

use ravelin_types::{GroupId, MirrorId, ZoneId};

use crate::convert::{Wire, decode_all, encode_all, part, small};
use crate::proto;
use crate::proto::request::Call;
use crate::proto::response::Answer;

/// Events and samples of one answer, whatever the client asks for.
const EVENTS_MAX: u64 = 4096;
const SAMPLES_MAX: u64 = 8192;
/// Whole sessions and changes of one answer.
const SESSIONS_MAX: u64 = 4096;
/// Mappings of one answer.
const MAPPINGS_MAX: u64 = 65_536;
/// Expected sessions of one answer.
const GATES_MAX: u64 = 4096;

/// Makes a call that is answered by one message.
pub(super) fn answer(plane: &dyn DataPlane, call: Call) -> Result<Answer, Error> {
    match call {
        Call::CheckConfig(_)
        | Call::ApplyConfig(_)
        | Call::Chunks(_)
        | Call::WalkSessions(_)
        | Call::UpdatePart(_)
        | Call::ReconcilePart(_) => unreachable!("the connection answers these itself"),
        Call::Start(_) => plane.start().map(done),
        Call::Teardown(_) => plane.teardown().map(done),
        Call::LastApplyResult(_) => {
            let result = plane.last_apply_result().as_ref().map(Wire::to_message);
            Ok(Answer::LastApplyResult(proto::LastApplyResult { result }))
        }
        Call::ApplyUpdates(batch) => plane.updates().apply(&UpdateBatch::from_message(batch)?).map(done),
        Call::UpdatesVersion(_) => Ok(Answer::Number(plane.updates().version())),
        Call::GetSession(_)
        | Call::PageSessions(_)
        | Call::PageGates(_)
        | Call::PutSynced(_)
        | Call::DeleteKnown(_)
        | Call::DeleteByKey(_)
        | Call::ClearSessions(_)
        | Call::CountSessions(_)
        | Call::ReconcileBulk(_) => sessions(plane, call),
        Call::DrainDeltas(_) | Call::ExportSessions(_) | Call::SweepProfile(_) | Call::Naming(_) => {
            deltas(plane, call)
        }
        Call::Global(_)
        | Call::Policies(_)
        | Call::NatRules(_)
        | Call::SourcePools(_)
        | Call::Interfaces(_)
        | Call::Screens(_)
        | Call::UnitScreens(_)
        | Call::ClearCounters(_)
        | Call::Buffers(_)
        | Call::Mirrors(_)
        | Call::ClearMirrors(_)
        | Call::Firewall(_)
        | Call::FirewallLog(_)
        | Call::ClearFirewall(_)
        | Call::Events(_) => telemetry(plane, call),
        Call::PageMappings(_)
        | Call::PutMappings(_)
        | Call::CarryOver(_)
        | Call::PersistentMappings(_)
        | Call::ClearPersistentMappings(_)
        | Call::KeptPorts(_)
        | Call::InterfacePorts(_)
        | Call::ClearNat(_) => mappings(plane, call),
        Call::Status(_)
        | Call::Arm(_)
        | Call::InjectPacket(_)
        | Call::DropSamples(_)
        | Call::ClearDropSamples(_)
        | Call::TraceStart(_)
        | Call::TraceRead(_)
        | Call::TraceStop(_) => diagnostics(plane, call),
        Call::DeferWorkers(_) | Call::PrepareLinkCycle(_) | Call::NotifyLinkCycle(_) => link(plane, &call),
        Call::SetGroupActive(_)
        | Call::SetWatchdog(_)
        | Call::SetFabricForwarding(_)
        | Call::Groups(_)
        | Call::Fabrics(_)
        | Call::SyncFabricState(_) => cluster(plane, call),
    }
}

fn telemetry(plane: &dyn DataPlane, call: Call) -> Result<Answer, Error> {
    match call {
        Call::Global(_) => Ok(Answer::Global(plane.telemetry().global()?.to_message())),
        Call::Policies(_) => {
            let counters = encode_all(&plane.telemetry().policies()?);
            Ok(Answer::Policies(proto::Policies { counters }))
        }
        Call::NatRules(_) => {
            let counters = encode_all(&plane.telemetry().nat_rules()?);
            Ok(Answer::NatRules(proto::NatRules { counters }))
        }
        Call::SourcePools(_) => {
            let counters = encode_all(&plane.telemetry().source_pools()?);
            Ok(Answer::SourcePools(proto::SourcePools { counters }))
        }
        Call::Interfaces(_) => {
            let counters = encode_all(&plane.telemetry().interfaces()?);
            Ok(Answer::Interfaces(proto::Interfaces { counters }))
        }
        Call::Screens(_) => {
            let counters = encode_all(&plane.telemetry().screens()?);
            Ok(Answer::Screens(proto::Screens { counters }))
        }
        Call::UnitScreens(_) => {
            let counters = encode_all(&plane.telemetry().unit_screens()?);
            Ok(Answer::UnitScreens(proto::UnitScreens { counters }))
        }
        Call::ClearCounters(what) => {
            plane.telemetry().clear_counters(&CounterClear::from_message(what)?).map(done)
        }
        Call::Buffers(_) => Ok(Answer::Buffers(crate::convert::buffers(&plane.telemetry().buffers()?))),
        Call::Mirrors(_) => {
            Ok(Answer::Mirrors(proto::Mirrors { counters: encode_all(&plane.telemetry().mirrors()?) }))
        }
        Call::ClearMirrors(list) => clear_mirrors(plane, &list),
        Call::Firewall(_) => Ok(Answer::Firewall(plane.telemetry().firewall()?.to_message())),
        Call::FirewallLog(_) => Ok(Answer::FirewallLog(plane.telemetry().firewall_log()?.to_message())),
        Call::ClearFirewall(what) => {
            plane.telemetry().clear_firewall(&FirewallClear::from_message(what)?).map(done)
        }
        Call::Events(max) => {
            Ok(Answer::Events(plane.telemetry().events(max.min(EVENTS_MAX) as usize)?.to_message()))
        }
        _ => unreachable!("only calls on telemetry come here"),
    }
}

fn link(plane: &dyn DataPlane, call: &Call) -> Result<Answer, Error> {
    let link = plane.link();
    match call {
        Call::DeferWorkers(defer) => link.defer_workers(*defer).map(done),
        Call::PrepareLinkCycle(_) => link.prepare_link_cycle().map(done),
        Call::NotifyLinkCycle(_) => link.notify_link_cycle().map(done),
        _ => unreachable!("no call of the link"),
    }
}

fn sessions(plane: &dyn DataPlane, call: Call) -> Result<Answer, Error> {
    let store = plane.sessions();
    match call {
        Call::GetSession(key) => {
            let found = store.get(&SessionKey::from_message(key)?)?;
            let session = found.as_ref().map(Wire::to_message);
            Ok(Answer::FoundSession(proto::FoundSession { session }))
        }
        Call::PutSynced(put) => {
            let sessions = decode_all::<SyncedSession>(put.sessions)?;
            Ok(Answer::PutResult(store.put_synced(&sessions)?.to_message()))
        }
        Call::ReconcileBulk(bulk) => {
            let received = decode_all::<SessionKey>(bulk.received)?;
            let owned: BTreeSet<u32> = bulk.owned_zones.into_iter().collect();
            let owns = |zone: ZoneId| owned.contains(&zone.0.into());
            Ok(Answer::Reconciled(store.reconcile_bulk(&received, &owns)?.to_message()))
        }
        Call::DeleteKnown(delete) => {
            let reason = CloseReason::from_message(delete.reason)?;
            let batch = decode_all::<SessionRef>(delete.batch)?;
            store.delete_known(&batch, reason).map(Answer::Number)
        }
        Call::DeleteByKey(delete) => {
            let reason = CloseReason::from_message(delete.reason)?;
            store.delete_by_key(&part("session key", delete.key)?, reason).map(Answer::Flag)
        }
        Call::ClearSessions(filter) => store.clear(&SessionFilter::from_message(filter)?).map(Answer::Number),
        Call::CountSessions(_) => store.count().map(Answer::Number),
        Call::PageSessions(proto::PageSessions { filter, from, max }) => {
            let (filter, from) = (part("filter", filter)?, part("cursor", from)?);
            let page = store.page(&filter, from, max.min(SESSIONS_MAX) as usize)?;
            Ok(Answer::SessionPage(page.to_message()))
        }
        Call::PageGates(proto::PageGates { filter, from, max }) => {
            let (filter, from) = (part("filter of expected sessions", filter)?, part("cursor", from)?);
            let page = store.gate_page(&filter, from, max.min(GATES_MAX) as usize)?;
            Ok(Answer::GatePage(page.to_message()))
        }
        _ => unreachable!("only calls on sessions come here"),
    }
}

fn deltas(plane: &dyn DataPlane, call: Call) -> Result<Answer, Error> {
    let deltas = plane.sessions().deltas()?;
    match call {
        Call::DrainDeltas(drain) => {
            let cursor = part::<DeltaCursor>("cursor", drain.cursor)?;
            let batch = deltas.drain(&cursor, drain.max.min(SESSIONS_MAX) as usize)?;
            Ok(Answer::Deltas(batch.to_message()))
        }
        Call::ExportSessions(export) => {
            let group = |group: u32| small("group", group).map(GroupId);
            let groups = export.groups.into_iter().map(group).collect::<Result<Vec<_>, _>>()?;
            let from = part::<ExportCursor>("cursor", export.from)?;
            let batch = deltas.export(&groups, from, export.max.min(SESSIONS_MAX) as usize)?;
            Ok(Answer::Export(batch.to_message()))
        }
        Call::Naming(_) => Ok(Answer::Naming(deltas.naming()?.to_message())),
        Call::SweepProfile(_) => Ok(Answer::SweepProfile(deltas.sweep_profile()?.to_message())),
        _ => unreachable!("only calls on changes come here"),
    }
}

fn diagnostics(plane: &dyn DataPlane, call: Call) -> Result<Answer, Error> {
    let diagnostics = plane.diagnostics();
    match call {
        Call::Status(_) => Ok(Answer::Status(diagnostics.status()?.to_message())),
        Call::Arm(armed) => diagnostics.arm(armed).map(done),
        Call::InjectPacket(request) => {
            let request = InjectRequest::from_message(request)?;
            Ok(Answer::Explanation(diagnostics.inject_packet(&request)?.to_message()))
        }
        Call::DropSamples(max) => {
            let samples = diagnostics.drop_samples(max.min(SAMPLES_MAX) as usize)?;
            Ok(Answer::DropSamples(samples.to_message()))
        }
        Call::ClearDropSamples(_) => diagnostics.clear_drop_samples().map(done),
        Call::TraceStart(request) => {
            let id = diagnostics.trace_start(&TraceRequest::from_message(request)?)?;
            Ok(Answer::Number(id.0))
        }
        Call::TraceRead(read) => {
            let batch = diagnostics.trace_read(TraceId(read.trace), read.max.min(SAMPLES_MAX) as usize)?;
            Ok(Answer::TraceBatch(batch.to_message()))
        }
        Call::TraceStop(id) => diagnostics.trace_stop(TraceId(id)).map(done),
        _ => unreachable!("only calls on diagnostics come here"),
    }
}

fn mappings(plane: &dyn DataPlane, call: Call) -> Result<Answer, Error> {
    let telemetry = plane.telemetry();
    match call {
        Call::PersistentMappings(asked) => {
            let filter = part("filter of mappings", asked.filter)?;
            let list = telemetry.persistent_mappings(&filter, asked.most.min(MAPPINGS_MAX) as usize)?;
            Ok(Answer::PersistentMappings(list.to_message()))
        }
        Call::ClearPersistentMappings(filter) => {
            let filter = MappingFilter::from_message(filter)?;
            telemetry.clear_persistent_mappings(&filter).map(Answer::Number)
        }
        Call::KeptPorts(asked) => {
            let filter = part("filter of kept ports", asked.filter)?;
            let list = telemetry.kept_ports(&filter, asked.most.min(MAPPINGS_MAX) as usize)?;
            Ok(Answer::KeptPorts(list.to_message()))
        }
        Call::InterfacePorts(_) => {
            let ports = encode_all(&telemetry.interface_ports()?);
            Ok(Answer::InterfacePorts(proto::InterfacePortsList { ports }))
        }
        Call::PageMappings(proto::PageMappings { from, max }) => {
            let page =
                plane.sessions().mapping_page(part("cursor", from)?, max.min(MAPPINGS_MAX) as usize)?;
            Ok(Answer::MappingPage(page.to_message()))
        }
        Call::PutMappings(page) => {
            let mappings = decode_all::<CarriedMapping>(page.mappings)?;
            plane.sessions().put_mappings(&mappings).map(Answer::Number)
        }
        Call::CarryOver(counters) => {
            telemetry.carry_over(&CarriedCounters::from_message(counters)?).map(done)
        }
        Call::ClearNat(what) => telemetry.clear_nat(&NatClear::from_message(what)?).map(done),
        _ => unreachable!("only calls on mappings come here"),
    }
}

fn cluster(plane: &dyn DataPlane, call: Call) -> Result<Answer, Error> {
    let ha = plane.ha();
    match call {
        Call::SetGroupActive(group) => {
            ha.set_group_active(GroupId(small("group", group.group)?), group.active).map(done)
        }
        Call::SetWatchdog(watchdog) => {
            ha.set_watchdog(GroupId(small("group", watchdog.group)?), watchdog.timestamp_ns).map(done)
        }
        Call::SetFabricForwarding(to) => {
            let fabric = FabricId(small("fabric", to.fabric)?);
            ha.set_fabric_forwarding(fabric, &FabricForwarding::from_message(to)?).map(done)
        }
        Call::Groups(_) => Ok(Answer::Groups(crate::convert::groups(&ha.groups()?))),
        Call::Fabrics(_) => Ok(Answer::Fabrics(crate::convert::fabrics(&ha.fabrics()?))),
        Call::SyncFabricState(_) => ha.sync_fabric_state().map(done),
        _ => unreachable!("only calls on the cluster come here"),
    }
}

fn done((): ()) -> Answer {
    Answer::Done(proto::Empty {})
}

fn clear_mirrors(plane: &dyn DataPlane, list: &proto::MirrorIds) -> Result<Answer, Error> {
    let ids: Result<Vec<_>, _> = list.ids.iter().map(|id| small("mirror id", *id).map(MirrorId)).collect();
    plane.telemetry().clear_mirrors(&ids?).map(done)
}
