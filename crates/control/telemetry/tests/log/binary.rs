//! The binary form and its reader. The bytes are written by hand from docs/spec/log.md. Spec: log-39..42.

use jiff::tz::TimeZone;
use proptest::prelude::*;
use ravelin_telemetry::{
    Clock, Content, Decoded, Flow, Form, Line, MESSAGE_MAX, Record, Records, RotatingFile, Style, show,
};

use crate::support::{at, closed, denied, flow, open, style};

const TIME: &str = "2026-11-21T07:13:39.123456Z";

fn encoded(host_name: &str, record: &Record) -> Vec<u8> {
    let mut clock = Clock::new(TimeZone::UTC);
    clock.set(at(TIME));
    let (mut out, mut scratch) = (Vec::new(), String::new());
    let line = Line { style: style(Form::Binary), facility: 16, host_name, clock: &clock };
    line.encode(&mut out, &mut scratch, record);
    out
}

fn direct(style: Style, host_name: &str, record: &Record) -> String {
    let mut clock = Clock::new(TimeZone::UTC);
    clock.set(at(TIME));
    let mut out = String::new();
    Line { style, facility: 16, host_name, clock: &clock }.write(&mut out, record);
    out
}

#[test]
fn a_record_is_these_bytes() {
    let lost = Record::StreamLost { stream: "s1".into(), lost: 5, limited: 6, produced: 7 };
    let expected = [
        // Letters and version, local0 and warning, 54 bytes in all.
        &b"RV\x01\x84\0\0\0\x36"[..],
        // 07:13:39.123456 of that day in microseconds, message 17, a host name of three bytes.
        &1_795_245_219_123_456_u64.to_be_bytes(),
        b"\0\x11\x03fw1",
        // A text of two bytes, and three numbers.
        b"\0\0\x02s1",
        b"\x01\0\0\0\0\0\0\0\x05",
        b"\x01\0\0\0\0\0\0\0\x06",
        b"\x01\0\0\0\0\0\0\0\x07",
    ];
    assert_eq!(encoded("fw1", &lost), expected.concat());
}

#[test]
fn what_is_read_back_is_what_would_have_been_written() {
    let v6 = Record::Create(flow("[2001:db8:1::2]:40000 > [2001:db8:2::2]:443"));
    for record in [open(), closed(), denied(), v6, Record::EventsLost { events: u64::MAX }] {
        let bytes = encoded("fw1", &record);
        let (decoded, length) = Decoded::read(&bytes).unwrap();
        assert_eq!((length, decoded.tag, decoded.priority >> 3), (bytes.len(), record.tag(), 16));
        for form in [Form::Syslog, Form::SdSyslog] {
            let mut out = String::new();
            decoded.write(&mut out, style(form), &mut Clock::new(TimeZone::UTC));
            assert_eq!(out, direct(style(form), "fw1", &record));
        }
    }
}

#[test]
fn a_file_of_binary_records_rotates_between_records() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let records: Vec<_> = (0..5).map(|_| encoded("fw1", &open())).collect();
    let max = 2 * records[0].len() as u64;
    let mut file = RotatingFile::new(path.clone(), max, 3).holding(Content::Binary);
    let (done, result) = file.append(&records);
    assert!(done == 5 && result.is_ok());
    for (name, expected) in [("log", 1), ("log.0", 2), ("log.1", 2)] {
        let bytes = std::fs::read(dir.path().join(name)).unwrap();
        let mut read = Records::new(&bytes);
        assert_eq!(((&mut read).count(), read.skipped), (expected, 0), "{name}");
    }
}

#[test]
fn a_file_never_holds_lines_and_records() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let append = |content, line: &[u8]| {
        let mut file = RotatingFile::new(path.clone(), 1 << 20, 5).holding(content);
        assert!(file.append(&[line, line]).1.is_ok());
    };
    let record = encoded("fw1", &open());
    append(Content::Text, b"a line");
    append(Content::Binary, &record);
    append(Content::Text, b"another");
    let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
    assert_eq!(read("log"), b"another\nanother\n");
    assert_eq!(read("log.0"), [&record[..], &record].concat());
    assert_eq!(read("log.1"), b"a line\na line\n");
}

#[test]
fn the_reader_steps_over_what_is_no_record() {
    let record = encoded("fw1", &open());
    let mut later = record.clone();
    later[16..18].copy_from_slice(&999_u16.to_be_bytes());
    // The end of a record whose beginning is not in the bytes, one of a later version, and one cut off.
    let bytes = [&record[30..], &record, &later, &record, &record[..40]].concat();
    let in_file = Style { in_file: true, ..style(Form::Syslog) };
    let (text, records) = show(&bytes, in_file, TimeZone::UTC);
    let line = direct(in_file, "fw1", &open()) + "\n";
    assert_eq!(text, line.repeat(2));
    assert_eq!((records.unknown, records.skipped), (1, record.len() as u64 - 30 + 40));
}

#[test]
fn a_record_is_bounded() {
    let long = || "z".repeat(5000);
    let names = flow("10.0.0.1:1 > 10.0.0.2:2");
    let names = Flow { policy: "é".repeat(5000), from_zone: long(), to_zone: long(), ..names };
    let names = Flow { interface: long(), service: Some(long()), ..names };
    let rule = || Some((ravelin_telemetry::NatRuleKind::Source, long()));
    let names = Flow { source_rule: rule(), destination_rule: rule(), ..names };
    let bytes = encoded(&"h".repeat(999), &Record::Create(names));
    assert!(bytes.len() <= MESSAGE_MAX);
    assert_eq!(Decoded::read(&bytes).unwrap().1, bytes.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(300), ..ProptestConfig::default() })]
    /// Whatever is before and behind them, whole records are found.
    #[test]
    fn noise_hides_no_record_and_makes_none(noise in prop::collection::vec(any::<u8>(), 0..200), n in 0usize..3) {
        let record = encoded("fw1", &closed());
        prop_assume!(!noise.windows(2).any(|two| two == b"RV"));
        let bytes = [&noise[..], &record.repeat(n), &noise].concat();
        let mut records = Records::new(&bytes);
        prop_assert_eq!((&mut records).count(), n);
        prop_assert_eq!(records.skipped, 2 * noise.len() as u64);
    }

    /// One byte changed is seen or shown; it makes no other record unreadable.
    #[test]
    fn damage_stays_where_it_is(at in 0usize..2000, to in any::<u8>()) {
        let record = encoded("fw1", &open());
        let mut damaged = record.clone();
        let at = at % damaged.len();
        damaged[at] = to;
        let bytes = [&record[..], &damaged, &record].concat();
        let found = Records::new(&bytes).count();
        prop_assert!((1..=3).contains(&found), "{found}");
    }
}
