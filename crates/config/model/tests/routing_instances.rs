//! What routing instances may say, and what may name them. Spec: routing-instance-1..6.

use ravelin_model::load;

const WHOLE: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/24
set interfaces ge-0/0/1 unit 0 family inet address 10.0.0.1/24
set interfaces ge-0/0/2 unit 0 family inet address 10.0.2.1/24
set interfaces lo0 unit 0 family inet
set routing-instances a instance-type virtual-router
set routing-instances a interface ge-0/0/1
set routing-instances f instance-type forwarding
set security zones security-zone z interfaces ge-0/0/0.0
set security zones security-zone y interfaces ge-0/0/1.0
";

/// The whole with these lines is refused for this reason, at this path; or, without one, is good.
#[track_caller]
fn check(lines: &[&str], refused: Option<(&str, &str)>) {
    let text: String = lines.iter().map(|line| format!("set {line}\n")).collect();
    let errors = load(&format!("{WHOLE}{text}")).result.err().unwrap_or_default();
    let errors: Vec<_> = errors.iter().map(|error| error.line("text")).collect();
    match refused {
        None => assert!(errors.is_empty(), "{errors:?}"),
        Some((path, reason)) => {
            let is_it = |error: &&String| error.contains(&format!(" {path}: ")) && error.contains(reason);
            assert!(errors.iter().any(|error| is_it(&error)), "{errors:?}");
        }
    }
}

#[test]
fn an_instance_is_of_a_type_that_is_there() {
    check(&[], None);
    let at = "routing-instances b instance-type";
    check(&["routing-instances b description x"], Some((at, "missing mandatory statement")));
    check(&["routing-instances b instance-type vrf"], Some((at, "needs BGP")));
    for word in ["vpls", "virtual-switch", "no-forwarding", "l2vpn", "evpn", "mac-vrf"] {
        let line = format!("routing-instances b instance-type {word}");
        check(&[&line], Some((at, "statement not supported")));
    }
    for name in ["default", "master", "inet"] {
        let line = format!("routing-instances {name} instance-type virtual-router");
        check(&[&line], Some((&format!("routing-instances {name}"), "is a reserved name")));
    }
    for below in ["protocols bgp", "vrf-target target:1:1", "route-distinguisher 1:1", "bridge-domains b"] {
        let text = format!("{WHOLE}set routing-instances a {below}\n");
        let errors = load(&text).result.err().unwrap_or_default();
        assert!(errors.iter().any(|e| e.line("text").contains("statement not supported")), "{below}");
    }
}

#[test]
fn an_interface_is_in_one_instance_and_a_zone_too() {
    let b = "routing-instances b instance-type virtual-router";
    let taken = "routing-instances b interface ge-0/0/1.0";
    check(&[b, taken], Some((taken, "already in routing instance `a'")));
    let missing = "routing-instances b interface ge-0/0/9.0";
    check(&[b, missing], Some((missing, "must be configured")));
    let loopback = "routing-instances b interface lo0.0";
    check(&[b, loopback], Some((loopback, "belongs to the default instance")));
    let forwarding = "routing-instances f interface ge-0/0/2.0";
    check(&[forwarding], Some((forwarding, "has no interfaces")));
    let zone = "security zones security-zone z interfaces ge-0/0/1.0";
    check(&["security zones security-zone x interfaces ge-0/0/2.0"], None);
    let mixed = ["security zones security-zone y interfaces ge-0/0/2.0"];
    let at = "security zones security-zone y interfaces ge-0/0/2.0";
    check(&mixed, Some((at, "must be in one routing instance")));
    check(&[zone], Some((zone, "must be in one routing instance")));
    // The same address is another one's in another instance, and in the same one a mistake.
    let twice = ["interfaces ge-0/0/2 unit 0 family inet address 10.0.0.1/24"];
    check(&twice, Some(("interfaces ge-0/0/2 unit 0 address 10.0.0.1/24", "address is also on")));
}

#[test]
fn a_next_table_is_there_and_of_the_family() {
    let route = "routing-options static route 10.1.0.0/16";
    let next = |table: &str| format!("{route} next-table {table}");
    let at = format!("{route} next-table");
    check(&[&next("a.inet.0")], None);
    check(&[&format!("routing-instances a {}", next("inet.0"))], None);
    check(&[&format!("routing-instances a {}", next("f.inet.0"))], None);
    check(&[&next("b.inet.0")], Some((&at, "routing instance `b' is not defined")));
    check(&[&next("a.inet6.0")], Some((&at, "of the other family")));
    check(&[&next("inet.0")], Some((&at, "its own next one")));
    let own = format!("routing-instances a {}", next("a.inet.0"));
    check(&[&own], Some((&format!("routing-instances a {at}"), "its own next one")));
    let both = [next("a.inet.0"), format!("{route} discard")];
    check(&[&both[0], &both[1]], Some((route, "only one of")));
    check(&["routing-instances a routing-options rib a.inet6.0 static route 2001:db8::/32 discard"], None);
    let rib = "routing-instances a routing-options rib inet6.0";
    check(
        &[&format!("{rib} static route 2001:db8::/32 discard")],
        Some((rib, "only a.inet.0 and a.inet6.0")),
    );
}

#[test]
fn what_names_an_instance_names_one_that_is_there() {
    let term = "firewall family inet filter f term t then";
    check(&[&format!("{term} routing-instance f")], None);
    check(&[&format!("{term} routing-instance default")], None);
    let missing = format!("{term} routing-instance g");
    check(&[&missing], Some((&missing, "is not defined")));
    let both = [format!("{term} routing-instance f"), format!("{term} discard")];
    check(&[&both[0], &both[1]], Some((term, "can't be discarded")));
    let rule = "security nat source rule-set r";
    let from = |name: &str| format!("{rule} from routing-instance {name}");
    let to = format!("{rule} to routing-instance default");
    let body = [
        format!("{rule} rule n match source-address 10.0.0.0/8"),
        format!("{rule} rule n then source-nat off"),
    ];
    check(&[&from("a"), &to, &body[0], &body[1]], None);
    check(&[&from("g"), &to, &body[0], &body[1]], Some((&from("g"), "is not defined")));
    let pool = "security nat source pool p";
    let over = [
        format!("{pool} address 192.0.2.0/28"),
        format!("{pool} port no-translation"),
        format!("{pool} overflow-pool q"),
        format!("{pool} routing-instance a"),
        "security nat source pool q address 192.0.2.32/28".to_owned(),
    ];
    let over: Vec<&str> = over.iter().map(String::as_str).collect();
    check(&over, Some(("security nat source pool p overflow-pool", "of one routing instance")));
}
