//! TCP sessions: rules of the program, and what the conversation's verdict means here.
//!
//! Junos: `security flow tcp-session`. Place: SYN check on the first path, flags and windows on the fast path
//! (flow-15). State: the conversation in the session record. Spec: tcp-1..41.

use ravelin_contract::CloseReason;
use ravelin_program::{SynCheck, TcpSettings, TimeWait};
use ravelin_tcp::aging::Aging;
use ravelin_tcp::{
    Arrival, BlindAttack, Conversation, HalfClose, Opened, Segment, Sequence, State, TcpDrop, TcpRules,
    Timeout,
};
use ravelin_types::{DropReason, Proto};

use crate::packet::Packet;
use crate::session::{Life, Session};
use crate::step::Flow;

/// The rules of a program's settings.
pub(crate) fn rules(settings: &TcpSettings) -> TcpRules {
    let TcpSettings {
        syn_check,
        sequence_check,
        rst_invalidate_session,
        rst_sequence_check,
        fin_invalidate_session,
        time_wait,
        half_close_as_time_wait,
        initial_timeout,
        mss: _,
    } = *settings;
    TcpRules {
        syn_check: match syn_check {
            SynCheck::Required => ravelin_tcp::SynCheck::Required,
            SynCheck::Strict => ravelin_tcp::SynCheck::Strict,
            SynCheck::Off => ravelin_tcp::SynCheck::Off,
        },
        sequence: if sequence_check { Sequence::Checked } else { Sequence::Unchecked },
        blind_attack: BlindAttack::Pass,
        rst_invalidate_session,
        rst_sequence_check,
        fin_invalidate_session,
        time_wait: match time_wait {
            TimeWait::Unset => ravelin_tcp::TimeWait::Unset,
            TimeWait::Ageout => ravelin_tcp::TimeWait::Ageout,
            TimeWait::Seconds(seconds) => ravelin_tcp::TimeWait::Seconds(seconds),
        },
        half_close: if half_close_as_time_wait { HalfClose::TimeWait } else { HalfClose::Established },
        initial_timeout_s: initial_timeout,
    }
}

/// When sessions are aged early.
pub(crate) const fn aging(settings: &ravelin_program::Aging) -> Aging {
    let ravelin_program::Aging { high_watermark, low_watermark, rest: _, early: _ } = settings;
    Aging { high_watermark: *high_watermark, low_watermark: *low_watermark }
}

/// What a packet's first segment opens; `None`: it is no TCP, or shows no header.
pub(crate) fn open(packet: &Packet<'_>, flow: &Flow, rules: &TcpRules) -> Result<Option<Opened>, DropReason> {
    match Segment::read(packet.bytes(), &flow.network) {
        None => Ok(None),
        Some(segment) => Conversation::open(&segment, Arrival::Plain, rules).map(Some).map_err(reason),
    }
}

/// What the kernel sends may be of a conversation that is older than its session here.
pub(crate) fn open_from_host(packet: &Packet<'_>, flow: &Flow, rules: &TcpRules) -> Option<Opened> {
    let lenient = TcpRules { syn_check: ravelin_tcp::SynCheck::Off, ..*rules };
    open(packet, flow, &lenient).unwrap_or(None)
}

pub(crate) const fn reason(drop: TcpDrop) -> DropReason {
    match drop {
        TcpDrop::NotSyn => DropReason::TcpNotSyn,
        TcpDrop::BadFlags => DropReason::TcpBadFlags,
        TcpDrop::NotEstablished => DropReason::TcpNotEstablished,
        TcpDrop::OutOfWindow => DropReason::TcpOutOfWindow,
        TcpDrop::AckOutOfWindow => DropReason::TcpAckOutOfWindow,
        TcpDrop::SackOutOfWindow => DropReason::TcpSackOutOfWindow,
        TcpDrop::RstOutOfWindow => DropReason::TcpRstOutOfWindow,
        TcpDrop::RstNotExpected => DropReason::TcpRstNotExpected,
        TcpDrop::SynInWindow => DropReason::TcpSynInWindow,
        TcpDrop::AfterFin => DropReason::TcpAfterFin,
    }
}

/// Why a session ended, as it is told: one that lingers behind both FINs ended by them. Spec: log-10.
pub(crate) fn told(reason: CloseReason, session: &Session) -> CloseReason {
    let lingers = session.wings[0].key.proto() == Proto::TCP && session.tcp.state() == State::TimeWait;
    if reason == CloseReason::AgedOut && lingers { CloseReason::TcpFin } else { reason }
}

/// How far a session has come, as it is shown.
pub(crate) const fn life(state: State) -> Life {
    match state {
        State::SynSent | State::SynReceived => Life::Opening,
        State::Established | State::HalfClosed => Life::Established,
        State::Closing | State::TimeWait | State::Reset => Life::Closing,
    }
}

/// The timeout class of a session that is no TCP, or of which only fragments were seen.
pub(crate) const SETTLED: Timeout = Timeout::Established;
