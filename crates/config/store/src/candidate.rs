//! The configuration being edited: a tree beside the active one.

use std::sync::Arc;

use ravelin_model::{ValidConfig, check_tree};
use ravelin_syntax::{Diagnostic, Severity, Tree, diff, render};

use crate::merge::{Conflict, merge};

#[derive(Clone, Debug, Default)]
pub struct Candidate {
    active: Arc<Tree>,
    tree: Arc<Tree>,
}

impl Candidate {
    /// Starts from the active configuration.
    #[must_use]
    pub fn new(active: impl Into<Arc<Tree>>) -> Self {
        let active = active.into();
        Self { tree: active.clone(), active }
    }

    #[must_use]
    pub fn tree(&self) -> &Arc<Tree> {
        &self.tree
    }

    #[must_use]
    pub fn is_changed(&self) -> bool {
        !Arc::ptr_eq(&self.tree, &self.active) && self.tree != self.active
    }

    /// One command (`set ...`, `delete ...`, `insert ...`) below `base`, the `[edit]` path. All or nothing.
    pub fn apply(&mut self, base: &[String], line: &str) -> Result<(), Vec<Diagnostic>> {
        ravelin_schema::apply(Arc::make_mut(&mut self.tree), base, line)
    }

    /// `load override` and `rollback`: the text replaces the candidate, unless it has syntax errors.
    pub fn replace(&mut self, text: &str) -> Result<(), Vec<Diagnostic>> {
        let bound = ravelin_schema::read(text);
        if bound.diagnostics.iter().any(|d| d.severity == Severity::Error) {
            return Err(bound.diagnostics);
        }
        self.tree = Arc::new(bound.tree);
        Ok(())
    }

    /// `load merge` of braces, `load set` of commands: all or nothing.
    pub fn merge(&mut self, text: &str) -> Result<(), Vec<Diagnostic>> {
        if ravelin_syntax::parse(text).form == ravelin_syntax::Form::Lines {
            return self.apply(&[], text);
        }
        let bound = ravelin_schema::read(text);
        if bound.diagnostics.iter().any(|d| d.severity == Severity::Error) {
            return Err(bound.diagnostics);
        }
        self.apply(&[], &render::set(&bound.tree))
    }

    /// Forgets every change.
    pub fn discard(&mut self) {
        self.tree = self.active.clone();
    }

    /// `show | compare`.
    #[must_use]
    pub fn compare(&self) -> String {
        diff(&self.active, &self.tree)
    }

    /// `commit check`.
    pub fn check(&self) -> Result<ValidConfig, Vec<Diagnostic>> {
        check_tree(&self.tree)
    }

    /// The text a store keeps.
    #[must_use]
    pub fn text(&self) -> String {
        render::text(&self.tree)
    }

    /// Takes another tree as it is.
    pub fn set(&mut self, tree: Tree) {
        self.tree = Arc::new(tree);
    }

    /// What it is compared with: the active configuration, for a private copy the one it was made from.
    #[must_use]
    pub fn base(&self) -> &Arc<Tree> {
        &self.active
    }

    /// Another configuration became active; what was edited stays, and what was not follows.
    pub fn activated(&mut self, active: &Arc<Tree>) {
        if !self.is_changed() {
            self.tree = active.clone();
        }
        self.active = active.clone();
    }

    /// Brings the changes onto another active configuration. Where both changed a statement, the change made here
    /// stays and is named.
    pub fn rebase(&mut self, active: &Arc<Tree>) -> Vec<Conflict> {
        if Arc::ptr_eq(&self.active, active) {
            return Vec::new();
        }
        let (tree, conflicts) = merge(&self.active, &self.tree, active);
        self.tree = Arc::new(tree);
        self.active = active.clone();
        conflicts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_line_changes_nothing() {
        let mut candidate = Candidate::default();
        assert!(candidate.apply(&[], "set system host-nam a").is_err());
        assert!(candidate.apply(&["system".to_owned()], "set host-name a").is_ok());
        assert!(candidate.merge("system { host-name b; }").is_ok());
        assert_eq!(candidate.text(), "system {\n    host-name b;\n}\n");
        assert_eq!(candidate.compare(), "[edit]\n+  system {\n+      host-name b;\n+  }\n");
        assert!(candidate.merge("system {").is_err());
        candidate.discard();
        assert!(!candidate.is_changed());
    }
}
