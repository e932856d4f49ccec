//! The words of a statement: mostly one, which then lies in the statement itself.

use std::ops::{Deref, DerefMut};

use ravelin_mem::List;

use crate::Word;

#[derive(Clone, Debug, Default)]
pub struct Args(Form);

#[derive(Clone, Debug, Default)]
enum Form {
    #[default]
    None,
    One(Word),
    /// Also what was more once.
    Many(List<Word>),
}

const _: () = assert!(size_of::<Args>() == size_of::<Word>(), "what tells the forms apart lies in the word");

impl Args {
    #[must_use]
    pub fn one(word: Word) -> Self {
        Self(Form::One(word))
    }

    pub fn push(&mut self, word: Word) {
        self.0 = match std::mem::take(&mut self.0) {
            Form::None => Form::One(word),
            Form::One(first) => Form::Many(vec![first, word].into()),
            Form::Many(mut words) => {
                words.edit().push(word);
                Form::Many(words)
            }
        };
    }

    pub fn retain(&mut self, keep: impl FnMut(&Word) -> bool) {
        self.change(|words| words.retain(keep));
    }

    /// All words changed as a list. One that is changed word by word stays one that may grow, until [`Self::compact`].
    pub fn change(&mut self, change: impl FnOnce(&mut Vec<Word>)) {
        let mut words = match std::mem::take(&mut self.0) {
            Form::None => Vec::new(),
            Form::One(word) => vec![word],
            Form::Many(mut words) => {
                change(words.edit());
                self.0 = if words.len() > 1 { Form::Many(words) } else { Self::from(words.into_vec()).0 };
                return;
            }
        };
        change(&mut words);
        *self = words.into();
    }

    /// Whether they take more room than they must.
    #[must_use]
    pub fn is_loose(&self) -> bool {
        match &self.0 {
            Form::None | Form::One(_) => false,
            Form::Many(words) => words.is_loose(),
        }
    }

    pub fn compact(&mut self) {
        if self.is_loose() {
            *self = Vec::from(std::mem::take(self)).into();
        }
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
            _ => Self(Form::Many(words.into())),
        }
    }
}

impl From<Args> for Vec<Word> {
    fn from(args: Args) -> Self {
        match args.0 {
            Form::None => Vec::new(),
            Form::One(word) => vec![word],
            Form::Many(words) => words.into_vec(),
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

#[cfg(test)]
mod tests {
    use super::Args;
    use crate::Word;

    fn words(count: usize) -> Vec<Word> {
        (0..count).map(|n| Word::new(n.to_string())).collect()
    }

    #[test]
    fn words_are_those_that_were_put_there_and_compact_changes_none_of_them() {
        for count in 0..6 {
            let mut pushed = Args::default();
            words(count).into_iter().for_each(|word| pushed.push(word));
            let mut changed = Args::default();
            changed.change(|list| list.extend(words(count)));
            for mut args in [pushed, changed, words(count).into(), words(count).into_iter().collect()] {
                assert_eq!(args, words(count));
                args.compact();
                assert!(!args.is_loose());
                assert_eq!(args, words(count));
                let before = args.clone();
                args.change(|list| list.push(Word::new("more")));
                args.iter_mut().for_each(|word| word.quoted = true);
                assert!(before.iter().all(|word| !word.quoted), "a copy is another's");
                args.retain(|word| word.text != "more");
                assert_eq!((&args, args.is_loose()), (&before, count > 1));
                assert_eq!(Vec::from(args), words(count));
            }
        }
    }
}
