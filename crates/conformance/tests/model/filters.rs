//! Generated firewall filters of both families: at units, in lists, nested, and before the firewall itself; under NAT and policies, and
//! commits that change them in the midst of packets. What becomes of each packet, what is said about it, what terms count and tell
//! must be as the model has it.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use ravelin_conformance::model::{ACK, FIN, Model, Outcome, Packet, RST, SYN, Segment};
use ravelin_contract::{DataPlane, FilterAction, FilterHit};
use ravelin_sim::SimPlane;

use crate::kit::{From, Run, frame, ip, runs};
use crate::screens::OPTIONS;
use crate::seen::key;
use crate::strangers::packet::{from_kernel, packet, plain};
use crate::strangers::{Step, Told, agree, workers};

mod config;
mod words;

use config::configs;

/// The filters that a plane has or had, by id: of IPv6, and the name.
#[derive(Debug, Default)]
pub struct Names {
    known: BTreeMap<u32, (bool, String)>,
}

impl Names {
    pub fn of(plane: &SimPlane) -> Self {
        let mut names = Self::default();
        names.more(plane);
        names
    }

    /// What a commit has brought.
    pub fn more(&mut self, plane: &SimPlane) {
        let ids = plane.last_apply_result().map(|result| result.filter_ids).unwrap_or_default();
        for (name, id) in ids {
            let (family, name) = name.split_once('/').unwrap();
            self.known.insert(id, (family == "inet6", name.to_owned()));
        }
    }

    /// What terms have counted; of filters that are no more nothing is told.
    pub fn agree_on_counters(&self, plane: &SimPlane, model: &Model<'_>) -> Result<(), TestCaseError> {
        let mut shown = BTreeMap::new();
        let mut there = Vec::new();
        for of in plane.telemetry().firewall().unwrap().filters {
            let (six, filter) = self.known[&of.filter].clone();
            there.push((six, filter.clone(), of.name.clone()));
            if of.packets > 0 {
                shown.insert((six, filter, of.name), (of.packets, of.bytes));
            }
        }
        let wanted = model.filter_counters().iter().filter(|(name, _)| there.contains(name));
        prop_assert_eq!(shown, wanted.map(|(name, n)| (name.clone(), *n)).collect::<BTreeMap<_, _>>());
        Ok(())
    }

    /// What policers have passed and what not.
    pub fn agree_on_policers(&self, plane: &SimPlane, model: &Model<'_>) -> Result<(), TestCaseError> {
        let of = plane.telemetry().firewall().unwrap().policers.into_iter().filter(|of| of.packets != [0; 3]);
        let named = |filter: Option<u32>| filter.map(|id| self.known[&id].clone());
        let shown: BTreeMap<_, _> =
            of.map(|of| ((named(of.filter), of.name), (of.packets, of.bytes))).collect();
        prop_assert_eq!(shown, model.policed().into_iter().collect::<BTreeMap<_, _>>());
        Ok(())
    }

    /// What terms have told.
    pub fn agree_on_hits(
        &self,
        plane: &SimPlane,
        model: &Model<'_>,
        hits: &[FilterHit],
    ) -> Result<(), TestCaseError> {
        let rules = plane.rules().unwrap();
        let one = |hit: &FilterHit| {
            let FilterHit { filter, term, action, interface, key: of, bytes } = hit;
            let (six, filter) = self.known[filter].clone();
            let does = match action {
                FilterAction::Accept => "accept",
                FilterAction::Discard => "discard",
                FilterAction::Reject => "reject",
            };
            let unit = rules.unit(*interface).unwrap().name.clone();
            (six, filter, usize::from(*term), does, unit, key(of), *bytes as usize)
        };
        let (mut got, mut should): (Vec<_>, _) = (hits.iter().map(one).collect(), model.logged().to_vec());
        got.sort();
        should.sort();
        prop_assert_eq!(got, should);
        Ok(())
    }
}

/// The unit whose frames are copied as they come, with the port where copies leave, and the same of frames as they leave.
const AS_THEY_COME: (&str, &str) = ("ge-0/0/0.0", "ge-0/0/6");
const AS_THEY_LEAVE: (&str, &str) = ("ge-0/0/1.0", "ge-0/0/7");

/// Copies that terms ask for, and where mirrors take everything, byte for byte.
pub fn agree_on_copies(
    model: &mut Model<'_>,
    packets: &[(From, Packet)],
    run: &Run,
) -> Result<(), TestCaseError> {
    let mut wanted = Vec::new();
    for copied in model.take_copies() {
        let mut bytes = frame(&copied.packet);
        bytes.truncate(copied.most.map_or(usize::MAX, |most| 14 + usize::from(most)));
        wanted.push((copied.output.split('.').next().unwrap().to_owned(), bytes));
    }
    let (of_units, mut got): (Vec<_>, Vec<_>) = run
        .copies
        .iter()
        .cloned()
        .partition(|(port, _)| [AS_THEY_COME.1, AS_THEY_LEAVE.1].contains(&&**port));
    got.sort();
    wanted.sort();
    prop_assert_eq!(got, wanted);
    let came = packets.iter().filter(|(from, _)| *from == From::Port(0)).map(|(_, packet)| frame(packet));
    let leaves = |unit: &str| unit == AS_THEY_LEAVE.0;
    let of_fates =
        run.fates.iter().filter(|fate| matches!(&fate.outcome, Outcome::Left { unit, .. } if leaves(unit)));
    let said = run.said.iter().filter(|said| !said.to_kernel && leaves(&said.unit));
    let left = of_fates.flat_map(|fate| fate.left.clone()).chain(said.map(|said| said.frame.clone()));
    let [mut came, mut left]: [Vec<_>; 2] = [came.collect(), left.collect()];
    for (port, seen) in [(AS_THEY_COME.1, &mut came), (AS_THEY_LEAVE.1, &mut left)] {
        let of_port = of_units.iter().filter(|(of, _)| of == port).map(|(_, frame)| frame.clone());
        let mut copies: Vec<_> = of_port.collect();
        copies.sort();
        seen.sort();
        let is_mirrored = model.mirrors(port);
        prop_assert_eq!(&copies, if is_mirrored { &*seen } else { &NONE }, "{}", port);
    }
    Ok(())
}

const NONE: Vec<Vec<u8>> = Vec::new();

/// With what filters look at beside addresses and ports.
fn marked() -> impl Strategy<Value = (usize, Packet)> {
    let tos = select(&[0u8, 0, 0x20, 0xb8, 0xff][..]);
    let ttl = select(&[64u8, 64, 64, 64, 255, 2, 1][..]);
    let flags = prop_oneof![3 => Just(2u8), 1 => any::<u8>()];
    let options = prop_oneof![6 => Just(&[][..]), 1 => select(&OPTIONS[..])];
    (plain(), (tos, ttl, flags, options)).prop_map(|((from, packet), (tos, ttl, flags, options))| {
        let tcp = packet.tcp.map(|_| Segment::of(flags));
        let options = if packet.src.is_ipv4() { options } else { &[] };
        (from, Packet { tos, ttl, tcp, options, ..packet })
    })
}

/// One talk with the firewall itself, that begins and ends again and again.
fn to_host() -> impl Strategy<Value = (usize, Packet)> {
    let flags = select(&[SYN, SYN, RST, FIN | ACK, ACK][..]);
    (flags, any::<bool>(), select(&[0u8, 0xb8][..])).prop_map(|(flags, v6, tos)| {
        let (src, dst) =
            if v6 { (ip("2001:db8::2"), ip("2001:db8::1")) } else { (ip("10.0.0.2"), ip("10.0.0.1")) };
        let tcp = Some(Segment::of(flags));
        (0, Packet { src, dst, proto: 6, sport: 1000, dport: 22, tcp, tos, ..Packet::PLAIN })
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fresh = marked().prop_map(|(from, packet)| Step::Fresh(from, packet));
    let any = packet().prop_map(|(from, packet)| Step::Fresh(from, packet));
    let talk = to_host().prop_map(|(from, packet)| Step::Fresh(from, packet));
    let own = marked().prop_map(|(unit, packet)| Step::Own(unit, from_kernel(unit, packet)));
    let about = || 0usize..5;
    let told =
        Told { by_end: true, is_nested: false, elsewhere: false, kinds: (3, 1), code: 1, ttl: 64, cut: None };
    let error = (about(), 0usize..2).prop_map(move |(session, way)| Step::Error { session, way, told });
    // In whole seconds a bucket gets whole bytes and packets.
    let wait = select(&[1000u64, 1000, 5000, 20_000][..]).prop_map(Step::Wait);
    let step = prop_oneof![
        10 => fresh, 4 => talk, 2 => any, 3 => own, 6 => about().prop_map(Step::Again), 6 => about().prop_map(Step::Back),
        2 => error, 2 => wait, 2 => Just(Step::Commit),
    ];
    vec(step, 5..50)
}

proptest! {
    #![proptest_config(runs(61, 1500))]
    #[test]
    fn engine_and_model_agree_on_filters(texts in configs(), steps in steps(), workers in workers()) {
        let (workers, burst) = workers;
        // A policer sees a batch as it comes in, and as it leaves behind that.
        let burst = if texts.iter().any(|text| text.contains("policer")) { 1 } else { burst };
        agree(&texts, &steps, (workers, burst))?;
    }
}
