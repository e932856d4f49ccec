//! TCP rules of policies that have their own.
//!
//! Junos: `then permit tcp-options`. A policy demands checks that are off for others and lowers segment sizes; it never
//! takes a check away. Spec: tcp-41, tcp-43.

use ravelin_program::PolicyTcp;
use ravelin_tcp::TcpRules;
use ravelin_types::PolicyId;

/// What policies say, each thing once.
#[derive(Clone, Debug, Default)]
pub(crate) struct TcpOptions {
    /// By policy: one past its place in `said`; 0: nothing. Empty when no policy says anything.
    by_policy: Vec<u32>,
    said: Vec<(PolicyTcp, TcpRules)>,
}

impl TcpOptions {
    pub(super) fn of<'p>(
        policies: impl Iterator<Item = &'p ravelin_program::Policy>,
        rules: &TcpRules,
    ) -> Self {
        let mut out = Self::default();
        for policy in policies.filter(|policy| !policy.tcp.is_default()) {
            let at = match out.said.iter().position(|(said, _)| *said == policy.tcp) {
                Some(at) => at,
                None => {
                    let PolicyTcp { syn_check, sequence_check, .. } = policy.tcp;
                    let own = ravelin_tcp::PolicyTcp {
                        syn_check_required: syn_check,
                        sequence_check_required: sequence_check,
                    };
                    out.said.push((policy.tcp, rules.for_policy(own)));
                    out.said.len() - 1
                }
            };
            let id = policy.id.index();
            if out.by_policy.len() <= id {
                out.by_policy.resize(id + 1, 0);
            }
            out.by_policy[id] = at as u32 + 1;
        }
        out
    }

    #[inline]
    fn said(&self, policy: PolicyId) -> Option<&(PolicyTcp, TcpRules)> {
        let at = self.by_policy.get(policy.index()).copied()?.checked_sub(1)?;
        self.said.get(at as usize)
    }

    /// The rules of a policy's sessions; `None`: those of all.
    #[inline]
    pub(super) fn rules(&self, policy: PolicyId) -> Option<&TcpRules> {
        self.said(policy).map(|(_, rules)| rules)
    }

    /// Highest MSS on a wing, when the policy says.
    pub(super) fn mss(&self, policy: PolicyId, wing: usize) -> Option<u16> {
        let (said, _) = self.said(policy)?;
        if wing == 0 { said.initial_mss } else { said.reverse_mss }
    }
}
