//! Lines on a socket, bounded.

use std::io::{self, BufRead, Read as _, Write};

/// One line without its newline; `None` at the end of the stream.
///
/// # Errors
/// The stream failed, ended within a line, or the line is longer than `max` bytes.
pub(crate) fn read_line(reader: &mut impl BufRead, max: usize) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = reader.by_ref().take(max as u64 + 1).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.pop() == Some(b'\n') {
        return Ok(Some(line));
    }
    let why = if read > max { "line too long" } else { "stream ended within a line" };
    Err(io::Error::new(io::ErrorKind::InvalidData, why))
}

/// Writes a value as one line of JSON.
///
/// # Errors
/// The stream failed.
pub(crate) fn write_line(writer: &mut impl Write, value: &impl serde::Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    writer.write_all(&line)?;
    writer.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded() {
        let mut reader = io::Cursor::new(b"abc\n\nabcd\n".to_vec());
        assert_eq!(read_line(&mut reader, 4).unwrap(), Some(b"abc".to_vec()));
        assert_eq!(read_line(&mut reader, 4).unwrap(), Some(Vec::new()));
        assert!(read_line(&mut reader, 4).is_err());
        assert_eq!(read_line(&mut io::Cursor::new(Vec::new()), 4).unwrap(), None);
        assert!(read_line(&mut io::Cursor::new(b"ab".to_vec()), 4).is_err());
    }
}
