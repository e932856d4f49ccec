//! What the control side may say to a plane, right or wrong: no message ends it.
//!
//! Messages are those that a real client sends of a plane with sessions, with some bytes made others; of a program the
//! chunks, under the digest of what they have become, since what is not whole is refused before anyone reads it.

use std::io::Write as _;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use prost::Message as _;
use ravelin_contract::{
    CarriedCounters, CloseReason, CounterClear, DataPlane, DeltaCursor, ExportCursor, FirewallClear,
    GateFilter, InjectRequest, KeptFilter, MappingFilter, MappingPage, NatClear, SessionFilter, SessionRef,
    TraceRequest, UpdateBatch,
};
use ravelin_engine::Ingress;
use ravelin_program::Digest;
use ravelin_remote::proto::request::Call;
use ravelin_remote::proto::{self, Hello, Request};
use ravelin_remote::{CAPABILITIES, VERSION, Wire, converse};
use ravelin_sim::SimPlane;
use ravelin_wire::build::{self, Ip, Payload};

use super::{SESSIONS, ground};

/// From here on the number of a message means a chunk of the program.
const CHUNKS: u8 = 192;
/// Messages of one conversation.
const SAID_MAX: usize = 32;

/// A conversation: `bytes` is a sequence of number of a message, number of edits, and for each edit two bytes of a place
/// and one to be there.
///
/// # Panics
/// The plane dies of it, or loses count of its sessions.
pub fn control(bytes: &[u8]) {
    let (plane, _, _) = ground();
    let plane = Arc::new(plane);
    open_sessions(&plane);
    let calls = calls(&plane);
    let program = plane.still(|still| still.standing()).program.unwrap_or_else(|| unreachable!("one runs"));
    let chunks: Vec<Vec<u8>> = program.chunks().map(|(_, _, chunk)| chunk.encode()).collect();
    let mut rest = bytes;
    let mut said = framed(&hello());
    for id in 1..=SAID_MAX as u64 {
        let [which, edits, after @ ..] = rest else { break };
        let taken = (usize::from(*edits % 8) * 3).min(after.len());
        let (edits, next) = after.split_at(taken);
        rest = next;
        match which.checked_sub(CHUNKS) {
            None => {
                let call = calls[usize::from(*which) % calls.len()].clone();
                said.extend(framed(&edited(Request { id, call: Some(call) }.encode_to_vec(), edits)));
            }
            Some(at) => {
                let at = usize::from(at) % chunks.len();
                let body = edited(chunks[at].clone(), edits);
                let mut manifest = program.manifest();
                manifest.entries[at].1 = Digest::of(&body);
                manifest.generation = manifest.generation.next();
                let chunk = proto::ChunkBody { digest: Digest::of(&body).0.to_vec(), body };
                let bodies = chunks
                    .iter()
                    .map(|body| proto::ChunkBody { digest: Digest::of(body).0.to_vec(), body: body.clone() });
                let chunks = bodies.chain([chunk]).collect();
                let offer = manifest.to_proto();
                for call in [
                    Call::CheckConfig(offer.clone()),
                    Call::Chunks(proto::Chunks { chunks }),
                    Call::ApplyConfig(offer),
                ] {
                    said.extend(framed(&Request { id, call: Some(call) }.encode_to_vec()));
                }
            }
        }
    }
    speak(&plane, &said);
    judge(&plane);
}

/// Says all of it, and hears what is answered, so that answers do not wait for someone to read them.
fn speak(plane: &Arc<SimPlane>, said: &[u8]) {
    let (ours, theirs) = UnixStream::pair().unwrap_or_else(|error| panic!("no pair of sockets: {error}"));
    std::thread::scope(|scope| {
        let (mut mouth, mut ear) = (&ours, &ours);
        scope.spawn(move || {
            // The plane may hang up in the middle.
            let _ = mouth.write_all(said);
            let _ = mouth.shutdown(Shutdown::Write);
        });
        scope.spawn(move || drop(std::io::copy(&mut ear, &mut std::io::sink())));
        converse(&(Arc::clone(plane) as Arc<dyn DataPlane>), theirs);
    });
}

/// It still judges packets, and counts as many sessions as it gets.
fn judge(plane: &SimPlane) {
    let before = plane.telemetry().global().expect("the simulator answers");
    let ports: Vec<_> =
        plane.rules().iter().flat_map(|rules| rules.ports().map(|p| p.id).collect::<Vec<_>>()).collect();
    for port in ports {
        let frame =
            build::frame(&Ip::v4([10, 1, 0, 2], [198, 51, 100, 2]), &Payload::udp(1024, 53, b"after"));
        let (verdicts, _, _) = plane.workers().run_batch(&[(Ingress::Port(port), &frame)]);
        assert_eq!(verdicts.len(), 1);
    }
    let global = plane.telemetry().global().expect("the simulator answers");
    // Counters may have been set to zero meanwhile.
    let opened = global.sessions_created - before.sessions_created;
    let closed = global.sessions_closed - before.sessions_closed;
    assert_eq!(before.sessions_live + opened - closed, global.sessions_live);
    assert!(global.sessions_live <= SESSIONS as u64, "the bound is hard");
    let mut seen = 0;
    let counted = plane.sessions().for_each(&SessionFilter::default(), &mut |_| {
        seen += 1;
        std::ops::ControlFlow::Continue(())
    });
    counted.expect("the simulator answers");
    assert!(seen <= global.sessions_live, "{seen} of {}", global.sessions_live);
}

fn hello() -> Vec<u8> {
    let capabilities = CAPABILITIES.iter().map(|word| (*word).to_owned()).collect();
    Hello { version: VERSION, capabilities, ..Hello::default() }.encode_to_vec()
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut out = (body.len() as u32).to_be_bytes().to_vec();
    out.extend_from_slice(body);
    out
}

/// Each edit sets a byte, or takes it out, or puts one in.
fn edited(mut body: Vec<u8>, edits: &[u8]) -> Vec<u8> {
    for edit in edits.chunks_exact(3) {
        let place = usize::from(u16::from_be_bytes([edit[0] & 0x3f, edit[1]])) % (body.len() + 1);
        match edit[0] >> 6 {
            0 if place < body.len() => drop(body.remove(place)),
            1 => body.insert(place, edit[2]),
            _ if place < body.len() => body[place] = edit[2],
            _ => {}
        }
    }
    body
}

fn open_sessions(plane: &SimPlane) {
    let port = plane.rules().and_then(|rules| rules.ports().next().map(|port| port.id));
    let Some(port) = port else { return };
    for sport in 1024..1030 {
        for payload in [Payload::udp(sport, 53, b"x"), Payload::tcp(sport, 80, 2)] {
            let frame = build::frame(&Ip::v4([10, 1, 0, 2], [198, 51, 100, 2]), &payload);
            drop(plane.workers().run_batch(&[(Ingress::Port(port), &frame)]));
        }
    }
}

/// One of each call, about what there is.
fn calls(plane: &SimPlane) -> Vec<Call> {
    const EMPTY: proto::Empty = proto::Empty {};
    let start = ExportCursor::default();
    let deltas = plane.sessions().deltas().expect("the simulator has them");
    let sessions = deltas.export(&[], start, SESSIONS).expect("it exports").sessions;
    let keys: Vec<_> = sessions.iter().map(|s| s.wings[0].key.to_message()).collect();
    let known = sessions.iter().map(|s| SessionRef { id: s.id, key: s.wings[0].key }.to_message()).collect();
    let updates = plane.still(|still| still.standing()).updates;
    let carried = CarriedCounters::of(plane.telemetry()).expect("it counts");
    let mappings = MappingPage { mappings: plane.sessions().mappings().unwrap_or_default(), next: None };
    let cursor = DeltaCursor { epoch: 0, seen: vec![0] };
    let frame = build::frame(&Ip::v4([10, 1, 0, 2], [198, 51, 100, 2]), &Payload::udp(1024, 53, b"tried"));
    let inject = InjectRequest { interface: "ge-0/0/0.0".into(), before: vec![frame.clone()], frame };
    let reason = CloseReason::PeerDelete.to_message();
    let bulk = proto::ReconcileBulk { received: keys.clone(), owned_zones: vec![0, 1] };
    let export = proto::ExportSessions { groups: vec![], from: Some(start.to_message()), max: 9 };
    let filter = SessionFilter { nat: Some(true), ..SessionFilter::default() }.to_message();
    let gates = GateFilter::default().to_message();
    let mut calls = vec![
        Call::PutSynced(proto::PutSynced { sessions: sessions.iter().map(Wire::to_message).collect() }),
        Call::ApplyUpdates(updates.to_message()),
        Call::ApplyUpdates(UpdateBatch { resync: false, ..updates.clone() }.to_message()),
        Call::UpdatePart(updates.to_message()),
        Call::DeleteKnown(proto::DeleteKnown { batch: known, reason }),
        Call::ReconcilePart(bulk.clone()),
        Call::ReconcileBulk(bulk),
        Call::ExportSessions(export),
        Call::DrainDeltas(proto::DrainDeltas { cursor: Some(cursor.to_message()), max: 9 }),
        Call::PageSessions(proto::PageSessions {
            filter: Some(filter.clone()),
            from: Some(start.to_message()),
            max: 9,
        }),
        Call::WalkSessions(filter.clone()),
        Call::ClearSessions(filter),
        Call::PutMappings(mappings.to_message()),
        Call::PageMappings(proto::PageMappings { from: Some(start.to_message()), max: 9 }),
        Call::PageGates(proto::PageGates { filter: Some(gates), from: Some(start.to_message()), max: 9 }),
        Call::CarryOver(carried.to_message()),
        Call::InjectPacket(inject.to_message()),
        Call::TraceStart(TraceRequest { packets: 5, ..TraceRequest::default() }.to_message()),
        Call::TraceRead(proto::TraceRead { trace: 1, max: 9 }),
        Call::TraceStop(1),
        Call::Naming(EMPTY),
        Call::Start(EMPTY),
        Call::Arm(true),
        Call::Status(EMPTY),
        Call::LastApplyResult(EMPTY),
        Call::CountSessions(EMPTY),
        Call::DropSamples(9),
        Call::Events(9),
        Call::DeferWorkers(true),
        Call::PrepareLinkCycle(EMPTY),
        Call::NotifyLinkCycle(EMPTY),
        Call::SetGroupActive(proto::GroupActive { group: 1, active: true }),
        Call::ClearPersistentMappings(MappingFilter::default().to_message()),
        Call::KeptPorts(proto::KeptRequest { filter: Some(KeptFilter::default().to_message()), most: 9 }),
        Call::ClearNat(NatClear::default().to_message()),
        Call::UnitScreens(EMPTY),
        Call::ClearCounters(CounterClear { flow: true, ..CounterClear::default() }.to_message()),
        Call::ClearFirewall(FirewallClear::default().to_message()),
        Call::Teardown(EMPTY),
    ];
    calls.extend(keys.first().map(|key| Call::GetSession(key.clone())));
    calls.extend(
        keys.first().map(|key| Call::DeleteByKey(proto::DeleteByKey { key: Some(key.clone()), reason })),
    );
    calls
}
