//! Filters, policers and where they stand to and from their messages.

use std::collections::BTreeMap;
use std::sync::Arc;

use ravelin_filter::{FilterCounterId, ListedPrefix};
use ravelin_policer::{Awareness, Exceeding, Limit, MeterKey, Spec};
use ravelin_types::{Family, ForwardingClassId, InterfaceId, LossPriority, MeterId, RuleIdentity};

use super::decode::{Read, address, all, need, small};
use super::encode::address as write_address;
use super::proto::policer_instance::Spec as Body;
use super::{WireError, firewall_terms as terms, proto};
use crate::{Direction, FilterAttachment, Firewall, FirewallFilter, Place, PolicerInstance};

/// The distinct prefix lists of a filter and their places.
pub(super) type Lists = BTreeMap<Arc<[ListedPrefix]>, u32>;

pub(super) fn encode(x: &Firewall) -> proto::Firewall {
    let Firewall { filters, policers, attachments, groups } = x;
    let group = |(unit, group): &(InterfaceId, u8)| proto::InterfaceGroup {
        unit: unit.0.into(),
        group: (*group).into(),
    };
    proto::Firewall {
        filters: filters.iter().map(filter).collect(),
        policers: policers.iter().map(policer).collect(),
        attachments: attachments.iter().map(attachment).collect(),
        groups: groups.iter().map(group).collect(),
    }
}

pub(super) fn decode(x: proto::Firewall) -> Read<Firewall> {
    let group =
        |g: proto::InterfaceGroup| Ok((InterfaceId(small("unit", g.unit)?), small("group", g.group)?));
    Ok(Firewall {
        filters: all(x.filters, read_filter)?,
        policers: all(x.policers, read_policer)?,
        attachments: all(x.attachments, read_attachment)?,
        groups: all(x.groups, group)?,
    })
}

pub(super) const fn family_number(family: Family) -> u32 {
    match family {
        Family::V4 => 4,
        Family::V6 => 6,
    }
}

fn read_family(number: u32) -> Read<Family> {
    match number {
        4 => Ok(Family::V4),
        6 => Ok(Family::V6),
        value => Err(WireError::Range { what: "family", value: value.into() }),
    }
}

fn filter(x: &FirewallFilter) -> proto::FirewallFilter {
    let FirewallFilter { id, name, family, terms: list, counters } = x;
    let mut lists = Lists::new();
    let written: Vec<_> = list.iter().map(|term| terms::term(term, &mut lists)).collect();
    let mut by_place: Vec<_> = lists.into_iter().collect();
    by_place.sort_unstable_by_key(|(_, place)| *place);
    let prefix = |p: &ListedPrefix| proto::ListedPrefix {
        addr: write_address(p.family, p.addr),
        len: p.len.into(),
        except: p.except,
    };
    let list = |(prefixes, _): (Arc<[ListedPrefix]>, u32)| proto::PrefixList {
        prefixes: prefixes.iter().map(prefix).collect(),
    };
    proto::FirewallFilter {
        id: *id,
        name: name.clone(),
        family: family_number(*family),
        lists: by_place.into_iter().map(list).collect(),
        terms: written,
        counters: counters.iter().map(|(id, n)| proto::FilterCounter { id: id.0, name: n.clone() }).collect(),
    }
}

fn read_filter(x: proto::FirewallFilter) -> Read<FirewallFilter> {
    let lists: Vec<Arc<[ListedPrefix]>> = all(x.lists, |list| Ok(all(list.prefixes, read_prefix)?.into()))?;
    Ok(FirewallFilter {
        id: x.id,
        name: x.name,
        family: read_family(x.family)?,
        terms: all(x.terms, |term| terms::read_term(term, &lists))?,
        counters: x.counters.into_iter().map(|c| (FilterCounterId(c.id), c.name)).collect(),
    })
}

fn read_prefix(x: proto::ListedPrefix) -> Read<ListedPrefix> {
    let (family, addr) = address(&x.addr)?;
    let len: u8 = small("prefix length", x.len)?;
    let bits = if family == Family::V4 { 32 } else { 128 };
    if len > bits {
        return Err(WireError::Range { what: "prefix length", value: len.into() });
    }
    Ok(ListedPrefix { family, addr, len, except: x.except })
}

fn policer(x: &PolicerInstance) -> proto::PolicerInstance {
    let PolicerInstance { name, filter, key: MeterKey { policer, place }, spec } = x;
    proto::PolicerInstance {
        name: name.clone(),
        filter: *filter,
        policer: policer.0,
        place: place.0,
        spec: Some(write_spec(*spec)),
    }
}

fn write_spec(x: Spec) -> Body {
    let aware = |awareness| awareness == Awareness::ColourAware;
    match x {
        Spec::TwoColour { limit, exceeding } => {
            let (packets, per_second, burst) = match limit {
                Limit::Bits { per_second, burst_bytes } => (false, per_second, burst_bytes),
                Limit::Packets { per_second, burst } => (true, per_second, burst),
            };
            let (discard, loss_priority, forwarding_class) = match exceeding {
                Exceeding::Discard => (true, None, None),
                Exceeding::Mark { loss_priority, forwarding_class } => {
                    (false, loss_priority, forwarding_class)
                }
            };
            Body::TwoColour(proto::TwoColour {
                packets,
                per_second,
                burst,
                discard,
                loss_priority: loss_priority.map(|p| p as u32),
                forwarding_class: forwarding_class.map(|c| c.0.into()),
            })
        }
        Spec::SingleRate { awareness, committed_rate, committed_burst, excess_burst, discard_red } => {
            Body::SingleRate(proto::ThreeColour {
                colour_aware: aware(awareness),
                committed_rate,
                committed_burst,
                peak_rate: 0,
                burst: excess_burst,
                discard_red,
            })
        }
        Spec::TwoRate { awareness, committed_rate, committed_burst, peak_rate, peak_burst, discard_red } => {
            Body::TwoRate(proto::ThreeColour {
                colour_aware: aware(awareness),
                committed_rate,
                committed_burst,
                peak_rate,
                burst: peak_burst,
                discard_red,
            })
        }
    }
}

fn read_policer(x: proto::PolicerInstance) -> Read<PolicerInstance> {
    let key = MeterKey { policer: RuleIdentity(x.policer), place: RuleIdentity(x.place) };
    Ok(PolicerInstance { name: x.name, filter: x.filter, key, spec: read_spec(need("policer", x.spec)?)? })
}

fn read_spec(x: Body) -> Read<Spec> {
    let awareness = |x: &proto::ThreeColour| match x.colour_aware {
        true => Awareness::ColourAware,
        false => Awareness::ColourBlind,
    };
    Ok(match x {
        Body::TwoColour(x) => Spec::TwoColour {
            limit: match x.packets {
                false => Limit::Bits { per_second: x.per_second, burst_bytes: x.burst },
                true => Limit::Packets { per_second: x.per_second, burst: x.burst },
            },
            exceeding: match x.discard {
                true => Exceeding::Discard,
                false => Exceeding::Mark {
                    loss_priority: x.loss_priority.map(read_priority).transpose()?,
                    forwarding_class: x.forwarding_class.map(read_class).transpose()?,
                },
            },
        },
        Body::SingleRate(x) => Spec::SingleRate {
            awareness: awareness(&x),
            committed_rate: x.committed_rate,
            committed_burst: x.committed_burst,
            excess_burst: x.burst,
            discard_red: x.discard_red,
        },
        Body::TwoRate(x) => Spec::TwoRate {
            awareness: awareness(&x),
            committed_rate: x.committed_rate,
            committed_burst: x.committed_burst,
            peak_rate: x.peak_rate,
            peak_burst: x.burst,
            discard_red: x.discard_red,
        },
    })
}

pub(super) fn read_priority(number: u32) -> Read<LossPriority> {
    LossPriority::from_number(number).ok_or(WireError::Range { what: "loss priority", value: number.into() })
}

pub(super) fn read_class(number: u32) -> Read<ForwardingClassId> {
    small("forwarding class", number).map(ForwardingClassId)
}

fn attachment(x: &FilterAttachment) -> proto::FilterAttachment {
    let FilterAttachment { place, direction, family, filters, policer } = x;
    proto::FilterAttachment {
        unit: match place {
            Place::Unit(unit) => Some(unit.0.into()),
            Place::Host => None,
        },
        output: *direction == Direction::Output,
        family: family_number(*family),
        filters: filters.clone(),
        policer: policer.map(|meter| meter.0),
    }
}

fn read_attachment(x: proto::FilterAttachment) -> Read<FilterAttachment> {
    Ok(FilterAttachment {
        place: match x.unit {
            Some(unit) => Place::Unit(InterfaceId(small("unit", unit)?)),
            None => Place::Host,
        },
        direction: if x.output { Direction::Output } else { Direction::Input },
        family: read_family(x.family)?,
        filters: x.filters,
        policer: x.policer.map(MeterId),
    })
}

#[cfg(test)]
mod tests;
