//! Terms that stand for another filter: its terms stand there, without its end.
//!
//! Spec: firewall-filter-71..73.

use ravelin_model::{FilterTerm4, FilterTerm6, FilterThen, FirewallFilter4, FirewallFilter6};
use ravelin_types::Family;

use super::Source;
use crate::Compiler;

/// `OUTER-INNER`, as policers of the term are named.
fn joined(outer: &str, inner: &str) -> String {
    format!("{outer}-{inner}")
}

impl<'a> Compiler<'a> {
    /// The terms of a filter as they are walked, each by its name there.
    pub(super) fn terms4(&self, filter: &'a FirewallFilter4) -> Vec<(String, &'a FilterTerm4)> {
        let mut out = Vec::with_capacity(filter.terms.len());
        for term in &filter.terms {
            match term.filter.as_ref().map(|name| self.source(Family::V4, name)) {
                None => out.push((term.name.clone(), term)),
                Some(Some(Source::V4(inner))) => {
                    out.extend(inner.terms.iter().map(|t| (joined(&term.name, &t.name), t)));
                }
                Some(Some(Source::V6(_)) | None) => unreachable!("checked: it is defined in the family"),
            }
        }
        out
    }

    /// The same of family inet6.
    pub(super) fn terms6(&self, filter: &'a FirewallFilter6) -> Vec<(String, &'a FilterTerm6)> {
        let mut out = Vec::with_capacity(filter.terms.len());
        for term in &filter.terms {
            match term.filter.as_ref().map(|name| self.source(Family::V6, name)) {
                None => out.push((term.name.clone(), term)),
                Some(Some(Source::V6(inner))) => {
                    out.extend(inner.terms.iter().map(|t| (joined(&term.name, &t.name), t)));
                }
                Some(Some(Source::V4(_)) | None) => unreachable!("checked: it is defined in the family"),
            }
        }
        out
    }

    /// What every term that is walked does.
    pub(super) fn thens(&self, source: Source<'a>) -> Vec<&'a FilterThen> {
        match source {
            Source::V4(filter) => self.terms4(filter).into_iter().map(|(_, term)| &term.then).collect(),
            Source::V6(filter) => self.terms6(filter).into_iter().map(|(_, term)| &term.then).collect(),
        }
    }
}
