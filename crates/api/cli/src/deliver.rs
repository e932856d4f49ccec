//! Where the output of a line goes: the screen, a file of the operator, or both. Spec: commit-43.

use std::fs;
use std::io::{self, Write};

use ravelin_ops::Delivery;
use ravelin_ops::wire::Response;

/// Writes the files that a line names, and leaves in the response what is for the screen. An answer that is an error
/// is written nowhere else.
pub(crate) fn files(response: &mut Response, delivery: &Delivery) {
    let Delivery { line: _, save, tee, no_more: _ } = delivery;
    if response.error {
        return;
    }
    if let Some(path) = save {
        let lines = response.output.lines().count();
        match write(path, &response.output) {
            Ok(()) => response.output = format!("Wrote {lines} lines of output to '{path}'\n"),
            Err(error) => failed(response, path, &error),
        }
    }
    if let Some(path) = tee
        && let Err(error) = write(path, &response.output)
    {
        failed(response, path, &error);
    }
}

fn failed(response: &mut Response, path: &str, error: &io::Error) {
    response.output.push_str(&format!("error: can't write {path}: {error}\n"));
    response.error = true;
}

/// What operators save may hold secrets: a new file is theirs alone.
fn write(path: &str, text: &str) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}
