//! A case over a bench: step by step, each compared with what the case wants.

mod carried;
mod compare;
mod gates;
mod resolve;
mod told;
mod world;

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use ravelin_contract::{
    FabricForwarding, FabricId, FilterCounter, LinkUpdate, MirrorCounters, MirrorLoss, NeighbourUpdate,
    SessionFilter, UpdateBatch,
};
use ravelin_dynamic::DynamicPlan;
use ravelin_model::{ValidConfig, check_tree, load};
use ravelin_syntax::{Diagnostic, Tree};
use ravelin_types::{DropReason, GroupId, Mac};
use ravelin_wire::ethertype;

use super::{
    Action, Block, Case, CaseError, Expect, GroupWord, Outcome, Packet, Sending, Source, Step, What,
};
use crate::bench::{Arrival, Bench, BenchError, Due, Place, neighbour_mac};
use crate::datagram::Datagram;
use resolve::Variables;
use world::World;

/// The other node's station at every fabric link: whose frames without an IP packet are.
const PEER: Mac = Mac([2, 1, 0, 0, 0, 0]);
/// Bytes of the Ethernet addresses.
const MACS: usize = 12;

/// Runs a case; `configs` is the folder of the named configurations.
///
/// # Errors
/// The first step that does not come out as written.
pub fn run(case: &Case, bench: &mut dyn Bench, configs: &Path) -> Result<(), CaseError> {
    let mut runner = Runner {
        bench,
        configs,
        file: format!("{}.txt", case.name),
        tree: Tree::default(),
        config: None,
        variables: Variables::default(),
        last: None,
        waiting: None,
        world: World::default(),
        told: VecDeque::new(),
    };
    for step in &case.steps {
        let result = runner.step(step);
        result.map_err(|what| CaseError { file: runner.file.clone(), line: step.line, what })?;
    }
    Ok(())
}

struct Runner<'a> {
    bench: &'a mut dyn Bench,
    configs: &'a Path,
    file: String,
    /// The running configuration, as text and as read.
    tree: Tree,
    config: Option<ValidConfig>,
    variables: Variables,
    /// What was forwarded last, as it left.
    last: Option<Datagram>,
    /// What was sent last and has not left yet.
    waiting: Option<Datagram>,
    world: World,
    /// Events that no `told` has named yet.
    told: VecDeque<String>,
}

/// What came of a step.
struct Seen {
    arrivals: Vec<Arrival>,
    drops: Vec<DropReason>,
}

/// What a step put in.
#[derive(Default)]
struct Put {
    datagram: Option<Datagram>,
    /// EtherType and what follows, when it was no datagram.
    ether: Option<(u16, Vec<u8>)>,
    /// As it was sent.
    frame: Vec<u8>,
}

impl Runner<'_> {
    fn step(&mut self, step: &Step) -> Result<(), What> {
        let before = self.drops()?;
        let put = self.act(&step.action)?;
        let Some(outcomes) = &step.outcomes else { return Ok(()) };
        let die = outcomes.iter().filter(|o| matches!(o, Outcome::Drop(_))).count() as u64;
        let drops = before.iter().sum::<u64>() + die;
        let due = Due { frames: outcomes.iter().map(Outcome::frames).sum(), drops };
        let arrivals = self.bench.collect(due)?;
        let after = self.drops()?;
        let died = |reason: &DropReason| (after[reason.index()] - before[reason.index()]) as usize;
        let drops = DropReason::ALL.iter().flat_map(|r| std::iter::repeat_n(*r, died(r))).collect();
        self.compare(outcomes, &put, Seen { arrivals, drops })
    }

    fn drops(&self) -> Result<[u64; DropReason::COUNT], What> {
        let global = self.bench.plane().telemetry().global();
        Ok(global.map_err(BenchError::Plane)?.drops)
    }

    fn act(&mut self, action: &Action) -> Result<Put, What> {
        match action {
            Action::Config { base, text } => self.configure(base.as_deref(), text)?,
            Action::Commit(text) => self.edit(text)?,
            Action::Send(source, sending) => return self.send(source, sending),
            Action::Wait(time) => self.wait(*time)?,
            Action::Clear => {
                self.bench.plane().sessions().clear(&SessionFilter::default()).map_err(BenchError::Plane)?;
            }
            Action::Arm(armed) => {
                self.bench.plane().diagnostics().arm(*armed).map_err(BenchError::Plane)?;
            }
            Action::Press(pressed) => self.bench.press(*pressed)?,
            Action::Join { unit, group } => self.bench.join(unit, *group),
            Action::Group(group, said) => self.group(*group, *said)?,
            Action::Fabric { fabric, port } => self.fabric(*fabric, port)?,
            Action::Link { port, up } => {
                let port = self.bench.port(port).ok_or_else(|| BenchError::Unknown(port.clone()))?;
                let links = vec![LinkUpdate { port, up: *up }];
                self.update(UpdateBatch { links, ..UpdateBatch::default() })?;
            }
            Action::Neighbour { unit, addr, neighbour } => {
                let interface = self.bench.unit(unit).ok_or_else(|| BenchError::Unknown(unit.clone()))?;
                let update = NeighbourUpdate { interface, addr: *addr, neighbour: *neighbour };
                self.update(UpdateBatch { neighbours: vec![update], ..UpdateBatch::default() })?;
            }
            Action::Clock(wall) => {
                self.world.set_clock(*wall);
                self.tell()?;
            }
            Action::Resolved { name, addresses } => {
                self.world.resolved(name, addresses);
                self.tell()?;
            }
            Action::Fed { url, entries } => {
                self.world.fed(url, entries);
                self.tell()?;
            }
            Action::Expect(Expect::Told(expected)) => self.told(expected)?,
            Action::Expect(Expect::Gates(count)) => self.gates(*count)?,
            Action::Expect(Expect::Gate(gate)) => self.gate(gate)?,
            Action::Expect(expect) => self.expect(expect)?,
        }
        Ok(Put { datagram: self.waiting.clone(), ..Put::default() })
    }

    fn group(&mut self, group: GroupId, said: GroupWord) -> Result<(), What> {
        let ha = self.bench.plane().ha();
        let answer = match said {
            GroupWord::Active => ha.set_group_active(group, true),
            GroupWord::Passive => ha.set_group_active(group, false),
            // A time to come counts as now.
            GroupWord::Alive => ha.set_watchdog(group, u64::MAX),
            GroupWord::Late => match ha.set_watchdog(group, u64::MAX) {
                Err(ravelin_contract::Error::Stale) => Ok(()),
                Ok(()) => return Err(What::NotLate),
                Err(error) => Err(error),
            },
        };
        Ok(answer.map_err(BenchError::Plane)?)
    }

    /// To the other node, whose end of the link is always the same.
    fn fabric(&mut self, fabric: u8, port: &str) -> Result<(), What> {
        let local_mac = self.bench.station(port).ok_or_else(|| BenchError::Unknown(port.to_owned()))?;
        let to = FabricForwarding { interface: port.to_owned(), peer_mac: PEER, local_mac };
        let ha = self.bench.plane().ha();
        Ok(ha.set_fabric_forwarding(FabricId(fabric), &to).map_err(BenchError::Plane)?)
    }

    fn update(&mut self, batch: UpdateBatch) -> Result<(), What> {
        let updates = self.bench.plane().updates();
        let version = updates.version() + 1;
        Ok(updates.apply(&UpdateBatch { version, ..batch }).map_err(BenchError::Plane)?)
    }

    /// Time passes, for the plane and on the wall; what changes meanwhile is told when it does.
    fn wait(&mut self, time: Duration) -> Result<(), What> {
        let mut left = time;
        while !left.is_zero() {
            let stride = self.world.stride(left);
            self.bench.advance(stride)?;
            self.world.advance(stride);
            self.tell()?;
            left = left.saturating_sub(stride);
        }
        Ok(())
    }

    fn tell(&mut self) -> Result<(), What> {
        match self.world.news() {
            Some(batch) => self.update(batch),
            None => Ok(()),
        }
    }

    fn configure(&mut self, base: Option<&str>, text: &Block) -> Result<(), What> {
        let Some(base) = base else {
            // Empty lines in front keep the line numbers of the file.
            let whole = "\n".repeat(text.first_line - 1) + &text.lines.join("\n");
            let loaded = load(&whole);
            self.tree = loaded.tree;
            let valid = loaded.result.map_err(|errors| refused(&self.file, &errors))?;
            return self.commit(valid);
        };
        let file = format!("{base}.conf");
        let read = std::fs::read_to_string(self.configs.join(&file)).map_err(What::File)?;
        let loaded = load(&read);
        loaded.result.map_err(|errors| refused(&file, &errors))?;
        self.tree = loaded.tree;
        self.edit(text)
    }

    fn edit(&mut self, text: &Block) -> Result<(), What> {
        for (at, line) in (text.first_line..).zip(&text.lines) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let edited = ravelin_schema::apply(&mut self.tree, &[], line);
            edited.map_err(|errors| {
                let lines: Vec<_> =
                    errors.iter().map(|e| format!("{}:{at}: {}: {}", self.file, e.path, e.message)).collect();
                What::Config(lines.join("\n"))
            })?;
        }
        let valid = check_tree(&self.tree).map_err(|errors| refused(&self.file, &errors))?;
        self.commit(valid)
    }

    fn commit(&mut self, config: ValidConfig) -> Result<(), What> {
        // As the daemon does: the plane knows first what its program will ask for.
        self.world.follow(DynamicPlan::new(&config));
        self.tell()?;
        self.bench.commit(&config)?;
        self.config = Some(config);
        Ok(())
    }

    fn send(&mut self, source: &Source, sending: &Sending) -> Result<Put, What> {
        // A bench may go on with another plane from here: what this one has told is no longer there then.
        self.fetch_told()?;
        let (place, tag) = match source {
            Source::Other(place) => (place.clone(), None),
            Source::Unit(unit) => {
                let (port, tag) = self.port_of(unit).ok_or_else(|| BenchError::Unknown(unit.clone()))?;
                (Place::Port(port), tag)
            }
        };
        let (put, kind, mut payload) = match &sending.packet {
            Packet::Bytes(frame) => {
                self.bench.send(&place, frame)?;
                return Ok(Put { frame: frame.clone(), ..Put::default() });
            }
            Packet::Ether { kind, payload } => {
                let put = Put { ether: Some((*kind, payload.clone())), ..Put::default() };
                (put, *kind, payload.clone())
            }
            Packet::Ip(pattern) => {
                let last = self.last.as_ref();
                let datagram = resolve::sent(pattern, last, &self.variables)?;
                let kind = if datagram.src.is_ipv4() { ethertype::IPV4 } else { ethertype::IPV6 };
                let bytes = datagram.bytes();
                (Put { datagram: Some(datagram), ..Put::default() }, kind, bytes)
            }
        };
        if let Some((at, bytes)) = &sending.poke {
            let end = payload.len().min(at + bytes.len());
            payload[*at..end].copy_from_slice(&bytes[..end - at]);
        }
        payload.truncate(sending.truncate.unwrap_or(usize::MAX));
        payload.resize(payload.len() + sending.pad, 0xaa);
        let mut frame = self.macs(&place, put.datagram.as_ref(), sending);
        for tag in [sending.vlan.or(tag)].into_iter().flatten() {
            frame.extend_from_slice(&ethertype::VLAN.to_be_bytes());
            frame.extend_from_slice(&tag.to_be_bytes());
        }
        frame.extend_from_slice(&kind.to_be_bytes());
        frame.extend_from_slice(&payload);
        self.bench.send(&place, &frame)?;
        Ok(Put { frame, ..put })
    }

    /// Destination and source of the link header: to the firewall from the neighbour that has the
    /// address, or the other way round.
    fn macs(&self, place: &Place, datagram: Option<&Datagram>, sending: &Sending) -> Vec<u8> {
        let port = match place {
            Place::Port(port) => port.as_str(),
            Place::Host(unit) => unit.split('.').next().unwrap_or(unit),
        };
        let own = self.bench.station(port).unwrap_or_default();
        let from_host = matches!(place, Place::Host(_));
        let end = datagram.map(|d| neighbour_mac(if from_host { d.dst } else { d.src }));
        let neighbour = end.unwrap_or(PEER);
        let (dst, src) = if from_host { (neighbour, own) } else { (own, neighbour) };
        [sending.to.unwrap_or(dst).0, src.0].concat()
    }

    /// Compares the next event.
    fn told(&mut self, expected: &str) -> Result<(), What> {
        self.fetch_told()?;
        let got = self.told.pop_front().unwrap_or_else(|| "nothing".to_owned());
        if got == expected { Ok(()) } else { Err(off("told".to_owned(), expected, got)) }
    }

    fn fetch_told(&mut self) -> Result<(), What> {
        self.told.extend(told::happened(self.bench.plane())?);
        Ok(())
    }

    /// Compares how many sessions gateways expect.
    fn gates(&self, expected: u64) -> Result<(), What> {
        let got = gates::expected(self.bench.plane())?.len() as u64;
        if got == expected { Ok(()) } else { Err(off("gates".to_owned(), &expected.to_string(), got)) }
    }

    /// Compares what a policy's sessions carried.
    fn carried(&self, policy: &str, expected: &str) -> Result<(), What> {
        let got = carried::of(self.bench.plane(), policy)?;
        if got == expected { Ok(()) } else { Err(off(format!("carried policy {policy}"), expected, got)) }
    }

    /// Looks for one of them.
    fn gate(&self, gate: &str) -> Result<(), What> {
        let (wanted, listed) = (self.variables.within(gate)?, gates::expected(self.bench.plane())?);
        let is_there = listed.contains(&wanted);
        if is_there { Ok(()) } else { Err(off("gate".to_owned(), &wanted, listed.join("; "))) }
    }

    fn expect(&self, expect: &Expect) -> Result<(), What> {
        let plane = self.bench.plane();
        let plane_failed = BenchError::Plane;
        let (what, expected, got) = match expect {
            Expect::Sessions(count) => {
                ("sessions".to_owned(), *count, plane.sessions().count().map_err(plane_failed)?)
            }
            Expect::Dropped(reason, count) => {
                (format!("dropped {}", reason.name()), *count, self.drops()?[reason.index()])
            }
            Expect::PolicyHits(name, count) => {
                let names = plane.last_apply_result().map(|r| r.policy_names).unwrap_or_default();
                let hits = plane.telemetry().policies().map_err(plane_failed)?;
                let named = |id| names.iter().any(|(of, n)| of == id && n == name);
                let got = hits.iter().filter(|h| named(h.id)).map(|h| h.hits).sum();
                (format!("hits policy {name}"), *count, got)
            }
            Expect::FilterHits(name, count) => {
                let ids = plane.last_apply_result().map(|r| r.filter_ids).unwrap_or_default();
                let counters = plane.telemetry().firewall().map_err(plane_failed)?.filters;
                let filter = |id| ids.iter().find(|(_, of)| **of == id).map(|(name, _)| name.as_str());
                let named = |c: &FilterCounter| filter(c.filter).map(|f| format!("{f}/{}", c.name));
                let got =
                    counters.iter().filter(|c| named(c).as_deref() == Some(name)).map(|c| c.packets).sum();
                (format!("hits filter {name}"), *count, got)
            }
            Expect::PolicerHits(name, count) => {
                let policers = plane.telemetry().firewall().map_err(plane_failed)?.policers;
                let got = policers.iter().filter(|p| p.name == *name).map(|p| p.packets[2]).sum();
                (format!("hits policer {name}"), *count, got)
            }
            Expect::NatHits(name, count) => {
                let names = plane.last_apply_result().map(|r| r.nat_counter_ids).unwrap_or_default();
                let hits = plane.telemetry().nat_rules().map_err(plane_failed)?;
                // Without a kind, a source rule is meant.
                let whole =
                    if name.matches('/').count() > 1 { name.clone() } else { format!("source/{name}") };
                let named = |id| names.iter().any(|(n, of)| *of == id && *n == whole);
                let got = hits.iter().filter(|h| named(h.id.0)).map(|h| h.hits).sum();
                (format!("hits nat {name}"), *count, got)
            }
            Expect::Mirrored(name, count) => {
                let counters = self.mirror(name)?;
                (format!("mirrored {name}"), *count, counters.packets)
            }
            Expect::Lost(name, reason, count) => {
                let counters = self.mirror(name)?;
                let of = MirrorLoss::ALL.into_iter().find(|loss| loss.name() == reason);
                let of = of.ok_or_else(|| What::Word { expected: "a reason", found: reason.clone() })?;
                (format!("lost {name} {reason}"), *count, counters.lost[of.index()])
            }
            Expect::Carried(policy, carried) => return self.carried(policy, carried),
            Expect::Told(_) | Expect::Gates(_) | Expect::Gate(_) => unreachable!("compared in its place"),
            Expect::Differ(one, other) => {
                let (a, b) = (self.variables.get(one)?, self.variables.get(other)?);
                return if a == b {
                    Err(off(format!("${one} and ${other}"), "two values", a))
                } else {
                    Ok(())
                };
            }
            Expect::Within(name, low, high) => {
                let value = self.variables.get(name)?;
                let range = format!("{low} to {high}");
                let inside = (*low..=*high).contains(&value);
                return if inside { Ok(()) } else { Err(off(format!("${name}"), &range, value)) };
            }
        };
        if expected == got { Ok(()) } else { Err(off(what, &expected.to_string(), got)) }
    }

    /// Counters of a mirror instance, or of a filter of that name; `-` is the instance without one.
    fn mirror(&self, name: &str) -> Result<MirrorCounters, What> {
        let counters = self.bench.plane().telemetry().mirrors().map_err(BenchError::Plane)?;
        let stable = if name == "-" { String::new() } else { name.to_owned() };
        let named = [format!("instance {stable}"), format!("filter {stable}")];
        let named = named.map(|stable| ravelin_compile::mirror_identity(&stable));
        let found = counters.into_iter().find(|c| named.contains(&c.identity));
        found.ok_or_else(|| What::Word { expected: "a mirror", found: name.to_owned() })
    }

    /// Port and tag of a unit of the running configuration.
    fn port_of(&self, unit: &str) -> Option<(String, Option<u16>)> {
        let (port, number) = unit.split_once('.')?;
        let interfaces = &self.config.as_ref()?.get().interfaces;
        let interface = interfaces.iter().find(|i| i.name == port)?;
        let found = interface.units.iter().find(|u| u.number.to_string() == number)?;
        Some((port.to_owned(), found.vlan_id))
    }
}

fn off(what: String, expected: &str, got: impl ToString) -> What {
    What::Number { what, expected: expected.to_owned(), got: got.to_string() }
}

fn refused(file: &str, errors: &[Diagnostic]) -> What {
    let lines: Vec<_> = errors.iter().map(|e| e.line(file)).collect();
    What::Config(lines.join("\n"))
}

/// A frame without its Ethernet header and tag.
fn opened(frame: &[u8]) -> Option<(Option<u16>, u16, &[u8])> {
    let word = |at: usize| Some(u16::from_be_bytes([*frame.get(at)?, *frame.get(at + 1)?]));
    match word(MACS)? {
        ethertype::VLAN => Some((Some(word(MACS + 2)? & 0x0fff), word(MACS + 4)?, frame.get(MACS + 6..)?)),
        kind => Some((None, kind, frame.get(MACS + 2..)?)),
    }
}
