//! A session as the model remembers it.

use ipnet::IpNet;
use ravelin_contract::SessionState;

use super::conversation::{Conversation, State};
use super::screens::Hold;
use super::{HOST, Packet};

/// A conversation that was let through, as its two directions look on the wire.
#[derive(Clone, Debug)]
pub struct Session {
    pub inside: Packet,
    /// As its packets leave.
    pub left: Packet,
    pub(super) from_zone: String,
    pub(super) to_zone: String,
    /// What let it through, and whether that counts its packets; `None`: the default policy.
    pub(super) policy: Option<String>,
    pub(super) counts: bool,
    /// What the policy hangs on that let it through.
    pub(super) scheduler: Option<String>,
    /// By which it came in; `None`: the kernel sent it.
    pub(super) came_by: Option<String>,
    /// The configuration that it was judged by last, by its number.
    pub(super) under: usize,
    /// `None`: it is with the firewall itself.
    pub(super) unit: Option<String>,
    pub(super) tcp: Option<Conversation>,
    pub(super) application: Option<u64>,
    /// Seconds; `None`: it does not age.
    pub timeout: Option<u64>,
    /// Milliseconds when its last packet came.
    pub seen: u64,
    /// Packets of its two directions.
    pub packets: [u64; 2],
    /// Bytes of their datagrams as they came.
    pub bytes: [u64; 2],
    pub(super) logs_close: bool,
    /// What it counts under since it began.
    pub(super) holds: Vec<Hold>,
    /// Of the rule that brings it from one family to the other.
    pub(super) prefix: Option<IpNet>,
    /// What its source is from.
    pub(super) pool: Option<String>,
}

impl Session {
    /// The zone that packets of one of its ways come from.
    #[must_use]
    pub fn zone(&self, way: usize) -> &str {
        if way == 0 { &self.from_zone } else { &self.to_zone }
    }

    /// Whether its packets of one way are for the firewall itself.
    pub(super) fn is_for_host(&self, way: usize) -> bool {
        match way {
            0 => self.unit.is_none(),
            _ => self.from_zone == HOST,
        }
    }

    /// How far it is said to have come.
    #[must_use]
    pub fn state(&self) -> SessionState {
        match self.tcp.as_ref().map(|tcp| (tcp.is_reset(), tcp.state())) {
            Some((true, _) | (_, State::Closing | State::TimeWait)) => SessionState::Closing,
            Some((_, State::SynSent | State::SynReceived)) => SessionState::Opening,
            Some((_, State::Established | State::HalfClosed)) => SessionState::Established,
            None if self.packets == [1, 0] => SessionState::Opening,
            None => SessionState::Established,
        }
    }
}
