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
    /// The two names in a logical interface that the statement's value is: `ge-0/0/0` and `100` of `ge-0/0/0.100`.
    OwnDevice,
    OwnUnit,
    /// `${list}`: the name of the entry of that list which the statement is in.
    Of(&'static str),
    /// `${list}.${other}`: two such names as one word.
    Joined(&'static str, &'static str),
}

impl Part {
    /// The path ends with what the statement itself says.
    pub fn is_own(self) -> bool {
        match self {
            Self::Own | Self::OwnUnit => true,
            Self::Word(_) | Self::Any | Self::OwnDevice | Self::Of(_) | Self::Joined(..) => false,
        }
    }
}

/// Reads a constraint of the table; `Err` says what of it has no meaning here.
pub fn parse(text: &'static str) -> Result<Expression, &'static str> {
    let mut parser = Parser { rest: text.trim(), read: Vec::new(), waiting: Vec::new() };
    loop {
        parser.operand()?;
        while parser.take(")") {
            parser.close()?;
        }
        match () {
            () if parser.take("&&") => parser.join(Sign::And),
            () if parser.take("||") => parser.join(Sign::Or),
            () if parser.rest.is_empty() => return parser.end(),
            () => return Err("something follows the expression"),
        }
    }
}

/// What waits for its right side; later ones bind stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    Open,
    Or,
    And,
    Not,
}

/// Signs and what was read wait on stacks of their own: some constraints are nested several hundred deep.
struct Parser {
    rest: &'static str,
    read: Vec<Expression>,
    waiting: Vec<Sign>,
}

impl Parser {
    fn take(&mut self, token: &str) -> bool {
        let found = self.rest.strip_prefix(token);
        self.rest = found.unwrap_or(self.rest).trim_start();
        found.is_some()
    }

    /// Signs and parentheses before a test, and the test.
    fn operand(&mut self) -> Result<(), &'static str> {
        loop {
            let sign = match () {
                () if self.take("!") => Sign::Not,
                () if self.take("(") => Sign::Open,
                () => break,
            };
            self.waiting.push(sign);
        }
        let test = self.test()?;
        self.read.push(Expression::Test(test));
        Ok(())
    }

    fn test(&mut self) -> Result<Test, &'static str> {
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
        path_of(path, wanted)
    }

    fn join(&mut self, sign: Sign) {
        self.reduce(sign);
        self.waiting.push(sign);
    }

    fn close(&mut self) -> Result<(), &'static str> {
        self.reduce(Sign::Or);
        let open = self.waiting.pop();
        open.map(|_| ()).ok_or("a parenthesis is not opened")
    }

    fn end(mut self) -> Result<Expression, &'static str> {
        self.reduce(Sign::Or);
        let whole = self.read.pop().filter(|_| self.waiting.is_empty());
        whole.ok_or("a parenthesis is not closed")
    }

    /// Puts together what waits and binds as strong as `sign` or stronger.
    fn reduce(&mut self, sign: Sign) {
        while let Some(top) = self.waiting.pop_if(|top| *top >= sign) {
            let Some(right) = self.read.pop() else { return };
            let mut left = || self.read.pop().into_iter();
            let whole = match top {
                Sign::Not => Expression::Not(Box::new(right)),
                Sign::And => Expression::And(left().chain([right]).flat_map(Expression::conjuncts).collect()),
                Sign::Or => Expression::Or(left().chain([right]).flat_map(Expression::disjuncts).collect()),
                Sign::Open => right,
            };
            self.read.push(whole);
        }
    }
}

impl Expression {
    fn conjuncts(self) -> Vec<Self> {
        match self {
            Self::And(all) => all,
            other @ (Self::Test(_) | Self::Not(_) | Self::Or(_)) => vec![other],
        }
    }

    fn disjuncts(self) -> Vec<Self> {
        match self {
            Self::Or(all) => all,
            other @ (Self::Test(_) | Self::Not(_) | Self::And(_)) => vec![other],
        }
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
    let mut parts = Vec::new();
    for word in words {
        match word {
            "$$-IFL" => parts.extend([Part::OwnDevice, Part::Word("unit"), Part::OwnUnit]),
            _ => parts.push(part(word)?),
        }
    }
    if parts.is_empty() { Err("a path names nothing") } else { Ok(Test { wanted, up, words: parts }) }
}

fn part(word: &'static str) -> Result<Part, &'static str> {
    let named = |word: &'static str| word.strip_prefix("${").and_then(|w| w.strip_suffix('}'));
    let plain = |list: &str| !list.contains(['$', '{', '}']);
    if let Some(value) = word.strip_prefix("$$={").and_then(|w| w.strip_suffix('}')).filter(|v| plain(v)) {
        return Ok(Part::Word(value));
    }
    match word {
        "<*>" => Ok(Part::Any),
        "$$" => Ok(Part::Own),
        _ if named(word).is_some_and(plain) => Ok(Part::Of(named(word).unwrap_or_default())),
        _ => match word.split_once('.').map(|(a, b)| (named(a), named(b))) {
            Some((Some(a), Some(b))) if plain(a) && plain(b) => Ok(Part::Joined(a, b)),
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
                Part::Own | Part::OwnDevice => write!(f, "{gap}<name>")?,
                Part::OwnUnit => write!(f, "{gap}<unit>")?,
                Part::Of(list) => write!(f, "{gap}<{list}>")?,
                Part::Joined(list, other) => write!(f, "{gap}<{list}>.<{other}>")?,
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
            ("\".. .. a $$\" || \".. .. a $$\" && \".. .. a $$\"", {
                Expression::Or(vec![a(), Expression::And(vec![a(), a()])])
            }),
            ("!\".. .. a $$\" && (\".. .. a $$\" && \".. .. a $$\")", {
                Expression::And(vec![Expression::Not(Box::new(a())), a(), a()])
            }),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
        for wrong in
            ["", "(", "(\"a\"", "a", "(\"a $$b\")", "(\"\")", "(\"a\") x", "(\"a", "\"a\")", "(\"a\" &&)"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn words_are_put_together_and_taken_apart() {
        let unit = [Part::OwnDevice, Part::Word("unit"), Part::OwnUnit];
        for (text, words) in [
            (
                "\"interfaces $$-IFL family\"",
                [&[Part::Word("interfaces")], &unit[..], &[Part::Word("family")]].concat(),
            ),
            ("\"a ${b}.${c}\"", vec![Part::Word("a"), Part::Joined("b", "c")]),
            ("\"a $$={high}\"", vec![Part::Word("a"), Part::Word("high")]),
        ] {
            assert_eq!(parse(text), Ok(test(Wanted::Some, None, &words)), "{text}");
        }
    }

    #[test]
    fn nesting_has_no_end() {
        let deep = format!("{}\"a\"{}", "(!(\"b\") && ".repeat(2_000), ")".repeat(2_000));
        let deep: &'static str = Box::leak(deep.into_boxed_str());
        assert!(matches!(parse(deep), Ok(Expression::And(all)) if all.len() == 2_001));
    }
}
