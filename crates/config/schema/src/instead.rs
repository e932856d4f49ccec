//! What does the work of a statement that is refused: `instead.tsv`, by path.

use std::collections::HashMap;
use std::sync::OnceLock;

/// Advice for the statement of a grammar path, or for the nearest above it that has some.
#[must_use]
pub fn instead(path: &str) -> Option<&'static str> {
    static TABLE: OnceLock<HashMap<&'static str, &'static str>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let rows = include_str!("../instead.tsv").lines().skip(1);
        rows.filter_map(|line| line.split_once('\t')).collect()
    });
    let mut at = path;
    loop {
        if let Some(advice) = table.get(at) {
            return Some(advice);
        }
        at = at.rsplit_once(' ')?.0;
    }
}
