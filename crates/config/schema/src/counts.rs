//! How much of the language is enforced: statements of each hierarchy by what a commit does with them.

use ravelin_syntax::tree::Kind;

use crate::grammar::{Grammar, Mark, ROOT, Rule, RuleId, grammar};

/// Statements of one hierarchy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// In the table.
    pub known: usize,
    /// Of them, those that take names or values: each is typed.
    pub valued: usize,
    pub enforced: usize,
    /// On the way to an enforced one, or kept for people.
    pub kept: usize,
    /// Of those refused, the ones of which the table has the name alone: what is in them is kept as it is written.
    pub by_name: usize,
}

impl Counts {
    /// What a commit refuses as not supported.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.known - self.enforced - self.kept
    }

    /// The hierarchy is known by its name alone.
    #[must_use]
    pub fn is_name_alone(&self) -> bool {
        self.known == self.by_name
    }

    fn and(self, other: Self) -> Self {
        let Self { known, valued, enforced, kept, by_name } = other;
        Self {
            known: self.known + known,
            valued: self.valued + valued,
            enforced: self.enforced + enforced,
            kept: self.kept + kept,
            by_name: self.by_name + by_name,
        }
    }
}

/// The hierarchies below a path, in the table's order, and their sum; those at the top for no path. `None`: there is no
/// such path.
#[must_use]
pub fn counts(path: &str) -> Option<(Vec<(&'static str, Counts)>, Counts)> {
    let grammar = grammar();
    let above = if path.is_empty() { ROOT } else { grammar.by_path(path)? };
    let below = grammar.children(above).filter(|(_, rule)| !rule.is_universal() && rule.name != "groups");
    let rows: Vec<_> = below.map(|(id, rule)| (rule.name, of(grammar, id, rule))).collect();
    let sum = rows.iter().fold(Counts::default(), |sum, (_, counts)| sum.and(*counts));
    Some((rows, sum))
}

fn of(grammar: &Grammar, id: RuleId, rule: &Rule) -> Counts {
    let own = Counts {
        known: 1,
        valued: usize::from(matches!(rule.kind, Kind::Leaf | Kind::LeafList) || !rule.keys.is_empty()),
        enforced: usize::from(matches!(rule.mark, Mark::Enforced | Mark::Presence)),
        kept: usize::from(matches!(rule.mark, Mark::Way | Mark::Annotation)),
        by_name: usize::from(rule.kind == Kind::Opaque && rule.mark == Mark::Known),
    };
    // What stands below another statement too is counted there.
    let below = grammar.children(id).filter(|(_, rule)| rule.parent == id);
    below.fold(own, |sum, (child, below)| sum.and(of(grammar, child, below)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_counted_once_and_the_marks_are_those_of_the_list() {
        let (rows, sum) = counts("").expect("the top");
        let marks = |mark: &str| {
            let lines = include_str!("../enforced.tsv").lines().skip(1);
            let counted = lines.filter(|line| !line.starts_with("groups") && !line.starts_with("apply-"));
            counted.filter(|line| line.split('\t').nth(1) == Some(mark)).count()
        };
        assert_eq!(sum.enforced, marks("e") + marks("p"));
        assert_eq!(sum.kept, marks("c") + marks("a"));
        assert!(
            rows.iter().all(|(_, counts)| counts.known >= counts.enforced + counts.kept + counts.by_name)
        );
        let (below, all) = counts("security").expect("a hierarchy");
        let whole = rows.iter().find(|(name, _)| *name == "security").map(|(_, counts)| *counts);
        assert_eq!(whole.map(|c| c.known), Some(all.known + 1));
        assert!(below.iter().any(|(name, _)| *name == "policies"));
        assert!(counts("access").is_some_and(|(rows, _)| rows.is_empty()));
        assert!(counts("no such").is_none());
    }
}
