//! Mirrors of a text configuration: what the program holds, and what is refused once names are resolved.

use ravelin_compile::{IdBook, Resolved, compile};
use ravelin_program::{MirrorSource, MirrorTo, Mirrors};
use ravelin_types::{Addr, Family, Generation, Mac, MirrorId};

const ROOM: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/24
set interfaces ge-0/0/1 vlan-tagging
set interfaces ge-0/0/1 unit 7 vlan-id 7
set interfaces ge-0/0/1 unit 8 vlan-id 8
set interfaces ge-0/0/2 unit 0 family inet address 10.0.2.1/24
set interfaces ge-0/0/3 unit 0 family inet address 10.0.3.1/24
set interfaces lo0 unit 0 family inet address 10.255.0.1/32
";
const P: &str = "set forwarding-options port-mirroring";

/// ge-0/0/0 is the device eth7 here.
fn compiled(lines: &str) -> Result<Mirrors, Vec<String>> {
    let loaded = ravelin_model::load(&format!("{ROOM}{lines}\n"));
    let valid = loaded.result.unwrap_or_else(|errors| panic!("{errors:#?}"));
    let mut resolved = Resolved::virtual_ports(&valid);
    if let Some(port) = resolved.0.get_mut("ge-0/0/0") {
        port.device = "eth7".into();
    }
    let program = compile(&valid, &resolved, &mut IdBook::default(), Generation(1));
    let told = |errors: Vec<ravelin_compile::CompileError>| errors.iter().map(|e| e.to_string()).collect();
    program.map_err(told).map(|program| program.mirrors().cloned().unwrap_or_default())
}

#[track_caller]
fn refused(lines: &str, wanted: &[&str]) {
    let errors = compiled(lines).expect_err("it is refused");
    for want in wanted {
        assert!(errors.iter().any(|line| line.contains(want)), "expected `{want}` in: {errors:#?}");
    }
}

#[test]
fn a_text_becomes_instances() {
    let mirrors = compiled(&format!(
        "{P} input rate 10\n{P} input ingress interface eth7\n{P} output interface ge-0/0/2\n\
         {P} instance m input run-length 3\n{P} instance m input maximum-packet-length 64\n\
         {P} instance m input egress interface ge-0-0-1.7\n\
         {P} instance m family inet output interface ge-0/0/3.0 next-hop 10.0.3.9\n{P} instance m disable"
    ))
    .unwrap();
    let [unnamed, m] = &mirrors.instances[..] else { panic!("{mirrors:?}") };
    assert_eq!(
        (unnamed.id, unnamed.name.as_str(), unnamed.enabled, unnamed.rate),
        (MirrorId(0), "", true, 10)
    );
    assert!(matches!(unnamed.ingress[..], [MirrorSource::Port(_)]) && unnamed.egress.is_empty());
    let any = unnamed.outputs.any.unwrap();
    assert_eq!((any.unit, any.to), (None, MirrorTo::AsItIs));
    assert_eq!((m.id, m.enabled, m.rate, m.run_length, m.len_max), (MirrorId(1), false, 1, 3, 64));
    assert!(matches!(m.egress[..], [MirrorSource::Unit(_)]));
    let inet = m.outputs.inet.unwrap();
    assert!(inet.unit.is_some() && m.outputs.inet6.is_none() && m.outputs.any.is_none());
    assert_eq!(inet.to, MirrorTo::NextHop(Family::V4, Addr::v4([10, 0, 3, 9])));
    assert_ne!(unnamed.identity, m.identity);
}

#[test]
fn a_text_becomes_filters() {
    let f = "set security forwarding-options mirror-filter f";
    let text = format!(
        "{f} protocol 17\n{f} source-port 5-6\n{f} interface-in ge-0/0/0\n{f} output interface ge-0/0/2.0\n\
         {f} output destination-mac 02:00:00:00:00:09"
    );
    let mirrors = compiled(&text).unwrap();
    let filter = &mirrors.filters[0];
    assert_eq!(filter.proto.map(|p| p.0), Some(17));
    assert_eq!(filter.output.to, MirrorTo::Station(Mac([2, 0, 0, 0, 0, 9])));
    assert!(filter.interface_out.is_none() && matches!(filter.interface_in, Some(MirrorSource::Port(_))));
    refused(&format!("{text}\n{f} interface-out ge-0/0/2"), &["mirror-filter f interface-out] mirrors"]);
    refused(&format!("{text}\n{f} interface-out ge-0/0/9.0"), &["interface `ge-0/0/9.0' must be configured"]);
}

/// Two instances that name one interface in any two of its ways. Spec: mirror-5.
#[test]
fn an_interface_is_mirrored_once_in_a_direction_whatever_it_is_called() {
    for (one, other) in [
        ("ge-0/0/0", "ge-0/0/0"),
        ("ge-0/0/0", "eth7"),
        ("ge-0-0-0", "eth7"),
        ("ge-0/0/0.0", "eth7.0"),
        ("ge-0/0/0", "ge-0/0/0.0"),
        ("eth7.0", "ge-0-0-0"),
        ("ge-0/0/1.7", "ge-0/0/1"),
    ] {
        for direction in ["ingress", "egress"] {
            let lines = format!(
                "{P} instance a input {direction} interface {one}\n{P} instance a output interface ge-0/0/2\n\
                 {P} instance b input {direction} interface {other}\n{P} instance b output interface ge-0/0/2"
            );
            let names_both = format!("instance b input {direction} interface {other}");
            let already = format!(
                "is mirrored already, by [forwarding-options port-mirroring instance a input {direction} interface {one}]"
            );
            refused(&lines, &[&names_both, &already]);
        }
    }
    // Two units, or two directions, are two things.
    let two = format!(
        "{P} instance a input ingress interface ge-0/0/1.7\n{P} instance a input egress interface ge-0/0/1.7\n\
         {P} instance a input ingress interface ge-0/0/1.8\n{P} instance a output interface ge-0/0/2"
    );
    assert!(compiled(&two).is_ok());
}

/// Spec: mirror-5.
#[test]
fn outputs_that_are_missing_equal_or_looping_are_refused() {
    let to = |output: &str| {
        format!("{P} instance a input ingress interface ge-0/0/0\n{P} instance a output interface {output}")
    };
    refused(
        &to("ge-0/0/9"),
        &["instance a output interface ge-0/0/9", "must be configured under [edit interfaces]"],
    );
    refused(&to("ge-0/0/2.5"), &["interface `ge-0/0/2.5' must be configured"]);
    refused(&to("lo0"), &["lo0 carries no packets"]);
    for equal in ["ge-0/0/0", "eth7", "ge-0/0/0.0"] {
        let by = "can't take copies: it is mirrored, by [forwarding-options port-mirroring instance a input ingress interface ge-0/0/0]";
        refused(&to(equal), &[&format!("instance a output interface {equal}"), by]);
    }
    let looping = format!(
        "{}\n{P} instance b input egress interface ge-0/0/2.0\n{P} instance b output interface ge-0/0/3",
        to("ge-0/0/2")
    );
    refused(
        &looping,
        &["instance a output interface ge-0/0/2", "by [forwarding-options port-mirroring instance b"],
    );
    refused(
        &format!("{P} family inet output interface ge-0/0/2 next-hop 10.0.2.9"),
        &["a next hop needs a logical interface"],
    );
    refused(&format!("{}\n{P} instance a input ingress interface nowhere", to("ge-0/0/2")), &["`nowhere'"]);
    assert!(compiled(&to("ge-0/0/2")).is_ok());
}
