//! What must hold for any bytes at all: shared by the bounded property tests and the fuzz targets.
//!
//! A property panics when it does not hold; it returns nothing.

mod control;

use ravelin_compile::{IdBook, Resolved, compile, routes};
use ravelin_contract::DataPlane;
use ravelin_engine::{BATCH_MAX, Ingress, Limits, Verdict};
use ravelin_model::check_tree;
use ravelin_schema::{Action, Form, Inherit, View, display, effective, json, load, read, xml};
use ravelin_sim::{SentTo, SimPlane, SimSetup, SimWorkers};
use ravelin_syntax::render;
use ravelin_types::{Generation, Instant, InterfaceId, PortId};
use ravelin_wire::{VLAN_LEN, parse};

pub use control::control;

/// Every feature of the path in a small space of addresses.
const CONFIG: &str = include_str!("../configs/properties.conf");
/// Sessions: few, so that the table is full now and then.
const SESSIONS: usize = 16;
/// Bytes of a description of one frame: where it comes in, how long it is, how much time passed.
const HEAD: usize = 3;

/// Frames through the whole step: `bytes` is a sequence of place, length, tenths of a second, frame.
///
/// # Panics
/// The engine loses count of packets or sessions, or sends what no parser takes.
pub fn packets(bytes: &[u8]) {
    let (plane, ports, units) = ground();
    let mut rest = bytes;
    let mut given = 0;
    let mut longest = 0;
    while let [place, len, tenths, after @ ..] = rest {
        let len = usize::from(*len).min(after.len());
        let (frame, next) = after.split_at(len);
        rest = next;
        let ingress = match usize::from(*place) {
            n if n < 224 => Ingress::Port(ports[n % ports.len()]),
            n => Ingress::Host(units[n % units.len()]),
        };
        let workers = plane.workers();
        workers.advance(workers.now().plus(std::time::Duration::from_millis(u64::from(*tenths) * 100)));
        // Twice: the second finds what the first left.
        let batch = [(ingress, frame), (ingress, frame)];
        given += batch.len() as u64;
        longest = longest.max(frame.len());
        judge(&plane, &batch, longest);
    }
    let global = plane.telemetry().global().expect("the simulator answers");
    assert_eq!(global.rx_packets, given, "every packet is counted");
    assert_eq!(global.sessions_created - global.sessions_closed, global.sessions_live);
    assert!(global.sessions_live <= SESSIONS as u64, "the bound is hard");
    drain(&plane);
}

/// One batch, and what must be true of what it leaves behind.
fn judge(plane: &SimPlane, batch: &[(Ingress, &[u8])], longest: usize) {
    assert!(batch.len() <= BATCH_MAX);
    let before = plane.telemetry().global().expect("the simulator answers").drops;
    let (verdicts, sent, _) = plane.workers().run_batch(batch);
    assert_eq!(verdicts.len(), batch.len(), "one verdict for each packet");
    let after = plane.telemetry().global().expect("the simulator answers").drops;
    for verdict in &verdicts {
        if let Verdict::Drop(reason) = verdict {
            assert!(after[reason.index()] > before[reason.index()], "{reason:?} is counted");
        }
    }
    for sent in &sent {
        let parsed = parse(&sent.frame);
        assert!(parsed.is_ok(), "{parsed:?} of {:02x?}", sent.frame);
        let to_wire = matches!(sent.to, SentTo::Port(_));
        // An answer quotes what came; the rest is no longer than what came with a tag more.
        let max = longest.max(2048) + VLAN_LEN;
        assert!(!to_wire || sent.frame.len() <= max, "{} bytes", sent.frame.len());
    }
}

/// Time ends every session and gives every port back.
fn drain(plane: &SimPlane) {
    let workers = plane.workers();
    for _ in 0..SESSIONS {
        workers.advance(Instant::from_secs(workers.now().as_secs() + 4000));
        let _ = workers.run_batch(&[]);
    }
    let global = plane.telemetry().global().expect("the simulator answers");
    assert_eq!(global.sessions_live, 0, "no session outlives its timeout");
    let leases = plane.telemetry().nat_rules().expect("the simulator answers");
    assert!(leases.iter().all(|rule| rule.sessions == 0), "no lease outlives its session");
}

fn ground() -> (SimPlane, Vec<PortId>, Vec<InterfaceId>) {
    let valid = ravelin_model::load(CONFIG).result.expect("the configuration of the properties is valid");
    let mut book = IdBook::default();
    let resolved = Resolved::virtual_ports(&valid);
    let program = compile(&valid, &resolved, &mut book, Generation(1)).expect("it compiles");
    let limits = Limits { sessions: SESSIONS, events: 16 };
    let plane = SimWorkers::plane(SimSetup { limits, ..SimSetup::default() });
    plane.apply_config(&program).expect("it applies");
    plane.updates().apply(&routes(&valid, &book)).expect("its routes apply");
    let rules = plane.rules().expect("just applied");
    let ports = rules.ports().map(|p| p.id).collect();
    let units = rules.units().map(|u| u.id).collect();
    (plane, ports, units)
}

/// Any text through the reader in every form and as a load: what is read is the same in every form, groups
/// expand, and a load is whole or leaves nothing.
///
/// # Panics
/// It is not so.
pub fn language(text: &str) {
    let bound = read(text);
    let mut effective = effective(&bound.tree, Some(0));
    let _ = check_tree(&bound.tree);
    let mut told = std::mem::take(&mut effective.diagnostics);
    effective.explain(&mut told);
    let _ = display(&bound.tree, &[], View { form: Form::Detail, inherit: Inherit::Told }, None);
    let braces = render::text(&bound.tree);
    if bound.diagnostics.is_empty() {
        for form in [xml::write(&bound.tree), json::write(&bound.tree), braces.clone()] {
            let again = read(&form);
            assert_eq!(render::text(&again.tree), braces, "{:?}\n{form}", again.diagnostics);
        }
    }
    for action in
        [Action::Merge, Action::Replace, Action::Update, Action::Override, Action::Patch, Action::Set]
    {
        let start = read(CONFIG).tree;
        let mut tree = start.clone();
        if load(&mut tree, &[], action, text).is_err() {
            assert_eq!(tree, start, "{action:?} failed and left something");
        }
    }
}

/// Any text through the reader; what is accepted renders, reads back the same, and compiles or is
/// refused with a reason.
///
/// # Panics
/// It does not.
pub fn configuration(text: &str) {
    let loaded = ravelin_model::load(text);
    let Ok(valid) = &loaded.result else { return };
    let braces = render::text(&loaded.tree);
    let again = ravelin_model::load(&braces);
    assert_eq!(render::text(&again.tree), braces, "the rendering reads back as itself");
    assert!(again.result.is_ok(), "what was valid is valid as rendered:\n{braces}");
    let set = ravelin_model::load(&render::set(&loaded.tree));
    assert_eq!(render::text(&set.tree), braces, "the set form gives the same tree");
    let resolved = Resolved::virtual_ports(valid);
    if let Err(errors) = compile(valid, &resolved, &mut IdBook::default(), Generation(1)) {
        assert!(!errors.is_empty(), "a refusal has a reason");
    }
}

/// A sequence for [`packets`] of whole frames, each at a place and after a time.
#[must_use]
pub fn sequence(frames: &[(u8, u8, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (place, tenths, frame) in frames {
        let len = frame.len().min(usize::from(u8::MAX));
        out.reserve(HEAD + len);
        out.extend_from_slice(&[*place, len as u8, *tenths]);
        out.extend_from_slice(&frame[..len]);
    }
    out
}
