//! Wildcards of groups: `<*>`, `<ge-*>`, `<t3-[0-3]/?>`.

/// Longest wildcard; a longer one matches nothing and is refused where it is read.
pub const WILDCARD_BYTES_MAX: usize = 256;

#[must_use]
pub(crate) fn is_wildcard(word: &str) -> bool {
    word.len() > 2 && word.starts_with('<') && word.ends_with('>')
}

/// Whether a name is the word, or one that the word's wildcard stands for.
#[must_use]
pub(crate) fn matches(word: &str, name: &str) -> bool {
    if !is_wildcard(word) {
        return word == name;
    }
    if word.len() > WILDCARD_BYTES_MAX {
        return false;
    }
    let pattern: Vec<char> = word[1..word.len() - 1].chars().collect();
    glob(&pattern, name)
}

/// Only the last `*` is ever taken back, so that time is at most the product of the lengths.
fn glob(pattern: &[char], name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p + 1, n));
            p += 1;
        } else if let Some(used) = pattern.get(p..).and_then(|rest| one(rest, name[n])) {
            p += used;
            n += 1;
        } else if let Some((after, from)) = star {
            star = Some((after, from + 1));
            (p, n) = (after, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// How much of a pattern stands for one character, if it does for this one.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '[' => match pattern.iter().position(|c| *c == ']') {
            Some(end) => class(&pattern[1..end], c).then_some(end + 1),
            None => (c == '[').then_some(1),
        },
        first => (*first == c).then_some(1),
    }
}

fn class(set: &[char], c: char) -> bool {
    let (negated, set) = match set {
        ['!' | '^', rest @ ..] => (true, rest),
        set => (false, set),
    };
    let mut at = 0;
    let mut inside = false;
    while at < set.len() {
        let high = if set.get(at + 1) == Some(&'-') { set.get(at + 2) } else { None };
        inside |= (set[at]..=*high.unwrap_or(&set[at])).contains(&c);
        at += if high.is_some() { 3 } else { 1 };
    }
    inside != negated
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards_stand_for_names() {
        for (word, name, expected) in [
            ("<*>", "anything", true),
            ("<*>", "", true),
            ("<ge-*>", "ge-0/0/0", true),
            ("<ge-*>", "xe-0/0/0", false),
            ("<*-0/0/?>", "ge-0/0/7", true),
            ("<*-0/0/?>", "ge-0/0/17", false),
            ("<t3-[0-3]*>", "t3-2/1", true),
            ("<t3-[!0-3]*>", "t3-2/1", false),
            ("<t3-[!0-3]*>", "t3-4/1", true),
            ("<a*b*c>", "aXbYbZc", true),
            ("<a*b*c>", "aXbYbZ", false),
            ("plain", "plain", true),
            ("plain", "plains", false),
            ("<>", "<>", true),
            ("<[>", "[", true),
        ] {
            assert_eq!(matches(word, name), expected, "{word} {name}");
        }
    }
}
