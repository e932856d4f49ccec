//! A packet's way through a filter or a list of filters.
//!
//! Spec: firewall-filter-1..9, firewall-filter-46..54.

use crate::action::{Decision, Effects, Marks, MirrorId, Outcome, Policed, TermAt, Terminal, Then};
use crate::build::{CompiledTerm, Filter};
use crate::column::COLUMNS_MAX;
use crate::facts::{Facts, Packet};

/// Judges a packet by filters one after another, as if their terms stood in one.
///
/// Without a filter the packet is accepted. With one it is discarded where no term decides; a filter of
/// another family has no term that holds.
pub fn evaluate<'f>(
    filters: impl IntoIterator<Item = &'f Filter>,
    packet: Packet<'_>,
    marks: Marks,
    effects: &mut impl Effects,
) -> Outcome {
    let mut walk = Walk { facts: Facts::new(packet, marks), mirror: None, sample: false };
    let mut decision = Decision::Accept;
    for (index, filter) in filters.into_iter().enumerate() {
        decision = Decision::Discard;
        if filter.family != packet.network.family {
            continue;
        }
        if let Some(outcome) = filter.walk(index as u8, &mut walk, effects) {
            return outcome;
        }
    }
    walk.end(decision, None)
}

/// What has been gathered so far.
struct Walk<'a> {
    facts: Facts<'a>,
    mirror: Option<MirrorId>,
    sample: bool,
}

impl Walk<'_> {
    fn end(&self, decision: Decision, term: Option<TermAt>) -> Outcome {
        let Self { facts, mirror, sample } = self;
        Outcome { decision, term, marks: facts.marks, mirror: *mirror, sample: *sample }
    }

    /// Does what a term says; `None`: the walk goes on.
    fn act(&mut self, then: &Then, at: TermAt, effects: &mut impl Effects) -> Option<Outcome> {
        let Then { terminal, count, logging, meter, forwarding_class, loss_priority, mirror, sample } = *then;
        if let Some(counter) = count {
            effects.count(counter);
        }
        if logging.buffer || logging.syslog {
            effects.log(at, logging, terminal);
        }
        self.mirror = mirror.or(self.mirror);
        self.sample |= sample;
        let marks = &mut self.facts.marks;
        marks.forwarding_class = forwarding_class.unwrap_or(marks.forwarding_class);
        marks.loss_priority = loss_priority.unwrap_or(marks.loss_priority);
        if let Some(meter) = meter {
            match effects.police(meter, *marks) {
                Policed::Pass(policed) => *marks = policed,
                Policed::Discard => return Some(self.end(Decision::Policed(meter), Some(at))),
            }
        }
        match terminal {
            Terminal::Accept => Some(self.end(Decision::Accept, Some(at))),
            Terminal::Discard => Some(self.end(Decision::Discard, Some(at))),
            Terminal::Reject(reject) => Some(self.end(Decision::Reject(reject), Some(at))),
            Terminal::RoutingInstance(instance) => {
                self.facts.marks.instance = Some(instance);
                Some(self.end(Decision::Accept, Some(at)))
            }
            Terminal::NextTerm => None,
        }
    }
}

impl Filter {
    fn walk(&self, filter: u8, walk: &mut Walk<'_>, effects: &mut impl Effects) -> Option<Outcome> {
        if self.columns.is_empty() {
            return (0..self.terms.len()).find_map(|term| self.visit(term, filter, walk, effects));
        }
        // Rows do not depend on marks, which terms change on the way.
        let mut rows: [&[u64]; COLUMNS_MAX] = [&[]; COLUMNS_MAX];
        for (row, column) in rows.iter_mut().zip(&self.columns) {
            *row = column.row(&walk.facts);
        }
        let (first, rest) = rows[..self.columns.len()].split_first()?;
        for (word, bits) in first.iter().enumerate() {
            let mut candidates = rest.iter().fold(*bits, |bits, row| bits & row[word]);
            while candidates != 0 {
                let term = word * 64 + candidates.trailing_zeros() as usize;
                candidates &= candidates - 1;
                if let Some(outcome) = self.visit(term, filter, walk, effects) {
                    return Some(outcome);
                }
            }
        }
        None
    }

    fn visit(
        &self,
        term: usize,
        filter: u8,
        walk: &mut Walk<'_>,
        effects: &mut impl Effects,
    ) -> Option<Outcome> {
        let CompiledTerm { ops, then } = &self.terms[term];
        let ops = &self.ops[ops.at as usize..][..ops.len as usize];
        if !ops.iter().all(|op| self.pools.holds(op, &walk.facts)) {
            return None;
        }
        walk.act(then, TermAt { filter, term: term as u16 }, effects)
    }
}
