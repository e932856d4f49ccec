//! What policies count: lookups, sessions, and packets and bytes of both directions (policy-14, policy-16, policy-26).

use std::collections::BTreeMap;

use ravelin_model::Policy;

use super::{Model, Packet, Session};

/// The numbers of one policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub hits: u64,
    /// Sessions that it came to have, and lost.
    pub gained: u64,
    pub lost: u64,
    pub packets: [u64; 2],
    pub bytes: [u64; 2],
}

impl Model<'_> {
    /// By the name of the policy, those of which anything was counted.
    #[must_use]
    pub const fn tallies(&self) -> &BTreeMap<String, Tally> {
        &self.tallies
    }

    fn tally(&mut self, policy: &str) -> &mut Tally {
        self.tallies.entry(policy.to_owned()).or_default()
    }

    /// It was looked up, and decided.
    pub(super) fn hit(&mut self, policy: Option<&Policy>) {
        if let Some(policy) = policy {
            self.tally(&policy.name).hits += 1;
        }
    }

    /// A session is a policy's from now on.
    pub(super) fn gains(&mut self, session: &Session) {
        let Some(policy) = session.policy.clone() else { return };
        let tally = self.tally(&policy);
        tally.gained += 1;
    }

    /// Another policy lets a session live, or the default one; or the same.
    pub(super) fn moves(&mut self, at: usize, policy: Option<&Policy>) {
        let counts = self.counts(policy);
        let name = policy.map(|policy| policy.name.to_string());
        if self.sessions[at].policy != name {
            let before = self.sessions[at].clone();
            self.loses(&before);
            self.gains(&Session { policy: name.clone(), ..before });
        }
        let session = &mut self.sessions[at];
        session.logs_close = policy.is_some_and(|policy| policy.log_close);
        (session.policy, session.counts) = (name, counts);
    }

    pub(super) fn loses(&mut self, session: &Session) {
        let Some(policy) = session.policy.clone() else { return };
        self.tally(&policy).lost += 1;
    }

    /// A packet of a session passed in one of its ways.
    pub(super) fn passes(&mut self, session: &Session, way: usize, packet: &Packet) {
        let Some(policy) = session.policy.clone().filter(|_| session.counts) else { return };
        let tally = self.tally(&policy);
        tally.packets[way] += 1;
        tally.bytes[way] += packet.size() as u64;
    }

    pub(super) fn counts(&self, policy: Option<&Policy>) -> bool {
        policy.is_some_and(|policy| policy.count || self.config.security.policies.counts_all)
    }
}
