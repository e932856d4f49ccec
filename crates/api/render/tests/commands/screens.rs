//! Profiles and white-lists of screens, from their statements.

use ravelin_compile::{IdBook, Resolved, compile};
use ravelin_model::load;
use ravelin_types::Generation;

use crate::support::{Bench, FakePlane};

const TEXT: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.1.0.1/24
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone trust screen all
set security screen white-list offices address 10.1.0.0/24
set security screen white-list offices address 192.0.2.7/32
set security screen white-list labs address 2001:db8::/32
set security screen white-list spare address 10.9.0.0/16
set security screen ids-option all match-direction input-output
set security screen ids-option all alarm-without-drop
set security screen ids-option all tcp land
set security screen ids-option all udp flood threshold 70
set security screen ids-option all udp flood white-list offices
set security screen ids-option all ip block-frag white-list labs
set security screen ids-option all ip ipv6-extension-header user-defined-header-type 200 to 201
set security screen ids-option all ip ipv6-extension-header user-defined-header-type 204
set security screen ids-option all limit-session source-ip-based 9
set security screen ids-option all limit-session by-source maximum-sessions 8
set security screen ids-option all limit-session by-destination by-protocol udp packet-rate 7
set security screen ids-option other limit-session by-source by-protocol tcp session-rate 6
set security screen ids-option other limit-session by-source by-protocol tcp whitelist offices
";

fn bench() -> Bench {
    let valid = load(TEXT).result.unwrap_or_else(|errors| panic!("{errors:?}"));
    let resolved = Resolved::virtual_ports(&valid);
    let program = compile(&valid, &resolved, &mut IdBook::default(), Generation(1)).unwrap();
    Bench::over(Box::new(FakePlane::default()), &program)
}

fn row(name: &str, value: &str) -> String {
    format!("  {name:<43}{value}\n")
}

#[test]
fn a_profile_shows_every_limit_that_it_has() {
    let head = format!("Screen object status:\n\n{:<45}Value\n", "Name");
    let rows = [
        ("IP block fragment", "enabled"),
        ("TCP land attack", "enabled"),
        ("UDP flood threshold", "70"),
        ("Session source limit threshold", "9"),
        ("Session limit by source", "8"),
        ("UDP packet rate by destination", "7"),
        ("IPv6 user defined header", "200 to 201, 204"),
        ("Match direction", "input-output"),
        ("Alarm without drop", "enabled"),
        ("Bound to zone", "trust"),
    ];
    let rows = rows.map(|(name, value)| row(name, value)).concat();
    let shown = bench().good("show security screen ids-option all");
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&shown), sorted(&[head, rows].concat()));
    let other = bench().good("show security screen ids-option other");
    assert!(other.ends_with(&row("TCP session rate by source", "6")), "{other}");
}

#[test]
fn a_white_list_names_the_profiles_that_name_it_anywhere() {
    let expected = "\
Screen white list: offices
  Bound to screen: all, other
  10.1.0.0/24
  192.0.2.7/32

Screen white list: labs
  Bound to screen: all
  2001:db8::/32

Screen white list: spare
  10.9.0.0/16

";
    assert_eq!(bench().good("show security screen white-list"), expected);
}

#[test]
fn a_white_list_has_its_profiles_and_addresses_in_xml_too() {
    let xml = bench().good("show security screen white-list | display xml");
    let (of_offices, rest) = xml.split_once("<ids-white-list-name>labs").unwrap();
    for leaf in [
        "<ids-white-list-name>offices</ids-white-list-name>",
        "<ids-object-name>all</ids-object-name>",
        "<ids-object-name>other</ids-object-name>",
        "<ids-white-list-address>192.0.2.7/32</ids-white-list-address>",
    ] {
        assert!(of_offices.contains(leaf), "{leaf}:\n{xml}");
    }
    assert_eq!(rest.matches("<ids-object-name>").count(), 1, "{xml}");
}
