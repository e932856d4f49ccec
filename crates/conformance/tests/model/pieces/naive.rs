//! Screens, policies and sessions, gone through anew for each piece of a datagram.

use std::collections::{BTreeMap, BTreeSet};

use ravelin_model::{IdsOption, Security, Threshold};
use ravelin_program::Screen;
use ravelin_types::{Addr, DropReason, Family};
use ravelin_wire::build::{self, Ip, Payload};

use super::{Kind, Piece};
use crate::kit::ip;

/// Whom a policy denies, where one does.
const DENIED_HOST: u8 = 3;
/// How long pieces are waited for when nothing is said.
const LIFE_MS: u64 = 2000;
const HELD_MAX: usize = 16;
const PIECES_MAX: usize = 64;
const LONGEST: usize = 65_535;

/// What is known of a datagram.
#[derive(Debug, Default)]
struct Known {
    began: u64,
    came: Vec<Piece>,
    waiting: Vec<Piece>,
    bad: Option<DropReason>,
    /// What it is, from its first piece on.
    kind: Option<Kind>,
    fate: Option<DropReason>,
}

impl Known {
    /// What is wrong with a piece, or whether it is a copy.
    fn fault(&self, piece: &Piece) -> Result<bool, DropReason> {
        let (start, end) = piece.range();
        let header = if piece.is_v6 { 0 } else { 20 };
        // Of IPv6 the first piece alone says what a later one is of.
        let kind = self.kind.unwrap_or(piece.kind);
        if piece.kind == Kind::Error && piece.offset == 0 {
            return Err(DropReason::IcmpErrorFragment);
        }
        if piece.len == 0 || piece.more && !piece.len.is_multiple_of(8) {
            return Err(DropReason::FragmentLength);
        }
        if end + header > LONGEST {
            return Err(DropReason::FragmentTooLong);
        }
        if kind == Kind::Tcp && (start == 0 && piece.len < 20 || start > 0 && start < 20) {
            return Err(DropReason::FragmentTiny);
        }
        let last = self.came.iter().find(|other| !other.more).map(|other| other.range().1);
        if let Some(other) = self.came.iter().find(|other| other.range() == (start, end)) {
            return if other.more == piece.more { Ok(true) } else { Err(DropReason::FragmentEnds) };
        }
        if self.came.iter().any(|other| other.range().0 < end && start < other.range().1) {
            return Err(DropReason::FragmentOverlap);
        }
        let furthest = self.came.iter().map(|other| other.range().1).max().unwrap_or(0);
        if last.is_some_and(|last| end > last) || !piece.more && furthest > end {
            return Err(DropReason::FragmentEnds);
        }
        if self.came.len() == PIECES_MAX {
            return Err(DropReason::FragmentTooMany);
        }
        Ok(false)
    }

    fn is_complete(&self) -> bool {
        let Some(last) = self.came.iter().find(|piece| !piece.more) else { return false };
        self.bad.is_none() && self.came.iter().map(|piece| piece.len).sum::<usize>() == last.range().1
    }
}

/// Screens, policies and sessions, gone through anew for each piece.
pub struct Naive<'a> {
    option: &'a IdsOption,
    /// Pieces that a datagram may come in which passes whole; `None`: each passes behind the first.
    whole: Option<usize>,
    life_ms: u64,
    /// What a policy does to the second of the hosts.
    denial: Option<&'static str>,
    known: BTreeMap<(bool, u8, u16, u8), Known>,
    sessions: BTreeSet<(bool, u8, Kind)>,
    counted: Vec<((Screen, bool, u8, u16), u64)>,
    pub hits: BTreeMap<Screen, u64>,
    pub drops: BTreeMap<DropReason, u64>,
    pub now: u64,
    /// What the firewall says about the pieces at hand, and how often it has spoken.
    answers: Vec<Vec<u8>>,
    pub answered: usize,
    /// They waited for a first that came in this batch.
    released: Vec<(Piece, Kind)>,
}

/// What becomes of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Leaves,
    Waits,
    Dies(DropReason),
}

impl<'a> Naive<'a> {
    pub fn new(security: &'a Security, denial: Option<&'static str>, now: u64) -> Self {
        let flow = &security.flow;
        let most = flow.fragment_limit.map_or(0, usize::from);
        let seconds = flow.fragment_timeout.map_or(0, u64::from);
        Self {
            option: &security.screen.ids_options[0],
            whole: flow.force_reassembly.then_some(if most == 0 { PIECES_MAX } else { most }),
            life_ms: if seconds == 0 { LIFE_MS } else { seconds * 1000 },
            denial,
            known: BTreeMap::new(),
            sessions: BTreeSet::new(),
            counted: Vec::new(),
            hits: BTreeMap::new(),
            drops: BTreeMap::new(),
            now,
            answers: Vec::new(),
            answered: 0,
            released: Vec::new(),
        }
    }

    pub fn expire(&mut self) {
        let over: Vec<_> = self
            .known
            .iter()
            .filter(|(_, of)| of.began + self.life_ms <= self.now)
            .map(|(n, _)| *n)
            .collect();
        let reason = match self.whole {
            Some(_) => DropReason::FragmentIncomplete,
            None => DropReason::FragmentNoFirst,
        };
        for name in over {
            let in_vain = self.known.remove(&name).unwrap().waiting.len();
            (0..in_vain).for_each(|_| self.drop(reason));
        }
    }

    fn drop(&mut self, reason: DropReason) {
        *self.drops.entry(reason).or_default() += 1;
    }

    /// What becomes of the pieces of a batch, and what leaves: all are looked at, then each goes its way, behind them what is said about
    /// them, and then what waited, each with what is said about it.
    pub fn judge(&mut self, batch: &[Piece]) -> (Vec<Fate>, Vec<Vec<u8>>) {
        let looked: Vec<_> = batch.iter().map(|piece| self.look(piece)).collect();
        let mut left = Vec::new();
        let pass = |(piece, looked): (&Piece, Result<Kind, Fate>)| match looked {
            Ok(kind) => self.pass(piece, kind, &mut left),
            Err(fate) => fate,
        };
        let fates: Vec<_> = batch.iter().zip(looked).map(pass).collect();
        let mut frames: Vec<_> = left.drain(..).map(|piece| piece.frame()).collect();
        frames.append(&mut self.answers);
        let mut all = fates.clone();
        for (piece, kind) in std::mem::take(&mut self.released) {
            all.push(self.pass(&piece, kind, &mut left));
            frames.extend(left.drain(..).map(|piece| piece.frame()));
            frames.append(&mut self.answers);
        }
        for fate in all {
            if let Fate::Dies(reason) = fate {
                self.drop(reason);
            }
        }
        (fates, frames)
    }

    /// What a piece is of, or what becomes of it before that is asked.
    fn look(&mut self, piece: &Piece) -> Result<Kind, Fate> {
        if let Some(reason) = piece.malformed() {
            return Err(Fate::Dies(reason));
        }
        if piece.is_whole() {
            return Ok(piece.kind);
        }
        let (name, now) = (piece.name(), self.now);
        if self.known.get(&name).is_some_and(Known::is_complete) {
            self.known.remove(&name);
        }
        let known = self.known.entry(name).or_insert_with(|| Known { began: now, ..Known::default() });
        if let Some(reason) = known.bad {
            return Err(Fate::Dies(reason));
        }
        let is_one_too_many = self.whole.is_some_and(|most| known.came.len() >= most);
        match known.fault(piece) {
            Ok(false) if is_one_too_many => return Err(self.condemned(piece, DropReason::FragmentTooMany)),
            Ok(true) => return Err(Fate::Dies(DropReason::FragmentDuplicate)),
            Ok(false) => {}
            Err(reason) => return Err(self.condemned(piece, reason)),
        }
        known.came.push(*piece);
        if piece.offset == 0 {
            known.kind = Some(piece.kind);
        }
        if self.whole.is_some() {
            known.waiting.push(*piece);
            if let Some(kind) = known.kind.filter(|_| known.is_complete()) {
                let mut all = std::mem::take(&mut known.waiting);
                all.sort_by_key(|piece| piece.offset);
                self.released.extend(all.into_iter().map(|piece| (piece, kind)));
            }
            return Err(Fate::Waits);
        }
        let Some(kind) = known.kind else {
            if known.waiting.len() == HELD_MAX {
                return Err(Fate::Dies(DropReason::FragmentHoldFull));
            }
            known.waiting.push(*piece);
            return Err(Fate::Waits);
        };
        self.released.extend(std::mem::take(&mut known.waiting).into_iter().map(|piece| (piece, kind)));
        Ok(kind)
    }

    /// Nothing of its datagram passes any more.
    fn condemned(&mut self, piece: &Piece, reason: DropReason) -> Fate {
        let known = self.known.entry(piece.name()).or_default();
        known.bad = Some(reason);
        let lost = std::mem::take(&mut known.waiting).len();
        (0..lost).for_each(|_| self.drop(reason));
        let stops = self.screens(piece, piece.kind, Some(reason));
        Fate::Dies(if stops { DropReason::Screen } else { reason })
    }

    /// What is known to be of a datagram goes its way.
    fn pass(&mut self, piece: &Piece, kind: Kind, left: &mut Vec<Piece>) -> Fate {
        if kind == Kind::Error {
            // It quotes nothing.
            let stops = self.screens(piece, kind, None);
            return Fate::Dies(if stops { DropReason::Screen } else { DropReason::MalformedIcmp });
        }
        let session = (piece.is_v6, piece.host, kind);
        let has_session = self.sessions.contains(&session);
        let is_later = piece.offset > 0;
        let fate = if is_later && !has_session {
            let known = self.known.get(&piece.name());
            Fate::Dies(known.and_then(|known| known.fate).unwrap_or(DropReason::FragmentNoFirst))
        } else if self.screens(piece, kind, None) {
            Fate::Dies(DropReason::Screen)
        } else if let Some(action) = self.denial.filter(|_| !has_session && piece.host == DENIED_HOST) {
            let answer = if action == "reject" { answer(piece, kind) } else { None };
            self.answered += answer.iter().len();
            self.answers.extend(answer);
            Fate::Dies(if action == "reject" { DropReason::PolicyReject } else { DropReason::PolicyDeny })
        } else {
            self.sessions.insert(session);
            left.push(*piece);
            Fate::Leaves
        };
        if let (Fate::Dies(reason), false, false) = (fate, is_later, piece.is_whole()) {
            let now = self.now;
            let known = self.known.entry(piece.name());
            known.or_insert_with(|| Known { began: now, ..Known::default() }).fate = Some(reason);
        }
        fate
    }

    /// Whether a screen stops it. `bad`: it condemns its datagram.
    fn screens(&mut self, piece: &Piece, kind: Kind, bad: Option<DropReason>) -> bool {
        let (option, is_later) = (self.option, piece.offset > 0);
        let is_icmp = matches!(kind, Kind::Echo | Kind::Error);
        let is_piece = !piece.is_whole();
        let header = if piece.is_v6 { 0 } else { 20 };
        let size = piece.len + if piece.is_v6 { 48 } else { 20 };
        let found = [
            (Screen::UnknownProtocol, option.ip.unknown_protocol && kind == Kind::Unknown),
            (Screen::TearDrop, option.ip.tear_drop && bad == Some(DropReason::FragmentOverlap)),
            (
                Screen::PingDeath,
                option.icmp.ping_death && is_icmp && is_later && header + piece.range().1 > LONGEST,
            ),
            (Screen::IcmpFragment, option.icmp.fragment && is_icmp && is_piece),
            (Screen::IcmpLarge, option.icmp.large && is_icmp && size > 1024),
            (Screen::SynFrag, option.tcp.syn_frag && kind == Kind::Tcp && is_piece && !is_later),
        ];
        for (screen, _) in found.into_iter().filter(|(_, trips)| *trips) {
            if self.hit(screen) {
                return true;
            }
        }
        let flood = |of: &Option<Threshold>| of.as_ref().and_then(|of| of.threshold);
        let port = if is_later { 0 } else { 123 };
        let udp = option.udp.flood.as_ref().and_then(|flood| flood.threshold);
        let rates = [
            (Screen::IcmpFlood, flood(&option.icmp.flood).filter(|_| is_icmp), 0, 0),
            (Screen::UdpFlood, udp.filter(|_| kind == Kind::Udp), 0, port),
            (Screen::BySourcePackets, option.limit_session.by_source.all.packet_rate, piece.host, 0),
        ];
        for (screen, most, host, port) in rates {
            let (Some(most), second) = (most, self.now / 1000) else { continue };
            let key = (screen, piece.is_v6, host, port);
            self.counted.push((key, second));
            let count = self.counted.iter().filter(|other| **other == (key, second)).count();
            if count > most as usize && self.hit(screen) {
                return true;
            }
        }
        false
    }

    fn hit(&mut self, screen: Screen) -> bool {
        *self.hits.entry(screen).or_default() += 1;
        !self.option.alarm_without_drop
    }
}

/// What `reject` says about a first piece: a reset, or that there is no such port, with the piece for a quote.
fn answer(piece: &Piece, kind: Kind) -> Option<Vec<u8>> {
    let frame = piece.frame();
    let (family, src, dst, unit) = match piece.is_v6 {
        false => (Family::V4, format!("10.0.0.{}", piece.host), "10.1.0.9", "10.0.0.1"),
        true => (Family::V6, format!("2001:db8::{}", piece.host), "2001:db8:1::9", "2001:db8::1"),
    };
    let (payload, from) = match kind {
        // The segment of the generator has the number 1.
        Kind::Tcp => (Payload::tcp_segment(80, 1000, 0x14, 0, 2 + (piece.len - 20) as u32, &[]), dst),
        Kind::Udp => {
            let (kind, code, most) = if piece.is_v6 { (1, 4, 1232) } else { (3, 3, 548) };
            (Payload::icmp(family, kind, code, 0, &frame[14..frame.len().min(14 + most)]), unit)
        }
        Kind::Echo | Kind::Error | Kind::Gre | Kind::Unknown => return None,
    };
    let mut payload = payload;
    if kind == Kind::Tcp {
        payload.bytes[14..16].fill(0);
    }
    Some(build::frame(&Ip::new(family, Addr::from_ip(ip(from)).1, Addr::from_ip(ip(&src)).1), &payload))
}
