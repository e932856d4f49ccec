//! The page of every metric: docs/manual/metrics.md.

use std::fmt::Write as _;

use ravelin_contract::{BufferKind, MirrorLoss};
use ravelin_program::Screen;
use ravelin_telemetry::Tag;
use ravelin_types::DropReason;

use crate::table::{Family, Kind, Size};

const HEAD: &str = include_str!("page.md");

/// The whole page.
#[must_use]
pub fn reference() -> String {
    let mut out = HEAD.to_owned();
    let mut group = "";
    for metric in Family::ALL.iter().map(|family| family.metric()) {
        if metric.group != group {
            group = metric.group;
            let _ = write!(out, "\n## {group}\n\n");
            if !metric.show.is_empty() {
                let _ = write!(out, "The same numbers: `{}`.\n\n", metric.show);
            }
            out.push_str("| metric | type | labels | what it is |\n|---|---|---|---|\n");
        }
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let limited = match metric.size {
            Size::Limited => ", limited",
            Size::Fixed => "",
        };
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(
            out,
            "| `{}` | {kind}{limited} | {} | {} |",
            metric.sample(),
            labels.join(" "),
            metric.help
        );
    }
    out.push_str("\n## Values of labels\n\n| label | of | values |\n|---|---|---|\n");
    let sample = |family: Family| family.metric().sample();
    let values = [
        ("reason", sample(Family::DroppedPackets), DropReason::ALL.iter().map(|r| r.name()).collect()),
        ("screen", sample(Family::ScreenHits), Screen::ALL.iter().map(|s| s.text()).collect()),
        ("reason", sample(Family::MirrorLost), MirrorLoss::ALL.iter().map(|l| l.name()).collect()),
        ("event", sample(Family::SecurityEvents), Tag::ALL.iter().map(|tag| tag.message().tag).collect()),
        ("kind", sample(Family::Buffers), BufferKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>()),
    ];
    for (label, metric, values) in values {
        let _ = writeln!(out, "| `{label}` | `{metric}` | {} |", values.join(", "));
    }
    out
}
