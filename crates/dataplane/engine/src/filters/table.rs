//! The filters of a program, built, and where they stand.

use std::sync::Arc;

use ravelin_filter::Filter;
use ravelin_policer::{Meter, Meters};
use ravelin_program::{Direction, FilterAttachment, Firewall, FirewallFilter, Place, PolicerInstance};
use ravelin_types::{Family, Instant, InterfaceId, MeterId};

use crate::rules::BuildError;

/// What packets of one family pass on one way.
#[derive(Debug)]
pub(crate) struct Chain {
    /// With their ids.
    pub filters: Box<[(u32, Arc<Filter>)]>,
    pub policer: Option<MeterId>,
}

/// By family, then direction.
type Chains = [[Option<Arc<Chain>>; 2]; 2];

/// A filter as configured, and built.
#[derive(Debug)]
struct Known {
    source: FirewallFilter,
    built: Arc<Filter>,
}

/// Built by the control thread, read by workers.
#[derive(Debug, Default)]
pub(crate) struct FilterTable {
    /// Nothing stands anywhere.
    pub is_off: bool,
    known: Vec<Known>,
    units: Vec<Chains>,
    host: Chains,
    groups: Vec<u8>,
    policers: Vec<PolicerInstance>,
    meters: Meters,
    /// One past the highest counter.
    pub counters: usize,
}

const fn family_at(family: Family) -> usize {
    match family {
        Family::V4 => 0,
        Family::V6 => 1,
    }
}

impl FilterTable {
    /// Builds the filters of a program. A filter that is as it was is taken from `before`, and so are the tokens of
    /// a policer.
    ///
    /// # Errors
    /// A filter or policer can't be, or an id names nothing.
    pub(crate) fn build(firewall: &Firewall, before: Option<&Self>, workers: u8) -> Result<Self, BuildError> {
        let broken = |path: String, reason: String| BuildError { path, reason };
        let mut known = Vec::with_capacity(firewall.filters.len());
        for source in &firewall.filters {
            let old = before.and_then(|b| b.known.iter().find(|k| k.source == *source));
            let built = match old {
                Some(old) => Arc::clone(&old.built),
                None => {
                    let path = || format!("firewall filter {}", source.name);
                    Arc::new(source.build().map_err(|error| broken(path(), error.to_string()))?)
                }
            };
            known.push(Known { source: source.clone(), built });
        }
        let specs: Vec<_> = firewall.policers.iter().map(|p| (p.key, p.spec)).collect();
        let none = Meters::default();
        let running = before.map_or(&none, |b| &b.meters);
        // A bucket is full from the beginning of time on: that is what it would be when made now.
        let meters = Meters::build(&specs, running, workers, Instant::ZERO)
            .map_err(|error| broken("firewall policer".into(), error.to_string()))?;
        let mut table = Self {
            is_off: firewall.attachments.is_empty(),
            counters: firewall
                .filters
                .iter()
                .flat_map(|f| &f.counters)
                .map(|(id, _)| id.0 as usize + 1)
                .max()
                .unwrap_or(0),
            known,
            policers: firewall.policers.clone(),
            meters,
            ..Self::default()
        };
        for attachment in &firewall.attachments {
            table.attach(attachment)?;
        }
        for (unit, group) in &firewall.groups {
            grow(&mut table.groups, unit.index());
            table.groups[unit.index()] = *group;
        }
        Ok(table)
    }

    fn attach(&mut self, attachment: &FilterAttachment) -> Result<(), BuildError> {
        let FilterAttachment { place, direction, family, filters, policer } = attachment;
        let broken = |reason: String| BuildError { path: "interfaces".into(), reason };
        let mut chain = Vec::with_capacity(filters.len());
        for id in filters {
            let known = self.known.iter().find(|k| k.source.id == *id && k.source.family == *family);
            let known = known.ok_or_else(|| broken(format!("filter {id} of this family does not exist")))?;
            chain.push((*id, Arc::clone(&known.built)));
        }
        if policer.is_some_and(|meter| self.meters.get(meter).is_none()) {
            return Err(broken("its policer does not exist".into()));
        }
        let chain = Arc::new(Chain { filters: chain.into(), policer: *policer });
        let chains = match place {
            Place::Host => &mut self.host,
            Place::Unit(unit) => {
                grow(&mut self.units, unit.index());
                &mut self.units[unit.index()]
            }
        };
        let seat = &mut chains[family_at(*family)][*direction as usize];
        if seat.replace(chain).is_some() {
            return Err(broken("two lists of filters at one place".into()));
        }
        Ok(())
    }

    pub(crate) fn of_unit(&self, unit: InterfaceId, direction: Direction, family: Family) -> Option<&Chain> {
        self.units.get(unit.index())?[family_at(family)][direction as usize].as_deref()
    }

    /// Whether packets of any family are looked at on that way.
    pub(crate) fn stand_at(&self, unit: InterfaceId, direction: Direction) -> bool {
        [Family::V4, Family::V6].iter().any(|family| self.of_unit(unit, direction, *family).is_some())
    }

    pub(crate) fn of_host(&self, direction: Direction, family: Family) -> Option<&Chain> {
        self.host[family_at(family)][direction as usize].as_deref()
    }

    pub(crate) fn group(&self, unit: InterfaceId) -> u8 {
        self.groups.get(unit.index()).copied().unwrap_or(0)
    }

    pub(crate) fn meter(&self, id: MeterId) -> Option<&Meter> {
        self.meters.get(id)
    }

    /// The instance of a policer that a meter is.
    pub(crate) fn policer(&self, id: MeterId) -> Option<&PolicerInstance> {
        self.policers.get(id.index())
    }

    pub(crate) fn filter(&self, id: u32) -> Option<&FirewallFilter> {
        self.known.iter().map(|k| &k.source).find(|source| source.id == id)
    }

    pub(crate) fn filters(&self) -> impl Iterator<Item = &FirewallFilter> {
        self.known.iter().map(|k| &k.source)
    }

    /// Every instance of a policer and its meter.
    pub(crate) fn meters(&self) -> impl Iterator<Item = (&PolicerInstance, &Meter)> {
        let places = (0..).map(MeterId);
        places.zip(&self.policers).filter_map(|(id, policer)| Some((policer, self.meters.get(id)?)))
    }
}

/// Makes room for an index.
fn grow<T: Default>(list: &mut Vec<T>, at: usize) {
    if list.len() <= at {
        list.resize_with(at + 1, T::default);
    }
}
