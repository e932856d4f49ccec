//! Whatever names hold, a reader of RFC 5424 gets them back, and no line has two.

use jiff::tz::TimeZone;
use proptest::prelude::*;
use ravelin_telemetry::{Clock, Flow, Form, Line, MESSAGE_MAX, Record};

use crate::support::{at, flow, style};

/// A message as RFC 5424, 6 has it; its own reading of the grammar.
#[derive(Debug)]
struct Parsed {
    header: [String; 6],
    id: String,
    params: Vec<(String, String)>,
}

fn parse(line: &str) -> Option<Parsed> {
    let rest = line.strip_prefix('<')?;
    let (priority, rest) = rest.split_once('>')?;
    priority.parse::<u8>().ok()?;
    let mut words = rest.splitn(7, ' ');
    let mut header: [String; 6] = Default::default();
    for word in &mut header {
        *word = words.next()?.to_owned();
    }
    let mut chars = words.next()?.chars().peekable();
    let mut params = Vec::new();
    (chars.next()? == '[').then_some(())?;
    let mut id = String::new();
    while chars.peek().is_some_and(|c| !" ]".contains(*c)) {
        id.push(chars.next()?);
    }
    loop {
        match chars.next()? {
            ']' => break,
            ' ' => {
                let mut name = String::new();
                while *chars.peek()? != '=' {
                    name.push(chars.next()?);
                }
                chars.next();
                (chars.next()? == '"').then_some(())?;
                params.push((name, value(&mut chars)?));
            }
            _ => return None,
        }
    }
    chars.next().is_none().then_some(Parsed { header, id, params })
}

fn value(chars: &mut impl Iterator<Item = char>) -> Option<String> {
    let mut out = String::new();
    loop {
        match chars.next()? {
            '"' => return Some(out),
            '\\' => match chars.next()? {
                c @ ('"' | '\\' | ']') => out.push(c),
                c => out.extend(['\\', c]),
            },
            ']' => return None,
            c => out.push(c),
        }
    }
}

fn line(form: Form, host_name: &str, record: &Record) -> String {
    let mut clock = Clock::new(TimeZone::UTC);
    clock.set(at("2026-11-21T07:13:39.123Z"));
    let mut out = String::new();
    Line { style: style(form), facility: 16, host_name, clock: &clock }.write(&mut out, record);
    out
}

/// A control character by its octal number.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { format!("#{:03o}", c as u32) } else { c.to_string() }).collect()
}

#[test]
fn quotes_brackets_backslashes_and_line_ends_stay_values() {
    let policy = "a\"b]c\\d\ne=\"f";
    let record = Record::Create(Flow { policy: policy.into(), ..flow("10.0.0.1:1 > 10.0.0.2:2") });
    let line = line(Form::SdSyslog, "fw 1\r\n", &record);
    assert!(line.contains(r#" policy-name="a\"b\]c\\d#012e=\"f" "#), "{line}");
    assert!(line.contains(" fw_1__ RT_FLOW "), "{line}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(300), ..ProptestConfig::default() })]
    #[test]
    fn names_come_back_as_they_were(policy in ".{0,40}", zone in "[\\PC\"\\\\\\]\n\t]{0,40}", host in ".{0,40}") {
        let record = Record::Create(Flow {
            policy: policy.clone(),
            from_zone: zone.clone(),
            ..flow("10.0.0.1:1 > 10.0.0.2:2")
        });
        let line = line(Form::SdSyslog, &host, &record);
        let parsed = parse(&line);
        prop_assert!(parsed.is_some(), "{line}");
        let Some(Parsed { header, id, params }) = parsed else { unreachable!("asserted") };
        prop_assert_eq!(&header[0], "1");
        prop_assert_eq!(&header[1], "2026-11-21T07:13:39.123Z");
        prop_assert!(!header[2].is_empty() && header[2].bytes().all(|b| b.is_ascii_graphic()));
        prop_assert_eq!(&header[3..], ["RT_FLOW", "-", "RT_FLOW_SESSION_CREATE"]);
        prop_assert_eq!(id, "junos@2636.1.1.1.2.129");
        prop_assert_eq!(params.len(), 36);
        let of = |name: &str| params.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        prop_assert_eq!(of("policy-name"), Some(shown(&policy)));
        prop_assert_eq!(of("source-zone-name"), Some(shown(&zone)));
        prop_assert_eq!(of("session-id"), Some("7".to_owned()));
    }

    #[test]
    fn the_traditional_form_stays_on_its_line(policy in "(?s).{0,60}", host in "(?s).{0,60}") {
        let record = Record::Create(Flow { policy, ..flow("10.0.0.1:1 > 10.0.0.2:2") });
        let line = line(Form::Syslog, &host, &record);
        prop_assert!(!line.chars().any(char::is_control), "{line:?}");
    }
}

#[test]
fn what_is_too_long_is_cut_between_characters() {
    let record = Record::Create(Flow { policy: "é".repeat(MESSAGE_MAX), ..flow("10.0.0.1:1 > 10.0.0.2:2") });
    let line = line(Form::SdSyslog, "fw1", &record);
    assert!((MESSAGE_MAX - 1..=MESSAGE_MAX).contains(&line.len()), "{}", line.len());
}
