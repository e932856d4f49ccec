//! Which rules a tree has statements of: one look through it answers what else would each take one.

use ravelin_syntax::tree::Node;

use crate::grammar::{RuleId, grammar};

/// See the head of the file.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    bits: Vec<u64>,
    /// There are statements that no rule stands for.
    outside: bool,
}

impl RuleSet {
    /// Of statements and all that is in them, inactive ones too.
    #[must_use]
    pub fn of(nodes: &[Node]) -> Self {
        let mut out = Self { bits: vec![0; grammar().len().div_ceil(64)], outside: false };
        out.add(nodes);
        out
    }

    fn add(&mut self, nodes: &[Node]) {
        for node in nodes {
            match self.bits.get_mut(node.rule as usize / 64) {
                Some(bits) => *bits |= 1 << (node.rule % 64),
                None => self.outside = true,
            }
            self.add(&node.children);
        }
    }

    #[must_use]
    pub fn has(&self, rule: RuleId) -> bool {
        self.bits.get(rule.0 as usize / 64).is_some_and(|bits| bits >> (rule.0 % 64) & 1 != 0)
    }

    /// Whether a commit may have statements of all of them.
    #[must_use]
    pub fn is_supported(&self) -> bool {
        let supported = |id: u32| grammar().rule(RuleId(id)).is_some_and(crate::Rule::supported);
        let ids = |(at, bits): (usize, &u64)| {
            let (at, bits) = (at as u32 * 64, *bits);
            (0..64).filter(move |n| bits >> n & 1 != 0).map(move |n| at + n)
        };
        !self.outside && self.bits.iter().enumerate().flat_map(ids).all(supported)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tree_has_statements_of() {
        let rule = |path| grammar().by_path(path).expect("a rule");
        for (text, supported, has) in [
            ("set system host-name a", true, true),
            ("set system host-name a\nset snmp community x", false, true),
            ("set groups g system host-name a", true, true),
            ("set system host-name a\nset access no-such-thing x", false, true),
            ("", true, false),
        ] {
            let set = RuleSet::of(&crate::read(text).tree.nodes);
            assert_eq!(set.is_supported(), supported, "{text}");
            assert_eq!(set.has(rule("system host-name")), has, "{text}");
            assert!(!set.has(rule("security zones")) && !set.has(crate::OPAQUE));
        }
    }
}
