//! The contract, a request a call.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use ravelin_contract::{
    Admission, ApplyResult, BufferCounters, CarriedCounters, CounterClear, DataPlane, Diagnostics,
    DropSamples, Error, EventBatch, Explanation, FabricForwarding, FabricId, FabricState, FilterLog,
    FirewallClear, FirewallCounters, Global, GroupState, Ha, InjectRequest, InterfaceCounters,
    InterfacePorts, KeptFilter, KeptList, Link, MappingFilter, MappingList, MirrorCounters, NatClear,
    NatCounters, PolicyCounters, PolicyNames, PoolCounters, ScreenCounters, SessionStore, Status, Telemetry,
    TraceBatch, TraceId, TraceRequest, UnitScreenCounters, UpdateBatch, Updates,
};
use ravelin_program::Program;
use ravelin_types::{GroupId, MirrorId};

use super::{Client, Effort, PART, Repeat, odd};
use crate::convert::{Wire, decode_all};
use crate::proto;
use crate::proto::request::Call;
use crate::proto::response::Answer;

const EMPTY: proto::Empty = proto::Empty {};

impl Client {
    /// A call that only reads.
    pub(super) fn read(&self, call: Call) -> Result<Answer, Error> {
        self.call(call, Repeat::Safe, Effort::Light)
    }

    /// A call that changes something and has no result.
    pub(super) fn change(&self, call: Call, effort: Effort) -> Result<(), Error> {
        match self.call(call, Repeat::Never, effort)? {
            Answer::Done(_) => Ok(()),
            _ => Err(odd("change")),
        }
    }
}

impl DataPlane for Client {
    fn start(&self) -> Result<(), Error> {
        self.change(Call::Start(EMPTY), Effort::Heavy)
    }

    fn check_config(&self, program: &Program) -> Result<Admission, Error> {
        match self.hand_over(program, Call::CheckConfig, Repeat::Safe)? {
            Answer::Admission(admission) => Ok(Admission::from_message(admission)?),
            _ => Err(odd("check_config")),
        }
    }

    fn apply_config(&self, program: &Program) -> Result<ApplyResult, Error> {
        match self.hand_over(program, Call::ApplyConfig, Repeat::Never)? {
            Answer::Applied(result) => {
                let mut result = ApplyResult::from_message(result)?;
                if result.policy_names.is_empty() {
                    result.policy_names = PolicyNames::of(program);
                }
                Ok(result)
            }
            _ => Err(odd("apply_config")),
        }
    }

    /// `None` also when the packet process can't be asked, which is logged.
    fn last_apply_result(&self) -> Option<ApplyResult> {
        let asked = self.read(Call::LastApplyResult(EMPTY)).and_then(|answer| match answer {
            Answer::LastApplyResult(last) => Ok(last.result.map(ApplyResult::from_message).transpose()?),
            _ => Err(odd("last_apply_result")),
        });
        asked.unwrap_or_else(|error| {
            tracing::warn!(%error, "The last apply result could not be had.");
            None
        })
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn teardown(&self) -> Result<(), Error> {
        self.change(Call::Teardown(EMPTY), Effort::Heavy)
    }

    fn link(&self) -> &dyn Link {
        self
    }

    fn ha(&self) -> &dyn Ha {
        self
    }

    fn sessions(&self) -> &dyn SessionStore {
        self
    }

    fn telemetry(&self) -> &dyn Telemetry {
        self
    }

    fn diagnostics(&self) -> &dyn Diagnostics {
        self
    }

    fn updates(&self) -> &dyn Updates {
        self
    }
}

impl Updates for Client {
    fn apply(&self, batch: &UpdateBatch) -> Result<(), Error> {
        let mut last = batch.to_message();
        let mut parts = Vec::new();
        while last.routes.len() > PART || last.neighbours.len() > PART {
            let cut = |len: usize| len.saturating_sub(PART);
            let (routes, neighbours) = (cut(last.routes.len()), cut(last.neighbours.len()));
            let (routes, neighbours) = (last.routes.split_off(routes), last.neighbours.split_off(neighbours));
            parts.push(Call::UpdatePart(proto::UpdateBatch { routes, neighbours, ..Default::default() }));
        }
        // Cut off from the end: the first of them is the last.
        match self.in_parts(parts.into_iter().rev(), Call::ApplyUpdates(last))? {
            Answer::Done(_) => Ok(()),
            _ => Err(odd("apply_updates")),
        }
    }

    /// 0, as of a plane that has had none, also when the packet process can't be asked: the sender
    /// then starts over.
    fn version(&self) -> u64 {
        match self.read(Call::UpdatesVersion(EMPTY)) {
            Ok(Answer::Number(version)) => version,
            Ok(_) => 0,
            Err(error) => {
                tracing::warn!(%error, "The version of the updates could not be had.");
                0
            }
        }
    }
}

impl Telemetry for Client {
    fn global(&self) -> Result<Global, Error> {
        match self.read(Call::Global(EMPTY))? {
            Answer::Global(global) => Ok(Global::from_message(global)?),
            _ => Err(odd("global")),
        }
    }

    fn policies(&self) -> Result<Vec<PolicyCounters>, Error> {
        match self.read(Call::Policies(EMPTY))? {
            Answer::Policies(list) => Ok(decode_all(list.counters)?),
            _ => Err(odd("policies")),
        }
    }

    fn nat_rules(&self) -> Result<Vec<NatCounters>, Error> {
        match self.read(Call::NatRules(EMPTY))? {
            Answer::NatRules(list) => Ok(decode_all(list.counters)?),
            _ => Err(odd("nat_rules")),
        }
    }

    fn source_pools(&self) -> Result<Vec<PoolCounters>, Error> {
        match self.read(Call::SourcePools(EMPTY))? {
            Answer::SourcePools(list) => Ok(decode_all(list.counters)?),
            _ => Err(odd("source_pools")),
        }
    }

    fn interfaces(&self) -> Result<Vec<InterfaceCounters>, Error> {
        match self.read(Call::Interfaces(EMPTY))? {
            Answer::Interfaces(list) => Ok(decode_all(list.counters)?),
            _ => Err(odd("interfaces")),
        }
    }

    fn screens(&self) -> Result<Vec<ScreenCounters>, Error> {
        match self.read(Call::Screens(EMPTY))? {
            Answer::Screens(list) => Ok(decode_all(list.counters)?),
            _ => Err(odd("screens")),
        }
    }

    fn unit_screens(&self) -> Result<Vec<UnitScreenCounters>, Error> {
        match self.read(Call::UnitScreens(EMPTY))? {
            Answer::UnitScreens(list) => Ok(decode_all(list.counters)?),
            _ => Err(odd("unit_screens")),
        }
    }

    fn clear_counters(&self, what: &CounterClear) -> Result<(), Error> {
        self.change(Call::ClearCounters(what.to_message()), Effort::Light)
    }

    fn buffers(&self) -> Result<Vec<BufferCounters>, Error> {
        match self.read(Call::Buffers(EMPTY))? {
            Answer::Buffers(list) => Ok(crate::convert::known_buffers(&list)?),
            _ => Err(odd("buffers")),
        }
    }

    fn mirrors(&self) -> Result<Vec<MirrorCounters>, Error> {
        match self.read(Call::Mirrors(EMPTY))? {
            Answer::Mirrors(list) => Ok(decode_all(list.counters)?),
            _ => Err(odd("mirrors")),
        }
    }

    fn clear_mirrors(&self, mirrors: &[MirrorId]) -> Result<(), Error> {
        let ids = mirrors.iter().map(|id| id.0.into()).collect();
        self.change(Call::ClearMirrors(proto::MirrorIds { ids }), Effort::Light)
    }

    fn firewall(&self) -> Result<FirewallCounters, Error> {
        match self.read(Call::Firewall(EMPTY))? {
            Answer::Firewall(counters) => Ok(FirewallCounters::from_message(counters)?),
            _ => Err(odd("firewall")),
        }
    }

    fn firewall_log(&self) -> Result<FilterLog, Error> {
        match self.read(Call::FirewallLog(EMPTY))? {
            Answer::FirewallLog(log) => Ok(FilterLog::from_message(log)?),
            _ => Err(odd("firewall_log")),
        }
    }

    fn clear_firewall(&self, what: &FirewallClear) -> Result<(), Error> {
        self.change(Call::ClearFirewall(what.to_message()), Effort::Light)
    }

    fn persistent_mappings(&self, filter: &MappingFilter, most: usize) -> Result<MappingList, Error> {
        let filter = Some(filter.to_message());
        match self.read(Call::PersistentMappings(proto::MappingRequest { filter, most: most as u64 }))? {
            Answer::PersistentMappings(list) => Ok(MappingList::from_message(list)?),
            _ => Err(odd("persistent_mappings")),
        }
    }

    /// Not said again: what is cleared is counted once.
    fn clear_persistent_mappings(&self, filter: &MappingFilter) -> Result<u64, Error> {
        let call = Call::ClearPersistentMappings(filter.to_message());
        match self.call(call, Repeat::Never, Effort::Light)? {
            Answer::Number(cleared) => Ok(cleared),
            _ => Err(odd("clear_persistent_mappings")),
        }
    }

    fn kept_ports(&self, filter: &KeptFilter, most: usize) -> Result<KeptList, Error> {
        let filter = Some(filter.to_message());
        match self.read(Call::KeptPorts(proto::KeptRequest { filter, most: most as u64 }))? {
            Answer::KeptPorts(list) => Ok(KeptList::from_message(list)?),
            _ => Err(odd("kept_ports")),
        }
    }

    fn interface_ports(&self) -> Result<Vec<InterfacePorts>, Error> {
        match self.read(Call::InterfacePorts(EMPTY))? {
            Answer::InterfacePorts(list) => Ok(decode_all(list.ports)?),
            _ => Err(odd("interface_ports")),
        }
    }

    fn clear_nat(&self, what: &NatClear) -> Result<(), Error> {
        self.change(Call::ClearNat(what.to_message()), Effort::Light)
    }

    /// Not said again: it would count twice.
    fn carry_over(&self, counters: &CarriedCounters) -> Result<(), Error> {
        self.change(Call::CarryOver(counters.to_message()), Effort::Heavy)
    }

    /// Events are taken, not copied: when the answer is lost, so are they, and the caller is told.
    fn events(&self, max: usize) -> Result<EventBatch, Error> {
        match self.call(Call::Events(max as u64), Repeat::Never, Effort::Light)? {
            Answer::Events(batch) => Ok(EventBatch::from_message(batch)?),
            _ => Err(odd("events")),
        }
    }
}

impl Diagnostics for Client {
    fn status(&self) -> Result<Status, Error> {
        match self.read(Call::Status(EMPTY))? {
            Answer::Status(status) => Ok(Status::from_message(status)?),
            _ => Err(odd("status")),
        }
    }

    fn arm(&self, armed: bool) -> Result<(), Error> {
        self.change(Call::Arm(armed), Effort::Light)
    }

    fn inject_packet(&self, request: &InjectRequest) -> Result<Explanation, Error> {
        match self.read(Call::InjectPacket(request.to_message()))? {
            Answer::Explanation(explanation) => Ok(Explanation::from_message(explanation)?),
            _ => Err(odd("inject_packet")),
        }
    }

    fn drop_samples(&self, max: usize) -> Result<DropSamples, Error> {
        match self.read(Call::DropSamples(max as u64))? {
            Answer::DropSamples(list) => Ok(DropSamples::from_message(list)?),
            _ => Err(odd("drop_samples")),
        }
    }

    fn clear_drop_samples(&self) -> Result<(), Error> {
        self.change(Call::ClearDropSamples(EMPTY), Effort::Light)
    }

    fn trace_start(&self, request: &TraceRequest) -> Result<TraceId, Error> {
        match self.call(Call::TraceStart(request.to_message()), Repeat::Never, Effort::Light)? {
            Answer::Number(id) => Ok(TraceId(id)),
            _ => Err(odd("trace_start")),
        }
    }

    /// What was noted is taken, not copied: when the answer is lost, so is that.
    fn trace_read(&self, id: TraceId, max: usize) -> Result<TraceBatch, Error> {
        let read = proto::TraceRead { trace: id.0, max: max as u64 };
        match self.call(Call::TraceRead(read), Repeat::Never, Effort::Light)? {
            Answer::TraceBatch(batch) => Ok(TraceBatch::from_message(batch)?),
            _ => Err(odd("trace_read")),
        }
    }

    fn trace_stop(&self, id: TraceId) -> Result<(), Error> {
        self.change(Call::TraceStop(id.0), Effort::Light)
    }
}

impl Link for Client {
    fn defer_workers(&self, defer: bool) -> Result<(), Error> {
        self.change(Call::DeferWorkers(defer), Effort::Light)
    }

    fn prepare_link_cycle(&self) -> Result<(), Error> {
        self.change(Call::PrepareLinkCycle(EMPTY), Effort::Heavy)
    }

    fn notify_link_cycle(&self) -> Result<(), Error> {
        self.change(Call::NotifyLinkCycle(EMPTY), Effort::Heavy)
    }
}

impl Ha for Client {
    fn set_group_active(&self, group: GroupId, active: bool) -> Result<(), Error> {
        let group = proto::GroupActive { group: group.0.into(), active };
        self.change(Call::SetGroupActive(group), Effort::Light)
    }

    fn set_watchdog(&self, group: GroupId, timestamp_ns: u64) -> Result<(), Error> {
        let watchdog = proto::Watchdog { group: group.0.into(), timestamp_ns };
        self.change(Call::SetWatchdog(watchdog), Effort::Light)
    }

    fn groups(&self) -> Result<Vec<GroupState>, Error> {
        match self.read(Call::Groups(EMPTY))? {
            Answer::Groups(list) => Ok(crate::convert::known_groups(&list)?),
            _ => Err(odd("groups")),
        }
    }

    fn set_fabric_forwarding(&self, fabric: FabricId, to: &FabricForwarding) -> Result<(), Error> {
        let message = proto::FabricForwarding { fabric: fabric.0.into(), ..to.to_message() };
        self.change(Call::SetFabricForwarding(message), Effort::Light)
    }

    fn fabrics(&self) -> Result<Vec<FabricState>, Error> {
        match self.read(Call::Fabrics(EMPTY))? {
            Answer::Fabrics(list) => Ok(crate::convert::known_fabrics(list)?),
            _ => Err(odd("fabrics")),
        }
    }

    fn sync_fabric_state(&self) -> Result<(), Error> {
        self.change(Call::SyncFabricState(EMPTY), Effort::Light)
    }
}
