//! What lists of an earlier configuration were lowered to, so that only what an edit changed is lowered again.
//!
//! A list is known by the statements themselves: they are kept here as long as what came of them, so that no other
//! statement can lie where they lie. State: made by one lowering, read by the next.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use ravelin_syntax::Children;
use ravelin_syntax::tree::Node;

use crate::changed::shared_ends;
use crate::lower::{Cx, Lower, is};
use crate::runs::{Named, Runs, ends_run};

/// Lists shorter than this are lowered afresh when they are not the same as a whole.
const LONG: usize = 32;

/// A list of statements and what came of it.
struct Kept<T> {
    level: Children,
    /// The keyword of those that count.
    word: String,
    /// Statements up to the end of each run.
    ends: Vec<u32>,
    runs: Runs<T>,
}

/// A statement with a long level below it, and what came of it.
struct Whole<T> {
    node: Node,
    made: T,
    /// What was remembered of the levels below.
    below: Vec<Key>,
}

type Shared = Arc<dyn Any + Send + Sync>;

/// Where something is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Level(TypeId, usize),
    /// A long list, by the statements that lead there.
    Path(TypeId, String),
    /// A statement, by the level below it.
    Whole(TypeId, usize),
}

/// See the head of the file.
#[derive(Clone, Default)]
pub struct Memo(HashMap<Key, Shared>);

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memo({})", self.0.len())
    }
}

impl Memo {
    fn find<T: 'static>(&self, key: &Key) -> Option<(&Shared, &T)> {
        let shared = self.0.get(key)?;
        Some((shared, shared.downcast_ref()?))
    }
}

impl Cx {
    fn remember(&mut self, key: Key, what: Shared) {
        self.remembered.push(key.clone());
        self.memo.0.insert(key, what);
    }
}

/// A statement, taken over as a whole where nothing in it has changed and it is long.
pub(crate) fn whole<T>(node: &Node, cx: &mut Cx) -> Option<T>
where
    T: Lower + Clone + Send + Sync + 'static,
{
    let identity = node.children.identity().filter(|_| node.children.len() >= LONG);
    let Some(identity) = identity else { return T::lower(node, cx) };
    let (key, before) = (Key::Whole(TypeId::of::<T>(), identity), cx.before.clone());
    if let Some((before, (same, kept))) =
        before.as_ref().and_then(|before| Some((before, before.find::<Whole<T>>(&key)?)))
        && kept.node.is_kept_from(node)
    {
        for key in &kept.below {
            if let Some(below) = before.0.get(key) {
                cx.remember(key.clone(), below.clone());
            }
        }
        cx.remember(key, same.clone());
        return Some(kept.made.clone());
    }
    let mark = cx.remembered.len();
    let made = T::lower(node, cx)?;
    let below = cx.remembered[mark..].to_vec();
    cx.remember(key, Arc::new(Whole { node: node.clone(), made: made.clone(), below }));
    Some(made)
}

/// The members of one level that begin with a keyword.
pub(crate) fn level<T>(level: &Children, word: &str, cx: &mut Cx) -> Runs<T>
where
    T: Lower + Named + Send + Sync + 'static,
{
    let Some(identity) = level.identity() else { return Runs::default() };
    let (of, before) = (TypeId::of::<T>(), cx.before.clone());
    let key = Key::Level(of, identity);
    let path = (level.len() >= LONG).then(|| Key::Path(of, cx.path()));
    if let Some((same, kept)) = before.as_ref().and_then(|before| before.find::<Kept<T>>(&key))
        && kept.word == word
    {
        path.into_iter().chain([key]).for_each(|key| cx.remember(key, same.clone()));
        return kept.runs.clone();
    }
    let earlier = before.as_ref().zip(path.as_ref()).and_then(|(before, path)| before.find::<Kept<T>>(path));
    let kept = match earlier.filter(|(_, kept)| kept.word == word) {
        Some((_, earlier)) => edited(earlier, level, word, cx),
        None => {
            let mut made = Made::default();
            made.lower(level, 0, word, cx, &|_| false);
            made.into_kept(level, word)
        }
    };
    let runs = kept.runs.clone();
    let kept: Shared = Arc::new(kept);
    path.into_iter().chain([key]).for_each(|key| cx.remember(key, kept.clone()));
    runs
}

/// Runs in the making.
struct Made<T> {
    ends: Vec<u32>,
    runs: Vec<Arc<[T]>>,
}

impl<T> Default for Made<T> {
    fn default() -> Self {
        Self { ends: Vec::new(), runs: Vec::new() }
    }
}

impl<T: Lower + Named> Made<T> {
    /// Lowers from a statement on, to the end or to where a run ends and `stop` says so; answers where that was.
    fn lower(
        &mut self,
        level: &[Node],
        from: usize,
        word: &str,
        cx: &mut Cx,
        stop: &dyn Fn(usize) -> bool,
    ) -> usize {
        let mut run = Vec::new();
        for (at, node) in level.iter().enumerate().skip(from) {
            if node.inactive || !is(node, word) {
                continue;
            }
            let Some(member) = cx.enter(node, |cx| T::lower(node, cx)) else { continue };
            let ends = ends_run(member.name(), run.len() + 1);
            run.push(member);
            if ends {
                self.runs.push(std::mem::take(&mut run).into());
                self.ends.push(at as u32 + 1);
                if stop(at + 1) {
                    return at + 1;
                }
            }
        }
        if !run.is_empty() {
            self.runs.push(run.into());
            self.ends.push(level.len() as u32);
        }
        level.len()
    }

    fn into_kept(self, level: &Children, word: &str) -> Kept<T> {
        Kept { level: level.clone(), word: word.to_owned(), ends: self.ends, runs: Runs::of(self.runs) }
    }
}

/// Lowers what lies between the runs that two lists begin with and those that they end with.
fn edited<T: Lower + Named>(earlier: &Kept<T>, level: &Children, word: &str, cx: &mut Cx) -> Kept<T> {
    let (old, new): (&[Node], &[Node]) = (&earlier.level, level);
    let known = cx.ends.get(&(old.as_ptr().addr(), new.as_ptr().addr())).copied();
    let (front, back) = known.unwrap_or_else(|| shared_ends(old, new));
    // A run at the end of the list may have ended for want of more.
    let whole = |end: &&u32| (**end as usize) <= front && (**end as usize) < old.len();
    let first = earlier.ends.iter().take_while(whole).count();
    let mut made = Made { ends: earlier.ends[..first].to_vec(), runs: earlier.runs.runs()[..first].to_vec() };
    let mut from = made.ends.last().map_or(0, |end| *end as usize);
    // Siblings stand in the order of the table: those of another keyword are passed over together.
    while let Some(other) = new.get(from).filter(|node| !is(node, word)) {
        from += new[from..].partition_point(|node| node.rule == other.rule);
    }
    // A place in the new list, as one in the old: both counted from the end.
    let in_old = |at: usize| (at + old.len()).checked_sub(new.len());
    let resume = |at: usize| in_old(at).filter(|old_at| *old_at >= old.len() - back);
    let stop = |at: usize| resume(at).is_some_and(|at| earlier.ends.binary_search(&(at as u32)).is_ok());
    let at = made.lower(new, from, word, cx, &stop);
    if let Some(place) = resume(at).and_then(|at| earlier.ends.binary_search(&(at as u32)).ok()) {
        let moved = |end: &u32| (*end as usize + new.len() - old.len()) as u32;
        made.ends.extend(earlier.ends[place + 1..].iter().map(moved));
        made.runs.extend_from_slice(&earlier.runs.runs()[place + 1..]);
    }
    made.into_kept(level, word)
}
