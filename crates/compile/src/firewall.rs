//! `firewall` and where interfaces name it, to filters, policer instances and attachments.
//!
//! A filter is compiled once; one that is `interface-specific`, or whose policers belong to interfaces, once for each
//! place and direction that it stands at. Spec: firewall-filter-55..62, policer-21..23.

mod conditions;
mod nested;
mod policers;

use std::collections::HashMap;

use ravelin_filter::{FilterCounterId, Logging, Reject, Term, Terminal, Then};
use ravelin_model::{
    Family as FamilyConfig, FilterReject, FilterThen, FirewallFilter4, FirewallFilter6, Interface,
    LossPriorityWord, Unit,
};
use ravelin_policer::MeterKey;
use ravelin_program::{Direction, FilterAttachment, Firewall, FirewallFilter, FirewallTerm, Place};
use ravelin_types::{Family, ForwardingClassId, LossPriority, MeterId, MirrorId};

use crate::Compiler;

/// A filter of either family.
#[derive(Clone, Copy)]
enum Source<'a> {
    V4(&'a FirewallFilter4),
    V6(&'a FirewallFilter6),
}

/// A place that filters are compiled for on their own.
#[derive(Clone, Copy)]
struct Scope<'a> {
    interface: &'a Interface,
    unit: &'a Unit,
    direction: Direction,
}

/// What is compiled so far.
#[derive(Default)]
struct Build {
    out: Firewall,
    /// By the name of the instance.
    known: HashMap<String, u32>,
    meters: HashMap<MeterKey, MeterId>,
}

/// One instance of a filter being compiled.
struct Instance<'a> {
    family: Family,
    /// `inet/f-ge-0/0/0.0-i`: what its ids are known by.
    path: String,
    /// `-ge-0/0/0.0-i` behind counters and policers of an interface-specific filter.
    suffix: String,
    scope: Option<Scope<'a>>,
    id: u32,
    counters: Vec<(FilterCounterId, String)>,
}

impl<'a> Source<'a> {
    fn name(self) -> &'a str {
        match self {
            Self::V4(f) => &f.name,
            Self::V6(f) => &f.name,
        }
    }

    const fn family(self) -> Family {
        match self {
            Self::V4(_) => Family::V4,
            Self::V6(_) => Family::V6,
        }
    }

    const fn interface_specific(self) -> bool {
        match self {
            Self::V4(f) => f.interface_specific,
            Self::V6(f) => f.interface_specific,
        }
    }
}

impl Scope<'_> {
    fn unit_name(&self) -> String {
        format!("{}.{}", self.interface.name, self.unit.number)
    }

    const fn letter(&self) -> &'static str {
        match self.direction {
            Direction::Input => "i",
            Direction::Output => "o",
        }
    }
}

const fn word(family: Family) -> &'static str {
    match family {
        Family::V4 => "inet",
        Family::V6 => "inet6",
    }
}

impl<'a> Compiler<'a> {
    pub(crate) fn firewall(&mut self) -> Firewall {
        let config = self.config;
        let mut build = Build::default();
        let inet = config.firewall.filters4().map(Source::V4);
        for source in inet.chain(config.firewall.inet6.iter().map(Source::V6)) {
            // What stands nowhere is judged all the same.
            if !self.is_per_place(source) {
                self.instance(source, None, &mut build);
            }
        }
        for interface in &config.interfaces {
            for unit in &interface.units {
                for (family, config) in [(Family::V4, &unit.inet), (Family::V6, &unit.inet6)] {
                    let Some(config) = config else { continue };
                    for direction in [Direction::Input, Direction::Output] {
                        self.attach(Scope { interface, unit, direction }, (family, config), &mut build);
                    }
                }
                self.group(interface, unit, &mut build);
            }
        }
        build.out
    }

    fn source(&self, family: Family, name: &str) -> Option<Source<'a>> {
        let firewall = &self.config.firewall;
        match family {
            Family::V4 => firewall.filters4().find(|f| f.name == name).map(Source::V4),
            Family::V6 => firewall.inet6.iter().find(|f| f.name == name).map(Source::V6),
        }
    }

    /// Whether each place has an instance of its own.
    fn is_per_place(&self, source: Source<'_>) -> bool {
        source.interface_specific() || self.thens(source).into_iter().any(|then| self.polices_interface(then))
    }

    fn attach(&mut self, scope: Scope<'a>, (family, config): (Family, &'a FamilyConfig), build: &mut Build) {
        let (single, list, policer) = match scope.direction {
            Direction::Input => (&config.filter_input, &config.filter_input_list, &config.policer_input),
            Direction::Output => (&config.filter_output, &config.filter_output_list, &config.policer_output),
        };
        let names: Vec<&String> = single.iter().chain(list).collect();
        if names.is_empty() && policer.is_none() {
            return;
        }
        let is_routed = scope.direction == Direction::Input && scope.interface.name != "lo0";
        let mut filters = Vec::with_capacity(names.len());
        for name in names {
            let Some(source) = self.source(family, name) else { continue };
            if !is_routed && self.thens(source).iter().any(|then| then.routing_instance.is_some()) {
                let path = format!("interfaces {} family {} filter {name}", scope.unit_name(), word(family));
                let message = "then routing-instance is for packets that come in by an interface";
                self.error(path, scope.unit.at, message);
            }
            let scope = self.is_per_place(source).then_some(scope);
            filters.push(self.instance(source, scope, build));
        }
        let policer = policer.as_ref().and_then(|name| self.interface_policer(name, &scope, family, build));
        let place = if scope.interface.name == "lo0" {
            Place::Host
        } else {
            let name = scope.unit_name();
            Place::Unit(self.id(&format!("interfaces {name}"), |book| book.unit(&name)))
        };
        let direction = scope.direction;
        build.out.attachments.push(FilterAttachment { place, direction, family, filters, policer });
    }

    fn group(&mut self, interface: &Interface, unit: &Unit, build: &mut Build) {
        let groups = [&unit.inet, &unit.inet6].map(|family| family.as_ref().and_then(|f| f.filter_group));
        let path = format!("interfaces {} unit {} family inet6 filter group", interface.name, unit.number);
        if let [Some(inet), Some(inet6)] = groups
            && inet != inet6
        {
            self.error(path, unit.at, "families of one unit are in one group");
        }
        if let Some(group) = groups.into_iter().flatten().next() {
            let name = format!("{}.{}", interface.name, unit.number);
            let id = self.id(&format!("interfaces {name}"), |book| book.unit(&name));
            build.out.groups.push((id, group));
        }
    }

    /// The id of a filter, compiled when it is not yet.
    fn instance(&mut self, source: Source<'a>, scope: Option<Scope<'a>>, build: &mut Build) -> u32 {
        let of_place = scope.map(|s| format!("-{}-{}", s.unit_name(), s.letter())).unwrap_or_default();
        let suffix = if source.interface_specific() { of_place.clone() } else { String::new() };
        let family = source.family();
        let path = format!("{}/{}{of_place}", word(family), source.name());
        if let Some(id) = build.known.get(&path) {
            return *id;
        }
        let id = self.id("firewall", |book| book.filter(&path));
        build.known.insert(path.clone(), id);
        let name = format!("{}{suffix}", source.name());
        let mut instance = Instance { family, path, suffix, scope, id, counters: Vec::new() };
        let terms = match source {
            Source::V4(filter) => {
                let terms = self.terms4(filter).into_iter();
                terms.map(|(name, term)| self.term4(name, term, &mut instance, build)).collect()
            }
            Source::V6(filter) => {
                let terms = self.terms6(filter).into_iter();
                terms.map(|(name, term)| self.term6(name, term, &mut instance, build)).collect()
            }
        };
        let Instance { counters, .. } = instance;
        let filter = FirewallFilter { id, name, family, terms, counters };
        if let Err(error) = filter.build() {
            let at = match source {
                Source::V4(f) => f.at,
                Source::V6(f) => f.at,
            };
            let path = format!("firewall family {} filter {}", word(family), source.name());
            self.error(path, at, error.to_string());
        }
        build.out.filters.push(filter);
        id
    }

    fn term4(
        &mut self,
        name: String,
        term: &'a ravelin_model::FilterTerm4,
        instance: &mut Instance<'a>,
        build: &mut Build,
    ) -> FirewallTerm {
        let conditions = self.conditions4(term, instance);
        let then = self.then((&name, &term.then, term.reject), instance, build);
        FirewallTerm { name, term: Term { conditions, then } }
    }

    fn term6(
        &mut self,
        name: String,
        term: &'a ravelin_model::FilterTerm6,
        instance: &mut Instance<'a>,
        build: &mut Build,
    ) -> FirewallTerm {
        let conditions = self.conditions6(term, instance);
        let then = self.then((&name, &term.then, term.reject), instance, build);
        FirewallTerm { name, term: Term { conditions, then } }
    }

    fn then(
        &mut self,
        (term, then, reject): (&str, &'a FilterThen, Option<FilterReject>),
        instance: &mut Instance<'a>,
        build: &mut Build,
    ) -> Then {
        let FilterThen {
            accept: _,
            discard,
            next,
            count,
            log,
            syslog,
            policer: _,
            three_colour: _,
            forwarding_class,
            loss_priority,
            routing_instance,
            port_mirror,
            port_mirror_instance,
        } = then;
        let routed = routing_instance.as_ref().map(|name| self.instance_id("firewall", Some(name)));
        let mirror = match (port_mirror_instance, port_mirror) {
            (Some(name), _) => {
                let stable = format!("instance {name}");
                Some(self.id("firewall", |book| book.mirror(&stable)))
            }
            (None, true) => Some(MirrorId(0)),
            (None, false) => None,
        };
        let terminal = match (discard, next.is_some(), reject) {
            (true, _, _) => Terminal::Discard,
            (_, true, _) => Terminal::NextTerm,
            (_, _, Some(FilterReject::Plain)) => {
                Terminal::Reject(Reject::Icmp { code: prohibited(instance.family) })
            }
            (_, _, Some(FilterReject::Code(code))) => Terminal::Reject(Reject::Icmp { code }),
            (_, _, Some(FilterReject::TcpReset)) => Terminal::Reject(Reject::TcpReset),
            (false, false, None) => routed.map_or(Terminal::Accept, Terminal::RoutingInstance),
        };
        Then {
            terminal,
            count: count.as_ref().map(|name| self.counter(name, instance)),
            logging: Logging { buffer: *log, syslog: *syslog },
            meter: self.term_policer(term, then, instance, build),
            forwarding_class: forwarding_class.map(|class| ForwardingClassId(class.0)),
            loss_priority: loss_priority.map(priority),
            mirror,
            sample: false,
        }
    }

    /// A counter of a filter by its name: terms that name the same share it.
    fn counter(&mut self, name: &str, instance: &mut Instance<'_>) -> FilterCounterId {
        let shown = format!("{name}{}", instance.suffix);
        if let Some((id, _)) = instance.counters.iter().find(|(_, known)| *known == shown) {
            return *id;
        }
        // Instances for the sake of policers count as the one filter that they are to the operator.
        let filter = match instance.suffix.is_empty() {
            true => instance.base().to_owned(),
            false => instance.path.clone(),
        };
        let id = self.id("firewall", |book| book.filter_counter(&format!("{filter}/{shown}")));
        instance.counters.push((id, shown));
        id
    }
}

impl Instance<'_> {
    /// The filter's own name, without the place that it was compiled for.
    fn base(&self) -> &str {
        let place = self.scope.map(|s| format!("-{}-{}", s.unit_name(), s.letter()));
        place.and_then(|place| self.path.strip_suffix(&place)).unwrap_or(&self.path)
    }
}

/// Communication administratively prohibited (RFC 1812 5.2.7.1, RFC 4443 3.1).
const fn prohibited(family: Family) -> u8 {
    match family {
        Family::V4 => 13,
        Family::V6 => 1,
    }
}

pub(super) const fn priority(word: LossPriorityWord) -> LossPriority {
    match word {
        LossPriorityWord::Low => LossPriority::Low,
        LossPriorityWord::MediumLow => LossPriority::MediumLow,
        LossPriorityWord::MediumHigh => LossPriority::MediumHigh,
        LossPriorityWord::High => LossPriority::High,
    }
}
