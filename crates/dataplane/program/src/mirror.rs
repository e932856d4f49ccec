//! Port mirroring: what is copied, how much of it, and where copies go.
//!
//! Junos: `forwarding-options port-mirroring`, `security forwarding-options mirror-filter`. An instance's number is stable by name
//! over commits, 0 is the one without a name. Spec: mirror-1..24.

use ravelin_types::{Addr, Family, InterfaceId, Mac, MirrorId, PortId, Proto, RuleIdentity};

use crate::policy::Prefix;
use crate::{Interface, PortRange};

/// Mirror filters there may be at most. Spec: mirror-21.
pub const MIRROR_FILTERS_MAX: usize = 15;

/// An interface as mirroring names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MirrorSource {
    /// All of a physical interface.
    Port(PortId),
    Unit(InterfaceId),
}

/// What a copy's link header becomes. Spec: mirror-14, mirror-15, mirror-23.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MirrorTo {
    /// As it was.
    AsItIs,
    /// To the next hop's station; to all while that is unknown.
    NextHop(Family, Addr),
    Station(Mac),
}

/// Where copies leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MirrorOutput {
    pub port: PortId,
    /// `None`: the physical interface was named, and copies get no tag.
    pub unit: Option<InterfaceId>,
    pub to: MirrorTo,
}

/// An output for each family; `any` takes what the others don't.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MirrorOutputs {
    pub inet: Option<MirrorOutput>,
    pub inet6: Option<MirrorOutput>,
    pub any: Option<MirrorOutput>,
}

/// One instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    pub id: MirrorId,
    pub identity: RuleIdentity,
    /// Empty: the instance without a name.
    pub name: String,
    pub enabled: bool,
    /// One of so many packets; never 0.
    pub rate: u16,
    /// So many packets behind it too.
    pub run_length: u8,
    /// Bytes behind the link header; 0: all.
    pub len_max: u16,
    pub ingress: Vec<MirrorSource>,
    pub egress: Vec<MirrorSource>,
    pub outputs: MirrorOutputs,
}

/// A filter over what leaves; every condition that is there must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorFilter {
    /// What its copies are counted under: no instance has the number.
    pub id: MirrorId,
    pub identity: RuleIdentity,
    pub name: String,
    pub proto: Option<Proto>,
    pub source: Option<Prefix>,
    pub destination: Option<Prefix>,
    pub source_ports: Option<PortRange>,
    pub destination_ports: Option<PortRange>,
    pub interface_in: Option<MirrorSource>,
    pub interface_out: Option<MirrorSource>,
    pub output: MirrorOutput,
}

/// All mirroring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirrors {
    pub instances: Vec<Mirror>,
    pub filters: Vec<MirrorFilter>,
}

impl MirrorSource {
    /// Whether a unit is this, or part of it.
    #[must_use]
    pub fn has(self, unit: &Interface) -> bool {
        match self {
            Self::Port(port) => unit.port == port,
            Self::Unit(id) => unit.id == id,
        }
    }
}

impl MirrorOutputs {
    /// Where packets of a family go; `None` stands for frames that are no IP packets.
    #[must_use]
    pub fn of(&self, family: Option<Family>) -> Option<&MirrorOutput> {
        let own = match family {
            Some(Family::V4) => self.inet.as_ref(),
            Some(Family::V6) => self.inet6.as_ref(),
            None => None,
        };
        own.or(self.any.as_ref())
    }

    pub fn iter(&self) -> impl Iterator<Item = &MirrorOutput> {
        [&self.inet, &self.inet6, &self.any].into_iter().flatten()
    }
}

impl Mirrors {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty() && self.filters.is_empty()
    }

    /// Number, stable identity and name of everything that is counted.
    pub fn counted(&self) -> impl Iterator<Item = (MirrorId, RuleIdentity, &str)> {
        let instances = self.instances.iter().map(|m| (m.id, m.identity, m.name.as_str()));
        instances.chain(self.filters.iter().map(|f| (f.id, f.identity, f.name.as_str())))
    }
}
