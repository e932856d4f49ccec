//! Messages as they are sent and kept: the structured form of RFC 5424 and the traditional one, escaped so that no value can end a
//! field, a message or a line.
//!
//! Spec: log-1..7, log-17..19.

use std::fmt::Write as _;

use ravelin_model::LogSeverity;

use crate::binary;
use crate::clock::Clock;
use crate::message::Message;
use crate::plan::{Form, Style};
use crate::record::Record;
use crate::values::Value;

/// The element of Juniper's structured data: enterprise 2636, this platform's number.
const SD_ID: &str = "junos@2636.1.1.1.2.129";
/// Bytes of one message; what is longer is cut (log-19).
pub const MESSAGE_MAX: usize = 8192;
/// Characters of a host name (RFC 5424, 6).
const HOST_NAME_MAX: usize = 255;

/// What a message is written with.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    pub style: Style,
    pub facility: u8,
    pub host_name: &'a str,
    pub clock: &'a Clock,
}

impl Line<'_> {
    /// Appends a record as one line without end. The binary form is not text: [`Line::encode`].
    pub fn write(&self, out: &mut String, record: &Record) {
        record.with_values(|values| self.write_values(out, record.message(), values));
    }

    /// Appends a record in its style's form.
    pub fn encode(&self, out: &mut Vec<u8>, scratch: &mut String, record: &Record) {
        match self.style.form {
            Form::Binary => binary::encode(out, self, record),
            Form::Syslog | Form::SdSyslog => {
                scratch.clear();
                self.write(scratch, record);
                out.extend_from_slice(scratch.as_bytes());
            }
        }
    }

    pub(crate) fn write_values(&self, out: &mut String, message: &Message, values: &[Value<'_>]) {
        let Self { style, facility, host_name, clock } = self;
        let start = out.len();
        match style.form {
            Form::SdSyslog => {
                let _ = write!(out, "<{}>1 ", priority(*facility, message.severity));
                clock.rfc3339(out);
                out.push(' ');
                host(out, host_name);
                let _ = write!(out, " {} - {} ", message.process, message.tag);
                element(out, message, values);
            }
            // Shown, the binary form is the traditional one.
            Form::Syslog | Form::Binary => {
                if !style.in_file {
                    let _ = write!(out, "<{}>", priority(*facility, message.severity));
                }
                clock.bsd(out, style.time);
                out.push(' ');
                host(out, host_name);
                let _ = write!(out, " {}: {}: ", message.process, message.tag);
                text(out, message, values);
            }
        }
        cut(out, start + MESSAGE_MAX);
    }
}

fn priority(facility: u8, severity: LogSeverity) -> u16 {
    u16::from(facility) * 8 + severity as u16
}

/// A host name as one word of printable ASCII.
pub(crate) fn host(out: &mut String, name: &str) {
    if name.is_empty() {
        out.push('-');
    }
    out.extend(name.chars().take(HOST_NAME_MAX).map(|c| if c.is_ascii_graphic() { c } else { '_' }));
}

/// `[id name="value" ...]`.
fn element(out: &mut String, message: &Message, values: &[Value<'_>]) {
    out.push('[');
    out.push_str(SD_ID);
    for ((_, name), value) in message.pieces.iter().zip(values) {
        out.push(' ');
        out.push_str(name);
        out.push_str("=\"");
        push(out, value, |out, c| {
            if matches!(c, '"' | '\\' | ']') {
                out.push('\\');
            }
            out.push(c);
        });
        out.push('"');
    }
    out.push(']');
}

/// The message's text, as people read it.
pub(crate) fn text(out: &mut String, message: &Message, values: &[Value<'_>]) {
    for ((before, _), value) in message.pieces.iter().zip(values) {
        out.push_str(before);
        push(out, value, String::push);
    }
    out.push_str(message.end);
}

fn push(out: &mut String, value: &Value<'_>, plain: impl Fn(&mut String, char)) {
    match value {
        Value::Number(number) => {
            let _ = write!(out, "{number}");
        }
        Value::Hex(number) => {
            let _ = write!(out, "{number:x}");
        }
        Value::Address(address) => {
            let _ = write!(out, "{address}");
        }
        Value::Text(text) => {
            for c in text.chars() {
                // A control character would end a line or worse: its octal number stands for it.
                if c.is_control() {
                    let _ = write!(out, "#{:03o}", u32::from(c));
                } else {
                    plain(out, c);
                }
            }
        }
    }
}

fn cut(out: &mut String, max: usize) {
    if out.len() > max {
        out.truncate(out.floor_char_boundary(max));
    }
}
