//! What a valid configuration can still be refused for: this machine's interfaces.

use ravelin_compile::{IdBook, Resolved, compile};
use ravelin_model::load;
use ravelin_types::Generation;

/// Errors as `path: message`; ports carry 1500 bytes.
fn check(text: &str, expected: &[&str]) {
    let valid = load(text).result.unwrap();
    let resolved = Resolved::virtual_ports(&valid);
    let result = compile(&valid, &resolved, &mut IdBook::default(), Generation(1));
    let errors: Vec<_> = result.err().unwrap_or_default().iter().map(ToString::to_string).collect();
    assert_eq!(errors, expected);
}

#[test]
fn a_family_mtu_that_the_interface_can_not_carry_is_refused() {
    check("set interfaces ge-0/0/0 unit 0 family inet mtu 1500", &[]);
    check(
        "set interfaces ge-0/0/0 unit 0 family inet mtu 1501\n\
         set interfaces ge-0/0/0 unit 0 family inet6 mtu 9000",
        &[
            "interfaces ge-0/0/0.0 family inet mtu: mtu 1501 is more than the 1500 bytes that the interface carries",
            "interfaces ge-0/0/0.0 family inet6 mtu: mtu 9000 is more than the 1500 bytes that the interface carries",
        ],
    );
    check(
        "set interfaces ge-0/0/0 mtu 1414\nset interfaces ge-0/0/0 unit 0 family inet mtu 1450",
        &[
            "interfaces ge-0/0/0.0 family inet mtu: mtu 1450 is more than the 1400 bytes that the interface carries",
        ],
    );
}

#[test]
fn an_interface_that_the_machine_does_not_have_is_refused() {
    let valid = load("set interfaces ge-0/0/0 unit 0 family inet").result.unwrap();
    let errors = compile(&valid, &Resolved::default(), &mut IdBook::default(), Generation(1)).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].to_string().contains("`ge-0/0/0` not found"), "{}", errors[0]);
}

#[test]
fn source_pools_that_the_allocator_can_not_serve_are_refused() {
    let pools = |lines: &[&str]| {
        let lines = lines.iter().map(|line| format!("set security nat source pool {line}\n"));
        format!(
            "set interfaces ge-0/0/0 unit 0 family inet address 192.0.2.1/24\n{}",
            lines.collect::<String>()
        )
    };
    check(&pools(&["p address 192.0.2.1/32", "q address 192.0.2.2/32"]), &[]);
    check(
        &pools(&["p address 192.0.2.2/31", "q address 192.0.2.3/32"]),
        &["security nat source pool q: has an address of pool `p' too"],
    );
    check(
        &pools(&["p address 192.0.2.0/30", "p port no-translation"]),
        &["security nat source pool p: has an interface's address, and does not translate ports"],
    );
    check(
        &pools(&["p address 192.0.2.2/32", "p port deterministic host address 10.0.0.0/8"]),
        &["security nat source pool p: has no ports for all its hosts"],
    );
}

#[test]
fn an_application_that_no_number_is_left_for_is_refused_until_nothing_remembers_any() {
    let text = |name: &str| format!("set applications application {name} protocol tcp destination-port 7");
    let commit = |name: &str, book: &mut IdBook| {
        let valid = load(&text(name)).result.unwrap();
        compile(&valid, &Resolved::default(), book, Generation(1))
    };
    let mut book = IdBook::default();
    let first = commit("first", &mut book).unwrap();
    assert!(!book.renew(), "there is room");
    // As many names in a life as there are numbers.
    assert!((0..).any(|n| book.application(&format!("gone {n}")).is_err()));
    let errors = commit("last", &mut book).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].path, "applications application last");
    assert!(errors[0].message.starts_with("no application ids are left"), "{}", errors[0].message);
    assert_eq!(commit("first", &mut book).unwrap().application_names(), first.application_names());
    let zone = book.zone("trust").unwrap();
    assert!(book.renew());
    assert_eq!(book.zone("trust").unwrap(), zone, "what has room is as it was");
    assert!(commit("last", &mut book).is_ok());
    assert!(!book.renew(), "it is all new");
}

/// Spec: host-inbound-17.
#[test]
fn services_without_a_port_that_is_known_are_refused_and_no_others() {
    let list = |name: &str| {
        format!(
            "set interfaces ge-0/0/0 unit 0 family inet address 192.0.2.1/24\n\
             set security zones security-zone z interfaces ge-0/0/0.0\n\
             set security zones security-zone z host-inbound-traffic system-services {name}\n"
        )
    };
    let refused = ["appqoe", "high-availability", "tcp-encap", "webapi-clear-text", "webapi-ssl"];
    for service in ravelin_model::Service::ALL {
        let name = service.as_str();
        let path = format!("security zones security-zone z host-inbound-traffic system-services {name}");
        match refused.contains(&name) {
            true => check(&list(name), &[&format!("{path}: statement not supported")]),
            false => check(&list(name), &[]),
        }
    }
}
