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

type Shared = Arc<dyn Any + Send + Sync>;

/// See the head of the file.
#[derive(Clone, Default)]
pub struct Memo {
    by_level: HashMap<(TypeId, usize), Shared>,
    /// Long lists by the statements that lead there.
    by_path: HashMap<(TypeId, String), Shared>,
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { by_level, by_path } = self;
        write!(f, "Memo({} lists, {} long)", by_level.len(), by_path.len())
    }
}

/// The members of one level that begin with a keyword.
pub(crate) fn level<T>(level: &Children, word: &str, cx: &mut Cx) -> Runs<T>
where
    T: Lower + Named + Send + Sync + 'static,
{
    let Some(identity) = level.identity() else { return Runs::default() };
    let key = (TypeId::of::<T>(), identity);
    if let Some(same) = cx.before.as_ref().and_then(|before| before.by_level.get(&key)).cloned()
        && let Some(kept) = same.downcast_ref::<Kept<T>>().filter(|kept| kept.word == word)
    {
        let runs = kept.runs.clone();
        if level.len() >= LONG {
            cx.memo.by_path.insert((key.0, cx.path()), same.clone());
        }
        cx.memo.by_level.insert(key, same);
        return runs;
    }
    let path = (level.len() >= LONG).then(|| (key.0, cx.path()));
    let earlier = path.as_ref().and_then(|path| cx.before.as_ref()?.by_path.get(path)).cloned();
    let earlier = earlier.as_ref().and_then(|kept| kept.downcast_ref::<Kept<T>>());
    let earlier = earlier.filter(|kept| kept.word == word);
    let kept = match earlier {
        Some(earlier) => edited(earlier, level, word, cx),
        None => {
            let mut made = Made::default();
            made.lower(level, 0, word, cx, &|_| false);
            made.into_kept(level, word)
        }
    };
    let runs = kept.runs.clone();
    let kept: Shared = Arc::new(kept);
    cx.memo.by_path.extend(path.map(|path| (path, kept.clone())));
    cx.memo.by_level.insert(key, kept);
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
    let from = made.ends.last().map_or(0, |end| *end as usize);
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
