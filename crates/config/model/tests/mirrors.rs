//! Port mirroring: values and outputs that are refused before anything is resolved.

use ravelin_model::load;

const ROOM: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/24
set interfaces ge-0/0/2 unit 0 family inet address 10.0.2.1/24
";

fn errors(lines: &str) -> Vec<String> {
    let errors = load(&format!("{ROOM}{lines}\n")).result.err().unwrap_or_default();
    errors.iter().map(|e| e.line("f")).collect()
}

#[track_caller]
fn refused(lines: &str, wanted: &[&str]) {
    let errors = errors(lines);
    for want in wanted {
        assert!(errors.iter().any(|line| line.contains(want)), "expected `{want}` in: {errors:#?}");
    }
}

const P: &str = "set forwarding-options port-mirroring";

/// Spec: mirror-6.
#[test]
fn rates_that_mean_nothing_are_refused() {
    let with =
        |rate: &str| format!("{P} instance m input rate {rate}\n{P} instance m output interface ge-0/0/2");
    refused(&with("0"), &["instance m input rate", "value 0 is not within range (1..65535)"]);
    refused(&with("-1"), &["-1"]);
    refused(&with("65536"), &["65536"]);
    refused(&with("4294967296"), &["4294967296"]);
    refused(&with("x"), &["x"]);
    assert_eq!(errors(&with("65535")), Vec::<String>::new());
    refused(&format!("{P} input run-length 21\n{P} output interface ge-0/0/2"), &["21"]);
    refused(&format!("{P} input maximum-packet-length 9217\n{P} output interface ge-0/0/2"), &["9217"]);
}

/// Spec: mirror-4, mirror-5.
#[test]
fn an_instance_has_one_output_for_each_family() {
    refused(&format!("{P} instance m input rate 5"), &["instance m output", "missing mandatory statement"]);
    refused(&format!("{P} input rate 5"), &["forwarding-options port-mirroring output: missing"]);
    refused(
        &format!("{P} family inet output interface ge-0/0/0.0\n{P} family inet output interface ge-0/0/2.0"),
        &[
            "family inet output interface ge-0/0/2.0",
            "family inet output interface ge-0/0/0.0] is the output already",
        ],
    );
    refused(
        &format!("{P} output interface ge-0/0/2\n{P} family any output interface ge-0/0/2.0"),
        &["family any output interface ge-0/0/2.0", "port-mirroring output] is the same"],
    );
    let hop = format!("{P} family inet output interface ge-0/0/2.0 next-hop");
    refused(
        &format!("{hop} 10.0.2.8\n{hop} 10.0.2.9"),
        &["next-hop 10.0.2.9", "10.0.2.8 is the next hop already"],
    );
    refused(&format!("{hop} 2001:db8::1"), &["address is of the other family"]);
    refused(&format!("{hop} 224.0.0.1"), &["no station has this address"]);
}

/// Spec: mirror-21, mirror-23.
#[test]
fn mirror_filters_need_an_output_and_a_station() {
    let f = "set security forwarding-options mirror-filter f";
    refused(&format!("{f} protocol udp"), &["missing mandatory statement: 'interface'", "'destination-mac'"]);
    refused(
        &format!("{f} output interface ge-0/0/2.0\n{f} output destination-mac 02:00:00:00:00"),
        &["invalid MAC address `02:00:00:00:00'"],
    );
    refused(
        &format!("{f} source-prefix 10.0.0.0/8\n{f} destination-prefix 2001:db8::/32"),
        &["address is of the other family"],
    );
    let many: String = (0..16)
        .map(|n| {
            let f = format!("{f}{n} output");
            format!("{f} interface ge-0/0/2.0\n{f} destination-mac 02:00:00:00:00:09\n")
        })
        .collect();
    refused(&many, &["no more than 15 are allowed"]);
}

/// Spec: mirror-1.
#[test]
fn a_term_copies_by_an_instance_that_is_there() {
    let term = "set firewall family inet filter f term t then";
    refused(&format!("{term} port-mirror"), &["then port-mirror"]);
    refused(&format!("{term} port-mirror-instance m"), &["then port-mirror-instance"]);
    let both = format!("{P} output interface ge-0/0/2\n{P} instance m output interface ge-0/0/2\n");
    assert_eq!(errors(&format!("{both}{term} port-mirror")), Vec::<String>::new());
    assert_eq!(errors(&format!("{both}{term} port-mirror-instance m")), Vec::<String>::new());
    refused(&format!("{both}{term} port-mirror-instance n"), &["then port-mirror-instance"]);
    refused(&format!("{both}{term} port-mirror-instance m\n{term} port-mirror"), &["then"]);
}
