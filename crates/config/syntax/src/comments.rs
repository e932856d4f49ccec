//! What few statements have: comments, and a mark for where they are loaded. None costs more than a word.

use std::ops::Deref;

use crate::Change;

#[derive(Clone, Debug, Default)]
pub struct Comments(Option<Box<Rare>>);

#[derive(Clone, Debug, Default)]
struct Rare {
    comments: Vec<String>,
    change: Change,
}

impl Comments {
    pub(crate) fn change(&self) -> Change {
        self.0.as_ref().map_or(Change::Merge, |rare| rare.change)
    }

    pub(crate) fn set_change(&mut self, change: Change) {
        if self.change() == change {
            return;
        }
        self.0.get_or_insert_default().change = change;
        self.0.take_if(|rare| rare.comments.is_empty() && rare.change == Change::Merge);
    }
}

impl Deref for Comments {
    type Target = [String];

    fn deref(&self) -> &[String] {
        self.0.as_ref().map_or(&[], |rare| &rare.comments)
    }
}

/// By the comments alone.
impl PartialEq for Comments {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl From<Vec<String>> for Comments {
    fn from(comments: Vec<String>) -> Self {
        let change = Change::Merge;
        Self((!comments.is_empty()).then(|| Box::new(Rare { comments, change })))
    }
}

impl Extend<String> for Comments {
    fn extend<I: IntoIterator<Item = String>>(&mut self, more: I) {
        let mut more = more.into_iter().peekable();
        if more.peek().is_some() {
            self.0.get_or_insert_default().comments.extend(more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Comments;
    use crate::Change;

    #[test]
    fn comments_and_the_mark_do_not_touch_each_other() {
        let mut both = Comments::default();
        both.set_change(Change::Delete);
        assert_eq!((both.len(), both.change()), (0, Change::Delete));
        both.extend(["# a".to_owned()]);
        both.extend(None);
        assert_eq!((&*both, both.change()), (&["# a".to_owned()][..], Change::Delete));
        assert_eq!(both, Comments::from(vec!["# a".to_owned()]), "equal by the comments");
        both.set_change(Change::Merge);
        assert_eq!((both.len(), both.change()), (1, Change::Merge));
        let mut mark = Comments::default();
        mark.set_change(Change::Replace);
        mark.set_change(Change::Merge);
        assert!(mark.0.is_none(), "nothing takes no memory");
    }
}
