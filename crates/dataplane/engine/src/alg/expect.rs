//! What is expected: the data connections of FTP and the transfers of TFTP.
//!
//! An address in a control connection becomes the one by which its host is known at the other end; a port that source
//! NAT must give is leased at once, and belongs to what is expected. Spec: alg-5..11.

use ravelin_contract::Alg;
use ravelin_nat::Lease;
use ravelin_tcp::splice::Splice;
use ravelin_tcp::{Direction, Seq};
use ravelin_types::{Addr, DropReason, Proto};
use ravelin_wire::u16_at;

use super::ftp::{self, Said, TEXT_MAX};
use super::{
    Awaited, Changed, EXPECTED_FOR, EXPECTED_MAX, Expected, OF_ONE_MAX, Source, any_port, edit, is_of,
};
use crate::act;
use crate::explain::Recorder;
use crate::fast_path::inner_key;
use crate::key::FlowKey;
use crate::nat::{self, Outward, Way};
use crate::packet::Packet;
use crate::session::{Session, WingRef};
use crate::step::{Flow, Turn};
use crate::stub::Message;

/// Where a server's active data connections come from (RFC 959 3.2).
const FTP_DATA: u16 = 20;
/// Ports below are those of services: no data connection goes there.
const PRIVILEGED: u16 = 1024;
/// Tries to lease a port of the address that the control connection has.
const LEASE_TRIES: usize = 8;
/// RFC 1350 5.
const READ_REQUEST: u16 = 1;
const WRITE_REQUEST: u16 = 2;

/// The end of a data connection that one side has named.
struct Named {
    said: (Addr, u16),
    wing: usize,
}

/// A packet of a control connection. Spec: alg-5..9.
pub(super) fn ftp<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    at: WingRef,
) -> Result<Flow, DropReason> {
    let (slot, wing) = (at.slot(), at.wing());
    let direction = if wing == 0 { Direction::Initial } else { Direction::Reverse };
    let seq = edit::sequence(packet, &flow.network);
    if let Some(control) = turn.state.gateways.controls.get(&slot) {
        edit::shift(packet, &flow.network, (&control.splice, direction));
    }
    let settings = turn.world.rules.algs.ftp;
    let other = turn.state.sessions.get(slot).wings[1 - wing].key;
    if !edit::is_right(packet, &act::translated(&flow.network, &other)) {
        return Ok(*flow);
    }
    let payload = edit::payload(packet, &flow.network);
    let said = match direction {
        Direction::Initial => ftp::command(payload, settings.bare_line_feed),
        Direction::Reverse => ftp::reply(payload, settings.bare_line_feed),
    };
    let Some(said) = said else { return Ok(*flow) };
    let before = turn.state.gateways.controls.get(&slot).and_then(|control| control.last[wing]);
    let shown = shown(turn, (slot, wing), seq, &said)?;
    let own = said_by(turn.state.sessions.get(slot), wing, &said);
    if shown == own {
        return Ok(*flow);
    }
    let mut text = [0; TEXT_MAX];
    let len = ftp::write(said.form, (flow.key.family(), shown.0), shown.1, &mut text);
    let changed = edit::replace(packet, flow, &other, (said.at, said.len, &text[..len]));
    let (flow, by) = changed.ok_or(DropReason::TxQueueFull)?;
    if let Some(control) = turn.state.gateways.controls.get_mut(&slot)
        && by != 0
    {
        let Splice { shifts } = &mut control.splice;
        shifts[direction as usize].change(seq, by);
    }
    // Windows are judged in the numbers of the client, who will acknowledge what was added.
    if wing == 1 && before.is_none_or(|changed| changed.seq != seq) {
        turn.state.sessions.get_mut(slot).tcp.lengthened(direction, by);
    }
    Ok(flow)
}

/// The address and port that a line means: without an address that of its speaker.
fn said_by(session: &Session, wing: usize, said: &Said) -> (Addr, u16) {
    (said.addr.map_or(session.wings[wing].key.src(), |(_, addr)| addr), said.port)
}

/// What the other end is to read in a line; expects the connection to it.
fn shown<R: Recorder>(
    turn: &mut Turn<'_, R>,
    (slot, wing): (u32, usize),
    seq: Seq,
    said: &Said,
) -> Result<(Addr, u16), DropReason> {
    let session = *turn.state.sessions.get(slot);
    let own = said_by(&session, wing, said);
    let of_family = said.addr.is_none_or(|(family, _)| is_of(family, &session.wings[wing].key));
    let mismatch = own.0 != session.wings[wing].key.src();
    if !of_family || own.1 < PRIVILEGED || mismatch && !turn.world.rules.algs.ftp.mismatch {
        return Err(DropReason::AlgAddress);
    }
    let control = turn.state.gateways.control(slot).ok_or(DropReason::AlgTableFull)?;
    if let Some(changed) = control.last[wing].filter(|c| c.seq == seq && c.said == own) {
        return Ok(changed.shown);
    }
    let named = Named { said: own, wing };
    let (shown, lease) = match mismatch {
        true => (own, None),
        false => known_as(turn, &session, &named)?,
    };
    let expected = data_connection(&session, &named, (slot, lease), turn.now.plus(EXPECTED_FOR));
    let behind = turn.world.rules.nat.instance_behind(session.destination_rule).filter(|_| wing == 1);
    let expected = Expected { instance: behind.or(expected.instance), ..expected };
    let opener = &session.wings[1 - wing].key;
    let key = FlowKey::new(opener.family(), Proto::TCP, (opener.src(), 0), shown);
    expect(turn, key.within(opener.instance()), expected)?;
    if let Some(control) = turn.state.gateways.control(slot) {
        control.last[wing] = Some(Changed { seq, said: own, shown });
    }
    Ok(shown)
}

/// How the other end of a session knows an end of it, at another port.
fn known_as<R: Recorder>(
    turn: &mut Turn<'_, R>,
    session: &Session,
    named: &Named,
) -> Result<((Addr, u16), Option<Lease>), DropReason> {
    let [first, second] = &session.wings;
    if named.wing == 1 {
        return Ok(((first.key.dst(), named.said.1), None));
    }
    let addr = second.key.dst();
    let same = ((addr, named.said.1), None);
    let rules = &turn.world.rules;
    let Some(egress) = rules.unit(second.ingress) else { return Ok(same) };
    let way = Way { from: (first.ingress, first.zone), to: (second.ingress, second.zone) };
    let Outward::Leased(action, ..) = rules.nat.outward(way, &inner_key(session), None, egress) else {
        return Ok(same);
    };
    let key = FlowKey::new(first.key.family(), Proto::TCP, named.said, (second.key.src(), FTP_DATA));
    let request = nat::request(action, &key.within(first.key.instance()), None, egress);
    let state = &mut *turn.state;
    for _ in 0..LEASE_TRIES {
        match state.leases.lease(&request, turn.now, &mut state.random) {
            Err(refusal) => return Err(nat::reason(refusal)),
            Ok(recipe) if recipe.addr == addr => {
                return Ok(((addr, recipe.port.unwrap_or(named.said.1)), Some(recipe.lease)));
            }
            Ok(recipe) => state.leases.give_back(recipe.lease, turn.now),
        }
    }
    Err(DropReason::NatPortsExhausted)
}

/// The connection that the other end makes to a named end.
fn data_connection(
    session: &Session,
    named: &Named,
    (parent, lease): (u32, Option<Lease>),
    expires: ravelin_types::Instant,
) -> Expected {
    let [first, second] = &session.wings;
    let (from, to) = if named.wing == 0 { (second, first) } else { (first, second) };
    let source = match named.wing {
        1 => Source::Rules,
        _ if first.key.dst() == second.key.src() => Source::Keep,
        _ => Source::Address(first.key.dst()),
    };
    // To the client as answers come to it.
    let instance = (named.wing == 0).then(|| first.key.instance());
    let (zone, to_zone, to) = (from.zone, to.zone, named.said);
    Expected { number: 0, alg: Alg::Ftp, parent, zone, to_zone, to, instance, source, lease, expires }
}

/// A request to read or write: the answer comes from another port of the server. Spec: alg-10.
pub(super) fn tftp<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    at: WingRef,
) -> Result<(), DropReason> {
    let message = edit::payload(packet, &flow.network);
    let asks = message.len() > 3 && [READ_REQUEST, WRITE_REQUEST].contains(&u16_at(message, 0));
    if at.wing() == 1 || !asks {
        return Ok(());
    }
    let session = *turn.state.sessions.get(at.slot());
    let [first, second] = &session.wings;
    let to = (first.key.src(), first.key.sport());
    let expires = turn.now.plus(EXPECTED_FOR);
    let expected = data_connection(&session, &Named { said: to, wing: 0 }, (at.slot(), None), expires);
    expect(turn, any_port(&second.key), Expected { alg: Alg::Tftp, ..expected })
}

/// Expects a session in the name of its parent, and tells the other workers whose it will be.
fn expect<R: Recorder>(turn: &mut Turn<'_, R>, key: FlowKey, expected: Expected) -> Result<(), DropReason> {
    let (parent, expires, now) = (expected.parent, expected.expires, turn.now);
    let state = &mut *turn.state;
    let full = |state: &mut crate::state::State, lease: Option<Lease>| {
        if let Some(lease) = lease {
            state.leases.give_back(lease, now);
        }
        Err(DropReason::AlgTableFull)
    };
    state.gateways.tidy();
    if state.gateways.expected.len() >= EXPECTED_MAX {
        return full(state, expected.lease);
    }
    let Some(control) = state.gateways.control(parent) else { return full(state, expected.lease) };
    let known = control.expects.contains(&Some(key));
    let mut forgotten = None;
    if !known {
        let place = &mut control.expects[control.next];
        control.next = (control.next + 1) % OF_ONE_MAX;
        forgotten = place.replace(key);
    }
    for old in [forgotten, Some(key)].into_iter().flatten() {
        state.unexpect(&old, now);
    }
    let number = state.gateways.number;
    state.gateways.number = number.checked_add(1).unwrap_or(1);
    state.gateways.expected.insert(key, Expected { number, ..expected });
    state.gateways.order.push_back(Awaited { expires, number, key });
    state.tell_others(|owner| Message::Stub { key, owner });
    Ok(())
}
