//! `security screen`: what is read, and what is refused.

use ravelin_model::load;
use ravelin_syntax::render;

/// Expects each of `wanted` among the errors of these lines.
fn refused(lines: &[&str], wanted: &[&str]) {
    let text = format!("set security zones security-zone trust tcp-rst\n{}\n", lines.join("\n"));
    let errors = load(&text).result.err().unwrap_or_default();
    let lines: Vec<String> = errors.iter().map(|e| e.line("f")).collect();
    for want in wanted {
        assert!(lines.iter().any(|line| line.contains(want)), "expected `{want}` in:\n{}", lines.join("\n"));
    }
}

/// What an SRX comes with.
const FACTORY: &str = "\
security {
    screen {
        ids-option untrust-screen {
            icmp {
                ping-death;
            }
            ip {
                source-route-option;
                tear-drop;
            }
            tcp {
                syn-flood {
                    alarm-threshold 1024;
                    attack-threshold 200;
                    source-threshold 1024;
                    destination-threshold 2048;
                    timeout 20;
                }
                land;
            }
        }
    }
    zones {
        security-zone untrust {
            screen untrust-screen;
        }
    }
}
";

#[test]
fn the_screen_of_the_factory_is_read_and_rendered_the_same() {
    let loaded = load(FACTORY);
    assert_eq!(render::text(&loaded.tree), FACTORY);
    let valid = loaded.result.as_ref().unwrap_or_else(|errors| panic!("{errors:?}"));
    let security = &valid.get().security;
    assert_eq!(security.zones[0].screen.as_deref(), Some("untrust-screen"));
    let option = &security.screen.ids_options[0];
    assert!(
        option.icmp.ping_death && option.ip.source_route_option && option.ip.tear_drop && option.tcp.land
    );
    let flood = option.tcp.syn_flood.as_ref().unwrap();
    assert_eq!((flood.alarm, flood.source, flood.queue_size), (Some(1024), Some(1024), None));
}

#[test]
fn screens_that_can_not_be_are_refused() {
    let o = "set security screen ids-option x";
    refused(&["set security zones security-zone trust screen none"], &["screen `none' is not defined"]);
    refused(
        &[
            &format!("{o} udp flood white-list none"),
            &format!("{o} ip block-frag white-list gone"),
            &format!("{o} limit-session by-source maximum-sessions 1"),
            &format!("{o} limit-session by-source whitelist lost"),
        ],
        &[
            "white-list `none' is not defined",
            "white-list `gone' is not defined",
            "white-list `lost' is not defined",
        ],
    );
    refused(&[&format!("{o} icmp flood threshold 0")], &["value 0 is not within range (1..4000000)"]);
    refused(
        &[&format!("{o} tcp syn-flood source-threshold 3")],
        &["value 3 is not within range (4..1000000)"],
    );
    refused(&[&format!("{o} tcp syn-flood queue-size 100")], &["value 100 is not within range (200..20000)"]);
    refused(
        &[&format!("{o} icmp ip-sweep threshold 999")],
        &["value 999 is not within range (1000..1000000)"],
    );
    refused(&[&format!("{o} limit-session source-ip-based 0")], &["value 0 is not within range"]);
    refused(&[&format!("{o} tcp syn-flood white-list w")], &["'source-address' or 'destination-address'"]);
    refused(&["set security screen white-list w"], &["missing mandatory statement: 'address'"]);
    refused(
        &["set security screen white-list w address [ 192.0.2.0/24 2001:db8::/32 ]"],
        &["must be all IPv4 or all IPv6"],
    );
    let header = "ip ipv6-extension-header user-defined-header-type 20";
    refused(&[&format!("{o} {header} to 10")], &["range ends before it begins"]);
    refused(
        &[
            &format!("{o} limit-session by-source by-protocol tcp whitelist w"),
            "set security screen white-list w address 192.0.2.1",
        ],
        &["a whitelist needs a limit beside it"],
    );
    for path in [
        "tcp syn-defense",
        "limit-session by-source by-protocol tcp syn-cookie mss 1400",
        "limit-session by-destination by-protocol tcp syn-cookie threshold-rate 9",
    ] {
        refused(&[&format!("{o} {path}")], &["statement not supported"]);
    }
    refused(&["set security screen traceoptions flag all"], &["statement not supported"]);
}
