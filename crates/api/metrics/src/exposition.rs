//! Samples of every metric, and their text: OpenMetrics, or the older form of Prometheus. Spec: metrics-5..7.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::table::{Family, Kind, Size};

/// A number as it is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    Whole(u64),
    Real(f64),
}

/// Samples of one scrape.
#[derive(Debug)]
pub struct Exposition {
    series_max: usize,
    families: Vec<Samples>,
}

#[derive(Debug, Default)]
struct Samples {
    /// Values of the labels, in the order of the table.
    series: Vec<(Vec<String>, Value)>,
    known: HashMap<Vec<String>, usize>,
    omitted: u64,
}

impl Exposition {
    /// `series_max`: how many series a metric may have that grows with the configuration.
    #[must_use]
    pub fn new(series_max: usize) -> Self {
        Self { series_max, families: Family::ALL.iter().map(|_| Samples::default()).collect() }
    }

    /// Whether metrics that grow with the configuration are told at all.
    #[must_use]
    pub fn is_limited_to_none(&self) -> bool {
        self.series_max == 0
    }

    /// Adds a whole number. What is there already under these labels is added to: no series is told twice.
    pub fn add<const N: usize>(&mut self, family: Family, labels: [&str; N], value: u64) {
        self.put(family, &labels, Value::Whole(value));
    }

    /// Likewise a number of seconds.
    pub fn add_real<const N: usize>(&mut self, family: Family, labels: [&str; N], value: f64) {
        self.put(family, &labels, Value::Real(value));
    }

    fn put(&mut self, family: Family, labels: &[&str], value: Value) {
        let metric = family.metric();
        debug_assert_eq!(labels.len(), metric.labels.len(), "{}", metric.name);
        let Samples { series, known, omitted } = &mut self.families[family.index()];
        let labels: Vec<String> = labels.iter().map(|&label| label.to_owned()).collect();
        match known.entry(labels) {
            Entry::Occupied(at) => series[*at.get()].1.add(value),
            Entry::Vacant(_) if metric.size == Size::Limited && series.len() >= self.series_max => {
                *omitted += 1;
            }
            Entry::Vacant(at) => {
                series.push((at.key().clone(), value));
                at.insert(series.len() - 1);
            }
        }
    }

    /// Forgets what there is of these.
    pub(crate) fn forget(&mut self, family: Family) {
        self.families[family.index()] = Samples::default();
    }

    /// Series that were left out, by metric.
    pub(crate) fn omitted(&self) -> Vec<(Family, u64)> {
        let all = Family::ALL.iter().zip(&self.families);
        all.filter(|(_, samples)| samples.omitted > 0).map(|(family, s)| (*family, s.omitted)).collect()
    }

    /// A sample, for those that compare.
    #[must_use]
    pub fn get<const N: usize>(&self, family: Family, labels: [&str; N]) -> Option<Value> {
        let Samples { series, known, .. } = &self.families[family.index()];
        let at = known.get(labels.map(str::to_owned).as_slice())?;
        Some(series[*at].1)
    }

    /// Samples that a metric has.
    #[must_use]
    pub fn count(&self, family: Family) -> usize {
        self.families[family.index()].series.len()
    }

    /// The OpenMetrics text.
    #[must_use]
    pub fn text(self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut out = String::new();
        encode(&mut out, &registry).unwrap_or_else(|_| unreachable!("a string takes whatever is written"));
        out
    }
}

impl Value {
    fn add(&mut self, more: Self) {
        *self = match (*self, more) {
            (Self::Whole(a), Self::Whole(b)) => Self::Whole(a.saturating_add(b)),
            (Self::Real(a), Self::Real(b)) => Self::Real(a + b),
            (kept @ (Self::Whole(_) | Self::Real(_)), _) => kept,
        };
    }
}

impl Collector for Exposition {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for (family, samples) in Family::ALL.iter().zip(&self.families) {
            if samples.series.is_empty() {
                continue;
            }
            let metric = family.metric();
            let kind = match metric.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
            };
            let mut descriptor = encoder.encode_descriptor(metric.name, metric.help, None, kind)?;
            for (values, value) in &samples.series {
                let labels: Vec<(&str, &str)> =
                    metric.labels.iter().copied().zip(values.iter().map(String::as_str)).collect();
                if labels.is_empty() {
                    sample(&mut descriptor, metric.kind, *value)?;
                } else {
                    sample(&mut descriptor.encode_family(&labels)?, metric.kind, *value)?;
                }
            }
        }
        Ok(())
    }
}

fn sample(
    encoder: &mut prometheus_client::encoding::MetricEncoder<'_>,
    kind: Kind,
    value: Value,
) -> Result<(), fmt::Error> {
    match (kind, value) {
        (Kind::Counter, Value::Whole(value)) => encoder.encode_counter::<NoLabelSet, _, u64>(&value, None),
        (Kind::Counter, Value::Real(value)) => encoder.encode_counter::<NoLabelSet, _, u64>(&value, None),
        (Kind::Gauge, Value::Whole(value)) => encoder.encode_gauge(&value),
        (Kind::Gauge, Value::Real(value)) => encoder.encode_gauge(&value),
    }
}

/// The older text form: a counter's heading has the name of its samples, and nothing marks the end.
#[must_use]
pub fn plain(text: &str) -> String {
    let counters: Vec<&str> = Family::ALL
        .iter()
        .map(|family| family.metric())
        .filter(|metric| metric.kind == Kind::Counter)
        .map(|metric| metric.name)
        .collect();
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        if line == "# EOF" {
            continue;
        }
        let heading = line.strip_prefix("# ").and_then(|rest| rest.split_once(' '));
        match heading.and_then(|(word, rest)| Some((word, rest.split_once(' ')?))) {
            Some((word, (name, rest))) if counters.contains(&name) => {
                out.extend(["# ", word, " ", name, "_total ", rest, "\n"]);
            }
            Some(_) | None => out.extend([line, "\n"]),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Exposition {
        let mut out = Exposition::new(2);
        out.add(Family::ReceivedPackets, [], 7);
        out.add(Family::PolicyHits, ["trust", "untrust", "a \"b\" \\ c"], 1);
        out.add(Family::PolicyHits, ["trust", "untrust", "p"], 2);
        out.add(Family::PolicyHits, ["trust", "untrust", "q"], 3);
        out.add(Family::PolicyHits, ["trust", "untrust", "p"], 40);
        out.add_real(Family::ScrapeDuration, [], 0.5);
        out
    }

    /// The form is that of the OpenMetrics specification 1.0, sections 5 and 6.
    #[test]
    fn names_are_quoted_and_the_text_ends() {
        let text = sample().text();
        assert_eq!(
            text,
            "# HELP ravelin_received_packets Packets received.\n\
             # TYPE ravelin_received_packets counter\n\
             ravelin_received_packets_total 7\n\
             # HELP ravelin_policy_hits First packets that the policy decided.\n\
             # TYPE ravelin_policy_hits counter\n\
             ravelin_policy_hits_total{from_zone=\"trust\",to_zone=\"untrust\",policy=\"a \\\"b\\\" \\\\ c\"} 1\n\
             ravelin_policy_hits_total{from_zone=\"trust\",to_zone=\"untrust\",policy=\"p\"} 42\n\
             # HELP ravelin_metrics_gather_seconds How long this answer took to gather.\n\
             # TYPE ravelin_metrics_gather_seconds gauge\n\
             ravelin_metrics_gather_seconds 0.5\n\
             # EOF\n"
        );
    }

    #[test]
    fn the_older_form_heads_counters_by_the_name_of_their_samples() {
        let text = plain(&sample().text());
        assert!(text.starts_with("# HELP ravelin_received_packets_total Packets received.\n# TYPE ravelin_received_packets_total counter\n"));
        assert!(text.contains("# TYPE ravelin_metrics_gather_seconds gauge\n"));
        assert!(!text.contains("EOF"));
    }

    #[test]
    fn series_beyond_the_limit_are_counted_and_those_that_are_there_go_on() {
        let out = sample();
        assert_eq!(out.omitted(), [(Family::PolicyHits, 1)]);
        assert_eq!(out.get(Family::PolicyHits, ["trust", "untrust", "p"]), Some(Value::Whole(42)));
        assert_eq!(out.get(Family::PolicyHits, ["trust", "untrust", "q"]), None);
    }
}
