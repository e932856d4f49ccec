//! Pipes over a text that comes in parts, each of whole lines: together they say what [`Pipe::apply`] says of the whole.

use std::collections::VecDeque;

use crate::pipe::Pipe;

/// A pipe and what it has seen.
#[derive(Clone, Debug)]
pub(crate) struct Flowing {
    pipe: Pipe,
    lines: usize,
    found: bool,
    last: VecDeque<String>,
}

impl Flowing {
    pub(crate) fn new(pipe: &Pipe) -> Self {
        Self { pipe: pipe.clone(), lines: 0, found: false, last: VecDeque::new() }
    }

    /// The next part of the text after these pipes, one behind another. With the last one comes what they say at the end.
    pub(crate) fn all(pipes: &mut [Self], part: String, is_last: bool) -> String {
        pipes.iter_mut().fold(part, |text, pipe| {
            let mut text = pipe.part(text);
            if is_last {
                text.push_str(&pipe.end());
            }
            text
        })
    }

    fn part(&mut self, text: String) -> String {
        match &self.pipe {
            Pipe::Count => {
                self.lines += text.lines().count();
                String::new()
            }
            Pipe::Last(wanted) => {
                self.last.extend(text.lines().map(str::to_owned));
                self.last.drain(..self.last.len().saturating_sub(*wanted));
                String::new()
            }
            Pipe::Find(_) if self.found => text,
            Pipe::Find(pattern) if text.lines().any(|line| pattern.is_match(line)) => {
                self.found = true;
                self.pipe.apply(text)
            }
            Pipe::Find(_) => String::new(),
            pipe => pipe.apply(text),
        }
    }

    fn end(&mut self) -> String {
        match &self.pipe {
            Pipe::Count => format!("Count: {} lines\n", self.lines),
            Pipe::Last(_) => self.last.drain(..).map(|line| line + "\n").collect(),
            pipe @ Pipe::Find(_) if !self.found => pipe.apply(String::new()),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the parts are, the pipes say the same.
    #[track_caller]
    fn check(pipes: &[&str]) {
        let lines: Vec<String> = (0..9).map(|n| format!("  line {n} {}\n", n % 4)).collect();
        let pipes: Vec<Pipe> = (pipes.iter())
            .map(|pipe| Pipe::parse(&pipe.split(' ').collect::<Vec<_>>()).unwrap_or_else(|e| panic!("{e}")))
            .collect();
        let whole = pipes.iter().fold(lines.concat(), |text, pipe| pipe.apply(text));
        for size in 1..=lines.len() {
            let mut flowing: Vec<_> = pipes.iter().map(Flowing::new).collect();
            let parts: Vec<String> = lines.chunks(size).map(<[String]>::concat).collect();
            let said: String = (parts.iter().enumerate())
                .map(|(at, part)| Flowing::all(&mut flowing, part.clone(), at + 1 == parts.len()))
                .collect();
            assert_eq!(said, whole, "parts of {size}");
        }
    }

    #[test]
    fn parts_say_what_the_whole_says() {
        check(&[]);
        check(&["count"]);
        check(&["match 1$", "count"]);
        check(&["except 1$", "last 3"]);
        check(&["last 3", "count"]);
        check(&["find 5"]);
        check(&["find 5", "match 2$", "trim 2"]);
        check(&["find nowhere"]);
        check(&["find nowhere", "count"]);
        check(&["no-more", "last 100"]);
    }
}
