//! Expressions over the bits of a flag field, as their truth table.
//!
//! Junos: `tcp-flags "syn & !ack"`, `fragment-flags`. Place: the configuration reads the text, filters test the
//! table: one bit a value of the field, so that every expression costs the same and none is too deep.
//! Spec: firewall-filter-30..33.

use std::fmt;

/// Characters of an expression's text.
pub const EXPRESSION_LEN_MAX: usize = 256;
/// Brackets and negations within each other.
pub const EXPRESSION_DEPTH_MAX: usize = 16;

/// Which of the 64 values of a six-bit field an expression holds of: bit N stands for value N.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlagTable(pub u64);

/// Why a text is no expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagError {
    TooLong,
    TooDeep,
    /// The text ends where a flag is wanted.
    Ends,
    /// No flag, number or operator begins at this byte.
    Unexpected(usize),
    /// A number with bits outside the field, at this byte.
    TooLarge(usize),
}

impl fmt::Display for FlagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "expression is longer than {EXPRESSION_LEN_MAX} characters"),
            Self::TooDeep => write!(f, "expression is nested deeper than {EXPRESSION_DEPTH_MAX}"),
            Self::Ends => f.write_str("expression ends where a flag is expected"),
            Self::Unexpected(at) => write!(f, "unexpected text at character {}", at + 1),
            Self::TooLarge(at) => write!(f, "number too large at character {}", at + 1),
        }
    }
}

impl std::error::Error for FlagError {}

/// The names of TCP flags (RFC 9293), low six bits.
pub const TCP_FLAG_NAMES: &[(&str, u8)] =
    &[("fin", 0x01), ("syn", 0x02), ("rst", 0x04), ("push", 0x08), ("ack", 0x10), ("urgent", 0x20)];

/// The names of the IPv4 fragmentation flags, the top three of four bits (RFC 791).
pub const FRAGMENT_FLAG_NAMES: &[(&str, u8)] =
    &[("more-fragments", 0x2), ("dont-fragment", 0x4), ("reserved", 0x8)];

impl FlagTable {
    /// `tcp-established`: `(ack | rst)`.
    pub const TCP_ESTABLISHED: Self = Self(Self::all_of(0x10).0 | Self::all_of(0x04).0);
    /// `tcp-initial`: `(!ack & syn)`.
    pub const TCP_INITIAL: Self = Self(!Self::all_of(0x10).0 & Self::all_of(0x02).0);

    /// The values in which every bit of `bits` is set: what a number or a name stands for.
    #[must_use]
    pub const fn all_of(bits: u8) -> Self {
        let (mut table, mut value) = (0, 0);
        while value < 64 {
            if value & bits == bits {
                table |= 1 << value;
            }
            value += 1;
        }
        Self(table)
    }

    /// Whether the expression holds of the low six bits of `field`.
    #[must_use]
    pub const fn holds(self, field: u8) -> bool {
        self.0 >> (field & 0x3f) & 1 == 1
    }

    /// Reads an expression: `!`, then `&` or `+`, then `|` or `,`, with brackets; left to right.
    ///
    /// # Errors
    /// A text that is none, or one beyond the bounds.
    pub fn parse(text: &str, names: &[(&str, u8)]) -> Result<Self, FlagError> {
        if text.len() > EXPRESSION_LEN_MAX {
            return Err(FlagError::TooLong);
        }
        let mut reader = Reader { text, names, at: 0, depth: 0 };
        let table = reader.alternatives()?;
        match reader.peek() {
            None => Ok(Self(table)),
            Some(_) => Err(FlagError::Unexpected(reader.at)),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    names: &'a [(&'a str, u8)],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.text.as_bytes().get(self.at).copied()
    }

    fn alternatives(&mut self) -> Result<u64, FlagError> {
        let mut table = self.together()?;
        while let Some(b'|' | b',') = self.peek() {
            self.at += 1;
            table |= self.together()?;
        }
        Ok(table)
    }

    fn together(&mut self) -> Result<u64, FlagError> {
        let mut table = self.single()?;
        while let Some(b'&' | b'+') = self.peek() {
            self.at += 1;
            table &= self.single()?;
        }
        Ok(table)
    }

    fn single(&mut self) -> Result<u64, FlagError> {
        match self.peek().ok_or(FlagError::Ends)? {
            b'!' => self.nested(|reader| reader.single().map(|table| !table)),
            b'(' => self.nested(|reader| {
                let table = reader.alternatives()?;
                match reader.peek() {
                    Some(b')') => {
                        reader.at += 1;
                        Ok(table)
                    }
                    Some(_) => Err(FlagError::Unexpected(reader.at)),
                    None => Err(FlagError::Ends),
                }
            }),
            _ => self.word(),
        }
    }

    fn nested(&mut self, inner: impl FnOnce(&mut Self) -> Result<u64, FlagError>) -> Result<u64, FlagError> {
        self.at += 1;
        self.depth += 1;
        if self.depth > EXPRESSION_DEPTH_MAX {
            return Err(FlagError::TooDeep);
        }
        let table = inner(self)?;
        self.depth -= 1;
        Ok(table)
    }

    fn word(&mut self) -> Result<u64, FlagError> {
        let rest = &self.text[self.at..];
        let len = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'-').count();
        let word = &rest[..len];
        let named = self.names.iter().find(|(name, _)| *name == word).map(|(_, bits)| u32::from(*bits));
        let bits = named.or_else(|| number(word)).ok_or(FlagError::Unexpected(self.at))?;
        let bits = u8::try_from(bits).ok().filter(|bits| *bits < 64).ok_or(FlagError::TooLarge(self.at))?;
        self.at += len;
        Ok(FlagTable::all_of(bits).0)
    }
}

fn number(word: &str) -> Option<u32> {
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of the six TCP flags for which a text holds.
    fn check(text: &str, holds: impl Fn(u8) -> bool) {
        let table = FlagTable::parse(text, TCP_FLAG_NAMES).unwrap();
        for value in 0..64 {
            assert_eq!(table.holds(value), holds(value), "{text} of {value:#x}");
        }
    }

    #[test]
    fn operators_bind_as_documented() {
        check("rst", |v| v & 4 != 0);
        check("!rst", |v| v & 4 == 0);
        check("syn & !ack", |v| v & 2 != 0 && v & 16 == 0);
        check("!syn | ack", |v| v & 2 == 0 || v & 16 != 0);
        check("!(syn & !ack) | rst", |v| !(v & 2 != 0 && v & 16 == 0) || v & 4 != 0);
        check("fin | syn & ack", |v| v & 1 != 0 || (v & 2 != 0 && v & 16 != 0));
        check("fin,syn+ack", |v| v & 1 != 0 || (v & 2 != 0 && v & 16 != 0));
        check("0x3", |v| v & 3 == 3);
        check("18", |v| v & 18 == 18);
        check("!!urgent", |v| v & 32 != 0);
    }

    #[test]
    fn synonyms_are_what_they_stand_for() {
        let parsed = |text| FlagTable::parse(text, TCP_FLAG_NAMES).unwrap();
        assert_eq!(FlagTable::TCP_ESTABLISHED, parsed("(ack | rst)"));
        assert_eq!(FlagTable::TCP_INITIAL, parsed("(!ack & syn)"));
        assert_eq!(FlagTable::parse("dont-fragment", FRAGMENT_FLAG_NAMES), Ok(FlagTable::all_of(4)));
    }

    #[test]
    fn what_is_no_expression_is_refused_within_bounds() {
        let fault = |text: &str| FlagTable::parse(text, TCP_FLAG_NAMES).unwrap_err();
        assert_eq!(fault(""), FlagError::Ends);
        assert_eq!(fault("syn &"), FlagError::Ends);
        assert_eq!(fault("(syn"), FlagError::Ends);
        assert_eq!(fault("syn ack"), FlagError::Unexpected(4));
        assert_eq!(fault("syn)"), FlagError::Unexpected(3));
        assert_eq!(fault("sin"), FlagError::Unexpected(0));
        assert_eq!(fault("0x40"), FlagError::TooLarge(0));
        assert_eq!(fault("99999999999"), FlagError::Unexpected(0));
        assert_eq!(fault(&"(".repeat(200)), FlagError::TooDeep);
        assert_eq!(fault(&"!".repeat(300)), FlagError::TooLong);
        assert_eq!(fault("sÿn"), FlagError::Unexpected(0));
    }
}
