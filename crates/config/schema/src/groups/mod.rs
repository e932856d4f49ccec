//! The effective configuration: groups expanded where they are applied, inactive statements left out.
//!
//! A statement of one's own wins over an inherited one, a group applied further in over one further out, the first
//! of a list over those behind it; values of lists are put together. Every inherited statement and value keeps the
//! number of its group and its place in the text. Spec: language-25..38.

mod apply_path;
mod ranges;
mod when;
mod wildcard;

use std::borrow::Cow;
use std::collections::HashMap;

use ravelin_syntax::tree::{Kind, Node};
use ravelin_syntax::{Children, Diagnostic, Span, Text, Tree, Word};

use crate::RuleSet;
use crate::grammar::{ROOT, RuleId, grammar};

pub use when::{Clock, PHASES_MAX, Periods, Situation};
pub use wildcard::WILDCARD_BYTES_MAX;
pub(crate) use wildcard::is_wildcard;

/// Steps one expansion may take: statements looked at and names compared with wildcards.
pub const EXPANSION_MAX: usize = 50_000_000;
/// Groups of one configuration.
pub const GROUPS_MAX: usize = u16::MAX as usize - 1;

/// The cluster node this is, for `${node}`.
pub type ClusterNode = Option<u8>;

#[derive(Clone, Debug)]
pub struct Effective<'a> {
    /// Borrowed when nothing was to expand: inactive statements may then be in it.
    pub tree: Cow<'a, Tree>,
    /// Names of groups, and behind them ranges of interfaces; an origin of n is the nth, counted from one.
    pub groups: Vec<String>,
    pub diagnostics: Vec<Diagnostic>,
    /// Rules of what is written, where that is what is in force.
    pub(crate) rules: Option<RuleSet>,
}

impl Effective<'_> {
    /// The group of an origin.
    #[must_use]
    pub fn group(&self, origin: u16) -> Option<&str> {
        self.groups.get(usize::from(origin).checked_sub(1)?).map(String::as_str)
    }

    /// Says of every finding about an inherited statement which group it came from.
    pub fn explain(&self, diagnostics: &mut [Diagnostic]) {
        if diagnostics.is_empty() || self.groups.is_empty() {
            return;
        }
        let mut origins = HashMap::new();
        places(&self.tree.nodes, &mut origins);
        for diagnostic in diagnostics.iter_mut().filter(|d| d.span.is_known()) {
            let place = (diagnostic.span.line, diagnostic.span.column);
            if let Some(name) = origins.get(&place).and_then(|origin| self.group(*origin)) {
                diagnostic.group = Some(name.to_owned());
            }
        }
    }
}

fn places(nodes: &[Node], out: &mut HashMap<(u32, u32), u16>) {
    for node in nodes {
        let own = (node.origin > 0).then_some((node.span, node.origin));
        let values = node.args.iter().map(|w| (w.span, if w.origin > 0 { w.origin } else { node.origin }));
        for (span, origin) in own.into_iter().chain(values).filter(|(_, origin)| *origin > 0) {
            out.insert((span.line, span.column), origin);
        }
        places(&node.children, out);
    }
}

/// What is in force.
#[must_use]
pub fn effective(tree: &Tree, at: impl Into<Situation>) -> Effective<'_> {
    let rules = Rules::new();
    let written = RuleSet::of(&tree.nodes);
    if !rules.steer(&written) {
        return Effective {
            tree: Cow::Borrowed(tree),
            groups: Vec::new(),
            diagnostics: Vec::new(),
            rules: Some(written),
        };
    }
    let mut expander = Expander::new(&tree.nodes, rules, at.into());
    let nodes = expander.level(&tree.nodes, Vec::new());
    let mut tree = Tree { nodes };
    let Expander { groups, mut diagnostics, .. } = expander;
    let mut groups = groups.iter().map(|g| g.name.to_owned()).collect();
    ranges::expand(&mut tree, &mut groups, &mut diagnostics);
    apply_path::expand(&mut tree, &mut diagnostics);
    Effective { tree: Cow::Owned(tree), groups, diagnostics, rules: None }
}

/// Whether a statement, or one in it, applies a group or a path: then what is in force is not what is written.
#[must_use]
pub fn uses_groups(node: &Node) -> bool {
    Rules::new().steer(&RuleSet::of(std::slice::from_ref(node)))
}

/// The statements that steer the expansion.
#[derive(Clone, Copy)]
struct Rules {
    groups: Option<RuleId>,
    apply: Option<RuleId>,
    except: Option<RuleId>,
    path: Option<RuleId>,
    range: Option<RuleId>,
}

impl Rules {
    fn new() -> Self {
        let top = |word| grammar().keyword(ROOT, word).map(|(id, _)| id);
        let path = grammar().by_path("policy-options prefix-list apply-path");
        let range = grammar().by_path("interfaces interface-range");
        let (groups, apply, except) = (top("groups"), top("apply-groups"), top("apply-groups-except"));
        Self { groups, apply, except, path, range }
    }

    fn is(rule: Option<RuleId>, node: &Node) -> bool {
        rule.is_some_and(|id| id.0 == node.rule)
    }

    /// Whether a tree with statements of these rules has to be expanded.
    fn steer(self, written: &RuleSet) -> bool {
        [self.apply, self.path, self.range].into_iter().flatten().any(|rule| written.has(rule))
    }

    /// Takes no part in what is in force.
    fn steers(self, node: &Node) -> bool {
        [self.groups, self.apply, self.except].iter().any(|rule| Self::is(*rule, node))
    }
}

struct Group<'a> {
    name: &'a str,
    nodes: &'a [Node],
}

/// What a group has for the level at hand.
#[derive(Clone, Copy)]
struct Source<'a> {
    origin: u16,
    nodes: &'a [Node],
}

/// One statement of a level: one's own, and what groups have for it, in the order of precedence.
struct Child<'a> {
    own: Option<&'a Node>,
    inherited: Vec<(usize, u16, &'a Node)>,
}

struct Expander<'a> {
    rules: Rules,
    situation: Situation,
    groups: Vec<Group<'a>>,
    by_name: HashMap<&'a str, u16>,
    /// Statements on the way to the level at hand.
    trail: Vec<(u32, &'a [Word])>,
    /// Groups in force at the level at hand, and which those are; one that is can't be applied again, so that
    /// no circle turns.
    applied: Vec<u16>,
    is_applied: Vec<bool>,
    work: usize,
    told_work: bool,
    told_when: Vec<(u16, Span)>,
    /// As it is written outside of groups.
    host_name: Option<&'a str>,
    diagnostics: Vec<Diagnostic>,
}

fn is_bracket(word: &str) -> bool {
    word == "[" || word == "]"
}

/// A leaf of `system`, as it is written outside of groups.
fn system_leaf<'a>(nodes: &'a [Node], name: &str) -> Option<&'a str> {
    let system = nodes.iter().filter(|n| !n.inactive && n.name == "system").flat_map(Node::active);
    system.filter(|n| n.name == name).find_map(|n| n.args.first()).map(|word| word.text.as_str())
}

/// The time zone that conditions of groups go by, as it is written outside of them.
#[must_use]
pub fn time_zone(tree: &Tree) -> Option<&str> {
    system_leaf(&tree.nodes, "time-zone")
}

impl<'a> Expander<'a> {
    fn new(nodes: &'a [Node], rules: Rules, situation: Situation) -> Self {
        let defined = nodes.iter().filter(|n| Rules::is(rules.groups, n)).flat_map(Node::active);
        let entries = defined.filter(|n| n.kind == Kind::Entry);
        let group =
            |n: &'a Node| Group { name: n.args.first().map_or("", |w| w.text.as_str()), nodes: &n.children };
        let groups: Vec<Group<'a>> = entries.map(group).take(GROUPS_MAX).collect();
        let by_name = (1..).zip(&groups).map(|(n, g)| (g.name, n)).collect();
        let is_applied = vec![false; groups.len() + 1];
        Self {
            rules,
            situation,
            groups,
            by_name,
            trail: Vec::new(),
            applied: Vec::new(),
            is_applied,
            work: 0,
            told_work: false,
            told_when: Vec::new(),
            host_name: system_leaf(nodes, "host-name"),
            diagnostics: Vec::new(),
        }
    }

    fn path(&self) -> String {
        let mut words = Vec::new();
        for (rule, args) in &self.trail {
            let rule = grammar().rule(RuleId(*rule));
            words.extend(rule.filter(|r| !r.hidden).map(|r| r.name));
            words.extend(args.iter().map(|w| w.text.as_str()));
        }
        words.join(" ")
    }

    /// The statements in force of one level.
    fn level(&mut self, own: &'a [Node], mut sources: Vec<Source<'a>>) -> Vec<Node> {
        let mark = self.applied.len();
        self.apply(own, &mut sources);
        let out = if sources.is_empty() { self.plain(own) } else { self.joined(own, &sources) };
        for origin in self.applied.drain(mark..) {
            self.is_applied[usize::from(origin)] = false;
        }
        out
    }

    /// Groups that this level applies, further in before further out; then those it takes exception to.
    fn apply(&mut self, own: &'a [Node], sources: &mut Vec<Source<'a>>) {
        self.named(own, sources, 0);
        // What a group applies itself stands right behind it.
        let mut at = 0;
        while at < sources.len() {
            let nodes = sources[at].nodes;
            at += 1;
            self.named(nodes, sources, at);
        }
        for node in own.iter().filter(|n| !n.inactive && Rules::is(self.rules.except, n)) {
            for word in &node.args {
                let Some(origin) = self.by_name.get(word.text.as_str()).copied() else { continue };
                sources.retain(|s| s.origin != origin);
            }
        }
    }

    /// Puts the sources of `apply-groups` statements among others.
    fn named(&mut self, nodes: &'a [Node], sources: &mut Vec<Source<'a>>, at: usize) {
        let mut found = Vec::new();
        let rules = self.rules;
        let last = rules.except.map_or(0, |id| id.0);
        // Siblings are sorted, and these come first.
        let first = nodes.iter().take_while(|n| n.rule <= last);
        for node in first.filter(|n| !n.inactive && Rules::is(rules.apply, n)) {
            for word in &node.args {
                let Some(origin) = self.group(word) else { continue };
                if std::mem::replace(&mut self.is_applied[usize::from(origin)], true) {
                    continue;
                }
                self.applied.push(origin);
                let group = self.groups[usize::from(origin) - 1].nodes;
                if !self.in_force(origin, group) {
                    continue;
                }
                let mut levels = vec![group];
                for (rule, args) in &self.trail {
                    let below =
                        |nodes: &'a [Node]| nodes.iter().filter(|n| !n.inactive && fits(n, *rule, args));
                    self.work += levels.iter().map(|l| l.len()).sum::<usize>();
                    levels = levels.into_iter().flat_map(below).map(|n| &*n.children).collect();
                }
                found.extend(levels.into_iter().map(|nodes| Source { origin, nodes }));
            }
        }
        if !found.is_empty() {
            sources.splice(at..at, found);
        }
    }

    fn group(&mut self, word: &Word) -> Option<u16> {
        let name = match (word.text.as_str(), self.situation.node) {
            ("${node}", Some(node)) => format!("node{node}"),
            ("${node}", None) => return None,
            (name, _) => name.to_owned(),
        };
        let found = self.by_name.get(name.as_str()).copied();
        // The system's own: always in force, never in the text.
        if found.is_none() && name != "junos-defaults" {
            let path = crate::lower::join(&self.path(), "apply-groups");
            let message = format!("configuration group `{name}' is not defined");
            self.diagnostics.push(Diagnostic::error(path, word.span, message));
        }
        found
    }

    fn plain(&mut self, own: &'a [Node]) -> Vec<Node> {
        let kept = own.iter().filter(|n| !n.inactive && !self.rules.steers(n));
        let kept: Vec<&Node> = kept.collect();
        kept.into_iter().map(|node| self.child(Child { own: Some(node), inherited: Vec::new() })).collect()
    }

    fn joined(&mut self, own: &'a [Node], sources: &[Source<'a>]) -> Vec<Node> {
        let mut children: Vec<Child<'a>> = Vec::new();
        let mut known: HashMap<(u32, Vec<&'a str>), usize> = HashMap::new();
        for node in own.iter().filter(|n| !n.inactive && !self.rules.steers(n)) {
            known.insert(identity(node), children.len());
            children.push(Child { own: Some(node), inherited: Vec::new() });
        }
        let mut wild: HashMap<u32, Vec<(usize, u16, &'a Node)>> = HashMap::new();
        // The condition of a group is no statement of it.
        let top = self.trail.is_empty();
        for (rank, source) in sources.iter().enumerate() {
            self.work += source.nodes.len();
            for node in source
                .nodes
                .iter()
                .filter(|n| !(n.inactive || self.rules.steers(n) || top && n.keyword() == "when"))
            {
                let found = (rank, source.origin, node);
                if is_wild(node) {
                    wild.entry(node.rule).or_default().push(found);
                    continue;
                }
                let at = *known.entry(identity(node)).or_insert_with(|| {
                    children.push(Child { own: None, inherited: Vec::new() });
                    children.len() - 1
                });
                children[at].inherited.push(found);
            }
        }
        if !wild.is_empty() {
            self.wildcards(&mut children, &wild);
        }
        if self.work > EXPANSION_MAX {
            self.tell_work();
            children.retain(|c| c.own.is_some());
            children.iter_mut().for_each(|c| c.inherited.clear());
        }
        let mut out: Vec<Node> = children.into_iter().map(|child| self.child(child)).collect();
        out.retain(|n| n.kind != Kind::Container || n.presence || n.origin == 0 || !n.children.is_empty());
        out.sort_by_key(|n| n.rule);
        out
    }

    fn tell_work(&mut self) {
        if !std::mem::replace(&mut self.told_work, true) {
            let message = "groups expand to too much: fewer wildcards or fewer applications are needed";
            let at = ravelin_syntax::Span::NOWHERE;
            self.diagnostics.push(Diagnostic::error("apply-groups", at, message));
        }
    }

    /// A wildcard is about the names that are there, one's own or inherited; it makes none.
    fn wildcards(&mut self, children: &mut [Child<'a>], wild: &HashMap<u32, Vec<(usize, u16, &'a Node)>>) {
        for child in children.iter_mut() {
            let Some(node) = child.own.or(child.inherited.first().map(|(_, _, n)| *n)) else { continue };
            let Some(patterns) = wild.get(&node.rule) else { continue };
            self.work += patterns.len();
            if self.work > EXPANSION_MAX {
                return;
            }
            let matching = patterns.iter().filter(|(_, _, pattern)| fits(pattern, node.rule, &node.args));
            child.inherited.extend(matching);
            // Stable: in one group the name itself comes before a wildcard.
            child.inherited.sort_by_key(|(rank, _, _)| *rank);
        }
    }

    fn child(&mut self, child: Child<'a>) -> Node {
        let Child { own, inherited } = child;
        // A wildcard lends what is in it, never its name.
        let named = inherited.iter().find(|(_, _, node)| !is_wild(node));
        let (base, origin) = match (own, named) {
            (Some(own), _) => (own, 0),
            (None, Some((_, origin, node))) => (*node, *origin),
            (None, None) => unreachable!("a child comes from somewhere"),
        };
        let mut node = Node {
            children: Children::default(),
            args: base.args.clone(),
            comments: base.comments.clone(),
            origin,
            ..*base
        };
        match base.kind {
            Kind::Leaf | Kind::Flag => {}
            Kind::Opaque => node.children = base.children.clone(),
            Kind::LeafList => {
                node.args.iter_mut().for_each(|w| w.origin = origin);
                for (_, origin, more) in &inherited {
                    self.work += more.args.len();
                    node.args.change(|args| values(args, &more.args, *origin));
                }
            }
            Kind::Container | Kind::Entry => {
                let sources = inherited.iter();
                let sources =
                    sources.map(|(_, origin, n)| Source { origin: *origin, nodes: &n.children }).collect();
                let keys: &[Word] = if base.kind == Kind::Entry { &base.args } else { &[] };
                self.trail.push((base.rule, keys));
                let own = own.map_or(&[][..], |n| &*n.children);
                node.children = self.level(own, sources).into();
                self.trail.pop();
            }
        }
        node
    }
}

/// Values of a group behind those that are there.
fn values(into: &mut Vec<Word>, more: &[Word], origin: u16) {
    let mut known: std::collections::HashSet<Text> = into.iter().map(|w| w.text.clone()).collect();
    for word in more {
        if known.insert(word.text.clone()) {
            into.push(Word { origin, ..word.clone() });
        }
    }
}

fn identity(node: &Node) -> (u32, Vec<&str>) {
    let words = match node.kind {
        Kind::Entry => node.args.iter().map(|w| w.text.as_str()).collect(),
        Kind::Opaque => node.head().collect(),
        Kind::Leaf | Kind::Flag | Kind::LeafList | Kind::Container => Vec::new(),
    };
    (node.rule, words)
}

fn is_wild(node: &Node) -> bool {
    node.kind == Kind::Entry && node.args.iter().any(|w| is_wildcard(&w.text))
}

/// Whether a statement of a group is about one of this rule and these keys.
fn fits(node: &Node, rule: u32, keys: &[Word]) -> bool {
    node.rule == rule
        && (node.kind != Kind::Entry
            || node.args.len() == keys.len()
                && node.args.iter().zip(keys).all(|(a, b)| wildcard::matches(&a.text, &b.text)))
}
