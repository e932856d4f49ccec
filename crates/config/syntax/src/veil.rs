//! What is a secret in a line of source, by its looks and by the word before it. Spec: language-41.

/// Words that a secret follows where no type says what follows: in hierarchies that the table doesn't detail, and in lines
/// of source.
const ANNOUNCING: [&str; 21] = [
    "ascii-text",
    "authentication-key",
    "authentication-password",
    "chap-secret",
    "community-name",
    "default-chap-secret",
    "default-pap-password",
    "encrypted-password",
    "hexadecimal",
    "key",
    "local-password",
    "md5",
    "pap-password",
    "passphrase",
    "password",
    "plain-text-password-value",
    "preauthentication-secret",
    "privacy-key",
    "privacy-password",
    "secret",
    "simple-password",
];

/// Whether the word behind this one is to be taken for a secret where no type says what it is.
#[must_use]
pub fn announces(word: &str) -> bool {
    ANNOUNCING.binary_search(&word).is_ok()
}

/// Whether a word is obscured or hashed: `$9$...`, `$6$...`.
#[must_use]
pub fn is_obscured(word: &str) -> bool {
    word.strip_prefix('$').is_some_and(|rest| rest.contains('$'))
}

/// The line with every secret unreadable, everything in its column: hashes and obscured ones (`$6$...`, `$9$...`), and
/// whatever stands behind a word that announces one, in any form of a configuration.
pub(crate) fn veiled(line: &str) -> String {
    let is_between = |c: char| c.is_whitespace() || "\";{}[]<>,:".contains(c);
    let mut out = String::with_capacity(line.len());
    let mut announced = false;
    let mut quoted = false;
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if is_between(c) {
            quoted = c == '"';
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        // A secret in quotes is all of what is in them.
        let whole = announced && quoted;
        let end = if whole { closing(rest) } else { rest.find(is_between).unwrap_or(rest.len()) };
        let (word, after) = rest.split_at(end);
        if announced || is_hidden(word) {
            out.extend(word.chars().map(|_| '*'));
        } else {
            out.push_str(word);
        }
        announced = announces(word);
        quoted = false;
        rest = after;
    }
    out
}

/// Bytes before the quote that ends a quoted text.
fn closing(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == '"' && !escaped {
            return at;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

/// `$6$...`; `${node}` is no secret, nor is an anchor of a regular expression.
fn is_hidden(word: &str) -> bool {
    let Some(at) = word.find('$') else { return false };
    let is_kind = |kind: &str| !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric());
    word[at..].matches('$').count() > 1 && word[at..].split('$').nth(1).is_some_and(is_kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_announce_are_found() {
        assert!(ANNOUNCING.is_sorted() && ANNOUNCING.iter().all(|word| announces(word)));
        assert!(!announces("address") && is_obscured("$9$x") && !is_obscured("$9") && !is_obscured("9$x$"));
    }

    #[test]
    fn secrets_of_a_line_are_veiled_in_their_columns() {
        for (line, shown) in [
            ("a \"$9$LbHX-wg4Z\"; # b", "a \"************\"; # b"),
            ("key $6$ab$c.d/e; x", "key ***********; x"),
            ("apply-groups \"${node}\";", "apply-groups \"${node}\";"),
            ("match ^a.*$; $$", "match ^a.*$; $$"),
            ("no secret", "no secret"),
            ("pre-shared-key ascii-text abc; x", "pre-shared-key ascii-text ***; x"),
            ("set a secret \"a b\\\" c\" port 1", "set a secret \"*******\" port 1"),
            ("<secret>abc</secret><port>1", "<secret>***</secret><port>1"),
            ("\"password\" : \"a:b\", \"x\" : 1", "\"password\" : \"***\", \"x\" : 1"),
            ("secret \u{e9}\u{e9}; x", "secret **; x"),
            ("secret", "secret"),
            ("secret \"abc", "secret \"***"),
        ] {
            assert_eq!(veiled(line), shown);
        }
    }
}
