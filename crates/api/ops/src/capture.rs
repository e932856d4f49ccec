//! Captures that a client brings along: classic pcap of Ethernet frames, as hexadecimal digits.
//!
//! Bounded: the client reads no more than [`CAPTURE_BYTES_MAX`], and of the frames no more than [`FRAMES_MAX`] are judged.

/// Bytes of a capture file.
pub const CAPTURE_BYTES_MAX: u64 = 1 << 20;
/// Frames of a capture that are judged.
pub(crate) const FRAMES_MAX: usize = 64;
const ETHERNET: u32 = 1;
const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
const TAG: [u8; 2] = [0x81, 0x00];

/// The capture that a line names: a file of the client. `None`: the line is another command.
#[must_use]
pub fn capture_source(line: &str) -> Option<String> {
    let words: Vec<_> = crate::words::split(line).command.into_iter().map(|word| word.text).collect();
    let path = ["test", "security", "capture"];
    let (head, rest) = words.split_at_checked(path.len())?;
    let begins =
        head.iter().zip(path).all(|(word, full)| !word.is_empty() && full.starts_with(word.as_str()));
    // `c` is no beginning of `packet`, the only other word there.
    let at = rest.iter().position(|word| "file".starts_with(word.as_str()) && !word.is_empty())?;
    begins.then(|| rest.get(at + 1).cloned()).flatten()
}

/// Bytes as the client sends them.
#[must_use]
pub fn capture_text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The frames of a capture, without VLAN tags: the interface says which unit they are of.
pub(crate) fn frames(text: &str) -> Result<Vec<Vec<u8>>, &'static str> {
    let digits = text.trim().as_bytes();
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    let byte = |at: usize| Some((digit(2 * at)? * 16 + digit(2 * at + 1)?) as u8);
    let bytes: Option<Vec<u8>> = (0..digits.len() / 2).map(byte).collect();
    let bytes = bytes.ok_or("the capture is not readable")?;
    let little = match bytes.get(..4) {
        Some([0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1]) => true,
        Some([0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d]) => false,
        _ => return Err("the file is no pcap capture"),
    };
    let word = |at: usize| -> Option<u32> {
        let word: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if little { u32::from_le_bytes(word) } else { u32::from_be_bytes(word) })
    };
    if word(20) != Some(ETHERNET) {
        return Err("the capture is not one of Ethernet frames");
    }
    let (mut out, mut at) = (Vec::new(), FILE_HEADER);
    while out.len() < FRAMES_MAX && at < bytes.len() {
        let length = word(at + 8).ok_or("the capture ends within a packet")? as usize;
        let start = at + RECORD_HEADER;
        let end = start.checked_add(length).ok_or("the capture ends within a packet")?;
        let frame = bytes.get(start..end).ok_or("the capture ends within a packet")?;
        out.push(untagged(frame));
        at = end;
    }
    if out.is_empty() { Err("the capture holds no packet") } else { Ok(out) }
}

fn untagged(frame: &[u8]) -> Vec<u8> {
    match frame.get(12..14) {
        Some(kind) if kind == TAG && frame.len() >= 18 => [&frame[..12], &frame[16..]].concat(),
        _ => frame.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(frames: &[&[u8]]) -> Vec<u8> {
        let mut out =
            vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
        for frame in frames {
            let length = (frame.len() as u32).to_le_bytes();
            out.extend([[0; 4], [0; 4], length, length].concat());
            out.extend(*frame);
        }
        out
    }

    #[test]
    fn frames_come_out_in_order_and_without_tags() {
        let plain = [7; 20];
        let mut tagged = vec![1; 12];
        tagged.extend([0x81, 0, 0, 9, 8, 0, 42]);
        let mut bare = vec![1; 12];
        bare.extend([8, 0, 42]);
        let text = capture_text(&capture(&[&plain, &tagged]));
        assert_eq!(frames(&text), Ok(vec![plain.to_vec(), bare]));
        let many = vec![&plain[..]; FRAMES_MAX + 5];
        assert_eq!(frames(&capture_text(&capture(&many))).map(|f| f.len()), Ok(FRAMES_MAX));
    }

    #[test]
    fn what_is_no_capture_is_said_to_be_none() {
        assert_eq!(frames("xyz"), Err("the capture is not readable"));
        assert_eq!(frames("00112233"), Err("the file is no pcap capture"));
        assert_eq!(frames(&capture_text(&capture(&[]))), Err("the capture holds no packet"));
        let mut cut = capture(&[&[7; 20]]);
        cut.pop();
        assert_eq!(frames(&capture_text(&cut)), Err("the capture ends within a packet"));
        let mut other = capture(&[&[7; 20]]);
        other[20] = 101;
        assert_eq!(frames(&capture_text(&other)), Err("the capture is not one of Ethernet frames"));
    }

    #[test]
    fn a_line_names_its_capture() {
        let named = |line| capture_source(line);
        assert_eq!(
            named("test security capture interface ge-0/0/0.0 file a.pcap").as_deref(),
            Some("a.pcap")
        );
        assert_eq!(named("te sec cap fi \"a b\" int ge-0/0/0").as_deref(), Some("a b"));
        assert_eq!(named("test security packet file a"), None);
        assert_eq!(named("test security capture file"), None);
    }
}
