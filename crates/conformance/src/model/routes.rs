//! Where packets go: the longest prefix of all that are known in an instance, and on where that leads (routing-instance-4..11).

use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_model::{RoutingOptions, StaticAction};
use ravelin_types::DropReason;

use super::nat::Source;
use super::reply::Came;
use super::{Expected, HOST, Judgement, Model, Packet, Segment, Session, dropped};

/// Tables that a way may lead through, the first included.
const TABLES_MAX: usize = 8;

/// Where a prefix leads.
enum Leads {
    To(String),
    /// On, in the table of this instance.
    In(Option<String>),
}

impl Model<'_> {
    /// In an instance, or in the default one, a prefix leads to a unit from now on, or nowhere.
    pub fn set_route(&mut self, instance: Option<&str>, prefix: IpNet, unit: Option<&str>) {
        self.routes.retain(|(of, known, _)| (of.as_deref(), *known) != (instance, prefix));
        self.routes.extend(unit.map(|unit| (instance.map(str::to_owned), prefix, unit.to_owned())));
    }

    /// The instance that a zone's packets come in by: all its units are of one.
    #[must_use]
    pub fn instance_of(&self, zone: &str) -> Option<String> {
        let zone = self.config.security.zones.iter().find(|z| z.name == zone)?;
        let unit = zone.interfaces.first()?;
        self.config.instance_of(&unit.name).map(|instance| instance.name.clone())
    }

    /// Whether an address is the firewall's own to what comes from a zone.
    pub(super) fn is_own(&self, zone: &str, addr: IpAddr) -> bool {
        self.is_of(self.instance_of(zone).as_deref(), addr)
    }

    fn is_of(&self, instance: Option<&str>, addr: IpAddr) -> bool {
        self.units().any(|(unit, prefix)| prefix.addr() == addr && self.is_in(&unit, instance))
    }

    fn is_in(&self, unit: &str, instance: Option<&str>) -> bool {
        self.config.instance_of(unit).map(|i| i.name.as_str()) == instance
    }

    /// The unit by which what came from a zone leaves.
    pub(super) fn route(&self, zone: &str, dst: IpAddr) -> Option<String> {
        let mut instance = self.instance_of(zone);
        for table in 0..TABLES_MAX {
            // From another instance an address of the firewall is nowhere.
            if table > 0 && self.is_of(instance.as_deref(), dst) {
                return None;
            }
            match self.leads(instance.as_deref(), dst)? {
                Leads::To(unit) => return Some(unit),
                Leads::In(next) => instance = next,
            }
        }
        None
    }

    /// Where a packet goes that its session lets through, which is what it was before it.
    pub(super) fn passed(
        &mut self,
        came: Came<'_>,
        (packet, segment): (&Packet, Option<Segment>),
        (session, way): (&Session, usize),
    ) -> Judgement {
        let Session { inside, left, unit, from_zone, to_zone, .. } = session;
        let zones = [from_zone, to_zone];
        let beyond = zones[1 - way];
        if unit.is_none() && way == 0 || zones[0] == HOST && way == 1 {
            return Expected::Host.into();
        }
        if zones[way] == HOST {
            let source = Source::Is((packet.src, packet.sport));
            let to = (packet.dst, packet.dport);
            return Expected::Forward { unit: came.unit.to_owned(), source, to, tcp: packet.tcp }.into();
        }
        let to = if way == 0 { left.dst } else { inside.src };
        // Where the route leads now must be the zone that the policy judged; answers go by the routes of the opener (routing-instance-11).
        let way_out = self.route(zones[0], to).filter(|_| !self.is_own(zones[0], to));
        let Some(unit) = way_out else { return dropped(DropReason::NoRoute) };
        if self.zone_of(&unit).as_ref() != Some(beyond) {
            return dropped(DropReason::EgressNoZone);
        }
        if self.is_too_big(came, packet, &unit) {
            return dropped(DropReason::PacketTooBig);
        }
        let (source, to) = match way {
            0 => ((left.src, left.sport), (left.dst, left.dport)),
            _ => ((inside.dst, inside.dport), (inside.src, inside.sport)),
        };
        Expected::Forward { unit, source: Source::Is(source), to, tcp: segment }.into()
    }

    fn leads(&self, instance: Option<&str>, dst: IpAddr) -> Option<Leads> {
        let connected = self.units().filter(|(unit, _)| self.is_in(unit, instance));
        let connected = connected.map(|(unit, prefix)| (*prefix, Leads::To(unit)));
        let told = self.routes.iter().filter(|(of, ..)| of.as_deref() == instance);
        let told = told.map(|(_, prefix, unit)| (*prefix, Leads::To(unit.clone())));
        let written = self.options(instance).into_iter().flat_map(RoutingOptions::routes);
        let written = written.filter_map(|route| match &route.action {
            StaticAction::NextTable(table) => Some((route.prefix, Leads::In(table.instance.clone()))),
            // The worlds of the model have no other: they are told.
            StaticAction::NextHops(_) | StaticAction::Discard | StaticAction::Reject => None,
        });
        let covering = connected.chain(told).chain(written).filter(|(prefix, _)| prefix.contains(&dst));
        covering.max_by_key(|(prefix, _)| prefix.prefix_len()).map(|(_, leads)| leads)
    }

    fn options(&self, instance: Option<&str>) -> Option<&RoutingOptions> {
        match instance {
            None => Some(&self.config.routing_options),
            Some(name) => {
                let of = self.config.routing_instances.iter().find(|i| i.name == name)?;
                Some(&of.routing_options)
            }
        }
    }

    /// The networks of a unit, with its own addresses.
    pub(super) fn prefixes(&self, unit: &str) -> impl Iterator<Item = IpNet> {
        self.units().filter(move |(name, _)| name == unit).map(|(_, prefix)| *prefix)
    }

    fn units(&self) -> impl Iterator<Item = (String, &IpNet)> {
        self.config.interfaces.iter().flat_map(|interface| {
            interface.units.iter().flat_map(move |unit| {
                let name = format!("{}.{}", interface.name, unit.number);
                let families = [&unit.inet, &unit.inet6].into_iter().flatten();
                families.flat_map(|f| &f.addresses).map(move |a| (name.clone(), &a.prefix))
            })
        })
    }

    pub(super) fn own_address(&self, unit: &str, is_four: bool) -> Option<IpAddr> {
        let of_family = |a: &IpAddr| a.is_ipv4() == is_four;
        self.units().filter(|(name, _)| name == unit).map(|(_, p)| p.addr()).filter(of_family).min()
    }
}
