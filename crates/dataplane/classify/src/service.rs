//! Application terms as ranges on two lines.
//!
//! The service line is family (only when some term asks for one), protocol (those that no term names are one), and
//! destination port, or type and code of an ICMP packet; the source port is a line of its own. A list of terms becomes one part for each source port range
//! in it, nearly always one. Only a term that wants ports of ICMP packets, or a list of very many source port
//! ranges, can't be said so: its part is loose and the rule is asked again.

use std::sync::Arc;

use ravelin_types::{Family, Proto};

use crate::hash::QuickMap;
use crate::range::{PortRange, merged};
use crate::rule::{Rule, Term, Tuple};

/// Source port ranges of one rule that get a part each.
const SOURCE_RANGES_MAX: usize = 64;
const FAMILY: u32 = 25;
const PROTO: u32 = 17;
/// Set for packets with type and code.
const TYPED: u32 = 1 << 16;

/// A product of two sets of ranges, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub service: u32,
    pub source: u32,
    pub loose: bool,
}

/// Sets of ranges on one line, each content once.
#[derive(Debug, Default)]
pub(crate) struct Ranges {
    ids: QuickMap<Arc<[(u32, u32)]>, u32>,
    pub sets: Vec<Arc<[(u32, u32)]>>,
}

/// How a tuple's place on the service line is made.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    families: bool,
    /// By protocol; 0 is every protocol without a number of its own.
    protos: [u8; 256],
    /// Protocols with a number of their own.
    named: u8,
}

/// What the lists of terms of a plane become.
#[derive(Debug)]
pub(crate) struct Services {
    pub scale: Scale,
    parts: QuickMap<Arc<[Term]>, Arc<[Part]>>,
    pub services: Ranges,
    pub sources: Ranges,
}

impl Ranges {
    pub(crate) fn id(&mut self, ranges: Vec<(u32, u32)>) -> u32 {
        let ranges: Arc<[_]> = ranges.into();
        *self.ids.entry(ranges).or_insert_with_key(|ranges| {
            self.sets.push(ranges.clone());
            self.sets.len() as u32 - 1
        })
    }
}

impl Services {
    pub(crate) fn new<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> Self {
        let mut scale = Scale { families: false, protos: [0; 256], named: 0 };
        // These two have types and codes.
        scale.name(Proto::ICMP);
        scale.name(Proto::ICMPV6);
        for term in rules.into_iter().flat_map(|rule| rule.terms.iter()) {
            scale.families |= term.family.is_some();
            if let Some(proto) = term.proto {
                scale.name(proto);
            }
        }
        Self { scale, parts: QuickMap::default(), services: Ranges::default(), sources: Ranges::default() }
    }

    /// The parts of a list of terms.
    pub(crate) fn parts(&mut self, terms: &Arc<[Term]>) -> Arc<[Part]> {
        if let Some(parts) = self.parts.get(terms) {
            return parts.clone();
        }
        let mut sources = sources(terms);
        let many = sources.len() > SOURCE_RANGES_MAX;
        if many {
            sources = vec![PortRange::ANY];
        }
        let parts: Arc<[Part]> = sources
            .iter()
            .map(|source| {
                let mine = terms.iter().filter(|term| many || term.source_ports == *source);
                let (mut ranges, mut loose) = (Vec::new(), many);
                for term in mine {
                    loose |= self.ranges(term, &mut ranges);
                }
                let source = vec![(u32::from(source.low), u32::from(source.high))];
                Part { service: self.services.id(merged(ranges)), source: self.sources.id(source), loose }
            })
            .collect();
        self.parts.insert(terms.clone(), parts.clone());
        parts
    }

    /// Adds the ranges of a term; whether they say more than it does.
    fn ranges(&self, term: &Term, out: &mut Vec<(u32, u32)>) -> bool {
        let families: &[u32] = match (self.scale.families, term.family) {
            (false, _) | (true, Some(Family::V4)) => &[0],
            (true, Some(Family::V6)) => &[1],
            (true, None) => &[0, 1],
        };
        let ports = term.destination_ports;
        let number = |proto: Proto| self.scale.protos[usize::from(proto.0)];
        let (icmp, icmpv6) = (number(Proto::ICMP), number(Proto::ICMPV6));
        let (first, last) = term.proto.map_or((0, self.scale.named), |p| (number(p), number(p)));
        let mut loose = false;
        for family in families.iter().map(|f| f << FAMILY) {
            if term.proto.is_none() && ports == PortRange::ANY && term.icmp.is_none() {
                out.push((family, family | ((1 << FAMILY) - 1)));
                continue;
            }
            for proto in first..=last {
                let base = family | u32::from(proto) << PROTO;
                if term.icmp.is_none() && ports.low <= ports.high {
                    out.push((base | u32::from(ports.low), base | u32::from(ports.high)));
                }
                if proto == icmp || proto == icmpv6 {
                    loose |= ports != PortRange::ANY;
                    typed(term, base | TYPED, out);
                }
            }
        }
        loose
    }
}

impl Scale {
    /// The last point of the line.
    pub(crate) const fn last(&self) -> u32 {
        (if self.families { 2 << FAMILY } else { 1 << FAMILY }) - 1
    }

    /// Where a tuple is.
    #[inline]
    pub(crate) fn point(&self, tuple: &Tuple) -> u32 {
        let family = u32::from(self.families && tuple.family == Family::V6) << FAMILY;
        let rest = match tuple.icmp() {
            Some((kind, code)) => TYPED | u32::from(kind) << 8 | u32::from(code),
            None => u32::from(tuple.dport),
        };
        family | u32::from(self.protos[usize::from(tuple.proto.0)]) << PROTO | rest
    }

    /// Gives a protocol a number, as long as there are any: the last 256th protocol is then the one of number 0.
    fn name(&mut self, proto: Proto) {
        let number = &mut self.protos[usize::from(proto.0)];
        if *number == 0 && self.named < u8::MAX {
            self.named += 1;
            *number = self.named;
        }
    }
}

/// How many parts a list of terms has.
pub(crate) fn count(terms: &[Term]) -> usize {
    let one = terms.iter().all(|term| term.source_ports == PortRange::ANY);
    let count = if one { usize::from(!terms.is_empty()) } else { sources(terms).len() };
    if count > SOURCE_RANGES_MAX { 1 } else { count }
}

/// The source port ranges of a list, each once.
fn sources(terms: &[Term]) -> Vec<PortRange> {
    let mut sources: Vec<PortRange> = terms.iter().map(|term| term.source_ports).collect();
    sources.sort_unstable();
    sources.dedup();
    sources.retain(|range| range.low <= range.high);
    sources
}

/// The types and codes of a term.
fn typed(term: &Term, base: u32, out: &mut Vec<(u32, u32)>) {
    let Some(want) = term.icmp else {
        out.push((base, base | 0xffff));
        return;
    };
    for kind in want.kind.0..=want.kind.1 {
        let base = base | u32::from(kind) << 8;
        out.push((base | u32::from(want.code.0), base | u32::from(want.code.1)));
    }
}
