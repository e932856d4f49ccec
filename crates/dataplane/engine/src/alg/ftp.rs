//! FTP: where a control connection says that a data connection will be.
//!
//! RFC 959 (PORT, 227), RFC 2428 (EPRT, 229). Pure: a segment's payload in, the place and meaning of the address out.
//! A line counts that stands whole in its segment; anything else is let through and expects nothing. Spec: alg-5..9.

use std::net::Ipv6Addr;

use ravelin_types::{Addr, Family};

/// Bytes of a line that is looked at.
const LINE_MAX: usize = 512;
/// Bytes of the longest address that is written.
pub(crate) const TEXT_MAX: usize = 64;

/// An address in a control connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// Offset in the payload and length of what stands for the address.
    pub at: usize,
    pub len: usize,
    pub form: Form,
    /// `None`: that of the control connection.
    pub addr: Option<(Family, Addr)>,
    pub port: u16,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `h1,h2,h3,h4,p1,p2`
    Octets,
    /// `|1|address|port|`, whatever stands for the bars.
    Extended(u8),
    /// `|||port|`
    ExtendedPort(u8),
}

/// What a client says of where it listens.
pub(crate) fn command(payload: &[u8], bare_line_feed: bool) -> Option<Said> {
    find(payload, bare_line_feed, |line| {
        let (verb, rest) = line.split_at_checked(4)?;
        let at = 4 + rest.iter().position(|b| *b != b' ').filter(|skipped| *skipped > 0)?;
        if verb.eq_ignore_ascii_case(b"PORT") {
            let (len, addr, port) = octets(&line[at..])?;
            ends(&line[at + len..]).then_some(())?;
            return Some(Said { at, len, form: Form::Octets, addr: Some((Family::V4, addr)), port });
        }
        if verb.eq_ignore_ascii_case(b"EPRT") {
            return extended(&line[at..], at).filter(|said| said.addr.is_some());
        }
        None
    })
}

/// What a server says of where it listens.
pub(crate) fn reply(payload: &[u8], bare_line_feed: bool) -> Option<Said> {
    find(payload, bare_line_feed, |line| {
        if line.starts_with(b"227 ") {
            // The text before the address is anyone's (RFC 1123 4.1.2.6): the first digit after the code.
            let at = 4 + line[4..].iter().position(u8::is_ascii_digit)?;
            let (len, addr, port) = octets(&line[at..])?;
            return Some(Said { at, len, form: Form::Octets, addr: Some((Family::V4, addr)), port });
        }
        if line.starts_with(b"229 ") {
            let at = 5 + line[4..].iter().position(|b| *b == b'(')?;
            return extended(&line[at..], at).filter(|said| said.addr.is_none());
        }
        None
    })
}

/// Writes an address in the form that it had; its length.
pub(crate) fn write(
    form: Form,
    (family, addr): (Family, Addr),
    port: u16,
    out: &mut [u8; TEXT_MAX],
) -> usize {
    use std::io::Write;
    let mut rest = &mut out[..];
    let [high, low] = port.to_be_bytes();
    let written = match form {
        Form::Octets => {
            let [a, b, c, d] = addr.octets4();
            write!(rest, "{a},{b},{c},{d},{high},{low}")
        }
        Form::Extended(bar) => {
            let (bar, number) = (char::from(bar), if family == Family::V4 { 1 } else { 2 });
            write!(rest, "{bar}{number}{bar}{}{bar}{port}{bar}", addr.to_ip(family))
        }
        Form::ExtendedPort(bar) => {
            let bar = char::from(bar);
            write!(rest, "{bar}{bar}{bar}{port}{bar}")
        }
    };
    debug_assert!(written.is_ok(), "the longest address has room");
    let left = rest.len();
    TEXT_MAX - left
}

/// The first line that says something.
fn find(payload: &[u8], bare_line_feed: bool, said: impl Fn(&[u8]) -> Option<Said>) -> Option<Said> {
    let mut from = 0;
    while let Some(end) = payload[from..].iter().take(LINE_MAX).position(|b| *b == b'\n') {
        let line = &payload[from..from + end];
        let whole = line.strip_suffix(b"\r");
        if let Some(found) = whole.or(bare_line_feed.then_some(line)).and_then(&said) {
            return Some(Said { at: found.at + from, ..found });
        }
        from += end + 1;
    }
    None
}

fn ends(rest: &[u8]) -> bool {
    rest.iter().all(|b| *b == b' ')
}

/// A decimal number and its length.
fn number(text: &[u8], max: u32) -> Option<(usize, u32)> {
    let len = text.iter().take(5).take_while(|b| b.is_ascii_digit()).count();
    let value = text[..len].iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    (len > 0 && value <= max && !text.get(len).is_some_and(u8::is_ascii_digit)).then_some((len, value))
}

/// Six numbers with commas between them.
fn octets(text: &[u8]) -> Option<(usize, Addr, u16)> {
    let mut values = [0; 6];
    let mut at = 0;
    for (n, value) in values.iter_mut().enumerate() {
        if n > 0 {
            (text.get(at) == Some(&b',')).then_some(())?;
            at += 1;
        }
        let (len, found) = number(&text[at..], 255)?;
        *value = found as u8;
        at += len;
    }
    let [a, b, c, d, high, low] = values;
    Some((at, Addr::v4([a, b, c, d]), u16::from_be_bytes([high, low])))
}

/// `|1|address|port|` or `|||port|`, at the start of a text that stands at `at` of its line.
fn extended(text: &[u8], at: usize) -> Option<Said> {
    let bar = *text.first().filter(|bar| (33..=126).contains(*bar) && !bar.is_ascii_alphanumeric())?;
    let mut fields = text[1..].split(|b| *b == bar);
    let (family, address, port) = (fields.next()?, fields.next()?, fields.next()?);
    fields.next()?;
    let (digits, value) = number(port, u32::from(u16::MAX))?;
    (digits == port.len()).then_some(())?;
    let len = 1 + family.len() + 1 + address.len() + 1 + port.len() + 1;
    let word = std::str::from_utf8(address).ok()?;
    let (addr, form) = match family {
        b"" if address.is_empty() => (None, Form::ExtendedPort(bar)),
        b"1" => {
            let ip: std::net::Ipv4Addr = word.parse().ok()?;
            (Some((Family::V4, Addr::v4(ip.octets()))), Form::Extended(bar))
        }
        b"2" => {
            let ip: Ipv6Addr = word.parse().ok()?;
            (Some((Family::V6, Addr::v6(ip.octets()))), Form::Extended(bar))
        }
        _ => return None,
    };
    Some(Said { at, len, form, addr, port: value as u16 })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Wanted = Option<(&'static str, Option<&'static str>, u16)>;

    #[track_caller]
    fn check(found: Option<Said>, text: &str, wanted: Wanted) {
        let found = found.map(|said| {
            let addr = said.addr.map(|(family, addr)| addr.to_ip(family).to_string());
            (text[said.at..said.at + said.len].to_owned(), addr, said.port)
        });
        let wanted = wanted.map(|(text, addr, port)| (text.to_owned(), addr.map(str::to_owned), port));
        assert_eq!(found, wanted, "{text:?}");
    }

    #[test]
    fn commands_name_where_a_client_listens() {
        let v4 = Some("10.0.0.1");
        for (text, wanted) in [
            ("PORT 10,0,0,1,4,1\r\n", Some(("10,0,0,1,4,1", v4, 1025))),
            ("port  10,0,0,1,255,255 \r\n", Some(("10,0,0,1,255,255", v4, 65535))),
            ("NOOP\r\nPORT 10,0,0,1,4,1\r\n", Some(("10,0,0,1,4,1", v4, 1025))),
            ("EPRT |1|10.0.0.1|6275|\r\n", Some(("|1|10.0.0.1|6275|", v4, 6275))),
            ("EPRT !1!10.0.0.1!6275!\r\n", Some(("!1!10.0.0.1!6275!", v4, 6275))),
            ("EPRT |2|2001:db8::1|6275|\r\n", Some(("|2|2001:db8::1|6275|", Some("2001:db8::1"), 6275))),
            ("PORT 10,0,0,1,4,1", None),
            ("PORT 10,0,0,1,4,1\n", None),
            ("PORT 10,0,0,1,4\r\n", None),
            ("PORT 10,0,0,256,4,1\r\n", None),
            ("PORT 10,0,0,1,4,1,1\r\n", None),
            ("PORT 10,0,0,1,4,0001\r\n", Some(("10,0,0,1,4,0001", v4, 1025))),
            ("PORT10,0,0,1,4,1\r\n", None),
            ("STOR PORT 10,0,0,1,4,1\r\n", None),
            ("EPRT |3|10.0.0.1|6275|\r\n", None),
            ("EPRT |1|10.0.0.1|65536|\r\n", None),
            ("EPRT |1|10.0.0.1|6275\r\n", None),
            ("EPRT |||6275|\r\n", None),
            ("227 Entering Passive Mode (10,0,0,1,4,1)\r\n", None),
            ("", None),
        ] {
            check(command(text.as_bytes(), false), text, wanted);
        }
        let bare = "PORT 10,0,0,1,4,1\n";
        check(command(bare.as_bytes(), true), bare, Some(("10,0,0,1,4,1", v4, 1025)));
    }

    #[test]
    fn replies_name_where_a_server_listens() {
        for (text, wanted) in [
            ("227 Entering Passive Mode (10,0,0,1,4,1).\r\n", Some(("10,0,0,1,4,1", Some("10.0.0.1"), 1025))),
            ("227 =10,0,0,1,4,1\r\n", Some(("10,0,0,1,4,1", Some("10.0.0.1"), 1025))),
            ("229 Entering Extended Passive Mode (|||6446|)\r\n", Some(("|||6446|", None, 6446))),
            ("229 (|1|10.0.0.1|6446|)\r\n", None),
            ("227-10,0,0,1,4,1\r\n", None),
            ("220 227 10,0,0,1,4,1\r\n", None),
            ("229 no\r\n", None),
        ] {
            check(reply(text.as_bytes(), false), text, wanted);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(addr: [u8; 4], six: [u8; 16], port: u16) {
            let mut out = [0; TEXT_MAX];
            for (form, ends, verb) in [
                (Form::Octets, (Family::V4, Addr::v4(addr)), "PORT "),
                (Form::Extended(b'|'), (Family::V4, Addr::v4(addr)), "EPRT "),
                (Form::Extended(b'#'), (Family::V6, Addr::v6(six)), "EPRT "),
            ] {
                let len = write(form, ends, port, &mut out);
                let line = [verb.as_bytes(), &out[..len], b"\r\n"].concat();
                let wanted = Said { at: 5, len, form, addr: Some(ends), port };
                proptest::prop_assert_eq!(command(&line, false), Some(wanted));
            }
        }

        #[test]
        fn hostile_lines_end(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..80), verb in 0usize..4) {
            let line = [[&b"PORT "[..], b"EPRT ", b"227 ", b"229 ("][verb], &bytes, b"\r\n"].concat();
            for said in [command(&line, true), reply(&line, true)].into_iter().flatten() {
                proptest::prop_assert!(said.at + said.len <= line.len());
            }
        }
    }
}
