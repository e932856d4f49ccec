//! Generated static, destination and source NAT: pools of every kind that chooses, shared by rules, small enough to be
//! used up; packets there and the answers to them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use ravelin_conformance::model::{Model, Outcome, Packet, SYN, Segment};

use crate::kit::{From, ip, loaded, outcome, plane, run, runs};
use crate::said::agree_on_replies;

const ZONES: [&str; 3] = ["trust", "untrust", "dmz"];

/// Three interfaces, a zone each, both families; everything is let through but what is rejected, of one port.
fn base() -> String {
    let mut text = String::from(
        "set security policies default-policy permit-all\n\
         set applications application time protocol tcp\n\
         set applications application time destination-port 123\n\
         set security policies global policy no match source-address any\n\
         set security policies global policy no match destination-address any\n\
         set security policies global policy no match application [ time junos-ntp ]\n\
         set security policies global policy no then reject\n",
    );
    for (n, zone) in ZONES.iter().enumerate() {
        text += &format!(
            "set interfaces ge-0/0/{n} unit 0 family inet address 10.{n}.0.1/24\n\
             set interfaces ge-0/0/{n} unit 0 family inet6 address 2001:db8:{n}::1/64\n\
             set security zones security-zone {zone} interfaces ge-0/0/{n}.0\n"
        );
    }
    text
}

/// What a pool has: addresses of its own, eight of each family.
fn pool() -> impl Strategy<Value = Vec<String>> {
    let kind = select(&["range", "narrow", "paired", "kept", "shift", "plain"][..]);
    (kind, any::<bool>(), 1u8..=4).prop_map(|(kind, v6, addresses)| {
        // `$` is the number of the pool.
        let (first, last, base) = match v6 {
            false => ("203.0.113.$1/32", format!("203.0.113.${addresses}/32"), "10.0.0.2/32"),
            true => ("2001:db8:ff::$1/128", format!("2001:db8:ff::${addresses}/128"), "2001:db8::2/128"),
        };
        let mut lines = vec![format!("address {first} to {last}")];
        match kind {
            // Ports of two workers and more; of one; of one, and a host stays with its address.
            "range" => lines.push("port range 2044 to 2051".into()),
            "narrow" => lines.push("port range 2050".into()),
            "paired" => lines.extend(["port range 2050 to 2052".into(), "address-pooling paired".into()]),
            "kept" => lines.push("port no-translation".into()),
            "shift" => lines.push(format!("host-address-base {base}")),
            _ => {}
        }
        lines
    })
}

/// A condition on one field, or none.
fn matching() -> impl Strategy<Value = Vec<&'static str>> {
    let source = select(
        &[
            "match source-address 10.0.0.0/16",
            "match source-address 10.0.0.4/30",
            "match source-address 2001:db8::/64",
            "match source-address 0.0.0.0/0",
        ][..],
    );
    let more = select(
        &[
            "match destination-address 10.1.0.0/24",
            "match destination-address 2001:db8:1::/64",
            "match destination-port 53 to 80",
            "match source-port 1001",
            "match protocol udp",
        ][..],
    );
    (source, proptest::option::of(more))
        .prop_map(|(source, more)| [Some(source), more].into_iter().flatten().collect())
}

fn source_rule() -> impl Strategy<Value = Vec<String>> {
    let pools = select(&["pool p0", "pool p1", "pool p2"][..]);
    let action = prop_oneof![6 => pools, 2 => Just("interface"), 1 => Just("off")];
    (matching(), action).prop_map(|(matching, action)| {
        let mut lines: Vec<String> = matching.into_iter().map(str::to_owned).collect();
        lines.push(format!("then source-nat {action}"));
        lines
    })
}

fn destination_rule() -> impl Strategy<Value = Vec<String>> {
    let to = select(
        &[
            "match destination-address 10.1.0.32/30",
            "match destination-address 10.1.0.33/32",
            "match destination-address 10.0.0.1/32",
            "match destination-address 2001:db8:1::20/126",
        ][..],
    );
    let port =
        proptest::option::of(select(&["match destination-port 53", "match destination-port 80 to 123"][..]));
    (to, port, select(&["d0", "d1", "off"][..])).prop_map(|(to, port, pool)| {
        // A pool is of its rule's family.
        let family = if to.contains(':') { "six" } else { "four" };
        let action = if pool == "off" { "off".into() } else { format!("pool {pool}{family}") };
        let mut lines: Vec<String> = [Some(to), port].into_iter().flatten().map(str::to_owned).collect();
        lines.push(format!("then destination-nat {action}"));
        lines
    })
}

const DESTINATION_POOLS: &str = "\
set security nat destination pool d0four address 10.2.0.2/31
set security nat destination pool d1four address 10.2.0.4/32
set security nat destination pool d1four address port 22
set security nat destination pool d0six address 2001:db8:2::2/127
set security nat destination pool d1six address 2001:db8:2::4/128
set security nat destination pool d1six address port 22
";

fn static_rule() -> impl Strategy<Value = Vec<String>> {
    let prefixes = select(
        &[
            ("10.1.0.64/30", "10.0.0.4/30", false),
            ("10.1.0.68/32", "10.0.0.3/32", false),
            ("10.1.0.72/32", "10.2.0.3/32", true),
            ("2001:db8:1::40/126", "2001:db8::4/126", false),
        ][..],
    );
    let remote = proptest::option::of(select(
        &["match source-address 10.1.0.0/29", "match source-address 2001:db8:1::/125"][..],
    ));
    (prefixes, remote).prop_map(|((outside, inside, with_ports), remote)| {
        let mut lines =
            vec![format!("match destination-address {outside}"), format!("then static-nat prefix {inside}")];
        if with_ports {
            lines.push("match destination-port 53 to 54".into());
            lines.push("then static-nat prefix mapped-port 1053 to 1054".into());
        }
        let of_family = |line: &&str| line.contains(':') == outside.contains(':');
        lines.extend(remote.filter(of_family).map(str::to_owned));
        lines
    })
}

/// Rule-sets of one kind: a zone each, or a pair of zones.
fn sets<T: Strategy<Value = Vec<String>>>(kind: &'static str, rule: T) -> impl Strategy<Value = String> {
    let ends = (select(&ZONES[..]), select(&ZONES[..]));
    vec((ends, vec(rule, 1..4)), 0..3).prop_map(move |sets| {
        let (mut text, mut seen) = (String::new(), Vec::new());
        for (n, ((from, to), rules)) in sets.into_iter().enumerate() {
            let ends = if kind == "source" { (from, to) } else { (from, "") };
            if seen.contains(&ends) {
                continue;
            }
            seen.push(ends);
            let set = format!("set security nat {kind} rule-set rs{n}");
            text += &format!("{set} from zone {from}\n");
            if kind == "source" {
                text += &format!("{set} to zone {to}\n");
            }
            for (at, lines) in rules.into_iter().enumerate() {
                lines.iter().for_each(|line| text += &format!("{set} rule r{at} {line}\n"));
            }
        }
        text
    })
}

fn config() -> impl Strategy<Value = String> {
    let pools = [pool(), pool(), pool()];
    let rules = (
        sets("source", source_rule()),
        sets("destination", destination_rule()),
        sets("static", static_rule()),
    );
    (pools, rules, any::<bool>()).prop_map(|(pools, (source, destination, fixed), persistent)| {
        let mut text = base() + DESTINATION_POOLS + &source + &destination + &fixed;
        let paired = pools.iter().flatten().any(|line| line == "address-pooling paired");
        if persistent && !paired {
            text += "set security nat source address-persistent\n";
        }
        for (n, lines) in pools.into_iter().enumerate() {
            for line in lines {
                let line = line.replace('$', &(n + 1).to_string());
                text += &format!("set security nat source pool p{n} {line}\n");
            }
        }
        text
    })
}

/// A unit and a packet whose source is on it; most to where rules lead.
fn packet() -> impl Strategy<Value = (usize, Packet)> {
    let ports = (1000u16..1003, select(&[22u16, 53, 54, 80, 123][..]));
    let host = prop_oneof![3 => 1u8..8, 1 => 32u8..36, 1 => 64u8..74];
    let net = prop_oneof![1 => 0usize..3, 2 => Just(1usize)];
    let from = prop_oneof![2 => Just(0usize), 1 => 0usize..3];
    (from, net, any::<bool>(), 2u8..9, host, any::<bool>(), ports).prop_map(
        |(from, to, v6, src, dst, tcp, (sport, dport))| {
            let addr = |net: usize, host: u8| match v6 {
                true => ip(&format!("2001:db8:{net}::{host:x}")),
                false => ip(&format!("10.{net}.0.{host}")),
            };
            let proto = if tcp { 6 } else { 17 };
            let tcp = tcp.then(|| Segment::of(SYN));
            (
                from,
                Packet {
                    src: addr(from, src),
                    dst: addr(to, dst),
                    proto,
                    sport,
                    dport,
                    tcp,
                    len: 7,
                    options: &[],
                    ..Packet::PLAIN
                },
            )
        },
    )
}

proptest! {
    #![proptest_config(runs(11, 256))]
    // Proves: rfc3022-3, rfc3022-4, rfc4787-3, rfc4787-11, rfc5382-7, rfc6888-1, rfc6888-13.
    #[test]
    fn engine_and_model_agree_on_nat(text in config(), packets in vec((packet(), any::<bool>()), 1..60), workers in 1u8..=4) {
        let config = loaded(&text);
        let plane = plane(&config, workers);
        let mut model = Model::new(&config);
        for ((from, packet), answered) in packets {
            let mut ran = run(&plane, &[(From::Port(from), packet)]);
            let got = ran.fates.remove(0).outcome;
            let judged = model.agrees(&format!("ge-0/0/{from}.0"), &packet, &got);
            prop_assert_eq!(judged, Ok(()), "{:?} of {:?} by {} workers under\n{}", got, packet, workers, text);
            agree_on_replies(&plane, &mut model, &ran.said)?;
            // UDP alone: an answer says nothing of what comes next.
            let Outcome::Left { unit, packet: left } = got else { continue };
            if !answered || left.proto != 17 {
                continue;
            }
            let answer = Packet { src: left.dst, dst: left.src, sport: left.dport, dport: left.sport, ..left };
            let by: usize = unit.trim_start_matches("ge-0/0/").trim_end_matches(".0").parse().unwrap();
            let got = outcome(&plane, by, &answer);
            let back = Packet { src: packet.dst, dst: packet.src, sport: packet.dport, dport: packet.sport, ..packet };
            let expected = Outcome::Left { unit: format!("ge-0/0/{from}.0"), packet: back };
            prop_assert_eq!(&got, &expected, "answered by {:?} under\n{}", answer, text);
            prop_assert_eq!(model.agrees(&unit, &answer, &got), Ok(()), "{:?} under\n{}", answer, text);
        }
    }
}
