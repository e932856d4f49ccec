//! Filters of `show security flow session` and `clear security flow session`, over a simulator that packets have passed.
//! Spec: session-25, session-26.

use ravelin_wire::build::Payload;

use crate::support::World;

const TEXT: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set security policies from-zone trust to-zone untrust policy p match source-address any destination-address any application any
set security policies from-zone trust to-zone untrust policy p then permit
";
const CLIENT: [u8; 4] = [10, 1, 0, 2];
const SERVER: [u8; 4] = [198, 51, 100, 2];

/// A question for a name, a request of TFTP, and its transfer: sessions 1, 2 and 3.
fn world() -> World {
    let mut world = World::new(TEXT, Some(1));
    world.send("ge-0/0/0", (CLIENT, SERVER), &Payload::udp(1000, 53, b"who is that?"));
    world.send("ge-0/0/0", (CLIENT, SERVER), &Payload::udp(3000, 69, b"\0\x01file\0octet\0"));
    world.send("ge-0/0/1", (SERVER, CLIENT), &Payload::udp(5555, 3000, b"\0\x03\0\x01!"));
    world
}

/// Sessions that a filter means.
fn listed(world: &mut World, filter: &str) -> u64 {
    let total = world.bench.good(&format!("show security flow session {filter} | match \"Total sessions\""));
    total
        .trim()
        .rsplit(' ')
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or_else(|| panic!("{filter}: {total}"))
}

#[test]
fn sessions_of_gateways_are_listed_with_their_group() {
    let mut world = world();
    let shown = world.bench.good("show security flow session resource-manager");
    let lines: Vec<_> = shown.lines().filter(|line| !line.starts_with("  ") && !line.is_empty()).collect();
    let ids: Vec<_> =
        lines.iter().filter_map(|line| line.strip_prefix("Session ID: ")?.split(',').next()).collect();
    let [parent, child] = ids[..] else { panic!("{shown}") };
    let resource = |at: usize| lines[at];
    assert_eq!(resource(1), format!("Resource information : TFTP ALG, {parent}, 0"));
    assert_eq!(resource(3), format!("Resource information : TFTP ALG, {parent}, 1"));
    assert_eq!(lines[4..], ["Total sessions: 2"]);
    let whole = world.bench.good(&format!("show security flow session session-identifier {child}"));
    assert!(whole.contains(&format!("\nResource information : TFTP ALG, {parent}, 1\n   In: ")), "{whole}");
    let xml = world.bench.good("show security flow session resource-manager | display xml");
    let group = format!(
        "<client-name>TFTP ALG</client-name>\n<group-identifier>{parent}</group-identifier>\n<resource-identifier>1</resource-identifier>"
    );
    let flat: Vec<_> = xml.lines().map(str::trim).collect();
    assert!(flat.join("\n").contains(&group), "{xml}");
    let json = world.bench.good("show security flow session resource-manager | display json");
    assert_eq!(json.matches("\"resource-manager-information\"").count(), 2, "{json}");
    let name = world.bench.good("show security flow session destination-port 53");
    assert!(!name.contains("Resource information"), "{name}");
}

#[test]
fn sessions_of_gateways_are_cleared_and_no_others() {
    let mut world = world();
    let clear = |world: &mut World, filter: &str| {
        world.bench.good(&format!("clear security flow session resource-manager{filter}"))
    };
    assert_eq!(clear(&mut world, " protocol tcp"), "0 active sessions cleared\n");
    assert_eq!(clear(&mut world, " source-port 5555"), "1 active sessions cleared\n");
    assert_eq!(clear(&mut world, ""), "1 active sessions cleared\n");
    assert_eq!((listed(&mut world, ""), listed(&mut world, "destination-port 53")), (1, 1));
}

#[test]
fn filters_for_what_no_session_is_mean_none() {
    let mut world = world();
    for filter in [
        "tunnel",
        "encrypted",
        "idp",
        "services-offload",
        "dynamic-application junos:HTTP",
        "dynamic-application-group junos:web",
        "application-firewall",
        "application-firewall-rule-set rs",
        "application-traffic-control",
        "application-traffic-control-rule-set rs",
        "conn-tag 1",
        "protocol udp tunnel",
        "idle-longer-than 0 tunnel",
    ] {
        assert_eq!(listed(&mut world, filter), 0, "{filter}");
        let summary = world.bench.good(&format!("show security flow session {filter} summary"));
        assert!(summary.contains("Sessions-in-use: 0\n"), "{filter}: {summary}");
        let cleared = world.bench.good(&format!("clear security flow session {filter}"));
        assert_eq!(cleared, "0 active sessions cleared\n", "{filter}");
    }
    assert_eq!((listed(&mut world, ""), listed(&mut world, "conn-tag 0")), (3, 3));
    for line in ["clear security flow session tenant t", "clear security flow session conn-tag"] {
        assert!(world.bench.bad(line).starts_with("syntax error"), "{line}");
    }
    assert_eq!(world.bench.good("clear security flow session conn-tag 0"), "3 active sessions cleared\n");
}
