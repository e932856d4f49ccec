//! Comments of a statement. Few have any: none costs a word.

use std::ops::Deref;

#[derive(Clone, Debug, Default)]
// Thin on purpose: a boxed slice would be two words in each of millions of statements.
#[allow(clippy::box_collection)]
pub struct Comments(Option<Box<Vec<String>>>);

impl Deref for Comments {
    type Target = [String];

    fn deref(&self) -> &[String] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }
}

impl PartialEq for Comments {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl From<Vec<String>> for Comments {
    fn from(comments: Vec<String>) -> Self {
        Self((!comments.is_empty()).then(|| Box::new(comments)))
    }
}

impl Extend<String> for Comments {
    fn extend<I: IntoIterator<Item = String>>(&mut self, more: I) {
        let mut all = self.to_vec();
        all.extend(more);
        *self = all.into();
    }
}
