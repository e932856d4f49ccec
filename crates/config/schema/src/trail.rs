//! The words that lead to the statement at hand, for findings: kept without an allocation a word.

#[derive(Debug, Default)]
pub(crate) struct Trail {
    /// Words beyond `length` are left over for the next.
    words: Vec<String>,
    length: usize,
}

impl Trail {
    pub fn push(&mut self, word: &str) {
        match self.words.get_mut(self.length) {
            Some(free) => {
                free.clear();
                free.push_str(word);
            }
            None => self.words.push(word.to_owned()),
        }
        self.length += 1;
    }

    pub fn len(&self) -> usize {
        self.length
    }

    pub fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    pub fn join(&self) -> String {
        self.words[..self.length].join(" ")
    }
}
