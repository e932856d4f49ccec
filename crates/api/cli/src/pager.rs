//! One screen at a time: `---(more)---`. Spec: commit-44.

use std::io::{self, Write};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{self, LocalModes, OptionalActions, Termios};

/// What a key does at the end of a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Screen,
    Line,
    /// Everything that is left.
    Rest,
    Quit,
    Other,
}

impl Key {
    fn of(byte: u8) -> Self {
        match byte {
            b' ' | 0x06 | b'd' => Self::Screen,
            b'\r' | b'\n' | b'j' | 0x0e => Self::Line,
            b'G' | b'N' => Self::Rest,
            b'q' | b'Q' | 0x03 | 0x04 => Self::Quit,
            _ => Self::Other,
        }
    }
}

/// How the operator took a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paged {
    All,
    /// What is left is wanted without a stop.
    Rest,
    Quit,
}

/// A screen in characters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    pub rows: usize,
    pub columns: usize,
}

impl Screen {
    /// The terminal's; `None`: there is none.
    pub fn of_terminal() -> Option<Self> {
        let size = termios::tcgetwinsize(io::stdout()).ok()?;
        let screen = Self { rows: size.ws_row.into(), columns: size.ws_col.into() };
        (screen.rows > 1 && screen.columns > 0).then_some(screen)
    }

    /// Rows that a line fills.
    fn rows_of(self, line: &str) -> usize {
        line.chars().count().div_ceil(self.columns).max(1)
    }
}

/// Writes a text, stopping at every full screen until `key` says how to go on.
pub(crate) fn page(
    text: &str,
    screen: Screen,
    out: &mut impl Write,
    mut key: impl FnMut() -> io::Result<Key>,
) -> io::Result<Paged> {
    let whole = text.len().max(1);
    // The last row is for the prompt.
    let full = screen.rows - 1;
    let (mut room, mut shown, mut first) = (full, 0, true);
    let mut paged = Paged::All;
    for line in text.split_inclusive('\n') {
        let rows = screen.rows_of(line.trim_end_matches('\n'));
        while rows > room && room < full {
            let more = if first {
                "---(more)---".to_owned()
            } else {
                format!("---(more {}%)---", shown * 100 / whole)
            };
            first = false;
            write!(out, "{more}")?;
            out.flush()?;
            let pressed = loop {
                match key()? {
                    Key::Other => {}
                    pressed => break pressed,
                }
            };
            write!(out, "\r{}\r", " ".repeat(more.len()))?;
            match pressed {
                Key::Screen => room = full,
                Key::Line => room += 1,
                Key::Rest => (room, paged) = (usize::MAX, Paged::Rest),
                Key::Quit | Key::Other => return out.flush().map(|()| Paged::Quit),
            }
        }
        out.write_all(line.as_bytes())?;
        shown += line.len();
        room = room.saturating_sub(rows);
    }
    out.flush().map(|()| paged)
}

/// The terminal reads single keys while this lives.
pub(crate) struct Keys(Termios);

impl Keys {
    pub fn take() -> io::Result<Self> {
        let before = termios::tcgetattr(io::stdin())?;
        let mut single = before.clone();
        single.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        termios::tcsetattr(io::stdin(), OptionalActions::Now, &single)?;
        Ok(Self(before))
    }

    /// A key, if one is typed in time.
    pub fn read_within(&self, time: Duration) -> io::Result<Option<Key>> {
        let stdin = io::stdin();
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        let wait = Timespec { tv_sec: 0, tv_nsec: time.as_nanos().min(999_999_999) as i64 };
        match poll(&mut fds, Some(&wait)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => Ok(None),
            Ok(_) => self.read().map(Some),
            Err(error) => Err(error.into()),
        }
    }

    pub fn read(&self) -> io::Result<Key> {
        let mut byte = [0_u8];
        match rustix::io::read(io::stdin(), &mut byte)? {
            0 => Ok(Key::Quit),
            _ => Ok(Key::of(byte[0])),
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that went away.
        let _ = termios::tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is on the screen after the keys, prompts in place.
    #[track_caller]
    fn check(text: &str, keys: &[u8], expected: &str) {
        let mut out = Vec::new();
        let mut keys = keys.iter();
        let screen = Screen { rows: 4, columns: 10 };
        let read = || Ok(Key::of(*keys.next().unwrap_or(&b'q')));
        page(text, screen, &mut out, read).unwrap();
        let shown = String::from_utf8(out).unwrap();
        let erased = |n: usize| format!("\r{}\r", " ".repeat(n));
        let shown = shown.replace(&erased(12), "|").replace(&erased(16), "|");
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_screen_is_shown_and_then_what_the_key_says() {
        check("1\n2\n3\n", b"", "1\n2\n3\n");
        check("1\n2\n3\n4\n", b"q", "1\n2\n3\n---(more)---|");
        check("1\n2\n3\n4\n5\n", b"xyz ", "1\n2\n3\n---(more)---|4\n5\n");
        check("1\n2\n3\n4\n5\n", b"\r\x03", "1\n2\n3\n---(more)---|4\n---(more 80%)---|");
        check("1\n2\n3\n4\n5\n6\n7\n8\n", b"N", "1\n2\n3\n---(more)---|4\n5\n6\n7\n8\n");
        check("", b"", "");
    }

    #[test]
    fn a_long_line_fills_several_rows() {
        check("1\n12345678901\n2\n", b" ", "1\n12345678901\n---(more)---|2\n");
        let giant = "x".repeat(100);
        check(&giant, b"", &giant);
    }
}
