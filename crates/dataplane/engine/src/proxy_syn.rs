//! Connection requests answered in the server's place: SYN cookies and the SYN proxy.
//!
//! Junos: `security screen ids-option tcp syn-flood`, `security flow syn-flood-protection-mode`. Place: a screen says that
//! a request is to be answered; the ACK of a client that proves to be there takes the first path as the request that
//! it stands for, so that policy, NAT and route judge it like any other. The server's answer ends the second handshake.
//! State: keys common to all workers, cookies that were used, the queue of the proxy; `splice` has the sessions.
//! Spec: screen-42, screen-58..71.

mod server;

use std::time::Duration;

use ravelin_contract::CloseReason;
use ravelin_program::{ScreenSet, SynProtection};
use ravelin_screen::cookie::{
    Accepted, AckVerdict, ROTATION, SEGMENT_MAX, Secrets, Segment, SegmentBuffer, ServerAnswer, Spent,
    Splice, Syn, TcpOptions,
};
use ravelin_screen::{ProxyQueue, Way};
use ravelin_tcp::SynCheck;
use ravelin_types::{Addr, DropReason, Family, Instant, Mac, ZoneId};
use ravelin_wire::{ETHERNET_LEN, L4, TcpFlags, parse, u32_at};

use crate::emit::emit;
use crate::explain::{Answered, Fact, Recorder};
use crate::fast_path::{self, Judged};
use crate::forwarding::Path;
use crate::packet::{Checksum, Ingress, Packet, Stage};
use crate::random::Seed;
use crate::session::{Marks, WingRef};
use crate::shared::Shared;
use crate::splice::Waiting;
use crate::step::{Flow, Link, Turn};
use crate::verdict::{Egress, Verdict};
use crate::{first_path, reply, screens};
use server::{answer_segment, way_to_server};

/// What the cookies' key is for: the same number in every worker.
const COOKIES: u64 = 0x434b;
/// Used cookies that one worker remembers.
const SPENT_MAX: usize = 65_536;
/// A request that the server does not answer is sent again after a second, then after twice as long each time
/// (RFC 6298 2.1, 5.5), so often.
const REPEATS_MAX: u32 = 4;
const REPEAT_FIRST: Duration = Duration::from_secs(1);
/// Handshakes looked at for their time in one step, and places of the proxy's queue.
const AGE_BUDGET: usize = 32;
/// Room in front of a segment of our own, for a longer link header.
const HEADROOM: usize = 64;

/// A worker's keys and memory.
pub(crate) struct Cookies {
    master: (u64, u64),
    secrets: Secrets,
    key: (u64, u64),
    /// Allocated by the first program that has the screen.
    tables: Option<Tables>,
}

struct Tables {
    spent: Spent,
    queue: ProxyQueue,
}

impl std::fmt::Debug for Cookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cookies").field("secrets", &self.secrets).finish_non_exhaustive()
    }
}

impl Cookies {
    pub(crate) fn new(seed: &Seed, lane: u64) -> Self {
        let master = seed.key(COOKIES);
        Self { master, secrets: Secrets::at(master, Instant::ZERO), key: seed.key(lane | 6), tables: None }
    }

    /// Makes room for a program's queues. Called between batches.
    pub(crate) fn adopt(&mut self, queue_size: usize, shared: &Shared) {
        // A bucket fills before the table does.
        let places = queue_size.saturating_mul(2);
        match &mut self.tables {
            Some(tables) if tables.queue.capacity() >= places => {}
            Some(tables) => {
                tables.queue.clear(&shared.meters);
                tables.queue = ProxyQueue::new(self.key, places);
            }
            None => {
                let spent = Spent::new(self.key, SPENT_MAX);
                self.tables = Some(Tables { spent, queue: ProxyQueue::new(self.key, places) });
            }
        }
    }

    /// Gives back what a worker that died had queued.
    pub(crate) fn abandon(&mut self, shared: &Shared) {
        if let Some(tables) = &mut self.tables {
            tables.queue.clear(&shared.meters);
        }
    }

    /// Nothing else comes of an ACK for which a connection was opened, or refused.
    fn spend(&mut self, accepted: &Accepted, shared: &Shared, now: Instant) {
        if let Some(Tables { spent, queue }) = &mut self.tables {
            queue.forget(&shared.meters, accepted);
            spent.spend(&accepted.connection, accepted.cookie, now);
        }
    }

    /// The secrets of the moment.
    fn turn(&mut self, now: Instant) {
        if self.secrets.generation() != (now.as_secs() / ROTATION.as_secs()) as u32 {
            self.secrets = Secrets::at(self.master, now);
        }
    }
}

/// Answers a request in its server's place. Spec: screen-42, screen-64, screen-67.
pub(crate) fn challenge<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    (zone, protection): (ZoneId, SynProtection),
) -> Verdict {
    let refused = Verdict::Drop(DropReason::SynFlood);
    let (world, now) = (turn.world, turn.now);
    let network = &flow.network;
    let to_group = flow.link.dst_mac.is_group() || network.dst.is_multicast(network.family);
    let request = Syn::parse(&screens::seen(packet.bytes(), flow, zone)).filter(|_| !to_group);
    // The route is asked for few: what else is answered here may be a flood.
    let may_end_here = flow.network.ttl <= 1 && matches!(way_to_server(world, flow), Path::Local(_));
    if let Some(verdict) = fast_path::check_ttl(turn, packet, flow, may_end_here) {
        return verdict;
    }
    let cookies = &mut turn.state.cookies;
    cookies.turn(now);
    let (Some(request), Some(tables)) = (request, &mut cookies.tables) else { return refused };
    let mut answer = cookies.secrets.answer(request, now);
    if protection == SynProtection::Proxy {
        let ways = [Way::In, Way::Out];
        let Some(profile) = ways.iter().find_map(|way| world.rules.screens.of(zone, *way)) else {
            return refused;
        };
        match tables.queue.push(&turn.shared.meters, profile, zone, answer, now) {
            Ok(waiting) => answer = waiting.answer,
            Err(screen) => {
                let mut hit = ScreenSet::NONE;
                hit.add(screen);
                screens::note(turn, flow, zone, (hit, hit), true);
                return refused;
            }
        }
    }
    let segment = answer_segment(world, flow, &answer);
    if to_client(turn, flow, &segment) {
        turn.rec.fact(Fact::Answered { with: Answered::TcpSynAck });
    }
    Verdict::Consume
}

/// Takes a packet without a session that ends a handshake of ours. `None`: it is no such packet.
pub(crate) fn accept<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
) -> Option<Verdict> {
    let accepted = match judge(turn, packet, flow)? {
        Ok(accepted) => accepted,
        Err(reason) => return Some(Verdict::Drop(reason)),
    };
    if !turn.state.splices.has_room() {
        return Some(Verdict::Drop(DropReason::SynFlood));
    }
    Some(open(turn, packet, flow, &accepted))
}

/// Whose request an ACK stands for. Spec: screen-62, screen-63, screen-67.
fn judge<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
) -> Option<Result<Accepted, DropReason>> {
    let L4::Tcp { flags, .. } = flow.network.l4 else { return None };
    let (now, meters) = (turn.now, &turn.shared.meters);
    let cookies = &mut turn.state.cookies;
    cookies.turn(now);
    let tables = cookies.tables.as_ref().filter(|_| flags.has(TcpFlags::ACK))?;
    let seen = screens::seen(packet.bytes(), flow, flow.zone);
    if let Some(accepted) = tables.queue.completed(&seen, now) {
        return Some(Ok(accepted));
    }
    // The worker that answered has sent it on: only the keys are common.
    let elsewhere = flow.handed.is_some_and(|handed| matches!(handed.stage, Stage::Home | Stage::Ports));
    let awaited = meters.awaits_cookies(now);
    if !awaited && !elsewhere {
        return None;
    }
    let is_syn_check_off = turn.world.rules.tcp.syn_check == SynCheck::Off;
    match cookies.secrets.judge(&seen, &tables.spent, now)? {
        AckVerdict::Valid(accepted) => Some(Ok(accepted)),
        AckVerdict::Replayed => Some(Err(DropReason::SynCookieInvalid)),
        // Where any segment opens a session, so does this one.
        AckVerdict::Stale | AckVerdict::Forged if !awaited || is_syn_check_off => None,
        AckVerdict::Stale | AckVerdict::Forged => Some(Err(DropReason::SynCookieInvalid)),
    }
}

/// Sends the client's request down the first path. What refuses it is told to the client, which believes to be
/// connected. Spec: screen-68, screen-70.
fn open<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    accepted: &Accepted,
) -> Verdict {
    let mut room = [0; HEADROOM + SEGMENT_MAX];
    let Some((mut request, own)) = written(&mut room, &accepted.server_syn(), flow, packet.ingress) else {
        return Verdict::Drop(DropReason::MalformedTransport);
    };
    let own = Flow { proven: true, ..own };
    let verdict = first_path::admitted(turn, &mut request, &own);
    if let Verdict::HandOver(over) = verdict {
        // Its owner judges the ACK as it came. Should that be lost on the way there, another one may come.
        if let Some(Tables { queue, .. }) = &mut turn.state.cookies.tables {
            queue.send_on(&turn.shared.meters, accepted);
        }
        return Verdict::HandOver(over);
    }
    let (now, shared) = (turn.now, turn.shared);
    turn.state.cookies.spend(accepted, shared, now);
    match turn.state.sessions.lookup(&flow.key, flow.hash) {
        None => {
            reply::tcp_reset(turn, packet, flow);
            verdict
        }
        Some(at) => {
            let session = turn.state.sessions.get_mut(at.slot());
            session.marks = session.marks.with(Marks::SPLICED, true);
            let due = turn.now.plus(REPEAT_FIRST);
            turn.state.splices.wait(Waiting { slot: at.slot(), accepted: *accepted, due, repeats: 0 });
            emit(turn, &request, verdict, None);
            Verdict::Consume
        }
    }
}

/// What becomes of a packet of a session whose server has not answered yet. `None`: it has.
pub(crate) fn handshake<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    at: WingRef,
) -> Option<Verdict> {
    let Waiting { accepted, .. } = turn.state.splices.waiting(at.slot())?;
    Some(match at.wing() {
        0 => from_client(turn, packet, flow, at.slot(), &accepted),
        _ => from_server(turn, packet, flow, at.slot(), &accepted),
    })
}

/// Its window is closed: it has nothing to say but that it gives up. Spec: screen-64, screen-69.
fn from_client<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    slot: u32,
    accepted: &Accepted,
) -> Verdict {
    let L4::Tcp { flags, .. } = flow.network.l4 else { return Verdict::Drop(DropReason::TcpNotEstablished) };
    if !flags.has(TcpFlags::RST) {
        return Verdict::Drop(DropReason::TcpNotEstablished);
    }
    let next = accepted.client_isn.wrapping_add(1);
    if u32_at(packet.bytes(), usize::from(flow.network.l4_at) + 4) != next {
        return Verdict::Drop(DropReason::TcpRstOutOfWindow);
    }
    let reset =
        Segment { flags: TcpFlags::RST, window: 0, options: TcpOptions::default(), ..of_client(accepted) };
    through(turn, slot, &reset);
    turn.state.end(slot, CloseReason::TcpRst, turn.shared, turn.now);
    Verdict::Consume
}

fn from_server<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    slot: u32,
    accepted: &Accepted,
) -> Verdict {
    let seen = screens::seen(packet.bytes(), flow, flow.zone);
    if let Some(answer) = ServerAnswer::parse(&seen, accepted) {
        return answered(turn, packet, flow, slot, (accepted, &answer));
    }
    let L4::Tcp { flags, .. } = flow.network.l4 else { return Verdict::Drop(DropReason::TcpNotEstablished) };
    let acknowledged = u32_at(packet.bytes(), usize::from(flow.network.l4_at) + 8);
    let refuses = flags.has(TcpFlags::RST) && flags.has(TcpFlags::ACK);
    if !refuses || acknowledged != accepted.client_isn.wrapping_add(1) {
        return Verdict::Drop(DropReason::TcpNotEstablished);
    }
    give_up(turn, slot, accepted, CloseReason::TcpRst);
    Verdict::Consume
}

/// Both handshakes are complete: the server gets the client's ACK, the client an open window. Spec: screen-65.
fn answered<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    slot: u32,
    (accepted, answer): (&Accepted, &ServerAnswer),
) -> Verdict {
    turn.state.splices.open(slot, Splice::new(accepted, answer));
    if let Judged::Drop(reason) = fast_path::judge_tcp(turn, packet, flow, (slot, 1)) {
        give_up(turn, slot, accepted, CloseReason::TcpRst);
        return Verdict::Drop(reason);
    }
    fast_path::advance(turn, flow, slot, 1);
    if let Some(reason) = through(turn, slot, &of_client(accepted)) {
        give_up(turn, slot, accepted, CloseReason::TcpRst);
        return Verdict::Drop(reason);
    }
    if let Some((own, _)) = client_flow(turn, slot) {
        to_client(turn, &own, &accepted.client_ack(answer));
    }
    Verdict::Consume
}

/// The ACK of a client as it came, without what came behind its header.
fn of_client(accepted: &Accepted) -> Segment {
    let Accepted { connection, client_isn, cookie, window, options, our_timestamp } = *accepted;
    Segment {
        family: connection.family,
        src: (connection.client, connection.client_port),
        dst: (connection.server, connection.server_port),
        seq: client_isn.wrapping_add(1),
        ack: cookie.wrapping_add(1),
        flags: TcpFlags::ACK,
        window,
        options: TcpOptions {
            timestamp: options.timestamp.filter(|_| our_timestamp.is_some()),
            echo: our_timestamp.unwrap_or(0),
            ..TcpOptions::default()
        },
    }
}

/// Resets a client whose server is not to be had, and ends its session.
fn give_up<R: Recorder>(turn: &mut Turn<'_, R>, slot: u32, accepted: &Accepted, reason: CloseReason) {
    if let Some((own, _)) = client_flow(turn, slot) {
        let (client, server) = (of_client(accepted).src, of_client(accepted).dst);
        let reset = Segment {
            src: server,
            dst: client,
            seq: accepted.cookie.wrapping_add(1),
            ack: accepted.client_isn.wrapping_add(1),
            flags: TcpFlags::RST | TcpFlags::ACK,
            window: 0,
            options: TcpOptions::default(),
            ..of_client(accepted)
        };
        to_client(turn, &own, &reset);
    }
    turn.state.end(slot, reason, turn.shared, turn.now);
}

/// Sends requests again that no server has answered, gives up those that it is too late for, and forgets queued ones.
pub(crate) fn age<R: Recorder>(turn: &mut Turn<'_, R>) {
    let now = turn.now;
    if let Some(tables) = &mut turn.state.cookies.tables {
        tables.queue.expire(&turn.shared.meters, now, AGE_BUDGET);
    }
    let mut budget = AGE_BUDGET.min(turn.state.splices.waiting_count());
    while let Some(waiting) = turn.state.splices.next_due(now, &mut budget) {
        waiting.repeats += 1;
        waiting.due = now.plus(REPEAT_FIRST * (1 << waiting.repeats.min(REPEATS_MAX)));
        let Waiting { slot, accepted, repeats, .. } = *waiting;
        if repeats > REPEATS_MAX {
            give_up(turn, slot, &accepted, CloseReason::AgedOut);
        } else {
            through(turn, slot, &accepted.server_syn());
        }
    }
}

/// Sends a segment of the client through its session. `Some`: why the session does not let it pass.
fn through<R: Recorder>(turn: &mut Turn<'_, R>, slot: u32, segment: &Segment) -> Option<DropReason> {
    let (from, ingress) = client_flow(turn, slot)?;
    let mut room = [0; HEADROOM + SEGMENT_MAX];
    let (mut packet, own) = written(&mut room, segment, &from, ingress)?;
    let is_ack = segment.flags == TcpFlags::ACK;
    if is_ack && let Judged::Drop(reason) = fast_path::judge_tcp(turn, &packet, &own, (slot, 0)) {
        return Some(reason);
    }
    fast_path::advance(turn, &own, slot, 0);
    let verdict = fast_path::forward(turn, &mut packet, &own, WingRef::new(slot, 0));
    emit(turn, &packet, verdict, None);
    None
}

/// Packets of a session's client, as they come in.
fn client_flow<R: Recorder>(turn: &Turn<'_, R>, slot: u32) -> Option<(Flow, Ingress)> {
    let wing = turn.state.sessions.get(slot).wings[0];
    // What the kernel sends meets no screen: a client is on the wire.
    let ingress = Ingress::Port(turn.world.rules.unit(wing.ingress)?.port);
    let link = Link { dst_mac: Mac::default(), src_mac: Mac::default(), l3_at: 0 };
    let hash = turn.state.sessions.hash(&wing.key);
    let network = ravelin_wire::Network {
        family: wing.key.family(),
        src: wing.key.src(),
        dst: wing.key.dst(),
        ..EMPTY
    };
    let flow = Flow {
        link,
        network,
        unit: wing.ingress,
        zone: wing.zone,
        from_host: false,
        key: wing.key,
        hash,
        handed: None,
        marks: ravelin_filter::Marks::default(),
        proven: false,
        screened: None,
    };
    Some((flow, ingress))
}

const EMPTY: ravelin_wire::Network = ravelin_wire::Network {
    family: Family::V4,
    src: Addr(0),
    dst: Addr(0),
    proto: ravelin_types::Proto::TCP,
    ttl: 0,
    tos: 0,
    dont_fragment: false,
    fragment: ravelin_wire::Fragment::Whole,
    l4: L4::Opaque,
    l4_at: 0,
    end: 0,
};

/// A segment as a packet that came in where those of a flow do.
fn written<'b>(
    room: &'b mut [u8; HEADROOM + SEGMENT_MAX],
    segment: &Segment,
    flow: &Flow,
    ingress: Ingress,
) -> Option<(Packet<'b>, Flow)> {
    let mut buffer: SegmentBuffer = [0; SEGMENT_MAX];
    let len = segment.write((flow.link.src_mac, flow.link.dst_mac), None, &mut buffer);
    room[HEADROOM..HEADROOM + len].copy_from_slice(&buffer[..len]);
    let packet = Packet::new(room, HEADROOM, len, ingress, Checksum::Verified);
    let parsed = parse(packet.bytes()).ok()?;
    let link = Link { l3_at: parsed.l3_at, ..flow.link };
    let own = Flow { link, network: parsed.network?, ..*flow };
    Some((packet, own))
}

/// Sends a segment to the client of a flow. `false`: no room, counted.
fn to_client<R: Recorder>(turn: &mut Turn<'_, R>, flow: &Flow, segment: &Segment) -> bool {
    let Some(way) = reply::way_back(turn, flow, segment.dst.0) else { return false };
    let mut buffer: SegmentBuffer = [0; SEGMENT_MAX];
    let len = segment.write((Mac::default(), Mac::default()), None, &mut buffer);
    let datagram = &buffer[ETHERNET_LEN..len];
    let len = way.head().len() + datagram.len();
    let counters = &mut turn.state.counters;
    let Some(answer) = turn.out.answer(len) else {
        counters.drop(DropReason::AnswerQueueFull);
        return false;
    };
    (answer.egress, answer.unit) = (way.egress, way.unit);
    let (head, rest) = answer.bytes_mut().split_at_mut(way.head().len());
    head.copy_from_slice(way.head());
    rest.copy_from_slice(datagram);
    counters.answers += 1;
    match way.egress {
        Egress::Port(_) | Egress::Host(_) => counters.sent(way.unit, len),
        Egress::Peer(_) => counters.peer_sent(len),
    }
    true
}
