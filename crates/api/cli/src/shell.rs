//! The interactive shell.

use std::io::{self, BufRead, Read as _, Write};

use ravelin_ops::wire::Response;
use ravelin_ops::{Candidate, delivery, load_source};
use reedline::{EditCommand, Reedline, Signal};

use crate::client::{Client, ClientError};
use crate::editor::{HELP, JunosPrompt, SPACE, editor};
use crate::pager::{Key, Keys, Paged, Screen, page};
use crate::run::{Ending, FOLLOW_EVERY, one};

const ANSWER_BYTES_MAX: u64 = 1024;

/// What completion does to the line.
#[derive(Debug, PartialEq, Eq)]
enum Completion {
    /// Type this behind the cursor.
    Insert(String),
    /// Show what there is.
    List,
}

/// Reads lines until the operator leaves.
pub(crate) fn interact(client: &mut Client) -> Result<Ending, ClientError> {
    let mut editor = editor();
    let mut state = client.run("", None)?;
    loop {
        let prompt = JunosPrompt(state.prompt.clone());
        match editor.read_line(&prompt)? {
            Signal::Success(line) => {
                if state.configuration && load_source(&line).as_deref() == Some("terminal") {
                    println!("[Type ^D at a new line to end input]");
                }
                state = one(client, line.trim(), state.configuration, &mut io::stdin().lock())?;
                if state.follow {
                    state = follow(client, state)?;
                }
                let mut no_more = delivery(&line).no_more;
                while state.part {
                    let paged = show(&state.output, no_more)?;
                    no_more |= paged == Paged::Rest;
                    // Who has seen enough does without the rest; an empty line does nothing else.
                    let quit = paged == Paged::Quit;
                    state = if quit { client.run("", None)? } else { client.more()? };
                }
                show(&state.output, no_more)?;
                if let Some(question) = state.ask.take() {
                    state = client.answer(agreed(
                        &question,
                        &mut io::stdin().lock(),
                        &mut io::stdout().lock(),
                    )?)?;
                    show(&state.output, true)?;
                }
                println!();
                if state.closed {
                    return Ok(Ending::Good);
                }
            }
            Signal::HostCommand(key) => help(client, &mut editor, &key)?,
            Signal::CtrlD => return Ok(Ending::Good),
            _ => {}
        }
    }
}

/// Output that goes on, until it ends or the operator types `q` or ^C.
fn follow(client: &mut Client, mut state: Response) -> Result<Response, ClientError> {
    let keys = Keys::take()?;
    while state.follow {
        let mut out = io::stdout().lock();
        out.write_all(state.output.as_bytes())?;
        out.flush()?;
        // Another line ends it; an empty one does nothing else.
        let quit = keys.read_within(FOLLOW_EVERY)? == Some(Key::Quit);
        state = if quit { client.run("", None)? } else { client.more()? };
    }
    Ok(state)
}

/// An answer on the screen; one that is taller waits at every screen unless it must not.
fn show(text: &str, no_more: bool) -> io::Result<Paged> {
    let mut out = io::stdout().lock();
    let screen = if no_more { None } else { Screen::of_terminal() };
    match screen {
        Some(screen) if text.lines().count() >= screen.rows => {
            let keys = Keys::take()?;
            page(text, screen, &mut out, || keys.read())
        }
        _ => {
            out.write_all(text.as_bytes())?;
            out.flush()?;
            Ok(Paged::All)
        }
    }
}

/// Asks until the answer is one; nothing typed is a yes, the end of the input a no.
fn agreed(question: &str, input: &mut impl BufRead, out: &mut impl Write) -> io::Result<bool> {
    loop {
        write!(out, "{question}")?;
        out.flush()?;
        let mut line = String::new();
        if input.by_ref().take(ANSWER_BYTES_MAX).read_line(&mut line)? == 0 {
            writeln!(out)?;
            return Ok(false);
        }
        match line.trim() {
            "" | "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => {}
        }
    }
}

/// `?`, Tab or space was typed.
fn help(client: &mut Client, editor: &mut Reedline, key: &str) -> Result<(), ClientError> {
    let (buffer, at) = (editor.current_buffer_contents(), editor.current_insertion_point());
    let (before, after) = buffer.split_at_checked(at).unwrap_or((buffer, ""));
    let before = before.to_owned();
    let quoted = before.matches('"').count() % 2 == 1;
    if quoted || (key == SPACE && (!after.is_empty() || before.is_empty() || before.ends_with(' '))) {
        editor.run_edit_commands(&[EditCommand::InsertString(key.to_owned())]);
        return Ok(());
    }
    let candidates = client.complete(&before)?.candidates;
    match completion(&before, key, &candidates) {
        Completion::Insert(text) => editor.run_edit_commands(&[EditCommand::InsertString(text)]),
        Completion::List => list(&candidates)?,
    }
    Ok(())
}

fn completion(before: &str, key: &str, candidates: &[Candidate]) -> Completion {
    let partial = before.rsplit(char::is_whitespace).next().unwrap_or("");
    let words: Vec<_> = candidates.iter().filter(|c| c.is_literal()).map(|c| c.word.as_str()).collect();
    let open = words.len() < candidates.len();
    let rest = |word: &str| word.get(partial.len()..).unwrap_or("").to_owned();
    if key == HELP {
        return Completion::List;
    }
    let exact = words.contains(&partial);
    match (&words[..], key == SPACE) {
        ([one], _) if !open => Completion::Insert(rest(one) + " "),
        // A value of the operator's own, a whole word, or nothing known: the key is a space.
        (_, true) if open || exact || words.is_empty() => Completion::Insert(" ".to_owned()),
        (_, true) => Completion::List,
        ([], false) if open || partial.is_empty() => Completion::List,
        ([], false) => Completion::Insert(String::new()),
        (_, false) => match rest(&common(&words)) {
            more if more.is_empty() => Completion::List,
            more => Completion::Insert(more),
        },
    }
}

/// The longest beginning that all words share.
fn common(words: &[&str]) -> String {
    let Some((first, rest)) = words.split_first() else { return String::new() };
    let mut shared: &str = first;
    for word in rest {
        let same = shared.char_indices().zip(word.chars()).take_while(|((_, a), b)| a == b);
        let len = same.map(|((at, c), _)| at + c.len_utf8()).last().unwrap_or(0);
        shared = &shared[..len];
    }
    shared.to_owned()
}

fn list(candidates: &[Candidate]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let width = candidates.iter().map(|c| c.word.len()).max().unwrap_or(0).max(20);
    if candidates.is_empty() {
        writeln!(out, "\nNo valid completions")?;
    } else {
        writeln!(out, "\nPossible completions:")?;
    }
    for Candidate { word, help } in candidates {
        writeln!(out, "{}", format!("  {word:<width$} {help}").trim_end())?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::editor::TAB;

    #[track_caller]
    fn check(before: &str, key: &str, words: &[&str], expected: Completion) {
        let candidates: Vec<_> = words.iter().map(|w| Candidate::new(*w, "")).collect();
        assert_eq!(completion(before, key, &candidates), expected, "{before:?} {key:?}");
    }

    fn insert(text: &str) -> Completion {
        Completion::Insert(text.to_owned())
    }

    #[test]
    fn space_completes_a_unique_word() {
        check("sh", SPACE, &["show"], insert("ow "));
        check("show", SPACE, &["show"], insert(" "));
        check("show s", SPACE, &["security", "system"], Completion::List);
        check("set", SPACE, &["set", "set-up"], insert(" "));
        check("nonsense", SPACE, &[], insert(" "));
        check("show route 10", SPACE, &["<prefix>"], insert(" "));
        check("show zones t", SPACE, &["<zone>", "trust"], insert(" "));
    }

    #[test]
    fn tab_completes_as_far_as_words_agree() {
        check("sh", TAB, &["show"], insert("ow "));
        check("show s", TAB, &["security", "session"], insert("e"));
        check("show s", TAB, &["security", "system"], Completion::List);
        check("show zones t", TAB, &["<zone>", "trust"], insert("rust"));
        check("x", TAB, &[], insert(""));
        check("show ", TAB, &["route", "version"], Completion::List);
    }

    #[test]
    fn a_question_is_asked_until_it_is_answered() {
        for (typed, expected, times) in [
            ("\n", true, 1),
            ("maybe\nyes\n", true, 2),
            ("no\n", false, 1),
            ("", false, 1),
            ("x\ny\nn\n", true, 2),
        ] {
            let mut out = Vec::new();
            assert_eq!(agreed("Sure? ", &mut typed.as_bytes(), &mut out).unwrap(), expected, "{typed:?}");
            assert_eq!(String::from_utf8(out).unwrap().matches("Sure?").count(), times, "{typed:?}");
        }
    }

    #[test]
    fn help_lists() {
        check("sh", HELP, &["show"], Completion::List);
    }
}
