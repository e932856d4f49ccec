//! Mirroring as the packet path reads it: by port and unit, and instances by number.
//!
//! Built with the rules; immutable after. Spec: mirror-1..7, mirror-21..23.

use ravelin_program::{
    Interface, MirrorFilter, MirrorOutput, MirrorOutputs, MirrorSource, MirrorTo, Mirrors, Prefix,
};
use ravelin_types::{Addr, Family, InterfaceId, Mac, MirrorId, PortId};
use ravelin_wire::{Fragment, L4, Network};

use crate::rules::{BuildError, Rules};

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct MirrorTable {
    pub ingress: Sources,
    pub egress: Sources,
    pub filters: Vec<Filter>,
    targets: Vec<Option<Target>>,
    /// As the program tells it, for what is shown.
    pub program: Mirrors,
}

/// What is mirrored in one direction.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    ports: Vec<Option<MirrorId>>,
    units: Vec<Option<MirrorId>>,
}

/// Where an instance sends what it samples.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub rate: u32,
    pub run_length: u32,
    /// Bytes behind the link header.
    pub len_max: usize,
    pub(super) inet: Option<Way>,
    pub(super) inet6: Option<Way>,
    pub(super) other: Option<Way>,
}

impl Default for Target {
    fn default() -> Self {
        Self { rate: 1, run_length: 0, len_max: usize::MAX, inet: None, inet6: None, other: None }
    }
}

/// An output, resolved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub port: PortId,
    pub unit: Option<InterfaceId>,
    pub vlan: Option<u16>,
    /// The port's own address.
    pub station: Mac,
    /// Bytes behind the link header that the port carries.
    pub mtu: usize,
    pub to: MirrorTo,
}

/// A mirror filter.
#[derive(Debug)]
pub(crate) struct Filter {
    pub mirror: MirrorId,
    is: MirrorFilter,
    /// Units that the interfaces it names stand for; `None`: any.
    came_by: Option<Vec<InterfaceId>>,
    leaves_by: Option<Vec<InterfaceId>>,
}

impl MirrorTable {
    /// # Errors
    /// Something refers to nothing, or an interface is mirrored twice.
    pub(crate) fn build(program: &Mirrors, rules: &Rules) -> Result<Self, BuildError> {
        let mut table = Self { program: program.clone(), ..Self::default() };
        for mirror in &program.instances {
            let path = format!("forwarding-options port-mirroring instance {}", mirror.name);
            let target = Target {
                rate: mirror.rate.into(),
                run_length: mirror.run_length.into(),
                len_max: if mirror.len_max == 0 { usize::MAX } else { mirror.len_max.into() },
                ..Target::default()
            };
            let target = target.with_outputs(&mirror.outputs, rules, &path)?;
            if !mirror.enabled {
                continue;
            }
            put(&mut table.targets, mirror.id.index(), target, &path)?;
            for (sources, list) in
                [(&mut table.ingress, &mirror.ingress), (&mut table.egress, &mirror.egress)]
            {
                for source in list {
                    sources.add(*source, mirror.id, rules, &path)?;
                }
            }
        }
        for filter in &program.filters {
            let path = format!("security forwarding-options mirror-filter {}", filter.name);
            let outputs = MirrorOutputs { any: Some(filter.output), ..MirrorOutputs::default() };
            let target = Target::default().with_outputs(&outputs, rules, &path)?;
            put(&mut table.targets, filter.id.index(), target, &path)?;
            table.filters.push(Filter {
                mirror: filter.id,
                came_by: filter.interface_in.map(|source| units_of(source, rules)),
                leaves_by: filter.interface_out.map(|source| units_of(source, rules)),
                is: filter.clone(),
            });
        }
        Ok(table)
    }

    #[inline]
    pub(crate) fn target(&self, mirror: MirrorId) -> Option<&Target> {
        self.targets.get(mirror.index())?.as_ref()
    }

    /// One past the highest number.
    pub(crate) fn ids(&self) -> usize {
        self.program.counted().map(|(id, _, _)| id.index() + 1).max().unwrap_or(0)
    }
}

fn broken(path: &str, reason: &str) -> BuildError {
    BuildError { path: path.to_owned(), reason: reason.to_owned() }
}

fn put<T>(list: &mut Vec<Option<T>>, at: usize, item: T, path: &str) -> Result<(), BuildError> {
    if list.len() <= at {
        list.resize_with(at + 1, || None);
    }
    match list[at].replace(item) {
        None => Ok(()),
        Some(_) => Err(broken(path, "it is there twice")),
    }
}

fn units_of(source: MirrorSource, rules: &Rules) -> Vec<InterfaceId> {
    rules.units().filter(|unit| source.has(unit)).map(|unit| unit.id).collect()
}

impl Sources {
    pub(crate) fn is_empty(&self) -> bool {
        self.units.is_empty() && self.ports.is_empty()
    }

    /// The instance that mirrors a unit, or frames of a port that are no unit's.
    #[inline]
    pub(crate) fn of(&self, port: PortId, unit: Option<InterfaceId>) -> Option<MirrorId> {
        match unit {
            Some(unit) => *self.units.get(unit.index())?,
            None => *self.ports.get(port.index())?,
        }
    }

    fn add(
        &mut self,
        source: MirrorSource,
        mirror: MirrorId,
        rules: &Rules,
        path: &str,
    ) -> Result<(), BuildError> {
        let exists = match source {
            MirrorSource::Port(port) => rules.port(port).is_some(),
            MirrorSource::Unit(unit) => rules.unit(unit).is_some(),
        };
        if !exists {
            return Err(broken(path, "an interface it mirrors does not exist"));
        }
        if let MirrorSource::Port(port) = source {
            put(&mut self.ports, port.index(), mirror, path)?;
        }
        for unit in units_of(source, rules) {
            put(&mut self.units, unit.index(), mirror, path)?;
        }
        Ok(())
    }
}

impl Target {
    fn with_outputs(self, outputs: &MirrorOutputs, rules: &Rules, path: &str) -> Result<Self, BuildError> {
        let way = |family| outputs.of(family).map(|output| Way::of(output, rules, path)).transpose();
        Ok(Self { inet: way(Some(Family::V4))?, inet6: way(Some(Family::V6))?, other: way(None)?, ..self })
    }

    #[inline]
    pub(crate) fn way(&self, family: Option<Family>) -> Option<&Way> {
        match family {
            Some(Family::V4) => self.inet.as_ref(),
            Some(Family::V6) => self.inet6.as_ref(),
            None => self.other.as_ref(),
        }
    }
}

impl Way {
    fn of(output: &MirrorOutput, rules: &Rules, path: &str) -> Result<Self, BuildError> {
        let MirrorOutput { port, unit, to } = *output;
        let known = rules.port(port).ok_or_else(|| broken(path, "its output does not exist"))?;
        let of_unit = |id| {
            let unit: Option<&Interface> = rules.unit(id).filter(|unit| unit.port == port);
            unit.ok_or_else(|| broken(path, "its output is no unit of its port"))
        };
        let vlan = unit.map(of_unit).transpose()?.and_then(|unit| unit.vlan);
        Ok(Self { port, unit, vlan, station: Mac(known.mac), mtu: known.mtu.into(), to })
    }
}

impl Filter {
    /// Whether every condition holds of a packet that came by one unit and leaves by another. Spec: mirror-21, mirror-22.
    pub(crate) fn holds(
        &self,
        network: &Network,
        (came, leaves): (Option<InterfaceId>, InterfaceId),
    ) -> bool {
        let is = &self.is;
        let within = |prefix: &Prefix, addr: Addr| {
            prefix.family == network.family && (prefix.first..=prefix.last).contains(&addr)
        };
        let ports = ports(network);
        is.proto.is_none_or(|proto| proto == network.proto)
            && is.source.is_none_or(|prefix| within(&prefix, network.src))
            && is.destination.is_none_or(|prefix| within(&prefix, network.dst))
            && is.source_ports.is_none_or(|range| ports.is_some_and(|(sport, _)| range.contains(sport)))
            && is.destination_ports.is_none_or(|range| ports.is_some_and(|(_, dport)| range.contains(dport)))
            && self.came_by.as_ref().is_none_or(|units| came.is_some_and(|unit| units.contains(&unit)))
            && self.leaves_by.as_ref().is_none_or(|units| units.contains(&leaves))
    }
}

fn ports(network: &Network) -> Option<(u16, u16)> {
    if matches!(network.fragment, Fragment::Later { .. }) {
        return None;
    }
    match network.l4 {
        L4::Tcp { sport, dport, .. } | L4::Udp { sport, dport } | L4::Sctp { sport, dport } => {
            Some((sport, dport))
        }
        L4::Icmp { .. } | L4::Spi(_) | L4::Opaque => None,
    }
}
