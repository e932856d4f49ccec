//! What the daemon keeps: the life of commits, what they are applied to, and the names of what runs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ravelin_commit::{CommitError, Life, Note, Now};
use ravelin_forwarding::Names;
use ravelin_host::RouteTo;
use ravelin_model::InstanceType;
use ravelin_ops::{NameTable, NatAlarms, PolicyDescriptions};
use ravelin_store::{Directory, Record};
use ravelin_syntax::Tree;
use ravelin_types::{InstanceId, InterfaceId};
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::watch;

use super::trace::FlowTracer;
use super::works::Works;

/// The daemon's state behind one lock: an operator's line sees it whole.
pub struct Control {
    pub life: Life<Directory>,
    pub works: Works,
    /// Shared: a large one is not copied for whoever looks.
    pub names: Arc<NameTable>,
    pub host_name: String,
    pub alarms: NatAlarms,
    pub trace: Arc<FlowTracer>,
    /// Devices of the units that run, for probes.
    pub taps: BTreeMap<InterfaceId, String>,
    forwarding: watch::Sender<Names>,
    /// Counts planes that knew nothing: each is told of all routes.
    planes: u64,
    /// The state of `life` that the names are of.
    seen: u64,
}

impl Control {
    /// `directory`: where traces are written.
    pub fn new(
        life: Life<Directory>,
        works: Works,
        forwarding: watch::Sender<Names>,
        directory: PathBuf,
    ) -> Self {
        Self {
            life,
            works,
            names: Arc::default(),
            host_name: String::new(),
            alarms: NatAlarms::default(),
            trace: Arc::new(FlowTracer::new(directory)),
            taps: BTreeMap::new(),
            forwarding,
            planes: 0,
            seen: 0,
        }
    }

    /// Brings up what the store has.
    pub fn start(&mut self) -> Vec<Note> {
        let notes = self.life.start(&mut self.works, now());
        self.settle();
        notes
    }

    /// Does what is due: a commit that nobody confirmed, one that was scheduled, a consumer that owes something.
    pub fn tick(&mut self) -> Vec<Note> {
        let notes = self.life.tick(&mut self.works, now());
        self.settle();
        notes
    }

    /// Commits the first configuration of all.
    ///
    /// # Errors
    /// It is refused, or not enforced yet.
    pub fn first(&mut self, tree: &Arc<Tree>, record: Record) -> Result<(), CommitError> {
        let done = self.life.first(&mut self.works, (tree, record), now());
        self.settle();
        done
    }

    /// Applies the active configuration to a plane that was started anew.
    ///
    /// # Errors
    /// It does not fit this machine any more, or is owed.
    pub fn apply_active(&mut self) -> Result<(), CommitError> {
        self.planes += 1;
        let done = self.life.apply_active(&mut self.works, now());
        self.settle();
        done
    }

    /// Routing instances and their types.
    pub fn instances(&self) -> Vec<(String, String)> {
        let Some(active) = self.life.active() else { return Vec::new() };
        let all = active.valid.get().routing_instances.iter();
        all.map(|i| (i.name.clone(), i.kind.map_or("", InstanceType::as_str).to_owned())).collect()
    }

    /// Prefixes of the static routes that are active.
    pub fn static_prefixes(&self) -> Vec<(InstanceId, ipnet::IpNet)> {
        let Some(active) = self.life.active() else { return Vec::new() };
        let written = active.desired.routes.iter().filter(|route| !matches!(route.to, RouteTo::Link(_)));
        let led = active.desired.next_tables.keys().copied();
        written.map(|route| (route.table, route.prefix)).chain(led).collect()
    }

    /// What is said of each policy that something is said of.
    pub fn policy_descriptions(&self) -> PolicyDescriptions {
        let Some(active) = self.life.active() else { return PolicyDescriptions::new() };
        let policies = &active.valid.get().security.policies;
        let of_pairs = policies.pairs.iter().flat_map(|pair| {
            let zones = || Some([pair.from.clone(), pair.to.clone()]);
            pair.policies.iter().map(move |policy| (zones(), policy))
        });
        let all = of_pairs.chain(policies.global.iter().map(|global| (None, &global.policy)));
        let said = all.filter_map(|(zones, policy)| {
            let text = policy.description.as_deref()?;
            Some(((zones, policy.name.to_string()), text.to_owned()))
        });
        said.collect()
    }

    /// The scheduler of each policy that has one.
    pub fn schedulers_used(&self) -> Vec<String> {
        let Some(active) = self.life.active() else { return Vec::new() };
        let policies = &active.valid.get().security.policies;
        let all = policies.pairs.iter().flat_map(|pair| &pair.policies);
        let all = all.chain(policies.global.iter().map(|global| &global.policy));
        all.filter_map(|policy| policy.scheduler.as_deref().map(str::to_owned)).collect()
    }

    /// Takes over the names of what was applied, if anything was.
    pub fn settle(&mut self) {
        let Some(active) = self.life.active().filter(|_| self.seen != self.life.applied()) else { return };
        self.names = Arc::new(NameTable::new(&active.program));
        self.works.log.renamed(&self.names);
        self.works.dynamic.follow(active.dynamic.clone());
        self.host_name = active.valid.get().system.host_name.clone().unwrap_or_default();
        let interfaces = active.program.interfaces().cloned().unwrap_or_default();
        self.taps = interfaces.units.iter().map(|unit| (unit.id, unit.tap.clone())).collect();
        let is_apart = |unit: &&ravelin_program::Interface| unit.instance != InstanceId::DEFAULT;
        let names = Names {
            instances: interfaces.units.iter().filter(is_apart).map(|u| (u.id, u.instance)).collect(),
            next_tables: active.desired.next_tables.clone(),
            units: interfaces.units.into_iter().map(|unit| (unit.tap, unit.id)).collect(),
            ports: interfaces.ports.into_iter().map(|port| (port.device, port.id)).collect(),
            plane: self.planes,
        };
        self.forwarding.send_if_modified(|known| {
            let other = *known != names;
            *known = names;
            other
        });
        self.seen = self.life.applied();
    }
}

/// The daemon's clocks. The monotonic one goes on while the machine sleeps.
pub fn now() -> Now {
    static START: LazyLock<Duration> = LazyLock::new(since_boot);
    let wall_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
    Now { wall_s, mono: since_boot().saturating_sub(*START) }
}

fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs().try_into().unwrap_or(0))
}

/// The machine's boot, by the kernel's name for it.
pub fn boot() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}
