//! The words of a statement: mostly one, which then lies in the statement itself.

use std::ops::{Deref, DerefMut};

use crate::Word;

#[derive(Clone, Debug, Default)]
pub struct Args(Form);

#[derive(Clone, Debug, Default)]
enum Form {
    #[default]
    None,
    One(Word),
    /// Also what was more once.
    Many(Vec<Word>),
}

impl Args {
    #[must_use]
    pub fn one(word: Word) -> Self {
        Self(Form::One(word))
    }

    pub fn push(&mut self, word: Word) {
        self.0 = match std::mem::take(&mut self.0) {
            Form::None => Form::One(word),
            Form::One(first) => Form::Many(vec![first, word]),
            Form::Many(mut words) => {
                words.push(word);
                Form::Many(words)
            }
        };
    }

    pub fn retain(&mut self, keep: impl FnMut(&Word) -> bool) {
        let mut words: Vec<Word> = std::mem::take(self).into();
        words.retain(keep);
        *self = words.into();
    }

    /// All words changed as a list.
    pub fn change(&mut self, change: impl FnOnce(&mut Vec<Word>)) {
        let mut words: Vec<Word> = std::mem::take(self).into();
        change(&mut words);
        *self = words.into();
    }
}

impl Deref for Args {
    type Target = [Word];

    fn deref(&self) -> &[Word] {
        match &self.0 {
            Form::None => &[],
            Form::One(word) => std::slice::from_ref(word),
            Form::Many(words) => words,
        }
    }
}

impl DerefMut for Args {
    fn deref_mut(&mut self) -> &mut [Word] {
        match &mut self.0 {
            Form::None => &mut [],
            Form::One(word) => std::slice::from_mut(word),
            Form::Many(words) => words,
        }
    }
}

impl PartialEq for Args {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl PartialEq<[Word]> for Args {
    fn eq(&self, other: &[Word]) -> bool {
        **self == *other
    }
}

impl PartialEq<&[Word]> for Args {
    fn eq(&self, other: &&[Word]) -> bool {
        **self == **other
    }
}

impl PartialEq<Vec<Word>> for Args {
    fn eq(&self, other: &Vec<Word>) -> bool {
        **self == **other
    }
}

impl From<Vec<Word>> for Args {
    fn from(mut words: Vec<Word>) -> Self {
        match words.len() {
            0 => Self::default(),
            1 => words.pop().map_or_else(Self::default, Self::one),
            _ => Self(Form::Many(words)),
        }
    }
}

impl From<Args> for Vec<Word> {
    fn from(args: Args) -> Self {
        match args.0 {
            Form::None => Vec::new(),
            Form::One(word) => vec![word],
            Form::Many(words) => words,
        }
    }
}

impl FromIterator<Word> for Args {
    fn from_iter<I: IntoIterator<Item = Word>>(words: I) -> Self {
        words.into_iter().collect::<Vec<_>>().into()
    }
}

impl Extend<Word> for Args {
    fn extend<I: IntoIterator<Item = Word>>(&mut self, words: I) {
        words.into_iter().for_each(|word| self.push(word));
    }
}

impl<'a> IntoIterator for &'a Args {
    type Item = &'a Word;
    type IntoIter = std::slice::Iter<'a, Word>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
