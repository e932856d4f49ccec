//! `forwarding-options port-mirroring` and `security forwarding-options mirror-filter` to mirrors.
//!
//! Names are resolved first, and compared after: an interface has Junos' name, the Linux device, and the name with `-` for `/`.
//! Spec: mirror-3..7, mirror-21..23.

use std::net::IpAddr;

use ravelin_model::{MirrorFamily, MirrorInterface, MirrorTarget};
use ravelin_program::{
    Mirror, MirrorFilter, MirrorOutput, MirrorOutputs, MirrorSource, MirrorTo, Mirrors, PortRange, Prefix,
};
use ravelin_syntax::Span;
use ravelin_types::{Addr, Mac, MirrorId, Proto, RuleIdentity};

use crate::Compiler;
use crate::book::identity;

/// An interface that mirroring names, once it is known which one.
#[derive(Clone, Debug)]
struct Place {
    port: String,
    /// `None`: all of the port.
    unit: Option<u32>,
}

/// A place and the statement that names it.
struct Named {
    place: Place,
    path: String,
    at: Span,
}

/// Every interface that is mirrored, and every output.
#[derive(Default)]
struct Used {
    ingress: Vec<Named>,
    egress: Vec<Named>,
    outputs: Vec<Named>,
}

/// What the counters of `instance NAME` or `filter NAME` are known by; the instance without a name is `instance `.
#[must_use]
pub fn mirror_identity(stable: &str) -> RuleIdentity {
    identity(&format!("mirror {stable}"))
}

impl Place {
    fn overlaps(&self, other: &Self) -> bool {
        self.port == other.port && (self.unit.is_none() || other.unit.is_none() || self.unit == other.unit)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.unit {
            Some(unit) => write!(f, "{}.{unit}", self.port),
            None => self.port.fmt(f),
        }
    }
}

impl Compiler<'_> {
    pub(crate) fn mirrors(&mut self) -> Mirrors {
        let config = self.config;
        let mirroring = &config.forwarding_options.port_mirroring;
        let mut used = Used::default();
        let mut out = Mirrors::default();
        for (path, name, target) in mirroring.all() {
            let enabled = !target.disable && !mirroring.disable_all;
            let instance = self.mirror((&path, name), target, enabled, &mut used);
            out.instances.push(instance);
        }
        for filter in &config.security.mirror_filters {
            let filter = self.mirror_filter(filter, &mut used);
            out.filters.extend(filter);
        }
        self.no_loops(&used);
        out
    }

    fn mirror(
        &mut self,
        (path, name): (&str, &str),
        target: &MirrorTarget,
        enabled: bool,
        used: &mut Used,
    ) -> Mirror {
        let stable = format!("instance {name}");
        let id = if name.is_empty() { MirrorId(0) } else { self.id(path, |book| book.mirror(&stable)) };
        let input = &target.input;
        let sources = |compiler: &mut Self, word: &str, list: &[MirrorInterface], seen: &mut Vec<Named>| {
            let of = |one: &MirrorInterface| {
                let path = format!("{path} input {word} interface {}", one.name);
                compiler.mirrored(&one.name, (path, one.at), seen)
            };
            list.iter().filter_map(of).collect()
        };
        let ingress = sources(self, "ingress", &input.ingress, &mut used.ingress);
        let egress = sources(self, "egress", &input.egress, &mut used.egress);
        let outputs = MirrorOutputs {
            inet: self.family_output(&format!("{path} family inet"), &target.inet, used),
            inet6: self.family_output(&format!("{path} family inet6"), &target.inet6, used),
            any: match &target.output {
                Some(name) => {
                    let path = format!("{path} output interface {name}");
                    self.output(name, None, (path, target.at), used)
                }
                None => self.family_output(&format!("{path} family any"), &target.any, used),
            },
        };
        Mirror {
            id,
            identity: mirror_identity(&stable),
            name: name.to_owned(),
            enabled,
            rate: input.rate.unwrap_or(1).max(1),
            run_length: input.run_length.unwrap_or(0),
            len_max: input.maximum_packet_length.unwrap_or(0),
            ingress,
            egress,
            outputs,
        }
    }

    /// An interface that is mirrored in one direction, and by nobody else.
    fn mirrored(
        &mut self,
        name: &str,
        (path, at): (String, Span),
        seen: &mut Vec<Named>,
    ) -> Option<MirrorSource> {
        let place = self.place(name, &path, at)?;
        if let Some(other) = seen.iter().find(|other| other.place.overlaps(&place)) {
            let message = format!("{place} is mirrored already, by [{}]", other.path);
            self.error(path, at, message);
            return None;
        }
        let source = self.mirror_source(&place, &path);
        seen.push(Named { place, path, at });
        Some(source)
    }

    fn mirror_source(&mut self, place: &Place, path: &str) -> MirrorSource {
        match place.unit {
            None => MirrorSource::Port(self.id(path, |book| book.port(&place.port))),
            Some(_) => MirrorSource::Unit(self.id(path, |book| book.unit(&place.to_string()))),
        }
    }

    fn family_output(&mut self, path: &str, family: &MirrorFamily, used: &mut Used) -> Option<MirrorOutput> {
        let output = family.outputs.first()?;
        let path = format!("{path} output interface {}", output.name);
        self.output(&output.name, output.next_hops.first().copied(), (path, output.at), used)
    }

    fn output(
        &mut self,
        name: &str,
        next_hop: Option<IpAddr>,
        (path, at): (String, Span),
        used: &mut Used,
    ) -> Option<MirrorOutput> {
        let place = self.place(name, &path, at)?;
        let port = self.id(&path, |book| book.port(&place.port));
        let unit = place.unit.map(|_| self.id(&path, |book| book.unit(&place.to_string())));
        let to = match next_hop {
            None => MirrorTo::AsItIs,
            Some(_) if unit.is_none() => {
                self.error(&path, at, "a next hop needs a logical interface, with its unit");
                MirrorTo::AsItIs
            }
            Some(hop) => {
                let (family, addr) = Addr::from_ip(hop);
                MirrorTo::NextHop(family, addr)
            }
        };
        used.outputs.push(Named { place, path, at });
        Some(MirrorOutput { port, unit, to })
    }

    fn mirror_filter(
        &mut self,
        filter: &ravelin_model::MirrorFilter,
        used: &mut Used,
    ) -> Option<MirrorFilter> {
        let path = format!("security forwarding-options mirror-filter {}", filter.name);
        let place = |compiler: &mut Self, word: &str, name: &Option<String>| {
            let path = format!("{path} {word}");
            let place = compiler.place(name.as_deref()?, &path, filter.at)?;
            Some((compiler.mirror_source(&place, &path), place))
        };
        let interface_in = place(self, "interface-in", &filter.interface_in);
        let interface_out = place(self, "interface-out", &filter.interface_out);
        let output_path = format!("{path} output interface");
        let output = self.output(filter.output.as_deref()?, None, (output_path.clone(), filter.at), used)?;
        if let (Some((_, leaves)), Some(last)) = (&interface_out, used.outputs.last())
            && leaves.overlaps(&last.place)
        {
            let message = format!("{} is what [{path} interface-out] mirrors", last.place);
            self.error(output_path, filter.at, message);
        }
        let ports = |range: &ravelin_model::PortRange| PortRange { low: range.low, high: range.high };
        let mac = filter.destination_mac.as_ref()?.parse::<Mac>().ok()?;
        let stable = format!("filter {}", filter.name);
        Some(MirrorFilter {
            id: self.id(&path, |book| book.mirror(&stable)),
            identity: mirror_identity(&stable),
            name: filter.name.clone(),
            proto: filter.protocol.map(|p| Proto(p.0)),
            source: filter.source.map(Prefix::from),
            destination: filter.destination.map(Prefix::from),
            source_ports: filter.source_ports.as_ref().map(ports),
            destination_ports: filter.destination_ports.as_ref().map(ports),
            interface_in: interface_in.map(|(source, _)| source),
            interface_out: interface_out.map(|(source, _)| source),
            output: MirrorOutput { to: MirrorTo::Station(mac), ..output },
        })
    }

    /// An output that is mirrored itself would fill the link with copies of what it should watch.
    fn no_loops(&mut self, used: &Used) {
        for output in &used.outputs {
            let sources = used.ingress.iter().chain(&used.egress);
            if let Some(source) = sources.into_iter().find(|source| source.place.overlaps(&output.place)) {
                let message =
                    format!("{} can't take copies: it is mirrored, by [{}]", output.place, source.path);
                self.error(&output.path, output.at, message);
            }
        }
    }

    /// The interface of the configuration that a name means.
    fn place(&mut self, name: &str, path: &str, at: Span) -> Option<Place> {
        let whole = self.port_named(name).map(|port| Place { port, unit: None });
        let place = whole.or_else(|| {
            let (port, unit) = name.rsplit_once('.')?;
            let (port, unit) = (self.port_named(port)?, unit.parse().ok()?);
            let interface = self.config.interfaces.iter().find(|i| i.name == port)?;
            interface.units.iter().any(|u| u.number == unit).then_some(Place { port, unit: Some(unit) })
        });
        let Some(place) = place else {
            let message = format!("interface `{name}' must be configured under [edit interfaces]");
            self.error(path, at, message);
            return None;
        };
        if ["lo0", "fxp0"].contains(&place.port.as_str()) {
            self.error(path, at, format!("{} carries no packets that are forwarded", place.port));
            return None;
        }
        Some(place)
    }

    /// Junos' name of a configured interface under any of its names.
    fn port_named(&self, name: &str) -> Option<String> {
        let has = |interface: &&ravelin_model::Interface| {
            interface.name == name
                || interface.name.replace('/', "-") == name
                || self.resolved.0.get(&interface.name).is_some_and(|port| port.device == name)
        };
        self.config.interfaces.iter().find(has).map(|interface| interface.name.clone())
    }
}
