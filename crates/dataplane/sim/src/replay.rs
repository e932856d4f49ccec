//! Captures through the engine: packets in, packets and verdicts out.
//!
//! The clock follows the captures' timestamps and stops at the last packet. Neighbours are computed
//! (02:01 and the last four octets of the address), any destination MAC is taken.

mod pcap;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use ravelin_engine::{Fact, Ingress, NO_POLICY, Rules, Trace, Verdict};
use ravelin_plane::findings;
use ravelin_types::{Instant, PolicyId, PortId};
use ravelin_wire::{L4, Network, parse};
use serde_json::{Value, json};

use crate::workers::{Sent, SentTo, SimPlane};
pub use pcap::Timed;

/// A capture to read for one interface.
#[derive(Clone, Debug)]
pub struct Input {
    /// The Junos name of a physical interface.
    pub interface: String,
    pub file: PathBuf,
}

/// Why a replay can't go on.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("interface `{0}` is not configured")]
    UnknownInterface(String),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{}: packet {packet}: {reason}", path.display())]
    Capture { path: PathBuf, packet: u64, reason: String },
    #[error("no program is applied")]
    NotReady,
    #[error(transparent)]
    Plane(#[from] ravelin_contract::Error),
}

/// One input packet's fate.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged(pub Value);

/// Packets by verdict and reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary(pub BTreeMap<String, u64>);

/// A replay over a plane whose program is applied.
pub struct Replay<'a> {
    plane: &'a SimPlane,
    explain: bool,
    before: Before<'a>,
    outputs: BTreeMap<String, pcap::Output>,
}

/// What is done before each packet, at its time in nanoseconds.
type Before<'a> = Box<dyn FnMut(u64) -> Result<(), ravelin_contract::Error> + 'a>;

impl<'a> Replay<'a> {
    #[must_use]
    pub fn new(plane: &'a SimPlane, explain: bool) -> Self {
        Self { plane, explain, before: Box::new(|_| Ok(())), outputs: BTreeMap::new() }
    }

    /// Has something done before each packet: what changes with the clock.
    #[must_use]
    pub fn before_each(
        mut self,
        before: impl FnMut(u64) -> Result<(), ravelin_contract::Error> + 'a,
    ) -> Self {
        self.before = Box::new(before);
        self
    }

    /// Runs all inputs, merged by time (ties in the order of the inputs), and writes
    /// `DIR/IFNAME.pcap` for each interface that sent something and `DIR/verdicts.jsonl`.
    ///
    /// # Errors
    /// An unknown interface, an unreadable or malformed capture, or a file that can't be written.
    pub fn run(mut self, inputs: &[Input], dir: &Path) -> Result<Summary, ReplayError> {
        let rules = self.plane.rules().ok_or(ReplayError::NotReady)?;
        let packets = merge(inputs, &rules)?;
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| ReplayError::Io { path, source }
        };
        std::fs::create_dir_all(dir).map_err(at(dir))?;
        let verdicts = dir.join("verdicts.jsonl");
        let file = std::fs::File::create(&verdicts).map_err(at(&verdicts))?;
        let mut file = std::io::BufWriter::new(file);
        let mut summary = Summary::default();
        for (n, (port, packet)) in (1..).zip(&packets) {
            (self.before)(packet.at_ns)?;
            let object = self.one(n, *port, packet, &rules, dir)?;
            *summary.0.entry(label(&object)).or_default() += 1;
            writeln!(file, "{object}").map_err(at(&verdicts))?;
        }
        file.flush().map_err(at(&verdicts))?;
        for output in self.outputs.into_values() {
            output.finish()?;
        }
        Ok(summary)
    }

    fn one(
        &mut self,
        n: u64,
        port: PortId,
        packet: &Timed,
        rules: &Rules,
        dir: &Path,
    ) -> Result<Value, ReplayError> {
        let workers = self.plane.workers();
        workers.advance(Instant(packet.at_ns));
        let (verdicts, sent, trace) = workers.run_batch(&[(Ingress::Port(port), &packet.frame)]);
        for frame in &sent {
            if let SentTo::Port(port) = frame.to {
                self.write(&port_name(rules, port), packet.at_ns, &frame.frame, dir)?;
            }
        }
        let verdict = verdicts[0];
        let first = matches!(verdict, Verdict::Send { .. }).then(|| &sent[0]);
        let mut object = json!({
            "n": n,
            "in": port_name(rules, port),
            "verdict": word(verdict),
            "out": first.and_then(|s| match s.to {
                SentTo::Port(port) => Some(port_name(rules, port)),
                SentTo::Host(_) => None,
            }),
            "reason": match verdict {
                Verdict::Drop(reason) => Some(reason.name()),
                Verdict::Send { .. } | Verdict::Consume | Verdict::HandOver(_) => None,
            },
            "policy": policy(&trace).and_then(|id| rules.policy(id)).map(|p| p.name.to_string()),
            "session": session(&trace),
            "nat": first.and_then(|s| translation(&packet.frame, s)),
            "explain": Value::Null,
        });
        if self.explain {
            object["explain"] = explanation(&trace, rules);
        }
        Ok(object)
    }

    fn write(&mut self, name: &str, at_ns: u64, frame: &[u8], dir: &Path) -> Result<(), ReplayError> {
        if !self.outputs.contains_key(name) {
            let path = dir.join(format!("{}.pcap", name.replace('/', "-")));
            self.outputs.insert(name.to_owned(), pcap::Output::create(path)?);
        }
        match self.outputs.get_mut(name) {
            Some(output) => output.write(at_ns, frame),
            None => unreachable!("it was inserted just now"),
        }
    }
}

fn merge(inputs: &[Input], rules: &Rules) -> Result<Vec<(PortId, Timed)>, ReplayError> {
    let mut all = Vec::new();
    for input in inputs {
        let wanted = input.interface.as_str();
        let port = rules.ports().find(|p| p.name == wanted || p.device == wanted);
        let port = port.ok_or_else(|| ReplayError::UnknownInterface(wanted.to_owned()))?;
        all.extend(pcap::read(&input.file)?.into_iter().map(|packet| (port.id, packet)));
    }
    // Stable: equal times keep the order of the inputs.
    all.sort_by_key(|(_, packet)| packet.at_ns);
    Ok(all)
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Send {
            egress: ravelin_engine::Egress::Port(_) | ravelin_engine::Egress::Peer(_), ..
        } => "forward",
        Verdict::Send { egress: ravelin_engine::Egress::Host(_), .. } => "host",
        Verdict::Drop(_) => "drop",
        Verdict::Consume | Verdict::HandOver(_) => "consume",
    }
}

fn label(object: &Value) -> String {
    let verdict = object["verdict"].as_str().unwrap_or_default();
    match object["reason"].as_str() {
        Some(reason) => format!("{verdict}:{reason}"),
        None => verdict.to_owned(),
    }
}

fn port_name(rules: &Rules, port: PortId) -> String {
    rules.port(port).map_or_else(String::new, |p| p.name.clone())
}

fn policy(trace: &Trace) -> Option<PolicyId> {
    trace.0.iter().rev().find_map(|fact| match fact {
        Fact::PolicyMatch { policy } => Some(*policy),
        Fact::SessionHit { policy, .. } => (*policy != NO_POLICY).then_some(*policy),
        _ => None,
    })
}

fn session(trace: &Trace) -> Option<u64> {
    trace.0.iter().rev().find_map(|fact| match fact {
        Fact::SessionHit { id, .. } | Fact::SessionCreated { id } => Some(id.0),
        _ => None,
    })
}

/// The tuple a packet left with, when it is not the one it came with.
fn translation(before: &[u8], after: &Sent) -> Option<Value> {
    let before = parse(before).ok()?.network?;
    let after = parse(&after.frame).ok()?.network?;
    let tuple = |n: &Network| (n.src, n.dst, ports(n));
    if tuple(&before) == tuple(&after) {
        return None;
    }
    let (sport, dport) = ports(&after);
    Some(json!({
        "src": after.src.to_ip(after.family).to_string(),
        "sport": sport,
        "dst": after.dst.to_ip(after.family).to_string(),
        "dport": dport,
    }))
}

fn ports(network: &Network) -> (u16, u16) {
    match network.l4 {
        L4::Tcp { sport, dport, .. } | L4::Udp { sport, dport } | L4::Sctp { sport, dport } => (sport, dport),
        L4::Icmp { id, .. } => (id, 0),
        L4::Spi(_) | L4::Opaque => (0, 0),
    }
}

fn explanation(trace: &Trace, rules: &Rules) -> Value {
    let lines = findings(&trace.0, rules);
    let object = |f: &ravelin_contract::Finding| json!({ "stage": f.stage, "subject": f.subject, "outcome": f.outcome });
    lines.iter().map(object).collect()
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let total: u64 = self.0.values().sum();
        write!(f, "packets {total}")?;
        self.0.iter().try_for_each(|(label, count)| write!(f, " {label} {count}"))
    }
}
