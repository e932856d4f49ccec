//! `check`, `replay` and `log` as other tools drive them: files in, exit code and files out.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use pcap_file::pcap::{PcapPacket, PcapReader, PcapWriter};
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionBlock;
use ravelin_types::{Addr, Mac};
use ravelin_wire::build::{self, Ip, Payload};
use ravelin_wire::{L4, TcpFlags, parse};
use serde_json::Value;

const CONFIG: &str = "
set interfaces ge-0/0/0 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone trust host-inbound-traffic system-services ping
set security zones security-zone untrust interfaces ge-0/0/1.0
set security policies from-zone trust to-zone untrust policy web match source-address any
set security policies from-zone trust to-zone untrust policy web match destination-address any
set security policies from-zone trust to-zone untrust policy web match application junos-http
set security policies from-zone trust to-zone untrust policy web then permit
set security policies from-zone trust to-zone untrust policy no-smtp match source-address any
set security policies from-zone trust to-zone untrust policy no-smtp match destination-address any
set security policies from-zone trust to-zone untrust policy no-smtp match application junos-smtp
set security policies from-zone trust to-zone untrust policy no-smtp then reject
set security nat source rule-set out from zone trust
set security nat source rule-set out to zone untrust
set security nat source rule-set out rule all match source-address 0.0.0.0/0
set security nat source rule-set out rule all then source-nat interface
";

fn ravelin(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ravelin")).args(arguments).output().unwrap()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn syn(dport: u16) -> Vec<u8> {
    let ip = Ip::v4([10, 1, 0, 2], [198, 51, 100, 2]);
    build::frame(&ip, &Payload::tcp(40000, dport, TcpFlags::SYN))
}

/// Microsecond pcap of frames at times in microseconds.
fn pcap(file: &Path, frames: &[(u64, Vec<u8>)]) {
    let mut writer = PcapWriter::new(File::create(file).unwrap()).unwrap();
    for (at_us, frame) in frames {
        let at = Duration::from_micros(*at_us);
        writer.write_packet(&PcapPacket::new(at, frame.len() as u32, frame)).unwrap();
    }
}

fn verdicts(dir: &Path) -> Vec<Value> {
    let text = fs::read_to_string(dir.join("verdicts.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn sent(dir: &Path, name: &str) -> Vec<Vec<u8>> {
    let mut reader = PcapReader::new(BufReader::new(File::open(dir.join(name)).unwrap())).unwrap();
    let mut out = Vec::new();
    while let Some(packet) = reader.next_packet() {
        out.push(packet.unwrap().data.into_owned());
    }
    out
}

#[test]
fn check_names_file_line_and_column_of_every_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.conf");
    fs::write(&file, CONFIG).unwrap();
    let good = ravelin(&["check", path(&file)]);
    assert!(good.status.success() && good.stdout.is_empty(), "{good:?}");
    assert_eq!(ravelin(&["check", path(&file), "--json"]).stdout, b"[]\n");

    fs::write(&file, "set snmp community public\nset securty zones\nset system host-name fw\n").unwrap();
    let bad = ravelin(&["check", path(&file)]);
    let text = String::from_utf8(bad.stdout).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(bad.status.code(), Some(1));
    assert!(lines[0].starts_with(&format!("{}:1:5: snmp", path(&file))), "{text}");
    assert!(lines[0].ends_with("statement not supported"), "{text}");
    assert!(
        lines[1].starts_with(&format!("{}:2:5: ", path(&file))) && lines[1].contains("syntax error"),
        "{text}"
    );
    assert_eq!(lines.len(), 2);

    let json = ravelin(&["check", path(&file), "--json"]);
    let list: Vec<Value> = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        (&list[0]["severity"], &list[0]["line"], &list[0]["column"]),
        (&"error".into(), &1.into(), &5.into())
    );
    assert_eq!(ravelin(&["check", "/nonexistent"]).status.code(), Some(2));
}

#[test]
fn replay_judges_every_packet_and_writes_what_was_sent() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("fw.conf"), CONFIG).unwrap();
    let ping = build::frame(
        &Ip::v4([10, 1, 0, 2], [10, 1, 0, 1]),
        &Payload::icmp(ravelin_types::Family::V4, 8, 0, 7 << 16 | 1, b"ping"),
    );
    pcap(&at("in.pcap"), &[(10, syn(80)), (30, syn(25)), (40, syn(23)), (50, ping)]);
    // Equal times: the input named first comes first.
    pcap(&at("world.pcap"), &[(10, syn(80))]);
    let inputs =
        [format!("ge-0/0/0={}", path(&at("in.pcap"))), format!("ge-0/0/1={}", path(&at("world.pcap")))];
    let out = at("out");
    let (config, out_dir) = (at("fw.conf"), path(&out));
    let done = ravelin(&[
        "replay",
        "--config",
        path(&config),
        "--input",
        &inputs[0],
        "--input",
        &inputs[1],
        "--output",
        out_dir,
    ]);
    assert!(done.status.success(), "{done:?}");
    let summary = String::from_utf8(done.stdout).unwrap();
    assert!(summary.starts_with("packets 5 "), "{summary}");
    assert!(summary.contains("drop:policy-reject 1") && summary.contains("host 1"), "{summary}");

    let judged = verdicts(&out);
    let of = |n: usize, field: &str| judged[n][field].clone();
    assert_eq!((of(0, "n"), of(0, "in"), of(0, "verdict")), (1.into(), "ge-0/0/0".into(), "forward".into()));
    assert_eq!((of(0, "out"), of(0, "policy")), ("ge-0/0/1".into(), "web".into()));
    assert_eq!(of(0, "nat")["src"], "198.51.100.1");
    assert_eq!((of(1, "in"), of(1, "verdict")), ("ge-0/0/1".into(), "drop".into()));
    assert_eq!((of(2, "verdict"), of(2, "reason")), ("drop".into(), "policy-reject".into()));
    assert_eq!((of(3, "reason"), of(3, "policy")), ("default-deny".into(), Value::Null));
    assert_eq!((of(4, "verdict"), of(4, "explain")), ("host".into(), Value::Null));

    let world = sent(&out, "ge-0-0-1.pcap");
    let frame = parse(&world[0]).unwrap();
    // The second interface by name sends; the next hop is the server itself.
    assert_eq!(frame.src_mac, Mac([2, 0, 0, 0, 0, 2]));
    assert_eq!(frame.dst_mac, Mac([2, 1, 198, 51, 100, 2]));
    assert_eq!((world.len(), frame.network.unwrap().src), (1, Addr::v4([198, 51, 100, 1])));
    let office = sent(&out, "ge-0-0-0.pcap");
    let L4::Tcp { flags, .. } = parse(&office[0]).unwrap().network.unwrap().l4 else { panic!("no reset") };
    assert_eq!((office.len(), flags.0), (1, TcpFlags::RST | TcpFlags::ACK));
}

/// The captures' clock opens and closes; names and feeds come from the command line.
#[test]
fn replay_goes_by_the_clock_of_its_capture() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let more = "\
set schedulers scheduler s daily start-time 01:00:20 stop-time 01:00:30
set security policies from-zone trust to-zone untrust policy web scheduler-name s
set security address-book global address host dns-name www.example
set security policies from-zone trust to-zone untrust policy named match source-address any
set security policies from-zone trust to-zone untrust policy named match destination-address host
set security policies from-zone trust to-zone untrust policy named match application junos-ssh
set security policies from-zone trust to-zone untrust policy named then permit
set security dynamic-address feed-server f url file:///nowhere
set security dynamic-address feed-server f feed-name bad
set security dynamic-address address-name bad-hosts profile feed-name bad
set security policies from-zone trust to-zone untrust policy bad match source-address any
set security policies from-zone trust to-zone untrust policy bad match destination-address bad-hosts
set security policies from-zone trust to-zone untrust policy bad match application junos-telnet
set security policies from-zone trust to-zone untrust policy bad then deny
";
    fs::write(at("fw.conf"), format!("{CONFIG}{more}")).unwrap();
    fs::write(at("bad.txt"), "198.51.100.0/24\n").unwrap();
    let second = |s: u64| s * 1_000_000;
    let frames = [(second(19), 80), (second(20), 80), (second(21), 22), (second(22), 23), (second(35), 80)];
    pcap(&at("in.pcap"), &frames.map(|(at, port)| (at, syn(port))));
    let input = format!("ge-0/0/0={}", path(&at("in.pcap")));
    let feed = format!("bad={}", path(&at("bad.txt")));
    let (config, out) = (at("fw.conf"), at("out"));
    let words = ["replay", "--config", path(&config), "--input", &input, "--output", path(&out)];
    // An hour east of Greenwich all year.
    let world = ["--time-zone", "WAT-1", "--name", "WWW.example=198.51.100.2", "--feed", &feed];
    let done = ravelin(&[&words[..], &world].concat());
    assert!(done.status.success(), "{done:?}");
    let judged: Vec<_> = verdicts(&out).iter().map(|v| (v["verdict"].clone(), v["policy"].clone())).collect();
    let is = |n: usize, verdict: &str, policy: Value| {
        assert_eq!(judged[n], (verdict.into(), policy), "packet {n}")
    };
    is(0, "drop", Value::Null);
    is(1, "forward", "web".into());
    is(2, "forward", "named".into());
    is(3, "drop", "bad".into());
    // A second SYN of the session that lives on without policy-rematch.
    is(4, "forward", "web".into());
}

#[test]
fn replay_reads_pcapng_and_explains() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("fw.conf"), CONFIG).unwrap();
    let mut writer = PcapNgWriter::new(File::create(at("in.pcapng")).unwrap()).unwrap();
    writer.write_pcapng_block(InterfaceDescriptionBlock::new(pcap_file::DataLink::ETHERNET, 65535)).unwrap();
    let frame = syn(25);
    let packet = EnhancedPacketBlock {
        interface_id: 0,
        timestamp: Duration::from_nanos(5),
        original_len: frame.len() as u32,
        data: frame.into(),
        options: vec![],
    };
    writer.write_pcapng_block(packet).unwrap();
    drop(writer);
    let input = format!("ge-0/0/0={}", path(&at("in.pcapng")));
    let (config, out) = (at("fw.conf"), at("out"));
    let done = ravelin(&[
        "replay",
        "--config",
        path(&config),
        "--input",
        &input,
        "--output",
        path(&out),
        "--explain",
    ]);
    assert!(done.status.success(), "{done:?}");
    let explained = verdicts(&out)[0]["explain"].to_string();
    for word in ["no-smtp", "match: reject", "zone trust", "application", "TCP reset"] {
        assert!(explained.contains(word), "{word} is not in {explained}");
    }
}

#[test]
fn replay_refuses_what_it_can_not_do() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("fw.conf"), CONFIG).unwrap();
    fs::write(at("noise.pcap"), b"not a capture at all").unwrap();
    pcap(&at("in.pcap"), &[(1, syn(80))]);
    let (config, out) = (at("fw.conf"), at("out"));
    let run = |input: String| {
        let done = ravelin(&["replay", "--config", path(&config), "--input", &input, "--output", path(&out)]);
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    let (code, text) = run(format!("ge-0/0/7={}", path(&at("in.pcap"))));
    assert!(code == Some(2) && text.contains("ge-0/0/7"), "{text}");
    let (code, text) = run(format!("ge-0/0/0={}", path(&at("noise.pcap"))));
    assert!(code == Some(2) && text.contains("noise.pcap"), "{text}");
    fs::write(&config, "set system services ssh").unwrap();
    let (code, text) = run(format!("ge-0/0/0={}", path(&at("in.pcap"))));
    assert!(code == Some(1) && text.contains("statement not supported"), "{text}");
}

const GROUPS: &str = "\
groups {
    names {
        system {
            host-name fw;
        }
        interfaces {
            <ge-*> {
                unit <*> {
                    family inet {
                        address 10.0.0.1/24;
                    }
                }
            }
        }
    }
}
apply-groups names;
interfaces {
    ge-0/0/0 {
        unit 0;
    }
}
";

fn output(arguments: &[&str]) -> String {
    let run = ravelin(arguments);
    assert!(run.status.success(), "{run:?}");
    String::from_utf8(run.stdout).unwrap()
}

#[test]
fn convert_prints_every_form_and_reads_it_back() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let file = dir.path().join(name);
        fs::write(&file, text).unwrap();
        file
    };
    let start = file("a.conf", GROUPS);
    for form in ["text", "set", "xml", "json"] {
        let written = file(form, &output(&["convert", path(&start), "--to", form]));
        assert_eq!(output(&["convert", path(&written)]), GROUPS, "{form}");
        assert!(ravelin(&["check", path(&written)]).status.success(), "{form}");
    }
    assert_eq!(
        output(&["convert", path(&start), "--to", "set", "--inherit"]),
        "set system host-name fw\nset interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/24\n"
    );
    let told = output(&["convert", path(&start), "--inherit"]);
    assert!(
        told.contains("    ##\n    ## 'fw' was inherited from group 'names'\n    ##\n    host-name fw;\n"),
        "{told}"
    );
    let silent = output(&["convert", path(&start), "--inherit", "--no-comments"]);
    assert!(silent.starts_with("system {\n    host-name fw;\n}\n"), "{silent}");
    let detail = output(&["convert", path(&start), "--to", "detail"]);
    assert!(detail.contains("## host-name: Name of this node\n"), "{detail}");

    let broken = file("b.conf", "system {\n    host-nam fw;\n}\n");
    let run = ravelin(&["convert", path(&broken)]);
    assert_eq!(run.status.code(), Some(1));
    let told = String::from_utf8(run.stderr).unwrap();
    assert!(told.contains("2 |     host-nam fw;\n  |     ^^^^^^^^\n"), "{told}");
    assert_eq!(ravelin(&["convert", path(&dir.path().join("none"))]).status.code(), Some(2));
}

#[test]
fn an_error_in_a_group_names_its_line_and_its_group() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.conf");
    fs::write(&file, GROUPS.replace("host-name fw", "domain-name example.net")).unwrap();
    let text = String::from_utf8(ravelin(&["check", path(&file)]).stdout).unwrap();
    assert_eq!(
        text,
        format!(
            "{}:4:13: system domain-name example.net: statement not supported (inherited from group `names')\n",
            path(&file)
        )
    );
    let json = ravelin(&["check", "--json", path(&file)]).stdout;
    let json: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json[0]["line"], 4);
    assert_eq!(json[0]["group"], "names");
    let explained = String::from_utf8(ravelin(&["check", "--explain", path(&file)]).stdout).unwrap();
    assert!(explained.contains("  inherited from group `names'\n"), "{explained}");
}

#[test]
fn a_report_counts_what_is_enforced_kept_and_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("srx.conf");
    let text = "\
version 21.4R3;
system {
    host-name fw;
    services {
        ssh;
        netconf { ssh; }
    }
    inactive: ntp { server 192.0.2.1; }
}
security {
    ike { proposal p { dh-group group14; } }
    zones {
        security-zone trust { source-identity-log; interfaces { ge-0/0/0.0; } }
        security-zone dmz { source-identity-log; }
    }
}
interfaces { ge-0/0/0 { description \"to the office\"; unit 0; } }
";
    fs::write(&file, text).unwrap();
    let run = ravelin(&["check", "--report", path(&file)]);
    assert_eq!(run.status.code(), Some(1));
    let shown = String::from_utf8(run.stdout).unwrap();
    for line in [
        ": 10 statements: 4 enforced, 1 kept as annotations, 5 refused; 0 other errors",
        "security                             1           0        3",
        "      5      1  system services ssh",
        "      6      1  system services netconf",
        "                sshd and other services of the host; `host-inbound-traffic' says who may reach them",
        "     11      1  security ike",
        "     13      2  security zones security-zone source-identity-log",
    ] {
        assert!(shown.lines().any(|l| l.ends_with(line)), "expected `{line}' in\n{shown}");
    }
    let json: Value =
        serde_json::from_slice(&ravelin(&["check", "--report", "--json", path(&file)]).stdout).unwrap();
    assert_eq!(json["refused"][2]["path"], "system services netconf");
    assert_eq!(json["refused"][2]["line"], 6);
    assert_eq!(json["stanzas"]["security"]["refused"], 3);

    fs::write(&file, CONFIG).unwrap();
    assert!(ravelin(&["check", "--report", path(&file)]).status.success());
}

/// A record of the binary log form, from docs/spec/log.md (log-39): message 18 has one number.
const EVENTS_LOST: &[u8] =
    b"RV\x01\x0c\0\0\0\x1f\0\x06\x60\xc4\x19\x90\x2e\xc0\0\x12\x03fw1\x01\0\0\0\0\0\0\0\x07";

#[test]
fn a_log_file_in_the_binary_form_is_printed_as_text() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("packed");
    fs::write(&file, EVENTS_LOST.repeat(2)).unwrap();
    let out = ravelin(&["log", path(&file), "--to", "sd-syslog"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert_eq!((out.status.code(), text.lines().count()), (Some(0), 2));
    let line = "fw1 RTLOG - RTLOG_EVENTS_LOST [junos@2636.1.1.1.2.129 lost-events=\"7\"]";
    assert!(text.lines().all(|found| found.starts_with("<12>1 2026-") && found.ends_with(line)), "{text}");
    // What is no message is told, and takes nothing with it.
    fs::write(&file, [EVENTS_LOST, b"noise", EVENTS_LOST].concat()).unwrap();
    let out = ravelin(&["log", path(&file)]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert_eq!((out.status.code(), text.lines().count()), (Some(1), 2));
    assert!(
        text.lines()
            .all(|found| found.ends_with(" fw1 RTLOG: RTLOG_EVENTS_LOST: packet plane lost 7 events"))
    );
    assert!(String::from_utf8(out.stderr).unwrap().contains("5 bytes are no message"));
    assert_eq!(ravelin(&["log", "/nonexistent/file"]).status.code(), Some(2));
}

#[test]
fn statements_are_counted_by_hierarchy() {
    let all = String::from_utf8(ravelin(&["statements"]).stdout).unwrap();
    assert!(all.lines().next().unwrap().starts_with("hierarchy"), "{all}");
    let row = |text: &str, name: &str| -> Vec<usize> {
        let line = text.lines().find(|l| l.split_whitespace().next() == Some(name)).unwrap();
        line.split_whitespace().skip(1).map(|n| n.parse().unwrap()).collect()
    };
    let [known, _, enforced, kept, refused, _] = row(&all, "security")[..] else { panic!("{all}") };
    assert!(known > 2000 && enforced > 400 && known == enforced + kept + refused, "{all}");
    let below = ravelin(&["statements", "security", "nat", "--json"]).stdout;
    let list: Vec<Value> = serde_json::from_slice(&below).unwrap();
    assert!(list.iter().any(|row| row["hierarchy"] == "source" && row["refused"].is_u64()), "{list:?}");
    assert_eq!(ravelin(&["statements", "no", "such"]).status.code(), Some(1));
}
