//! What the configuration says about TCP sessions.
//!
//! Junos: `security flow tcp-session`, and `then permit tcp-options` of a policy, which takes the place
//! of the first two for its own sessions. Ranges are the statement's; `check` of the typed
//! configuration enforces them. Spec: tcp-30..41.

/// Whether a session needs a SYN, and how much of the handshake before data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SynCheck {
    /// A session starts with a SYN.
    #[default]
    Required,
    /// `strict-syn-check`: and there is no data before the handshake is complete.
    Strict,
    /// `no-syn-check-in-tunnel`: required but for what comes out of a tunnel.
    OffInTunnel,
    /// `no-syn-check`.
    Off,
}

/// Whether sequence numbers are held against the windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sequence {
    #[default]
    Checked,
    /// `no-sequence-check`.
    Unchecked,
}

/// `time-wait-state`: how long a session lives after both FINs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeWait {
    #[default]
    Unset,
    /// `session-ageout`: by the session's ordinary timeout.
    Ageout,
    /// `session-timeout`: 2 to 600 s.
    Seconds(u16),
}

/// What one FIN does to the timeout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HalfClose {
    #[default]
    Established,
    /// `apply-to-half-close-state`.
    TimeWait,
}

/// Whether RST, SYN and ACK that would hurt a live connection are answered for the receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlindAttack {
    /// The two ends see to it themselves.
    #[default]
    Pass,
    /// RFC 5961 at the firewall: an extension, off by default.
    Challenge,
}

/// The rules of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpRules {
    pub syn_check: SynCheck,
    pub sequence: Sequence,
    pub blind_attack: BlindAttack,
    pub rst_invalidate_session: bool,
    pub rst_sequence_check: bool,
    pub fin_invalidate_session: bool,
    pub time_wait: TimeWait,
    pub half_close: HalfClose,
    /// 4 to 300 s.
    pub initial_timeout_s: u16,
}

impl Default for TcpRules {
    /// Junos without a statement of `tcp-session`.
    fn default() -> Self {
        Self {
            syn_check: SynCheck::default(),
            sequence: Sequence::default(),
            blind_attack: BlindAttack::default(),
            rst_invalidate_session: false,
            rst_sequence_check: false,
            fin_invalidate_session: false,
            time_wait: TimeWait::default(),
            half_close: HalfClose::default(),
            initial_timeout_s: Self::INITIAL_TIMEOUT_S,
        }
    }
}

/// `then permit tcp-options` of a policy: checks that are demanded although they are off for the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyTcp {
    pub syn_check_required: bool,
    pub sequence_check_required: bool,
}

/// Which timeout a session has, by how far its conversation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// Until the handshake is complete.
    Initial,
    /// The application's.
    Established,
    HalfClosed,
    /// Both FINs are seen.
    Closing,
    /// Both FINs are acknowledged.
    TimeWait,
}

impl TcpRules {
    pub const INITIAL_TIMEOUT_S: u16 = 20;
    /// Both FINs seen and `time-wait-state` says nothing.
    pub const CLOSING_TIMEOUT_S: u16 = 150;
    /// Both FINs acknowledged and `time-wait-state` says nothing.
    pub const CLOSED_TIMEOUT_S: u16 = 2;

    /// The rules for sessions of a policy with options of its own. Spec: tcp-41.
    #[must_use]
    pub const fn for_policy(mut self, policy: PolicyTcp) -> Self {
        if policy.syn_check_required && matches!(self.syn_check, SynCheck::Off | SynCheck::OffInTunnel) {
            self.syn_check = SynCheck::Required;
        }
        if policy.sequence_check_required {
            self.sequence = Sequence::Checked;
        }
        self
    }

    /// Seconds of silence after which a session ends; `application_s` is its ordinary timeout
    /// (0: never). Spec: tcp-37..40.
    #[must_use]
    pub fn seconds(&self, timeout: Timeout, application_s: u32) -> u32 {
        let waiting = |unset: u16| match self.time_wait {
            TimeWait::Unset => u32::from(unset),
            TimeWait::Ageout => application_s,
            TimeWait::Seconds(seconds) => u32::from(seconds),
        };
        match timeout {
            Timeout::Initial => u32::from(self.initial_timeout_s),
            Timeout::Established => application_s,
            Timeout::HalfClosed => match self.half_close {
                HalfClose::Established => application_s,
                HalfClose::TimeWait => waiting(Self::CLOSING_TIMEOUT_S),
            },
            Timeout::Closing => waiting(Self::CLOSING_TIMEOUT_S),
            Timeout::TimeWait => waiting(Self::CLOSED_TIMEOUT_S),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// tcp-37..40: a column for each setting of `time-wait-state`, with and without half-close.
    #[test]
    fn the_timeout_of_each_state() {
        let check = |time_wait, half_close, expected: [u32; 5]| {
            let rules = TcpRules { time_wait, half_close, ..TcpRules::default() };
            let all = [
                Timeout::Initial,
                Timeout::Established,
                Timeout::HalfClosed,
                Timeout::Closing,
                Timeout::TimeWait,
            ];
            assert_eq!(all.map(|t| rules.seconds(t, 300)), expected, "{time_wait:?} {half_close:?}");
        };
        check(TimeWait::Unset, HalfClose::Established, [20, 300, 300, 150, 2]);
        check(TimeWait::Unset, HalfClose::TimeWait, [20, 300, 150, 150, 2]);
        check(TimeWait::Ageout, HalfClose::Established, [20, 300, 300, 300, 300]);
        check(TimeWait::Ageout, HalfClose::TimeWait, [20, 300, 300, 300, 300]);
        check(TimeWait::Seconds(7), HalfClose::Established, [20, 300, 300, 7, 7]);
        check(TimeWait::Seconds(7), HalfClose::TimeWait, [20, 300, 7, 7, 7]);
    }

    #[test]
    fn a_policy_can_demand_a_check_and_never_take_one_off() {
        let off = TcpRules { syn_check: SynCheck::Off, sequence: Sequence::Unchecked, ..TcpRules::default() };
        let demand = PolicyTcp { syn_check_required: true, sequence_check_required: true };
        assert_eq!(off.for_policy(demand), TcpRules::default());
        assert_eq!(off.for_policy(PolicyTcp::default()), off);
        let strict = TcpRules { syn_check: SynCheck::Strict, ..TcpRules::default() };
        assert_eq!(strict.for_policy(demand), strict);
        assert_eq!(strict.for_policy(PolicyTcp::default()), strict);
    }
}
