//! What configuration mode asks of the daemon: the candidate, the store and the grammar behind one trait.

use std::collections::BTreeMap;

use crate::commits::Commits;

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// The statement as in `set`, without the verb; empty when none is at fault.
    pub path: String,
    /// 1-based; 0: not known.
    pub line: u32,
    pub column: u32,
    pub message: String,
    /// The whole finding for people; empty: make one of the other fields.
    pub rendered: String,
}

impl Problem {
    /// A finding about no statement.
    #[must_use]
    pub fn of(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// Lines for people, each ended.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { path, line, column, message, rendered } = self;
        if !rendered.is_empty() {
            return format!("{}\n", rendered.trim_end());
        }
        let place = if *line > 0 { format!("{line}:{column}: ") } else { String::new() };
        if path.is_empty() {
            format!("{place}{message}\n")
        } else {
            format!("[edit {path}]\n  {place}{message}\n")
        }
    }
}

/// What a change answers: it is whole, or nothing happened.
pub type Outcome<T> = Result<T, Vec<Problem>>;

/// How a configuration is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Without what is in statements that `apply-flags omit` marks.
    Text,
    /// Text as it is.
    Whole,
    Set,
    /// `set` lines that begin at the level shown.
    SetRelative,
    Xml,
    Json,
    /// Text, and above every statement what it is and takes.
    Detail,
    /// Groups expanded; in text their names are told unless `silent`.
    Inherited {
        form: Written,
        silent: bool,
    },
}

/// The forms that an expanded configuration may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Text,
    Whole,
    Set,
    SetRelative,
    Xml,
    Json,
    Detail,
}

/// What the candidate is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    Active,
    Rollback(u32),
}

/// A change of statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Set,
    Delete,
    Activate,
    Deactivate,
    Insert,
    Rename,
    Copy,
    Annotate,
    Protect,
    Unprotect,
    /// `wildcard delete`, `wildcard range set`.
    Wildcard,
    /// `replace pattern`.
    Replace,
}

impl Verb {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Delete => "delete",
            Self::Activate => "activate",
            Self::Deactivate => "deactivate",
            Self::Insert => "insert",
            Self::Rename => "rename",
            Self::Copy => "copy",
            Self::Annotate => "annotate",
            Self::Protect => "protect",
            Self::Unprotect => "unprotect",
            Self::Wildcard => "wildcard",
            Self::Replace => "replace",
        }
    }
}

/// How a text enters the candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadKind {
    /// The text's `set`, `delete`... lines are commands.
    Set,
    Merge,
    Override,
    /// As `Merge`, and `replace:` puts a statement in the place of the other.
    Replace,
    /// The text is the whole of its level; what is the same stays.
    Update,
    /// The text is what `show | compare` showed.
    Patch,
}

/// A word that may come next, with its help.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Candidate {
    /// `<name>` stands for something the operator makes up.
    pub word: String,
    pub help: String,
}

impl Candidate {
    #[must_use]
    pub fn new(word: impl Into<String>, help: impl Into<String>) -> Self {
        Self { word: word.into(), help: help.into() }
    }

    /// It can be typed as it stands.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        !self.word.starts_with('<')
    }
}

/// See [`ConfigMode::policy_descriptions`].
pub type PolicyDescriptions = BTreeMap<(Option<[String; 2]>, String), String>;

/// The candidate and the active configuration.
///
/// Paths are words as in `set`, without the verb. `show` and `active` answer an error when nothing stands at
/// the path, and empty text when it stands there and is empty.
pub trait ConfigMode: Commits {
    /// The candidate below a path.
    ///
    /// # Errors
    /// Nothing stands there.
    fn show(&self, path: &[String], form: Form) -> Outcome<String>;
    /// The active configuration below a path.
    ///
    /// # Errors
    /// Nothing stands there.
    fn active(&self, path: &[String], form: Form) -> Outcome<String>;
    /// What the active configuration says of its policies: by the two zones of each, none for a global one, and by its name.
    fn policy_descriptions(&self) -> PolicyDescriptions;
    /// Changes the candidate. `rest` is the line behind the verb as typed, quotes and brackets kept.
    ///
    /// # Errors
    /// The words are no statement, or name none that exists; the candidate is as before.
    fn edit(&mut self, at: &[String], verb: Verb, rest: &str) -> Outcome<()>;
    /// How many words lead to each level on the way of a path. A level is what may hold statements: what `edit` may go to.
    fn levels(&self, path: &[String]) -> Vec<usize>;
    /// What would change, as Junos' `show | compare` writes it; empty: nothing.
    ///
    /// # Errors
    /// There is no such rollback.
    fn compare(&self, against: Against) -> Outcome<String>;
    /// Replaces the candidate by a former configuration; 0 is the active one.
    ///
    /// # Errors
    /// There is no such rollback.
    fn rollback(&mut self, number: u32) -> Outcome<()>;
    /// Takes a text into the candidate; answers what there is to warn of.
    ///
    /// # Errors
    /// The text does not parse; the candidate is as before.
    fn load(&mut self, at: &[String], kind: LoadKind, text: &str) -> Outcome<Vec<Problem>>;
    /// Words that may follow `words` below `at` and begin with `partial`.
    fn complete(&self, at: &[String], verb: Verb, words: &[&str], partial: &str) -> Vec<Candidate>;
}
