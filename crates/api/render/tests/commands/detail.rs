//! What a policy and a session say of themselves in full: from a configuration, over a simulator that packets have passed.

use ravelin_wire::build::Payload;

use crate::support::World;

const TEXT: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set applications application files protocol tcp
set applications application files destination-port 2121
set applications application files application-protocol ftp
set applications application plain protocol udp
set applications application plain destination-port 5353
set applications application plain application-protocol ignore
set applications application routes protocol ospf
set applications application tunnel protocol gre
set applications application never protocol tcp
set applications application never destination-port 7000-7009
set applications application never inactivity-timeout never
set applications application-set several application files
set applications application-set several application plain
set applications application-set several application junos-ping
set applications application-set several application routes
set applications application-set several application tunnel
set applications application-set several application never
set security nat source pool p address 203.0.113.8/32
set security nat source rule-set out from zone trust
set security nat source rule-set out to zone untrust
set security nat source rule-set out rule pooled match source-address 10.1.0.2/32
set security nat source rule-set out rule pooled then source-nat pool p
set security nat source rule-set out rule other match source-address 0.0.0.0/0
set security nat source rule-set out rule other then source-nat interface
set schedulers scheduler always daily all-day
set security policies from-zone trust to-zone untrust policy web match source-address any
set security policies from-zone trust to-zone untrust policy web match destination-address any
set security policies from-zone trust to-zone untrust policy web match application several
set security policies from-zone trust to-zone untrust policy web then permit
set security policies from-zone trust to-zone untrust policy web then permit destination-address drop-translated
set security policies from-zone trust to-zone untrust policy web then permit tcp-options syn-check-required
set security policies from-zone trust to-zone untrust policy web then permit tcp-options initial-tcp-mss 1200
set security policies from-zone trust to-zone untrust policy web scheduler-name always
set security policies from-zone trust to-zone untrust policy names match source-address any
set security policies from-zone trust to-zone untrust policy names match destination-address any
set security policies from-zone trust to-zone untrust policy names match application junos-dns-udp
set security policies from-zone trust to-zone untrust policy names then permit
";

const NAME_SERVER: [u8; 4] = [198, 51, 100, 2];

fn world() -> World {
    World::new(TEXT, None)
}

fn ask_a_name(world: &mut World, client: [u8; 4]) {
    world.send("ge-0/0/0", (client, NAME_SERVER), &Payload::udp(1000, 53, b"who is that?"));
}

#[test]
fn a_policy_in_detail_takes_its_applications_apart() {
    let mut world = world();
    let shown = world.bench.good("show security policies detail policy-name web");
    let (_, shown) = shown.split_once("  Destination addresses:\n    any\n").unwrap();
    let expected = "
  Application: files
    IP protocol: tcp, ALG: ftp, Inactivity timeout: 1800
      Source port range: [0-65535]
      Destination port range: [2121-2121]
  Application: plain
    IP protocol: udp, ALG: ignore, Inactivity timeout: 60
      Source port range: [0-65535]
      Destination port range: [5353-5353]
  Application: junos-ping
    IP protocol: icmp, ALG: 0, Inactivity timeout: 60
      ICMP Information: type=8, code=any
  Application: routes
    IP protocol: ospf, ALG: 0, Inactivity timeout: 60
      Source port range: [0-65535]
      Destination port range: [0-65535]
  Application: tunnel
    IP protocol: gre, ALG: 0, Inactivity timeout: 1800
      Source port range: [0-65535]
      Destination port range: [0-65535]
  Application: never
    IP protocol: tcp, ALG: 0, Inactivity timeout: 0
      Source port range: [0-65535]
      Destination port range: [7000-7009]
  Destination Address Translation: drop translated
  Scheduler name: always
  Per policy TCP Options: SYN check: Yes, SEQ check: No, Window scale: No
  Per policy TCP MSS: Initial: 1200
  Session log: off
  Policy lookups: 0
";
    assert_eq!(format!("\n{shown}"), expected);
    let xml = world.bench.good("show security policies detail policy-name web | display xml");
    for part in [
        "<alg>ftp</alg>",
        "<icmp-type>8</icmp-type>",
        "<inactivity-timeout>1800</inactivity-timeout>",
        "<destination-port-high>7009</destination-port-high>",
        "<policy-tcp-options-syn-check>Yes</policy-tcp-options-syn-check>",
        "<destination-address-translation>drop translated</destination-address-translation>",
    ] {
        assert!(xml.contains(part), "{part} in {xml}");
    }
    let plain = world.bench.good("show security policies policy-name web | display xml");
    assert!(
        plain.contains("<application-name>files</application-name>") && !plain.contains("<alg>"),
        "{plain}"
    );
}

#[test]
fn a_session_names_the_pool_that_its_address_is_of() {
    let mut world = world();
    ask_a_name(&mut world, [10, 1, 0, 2]);
    ask_a_name(&mut world, [10, 1, 0, 3]);
    let nat = |world: &mut World, from: &str| {
        let line = format!("show security flow session extensive source-prefix {from} | match \"NAT pool\"");
        world.bench.good(&line)
    };
    let pooled = "Source NAT pool: p, Source NAT rule: pooled, Application: junos-dns-udp\n";
    assert_eq!(nat(&mut world, "10.1.0.2"), pooled);
    let other = "Source NAT pool: Null, Source NAT rule: other, Application: junos-dns-udp\n";
    assert_eq!(nat(&mut world, "10.1.0.3"), other);
    // A predefined application by what it is called and by the protocol that it is of, as Junos lists them.
    for application in ["junos-dns-udp", "dns-udp"] {
        let line = format!("show security flow session application {application} | match Total");
        assert_eq!(world.bench.good(&line), "Total sessions: 2\n");
    }
    assert_eq!(
        world.bench.good("show security flow session application dns-tcp | match Total"),
        "Total sessions: 0\n"
    );
}

/// What is said and would change nothing is refused.
#[test]
fn words_without_a_meaning_beside_others_are_refused() {
    let mut world = world();
    ask_a_name(&mut world, [10, 1, 0, 2]);
    for (line, word) in [
        ("show security policies information from-zone trust", "from-zone"),
        ("show security policies zone-context policy-name web", "policy-name"),
        ("show security policies hit-count detail", "detail"),
        ("clear security flow session all protocol tcp", "protocol"),
        ("clear security flow session protocol tcp all", "protocol"),
    ] {
        assert_eq!(world.bench.bad(line), format!("syntax error: {word}\n"), "{line}");
    }
    assert_eq!(world.bench.good("clear security flow session all"), "1 active sessions cleared\n");
}
