//! The language of the table's constraints: paths that must or mustn't be there, joined by `&&`, `||`, `!`.

/// What must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    Test(Test),
    Not(Box<Expression>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
}

/// How many of the statements on a path there must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// One at least; `any` says the same.
    Some,
    /// Each entry that the wildcard stands for has the rest of the path.
    All,
    /// The statement itself and no other.
    Unique,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    pub wanted: Wanted,
    /// Levels up from the statement; `None` begins at the top.
    pub up: Option<usize>,
    pub words: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Word(&'static str),
    /// `<*>`
    Any,
    /// `$$`: the value or name of the statement.
    Own,
    /// `${list}`: the name of the entry of that list which the statement is in.
    Of(&'static str),
}

/// Nesting of one constraint; the table's own are far below.
const DEPTH_MAX: usize = 256;

/// Reads a constraint of the table; `Err` says what of it has no meaning here.
pub fn parse(text: &'static str) -> Result<Expression, &'static str> {
    let mut parser = Parser { rest: text.trim(), depth: 0 };
    let found = parser.or()?;
    if parser.rest.is_empty() { Ok(found) } else { Err("something follows the expression") }
}

struct Parser {
    rest: &'static str,
    depth: usize,
}

impl Parser {
    fn take(&mut self, token: &str) -> bool {
        let found = self.rest.strip_prefix(token);
        self.rest = found.unwrap_or(self.rest).trim_start();
        found.is_some()
    }

    fn or(&mut self) -> Result<Expression, &'static str> {
        let mut all = vec![self.and()?];
        while self.take("||") {
            all.push(self.and()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expression::Or(all) })
    }

    fn and(&mut self) -> Result<Expression, &'static str> {
        let mut all = vec![self.one()?];
        while self.take("&&") {
            all.push(self.one()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expression::And(all) })
    }

    fn one(&mut self) -> Result<Expression, &'static str> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("it is nested too deep");
        }
        let found = if self.take("!") {
            Expression::Not(Box::new(self.one()?))
        } else if self.take("(") {
            let inner = self.or()?;
            if !self.take(")") {
                return Err("a parenthesis is not closed");
            }
            inner
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(found)
    }

    fn test(&mut self) -> Result<Expression, &'static str> {
        let wanted = match () {
            () if self.take("any ") => Wanted::Some,
            () if self.take("all ") => Wanted::All,
            () if self.take("unique ") => Wanted::Unique,
            () => Wanted::Some,
        };
        if !self.take("\"") {
            return Err("a path is expected");
        }
        let (path, rest) = self.rest.split_once('"').ok_or("a path is not closed")?;
        self.rest = rest.trim_start();
        path_of(path, wanted).map(Expression::Test)
    }
}

fn path_of(path: &'static str, wanted: Wanted) -> Result<Test, &'static str> {
    let mut words = path.split_whitespace().peekable();
    let mut up = None;
    while words.next_if_eq(&"..").is_some() {
        up = Some(up.unwrap_or(0) + 1);
    }
    if up.is_none() && words.next_if_eq(&".").is_some() {
        up = Some(0);
    }
    let words = words.map(part).collect::<Result<Vec<_>, _>>()?;
    if words.is_empty() { Err("a path names nothing") } else { Ok(Test { wanted, up, words }) }
}

fn part(word: &'static str) -> Result<Part, &'static str> {
    match word {
        "<*>" => Ok(Part::Any),
        "$$" => Ok(Part::Own),
        _ => match word.strip_prefix("${").and_then(|w| w.strip_suffix('}')) {
            Some(list) if !list.contains(['$', '{', '}']) => Ok(Part::Of(list)),
            _ if word.contains('$') => Err("a word is put together from several"),
            _ if word == ".." || word.contains('<') => Err("a path goes up again, or has a pattern"),
            _ => Ok(Part::Word(word)),
        },
    }
}

impl std::fmt::Display for Test {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, part) in self.words.iter().enumerate() {
            let gap = if at == 0 { "" } else { " " };
            match part {
                Part::Word(word) => write!(f, "{gap}{word}")?,
                Part::Any => write!(f, "{gap}<*>")?,
                Part::Own => write!(f, "{gap}<name>")?,
                Part::Of(list) => write!(f, "{gap}<{list}>")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Expression, Part, Test, Wanted, parse};

    fn test(wanted: Wanted, up: Option<usize>, words: &[Part]) -> Expression {
        Expression::Test(Test { wanted, up, words: words.to_vec() })
    }

    #[test]
    fn expressions_are_read_by_their_parentheses() {
        let a = || test(Wanted::Some, Some(2), &[Part::Word("a"), Part::Own]);
        let b = || test(Wanted::Unique, None, &[Part::Word("b"), Part::Any, Part::Of("c")]);
        for (text, expected) in [
            ("(\".. .. a $$\")", a()),
            ("(!(\".. .. a $$\"))", Expression::Not(Box::new(a()))),
            ("(\".. .. a $$\") && (unique \"b <*> ${c}\")", Expression::And(vec![a(), b()])),
            ("((\".. .. a $$\" || unique \"b <*> ${c}\"))", Expression::Or(vec![a(), b()])),
            (
                "(\".. .. a $$\" || (!(\".. .. a $$\") && unique \"b <*> ${c}\"))",
                Expression::Or(vec![a(), Expression::And(vec![Expression::Not(Box::new(a())), b()])]),
            ),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
        for wrong in ["", "(", "(\"a\"", "a", "(\"a $$={b}\")", "(\"\")", "(\"a\") x", "(\"a"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
