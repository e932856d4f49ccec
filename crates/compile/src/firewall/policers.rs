//! Instances of policers: one for each place that Junos keeps a count of its own for. Spec: policer-21, policer-22.

use ravelin_model::{FilterThen, Policer, Scaled, ThreeColourPolicer};
use ravelin_policer::{Awareness, Exceeding, Limit, MeterKey, Spec};
use ravelin_program::PolicerInstance;
use ravelin_syntax::Span;
use ravelin_types::{Family, ForwardingClassId, MeterId};

use super::{Build, Instance, Scope, priority, word};
use crate::Compiler;
use crate::book::identity;

/// A policer of either kind.
struct Named<'a> {
    name: &'a str,
    path: String,
    at: Span,
    filter_specific: bool,
    logical: bool,
    physical: bool,
    spec: Spec,
    /// The rate is this part of the interface's.
    percent: Option<u8>,
}

/// Absent numbers were refused before; nothing passes what is zero.
fn number(scaled: Option<Scaled>) -> u64 {
    scaled.map_or(0, |n| n.0)
}

const fn awareness(aware: bool) -> Awareness {
    if aware { Awareness::ColourAware } else { Awareness::ColourBlind }
}

fn two_colour(policer: &Policer) -> Named<'_> {
    let Policer { name, filter_specific, logical, physical, exceeding, exceeding_pps, then, at } = policer;
    let limit = match (exceeding, exceeding_pps) {
        (_, Some(pps)) => Limit::Packets { per_second: number(pps.packets), burst: number(pps.burst) },
        (bits, None) => Limit::Bits {
            per_second: number(bits.as_ref().and_then(|b| b.bandwidth)),
            burst_bytes: number(bits.as_ref().and_then(|b| b.burst)),
        },
    };
    let exceeding = match then.discard {
        true => Exceeding::Discard,
        false => Exceeding::Mark {
            loss_priority: then.loss_priority.map(priority),
            forwarding_class: then.forwarding_class.map(|class| ForwardingClassId(class.0)),
        },
    };
    let percent = policer.exceeding.as_ref().and_then(|limit| limit.percent);
    Named {
        name,
        percent,
        path: format!("firewall policer {name}"),
        at: *at,
        filter_specific: *filter_specific,
        logical: *logical,
        physical: *physical,
        spec: Spec::TwoColour { limit, exceeding },
    }
}

fn three_colour(policer: &ThreeColourPolicer) -> Named<'_> {
    let ThreeColourPolicer { name, filter_specific, logical, physical, red, single_rate, two_rate, at } =
        policer;
    let discard_red = red.iter().any(|red| red.discard);
    let spec = match (single_rate, two_rate) {
        (_, Some(rate)) => Spec::TwoRate {
            awareness: awareness(rate.colouring.aware),
            committed_rate: number(rate.committed_rate),
            committed_burst: number(rate.committed_burst),
            peak_rate: number(rate.peak_rate),
            peak_burst: number(rate.peak_burst),
            discard_red,
        },
        (rate, None) => {
            let rate = rate.clone().unwrap_or_default();
            Spec::SingleRate {
                awareness: awareness(rate.colouring.aware),
                committed_rate: number(rate.committed_rate),
                committed_burst: number(rate.committed_burst),
                excess_burst: number(rate.excess_burst),
                discard_red,
            }
        }
    };
    Named {
        name,
        percent: None,
        path: format!("firewall three-color-policer {name}"),
        at: *at,
        filter_specific: *filter_specific,
        logical: *logical,
        physical: *physical,
        spec,
    }
}

impl<'a> Compiler<'a> {
    /// The policer that a term names.
    fn named(&self, then: &FilterThen) -> Option<Named<'a>> {
        let firewall = &self.config.firewall;
        if let Some(name) = &then.policer {
            return firewall.policers.iter().find(|p| p.name == *name).map(two_colour);
        }
        let colours = &then.three_colour;
        let name = colours.single_rate.as_ref().or(colours.two_rate.as_ref())?;
        firewall.three_colour.iter().find(|p| p.name == *name).map(three_colour)
    }

    /// Whether a term's policer belongs to the interface that packets pass.
    pub(super) fn polices_interface(&self, then: &FilterThen) -> bool {
        self.named(then).is_some_and(|policer| policer.logical || policer.physical)
    }

    pub(super) fn term_policer(
        &mut self,
        term: &str,
        then: &FilterThen,
        instance: &Instance<'a>,
        build: &mut Build,
    ) -> Option<MeterId> {
        let mut policer = self.named(then)?;
        if let Some(scope) = instance.scope {
            self.part_of(&mut policer, &scope);
        } else if policer.percent.is_some() {
            // It stands nowhere: no interface has a rate for it yet.
            return None;
        }
        let Instance { path, suffix, scope, id, .. } = instance;
        let path = if suffix.is_empty() { instance.base() } else { path };
        let (place, shown) = match scope {
            Some(scope) if policer.logical => of_unit(&policer, scope),
            Some(scope) if policer.physical => of_port(&policer, scope),
            _ if policer.filter_specific => (format!("filter {path}"), format!("{}{suffix}", policer.name)),
            _ => (format!("filter {path} term {term}"), format!("{}-{term}{suffix}", policer.name)),
        };
        Some(self.meter(&policer, (&place, shown), Some(*id), build))
    }

    pub(super) fn interface_policer(
        &mut self,
        name: &str,
        scope: &Scope<'_>,
        family: Family,
        build: &mut Build,
    ) -> Option<MeterId> {
        let mut policer = self.config.firewall.policers.iter().find(|p| p.name == name).map(two_colour)?;
        self.part_of(&mut policer, scope);
        let (place, shown) = if policer.logical {
            of_unit(&policer, scope)
        } else {
            let (unit, family, way) = (scope.unit_name(), word(family), scope.letter());
            (format!("interface {unit} {family} {way}"), format!("{name}-{unit}-{family}-{way}"))
        };
        Some(self.meter(&policer, (&place, shown), None, build))
    }

    /// Gives a policer its part of what the interface can carry. Spec: policer-25.
    fn part_of(&mut self, policer: &mut Named<'_>, scope: &Scope<'_>) {
        let Some(percent) = policer.percent else { return };
        let port = self.resolved.0.get(&scope.interface.name);
        let Some(speed) = port.and_then(|port| port.speed_bps) else {
            let path = format!("{} if-exceeding bandwidth-percent", policer.path);
            let message = format!("the speed of interface `{}' is not known", scope.interface.name);
            self.error(path, policer.at, message);
            return;
        };
        if let Spec::TwoColour { limit: Limit::Bits { per_second, .. }, .. } = &mut policer.spec {
            *per_second = speed / 100 * u64::from(percent);
        }
    }

    fn meter(
        &mut self,
        policer: &Named<'_>,
        (place, name): (&str, String),
        filter: Option<u32>,
        build: &mut Build,
    ) -> MeterId {
        let key = MeterKey { policer: identity(&policer.path), place: identity(place) };
        if let Some(id) = build.meters.get(&key) {
            return *id;
        }
        if let Err(error) = policer.spec.check() {
            self.error(policer.path.clone(), policer.at, error.to_string());
        }
        let id = MeterId(build.out.policers.len() as u32);
        build.meters.insert(key, id);
        build.out.policers.push(PolicerInstance { name, filter, key, spec: policer.spec });
        id
    }
}

/// One for all families of a unit.
fn of_unit(policer: &Named<'_>, scope: &Scope<'_>) -> (String, String) {
    let (unit, way) = (scope.unit_name(), scope.letter());
    (format!("unit {unit} {way}"), format!("{}-{unit}-log_int-{way}", policer.name))
}

/// One for all units of an interface.
fn of_port(policer: &Named<'_>, scope: &Scope<'_>) -> (String, String) {
    let (port, way) = (&scope.interface.name, scope.letter());
    (format!("interface {port} {way}"), format!("{}-{port}-phy_int-{way}", policer.name))
}
