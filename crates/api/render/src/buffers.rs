//! `show system buffers`: the memory of each worker, by what it is for.

use std::fmt::Write as _;

use ravelin_ops::BufferLine;

use crate::element::Element;

pub(crate) fn text(lines: &[BufferLine]) -> String {
    let mut out = format!(
        "{:<8}{:<12}{:>8}{:>12}{:>12}{:>12}{:>12}{:>12}\n",
        "Worker", "Buffers", "Bytes", "Capacity", "Free", "With links", "Used", "Refused"
    );
    for BufferLine { worker, kind, bytes, capacity, free, lent, used, refused } in lines {
        let bytes = if *bytes == 0 { "-".to_owned() } else { bytes.to_string() };
        let refused = refused.map_or_else(|| "-".to_owned(), |count| count.to_string());
        let _ = writeln!(
            out,
            "{worker:<8}{kind:<12}{bytes:>8}{capacity:>12}{free:>12}{lent:>12}{used:>12}{refused:>12}"
        );
    }
    out
}

pub(crate) fn element(lines: &[BufferLine]) -> Element {
    let line = |BufferLine { worker, kind, bytes, capacity, free, lent, used, refused }: &BufferLine| {
        Element::new("worker-buffers")
            .leaf("worker", worker)
            .leaf("kind", kind)
            .leaf("bytes", bytes)
            .leaf("capacity", capacity)
            .leaf("free", free)
            .leaf("with-links", lent)
            .leaf("used", used)
            .maybe("refused", refused.as_ref())
    };
    Element::new("memory-statistics").children(lines.iter().map(line))
}
