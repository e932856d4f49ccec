//! `show security flow gate`, over the fakes.

use crate::support::Bench;

#[track_caller]
fn check(line: &str, expected: &str) {
    assert_eq!(Bench::new().good(line), expected, "{line}");
}

const ACTIVE: &str = "\
Hole: 198.51.100.2-198.51.100.2/0-65535->198.51.100.1-198.51.100.1/1030-1030
  Translated: 198.51.100.2/0->10.1.0.2/5000
  Protocol: tcp
  Application: FTP ALG/junos-http
  Age: 58 seconds
  Flags: 0x0001
  Zone: untrust
  Reference count: 1
  Resource: 1-3

";
const PASSIVE: &str = "\
Hole: 10.1.0.2-10.1.0.2/0-65535->198.51.100.2-198.51.100.2/7001-7001
  Translated: 10.1.0.2/0->198.51.100.2/7001
  Protocol: tcp
  Application: FTP ALG/junos-http
  Age: 0 seconds
  Flags: 0x0004
  Zone: trust
  Reference count: 1
  Resource: 0-3

";
const TRANSFER: &str = "\
Hole: 2001:db8::7-2001:db8::7/0-65535->2001:db8::2-2001:db8::2/3000-3000
  Translated: 2001:db8::8/0->2001:db8:1::2/3000
  Protocol: udp
  Application: TFTP ALG/N/A
  Age: 58 seconds
  Flags: 0x0003
  Zone: untrust
  Reference count: 1
  Resource: 1-9

";

fn totals(valid: u64, invalidated: u64) -> String {
    let total = valid + invalidated;
    format!(
        "Valid gates: {valid}\nPending gates: 0\nInvalidated gates: {invalidated}\n\
         Gates in other states: 0\nTotal gates: {total}\n"
    )
}

#[test]
fn expected_sessions_are_listed_by_where_they_go() {
    let all = [ACTIVE, PASSIVE, TRANSFER, &totals(2, 1)].concat();
    check("show security flow gate", &all);
    check("show security flow gate brief", &all);
    check("show security flow gate summary", &totals(2, 1));
}

#[test]
fn arguments_choose_among_them() {
    let one = |gate: &str| [gate, &totals(1, 0)].concat();
    check("show security flow gate protocol udp", &one(TRANSFER));
    check("show security flow gate destination-port 1030", &one(ACTIVE));
    check("show security flow gate destination-prefix 2001:db8::/32", &one(TRANSFER));
    check("show security flow gate destination-prefix 198.51.100.1 source-port 20", &one(ACTIVE));
    check("show security flow gate source-prefix 10.1.0.0/24", &[PASSIVE, &totals(0, 1)].concat());
    check("show security flow gate source-prefix 10.1.0.0/24 summary", &totals(0, 1));
    check("show security flow gate family inet6", &one(TRANSFER));
    check("show security flow gate protocol icmp", &totals(0, 0));
    let mut bench = Bench::new();
    assert_eq!(bench.bad("show security flow gate brief summary"), "syntax error: summary\n");
    assert!(bench.bad("show security flow gate protocol nothing").starts_with("invalid value 'nothing'"));
}
