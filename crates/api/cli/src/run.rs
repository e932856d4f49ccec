//! Running lines: of `-c`, of a pipe, or of the shell.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal as _, Read as _, Write};
use std::path::PathBuf;
use std::time::Duration;

use ravelin_ops::wire::Response;
use ravelin_ops::{CAPTURE_BYTES_MAX, capture_source, capture_text, delivery};

use crate::client::{Client, ClientError};
use crate::deliver::files;
use crate::shell;

/// Longest text that `load` brings along.
const LOAD_BYTES_MAX: u64 = 8 << 20;
const SCRIPT_LINE_BYTES_MAX: u64 = 1 << 20;
/// How often output that goes on is asked for.
pub(crate) const FOLLOW_EVERY: Duration = Duration::from_millis(100);

/// What the shell was asked to do.
#[derive(Clone, Debug)]
pub struct Options {
    pub socket: PathBuf,
    /// Commands parted by `;`; `None`: read lines from the standard input.
    pub commands: Option<String>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Good,
    /// A command failed; those behind it were not run.
    Failed,
}

/// Runs commands, a script, or the interactive shell when the standard input is a terminal.
///
/// # Errors
/// The daemon can't be reached or stops answering.
pub fn run(options: &Options) -> Result<Ending, ClientError> {
    let mut client = Client::connect(&options.socket)?;
    let stdin = io::stdin();
    match &options.commands {
        Some(commands) => {
            let mut lines = split_commands(commands).join("\n").into_bytes();
            lines.push(b'\n');
            piped(&mut client, &mut lines.as_slice(), &mut io::stdout().lock())
        }
        None if stdin.is_terminal() => shell::interact(&mut client),
        None => piped(&mut client, &mut stdin.lock(), &mut io::stdout().lock()),
    }
}

/// Cuts at `;` outside quotes.
#[must_use]
pub fn split_commands(text: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        if c == ';' && !quoted {
            out.push(String::new());
            continue;
        }
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && c == '\\' && !escaped;
        if let Some(last) = out.last_mut() {
            last.push(c);
        }
    }
    let trimmed = out.iter().map(|line| line.trim().to_owned());
    trimmed.filter(|line| !line.is_empty()).collect()
}

/// Lines of a pipe; `load ... terminal` takes what follows.
fn piped(client: &mut Client, input: &mut impl BufRead, out: &mut impl Write) -> Result<Ending, ClientError> {
    let mut configuration = false;
    loop {
        let mut line = String::new();
        if input.by_ref().take(SCRIPT_LINE_BYTES_MAX).read_line(&mut line)? == 0 {
            return Ok(Ending::Good);
        }
        // The rest of a line that was cut would run as a command of its own.
        if line.len() as u64 == SCRIPT_LINE_BYTES_MAX && !line.ends_with('\n') {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "line too long").into());
        }
        let line = line.trim();
        let mut response = one(client, line, configuration, input)?;
        if response.ask.is_some() {
            // Nobody is there to be asked: what Junos suggests is taken.
            let said = std::mem::take(&mut response.output);
            response = client.answer(true)?;
            response.output.insert_str(0, &said);
        }
        response = follow(client, response, out)?;
        while response.part {
            out.write_all(response.output.as_bytes())?;
            response = client.more()?;
        }
        configuration = response.configuration;
        if let Some(ending) = shown(&response, out)? {
            return Ok(ending);
        }
    }
}

/// Prints output that goes on as it comes, until it ends or the process does.
fn follow(
    client: &mut Client,
    mut response: Response,
    out: &mut impl Write,
) -> Result<Response, ClientError> {
    while response.follow {
        out.write_all(response.output.as_bytes())?;
        out.flush()?;
        std::thread::sleep(FOLLOW_EVERY);
        response = client.more()?;
    }
    Ok(response)
}

/// Prints an answer; `Some` when nothing more is to be run.
fn shown(response: &Response, out: &mut impl Write) -> io::Result<Option<Ending>> {
    out.write_all(response.output.as_bytes())?;
    out.flush()?;
    Ok(match (response.error, response.closed) {
        (true, _) => Some(Ending::Failed),
        (false, true) => Some(Ending::Good),
        (false, false) => None,
    })
}

/// Runs one line, with the text that a `load` names, and writes the files that its pipes name. A file that can't be
/// read or written is an answer, not an error.
pub(crate) fn one(
    client: &mut Client,
    line: &str,
    configuration: bool,
    input: &mut impl BufRead,
) -> Result<Response, ClientError> {
    let source = if configuration { ravelin_ops::load_source(line) } else { None };
    let text = match source {
        None => None,
        Some(source) => match load_text(&source, input) {
            Ok(text) => Some(text),
            Err(error) => return unreadable(client, &source, &error),
        },
    };
    let text = match capture_source(line).filter(|_| text.is_none()) {
        None => text,
        Some(path) => match capture(&path) {
            Ok(capture) => Some(capture),
            Err(error) => return unreadable(client, &path, &error),
        },
    };
    let delivery = delivery(line);
    let mut response = client.run(&delivery.line, text)?;
    if delivery.save.is_some() || delivery.tee.is_some() {
        response = whole(client, response)?;
    }
    files(&mut response, &delivery);
    Ok(response)
}

/// All parts of an answer in one.
fn whole(client: &mut Client, mut response: Response) -> Result<Response, ClientError> {
    let mut output = String::new();
    while response.part {
        output.push_str(&response.output);
        response = client.more()?;
    }
    response.output.insert_str(0, &output);
    Ok(response)
}

/// The prompt is the daemon's to know: an empty line asks for it.
fn unreadable(client: &mut Client, source: &str, error: &io::Error) -> Result<Response, ClientError> {
    let mut response = client.run("", None)?;
    response.output = format!("error: can't read {source}: {error}\n");
    response.error = true;
    Ok(response)
}

/// A capture as the daemon reads it.
fn capture(path: &str) -> io::Result<String> {
    let mut bytes = Vec::new();
    let read = File::open(path)?.take(CAPTURE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if read as u64 > CAPTURE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "capture too long"));
    }
    Ok(capture_text(&bytes))
}

fn load_text(source: &str, input: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    let read = match source {
        "terminal" => input.take(LOAD_BYTES_MAX + 1).read_to_end(&mut bytes)?,
        path => File::open(path)?.take(LOAD_BYTES_MAX + 1).read_to_end(&mut bytes)?,
    };
    if read as u64 > LOAD_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "text too long"));
    }
    // Old files are Latin-1.
    let latin1 = |error: std::string::FromUtf8Error| error.into_bytes().into_iter().map(char::from).collect();
    Ok(String::from_utf8(bytes).unwrap_or_else(latin1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_parted_outside_quotes() {
        assert_eq!(
            split_commands(r#"configure; set a "x; \" y" ;; commit"#),
            ["configure", r#"set a "x; \" y""#, "commit"]
        );
        assert!(split_commands(" ; ").is_empty());
    }
}
