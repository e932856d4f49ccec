//! Words of a command as the way to a statement, and the statement there.

use ravelin_syntax::tree::{Kind, Node, Style};
use ravelin_syntax::{DIAGNOSTICS_MAX, Diagnostic, Item, Span, Word};

use crate::bind::Scope;
use crate::grammar::{ROOT, Rule, RuleId, grammar, takes_value};
use crate::index::Index;

/// One level of the way.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub rule: RuleId,
    /// Words of an entry's keys, or of a statement outside the table.
    pub keys: Vec<Word>,
}

/// What a path names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Path {
    pub steps: Vec<Step>,
    /// The value of a leaf, when the words end with one.
    pub value: Option<Word>,
    /// The words end with the keyword of a list: all its entries are meant.
    pub is_list: bool,
    /// Words behind a value that name the next statement of its line: `2000 to 60000`.
    pub behind: usize,
}

/// Words that no statement of the table begins with.
#[derive(Debug)]
pub(crate) struct Unknown {
    pub word: String,
}

/// Reads a path; both leaf values and the keys of the last list may be missing.
pub(crate) fn resolve(words: &[Word]) -> Result<Path, Unknown> {
    let mut path = Path::default();
    let mut scope = ROOT;
    let mut rest = words;
    while let Some((word, after)) = rest.split_first() {
        let item = Item::One(word.clone());
        let unknown = || Unknown { word: word.text.to_string() };
        let Some((id, rule)) = crate::bind::choose(grammar(), scope, &item) else {
            let opaque = grammar().rule(scope).is_some_and(|r| scope != ROOT && !r.supported());
            if !opaque {
                return Err(unknown());
            }
            path.steps.push(Step { rule: crate::grammar::OPAQUE, keys: rest.to_vec() });
            return Ok(path);
        };
        rest = if rule.hidden { rest } else { after };
        let mut step = Step { rule: id, keys: Vec::new() };
        match rule.kind {
            Kind::Entry => {
                path.is_list = rest.is_empty();
                let used = if path.is_list { 0 } else { keys(rule, rest).ok_or_else(unknown)? };
                step.keys = rest[..used].to_vec();
                step.keys.iter_mut().for_each(|word| complete(rule, word));
                rest = &rest[used..];
            }
            Kind::Leaf | Kind::LeafList => {
                path.value = rest.first().cloned();
                path.value.iter_mut().for_each(|word| complete(rule, word));
                rest = rest.get(1..).unwrap_or_default();
            }
            Kind::Opaque if !rest.is_empty() => {
                path.steps.push(step);
                path.steps.push(Step { rule: crate::grammar::OPAQUE, keys: rest.to_vec() });
                return Ok(path);
            }
            Kind::Container | Kind::Flag | Kind::Opaque => {}
        }
        path.steps.push(step);
        scope = id;
        let leaf = matches!(rule.kind, Kind::Leaf | Kind::LeafList | Kind::Flag);
        if let (true, Some(extra)) = (leaf, rest.first()) {
            if is_one_line(rule)
                && crate::bind::choose(grammar(), rule.parent, &Item::One(extra.clone())).is_some()
            {
                path.behind = rest.len();
                return Ok(path);
            }
            return Err(Unknown { word: extra.text.to_string() });
        }
    }
    Ok(path)
}

/// How many words lead to each level on the way of a path, from the top. A level is what may hold statements; the last one
/// is shorter than the path when that ends with something else, or with a word that nothing begins with.
#[must_use]
pub fn levels(path: &[&str]) -> Vec<usize> {
    levels_of(&path.iter().copied().map(Word::new).collect::<Vec<_>>())
}

pub(crate) fn levels_of(words: &[Word]) -> Vec<usize> {
    let is_level = |length: &usize| {
        let Ok(found) = resolve(&words[..*length]) else { return false };
        let Path { steps, value, is_list, behind } = &found;
        let kind = steps.last().and_then(|last| grammar().rule(last.rule)).map(|rule| rule.kind);
        let holds = matches!(kind, None | Some(Kind::Container | Kind::Entry | Kind::Opaque));
        holds && value.is_none() && !is_list && *behind == 0
    };
    (1..=words.len()).filter(is_level).collect()
}

/// A prefix is in the tree as a whole, however short it is written.
fn complete(rule: &Rule, word: &mut Word) {
    let values = rule.keys.iter().map(|key| &key.value).chain([&rule.value]);
    if let Some(whole) = values.into_iter().find_map(|values| values.kind.completed(&word.text)) {
        word.text = whole.into();
    }
}

/// Whether a leaf's siblings may follow it on its line.
fn is_one_line(rule: &Rule) -> bool {
    let above = grammar().rule(rule.parent);
    rule.hidden && above.is_some_and(|r| matches!(r.style, Style::OneLine | Style::OneLinePlus))
}

/// How many words the keys of an entry take; `None` when they are not all there.
pub(crate) fn keys(rule: &Rule, words: &[Word]) -> Option<usize> {
    let mut at = 0;
    for key in &rule.keys {
        if key.optional && !words[..at].last().is_some_and(|w| takes_value(&w.text)) {
            continue;
        }
        if let Some(keyword) = key.keyword {
            words.get(at).filter(|w| w.text == keyword)?;
            at += 1;
        }
        words.get(at)?;
        at += 1;
    }
    Some(at)
}

/// Where a path leads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub indexes: Vec<usize>,
    /// Hashes of the levels, when an index was asked.
    pub hashes: Vec<u64>,
}

/// Follows the steps through a tree, by its index where there is one.
pub(crate) fn follow(nodes: &[Node], steps: &[Step], index: Option<&Index>) -> Option<Place> {
    let mut place = Place::default();
    let mut level = nodes;
    let mut scope = Scope::TOP;
    for step in steps {
        if step.rule == crate::grammar::OPAQUE {
            place.indexes.extend(opaque(level, &step.keys)?);
            return Some(place);
        }
        scope.rule = step.rule;
        let found = match index {
            Some(index) => {
                scope.hash = index.hash(scope, &step.keys);
                place.hashes.push(scope.hash);
                index.find(scope.hash, level, step.rule, &step.keys)
            }
            None => level
                .iter()
                .position(|n| n.rule == step.rule.0 && (n.kind != Kind::Entry || n.args == step.keys)),
        };
        let found = found?;
        place.indexes.push(found);
        level = &level[found].children;
    }
    Some(place)
}

/// Statements outside the table are found by their words alone.
fn opaque(nodes: &[Node], words: &[Word]) -> Option<Vec<usize>> {
    for (at, node) in nodes.iter().enumerate() {
        let written = || node.args.iter().filter(|w| !w.is_bracket()).map(|w| w.text.as_str());
        let own = || (!node.name.is_empty()).then_some(node.name).into_iter().chain(written());
        let length = own().count();
        if length > words.len() || !own().eq(words[..length].iter().map(|w| w.text.as_str())) {
            continue;
        }
        if length == words.len() {
            return Some(vec![at]);
        }
        if let Some(mut below) = opaque(&node.children, &words[length..]) {
            below.insert(0, at);
            return Some(below);
        }
    }
    None
}

/// Every statement outside the table that begins with these words, as lines that tell of one hierarchy do, and how many
/// statements were looked at for it.
pub(crate) fn outside(nodes: &[Node], words: &[Word]) -> (Vec<Vec<usize>>, usize) {
    let (mut found, mut looked) = (Vec::new(), nodes.len());
    for (at, node) in nodes.iter().enumerate() {
        let written = node.args.iter().filter(|w| !w.is_bracket()).map(|w| w.text.as_str());
        let own: Vec<&str> =
            (!node.name.is_empty()).then_some(node.name).into_iter().chain(written).collect();
        let common = own.iter().zip(words).take_while(|(own, word)| **own == word.text.as_str()).count();
        if common == words.len() && node.rule == crate::grammar::OPAQUE.0 {
            found.push(vec![at]);
        } else if common == own.len() && common < words.len() {
            let (below, more) = outside(&node.children, &words[common..]);
            looked += more;
            found.extend(below.into_iter().map(|rest| std::iter::once(at).chain(rest).collect()));
        }
    }
    (found, looked)
}

/// The siblings of the statement at a place, and where among them it is.
pub(crate) fn siblings<'a>(
    nodes: &'a mut Vec<Node>,
    indexes: &[usize],
) -> Option<(&'a mut Vec<Node>, usize)> {
    let (last, above) = indexes.split_last()?;
    let level = match above.split_first() {
        None => nodes,
        Some((first, rest)) => {
            let mut node = nodes.get_mut(*first)?;
            for &at in rest {
                node = node.children.get_mut(at)?;
            }
            node.children.edit()
        }
    };
    (*last < level.len()).then_some((level, *last))
}

/// The statement at a place.
pub(crate) fn at<'a>(nodes: &'a [Node], indexes: &[usize]) -> Option<&'a Node> {
    let (last, above) = indexes.split_last()?;
    let level = above.iter().try_fold(nodes, |level, &at| Some(&*level.get(at)?.children))?;
    level.get(*last)
}

/// Puts findings at the word their path ends with, where the tree has it: checks across statements know the
/// statement only.
pub fn refine(nodes: &[Node], diagnostics: &mut [Diagnostic]) {
    if diagnostics.is_empty() {
        return;
    }
    let index = Index::of(nodes);
    for diagnostic in diagnostics.iter_mut().take(DIAGNOSTICS_MAX) {
        if let Some(span) = span_of(nodes, &index, &diagnostic.path).filter(|s| s.is_known()) {
            // A value that is wrong in itself was found where it stands.
            if diagnostic.span <= span || diagnostic.span.line != span.line {
                diagnostic.span = span;
            }
        }
    }
}

fn span_of(nodes: &[Node], index: &Index, path: &str) -> Option<Span> {
    let words: Vec<Word> = path.split(' ').filter(|w| !w.is_empty()).map(Word::new).collect();
    let path = resolve(&words).ok()?;
    if path.is_list || path.steps.is_empty() {
        return None;
    }
    let place = follow(nodes, &path.steps, Some(index))?;
    let node = at(nodes, &place.indexes)?;
    match (&path.value, node.kind) {
        (Some(value), _) => node.args.iter().find(|w| *w == value).map(|w| w.span),
        (None, _) => Some(node.span),
    }
}
