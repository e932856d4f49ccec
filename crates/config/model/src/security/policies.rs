//! `security policies`: who may talk to whom.

use ipnet::IpNet;
use ravelin_derive::Lower;
use ravelin_schema::{Cx, Named, Runs, Value, lower};
use ravelin_syntax::{Few, Node, Span, Text};

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Policies {
    /// One entry a zone pair, in written order.
    #[lower(list = "from-zone")]
    pub pairs: Vec<ZonePairPolicies>,
    #[lower(runs = "global policy")]
    pub global: Runs<GlobalPolicy>,
    #[lower(with(default_policy, "default-policy <>"))]
    pub default_policy: DefaultPolicy,
    #[lower(with(rematch, "policy-rematch", "policy-rematch extensive"))]
    pub rematch: PolicyRematch,
    /// Packets and bytes of every policy are counted.
    #[lower(with(statistics, "policy-stats system-wide"))]
    pub counts_all: bool,
}

/// What a commit that changes policies means for live sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PolicyRematch {
    #[default]
    Off,
    /// A session must still match its own policy.
    On,
    /// Or any that permits it.
    Extensive,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DefaultPolicy {
    #[default]
    DenyAll,
    PermitAll,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct ZonePairPolicies {
    #[lower(key)]
    pub from: String,
    #[lower(key = 2)]
    pub to: String,
    #[lower(runs = "policy")]
    pub policies: Runs<Policy>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, PartialEq, Lower)]
pub struct GlobalPolicy {
    #[lower(flatten)]
    pub policy: Policy,
    /// Empty: any zone.
    #[lower(leaves = "match from-zone")]
    pub from_zones: Vec<String>,
    #[lower(leaves = "match to-zone")]
    pub to_zones: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Lower)]
pub struct Policy {
    #[lower(key)]
    pub name: Text,
    #[lower(leaf = "description")]
    pub description: Option<Text>,
    #[lower(few = "match source-address")]
    pub source_addresses: Few<AddressRef>,
    #[lower(few = "match destination-address")]
    pub destination_addresses: Few<AddressRef>,
    #[lower(flag = "match source-address-excluded")]
    pub source_excluded: bool,
    #[lower(flag = "match destination-address-excluded")]
    pub destination_excluded: bool,
    /// Names; `any` stands alone.
    #[lower(few = "match application")]
    pub applications: Few<Text>,
    #[lower(need(policy_action, "then permit", "then deny", "then reject"))]
    pub action: PolicyAction,
    #[lower(flag = "then log session-init")]
    pub log_init: bool,
    #[lower(flag = "then log session-close")]
    pub log_close: bool,
    /// Minutes of a session's life between two reports, 0..=1440; 0 is none.
    #[lower(leaf = "then log session-update")]
    pub log_update: Option<u16>,
    #[lower(flag = "then count")]
    pub count: bool,
    #[lower(container = "then permit tcp-options")]
    pub tcp: PolicyTcpOptions,
    /// Drop what destination NAT has translated.
    #[lower(flag = "then permit destination-address drop-translated")]
    pub drop_translated: bool,
    /// Drop what it has not.
    #[lower(flag = "then permit destination-address drop-untranslated")]
    pub drop_untranslated: bool,
    #[lower(leaf = "scheduler-name")]
    pub scheduler: Option<Text>,
    #[lower(at)]
    pub at: Span,
}

/// `then permit tcp-options`: checks of a policy's TCP sessions although they are off for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Lower)]
pub struct PolicyTcpOptions {
    #[lower(flag = "syn-check-required")]
    pub syn_check: bool,
    #[lower(flag = "sequence-check-required")]
    pub sequence_check: bool,
    #[lower(flag = "window-scale")]
    pub window_scale: bool,
    /// Highest MSS that a SYN of the opening side may announce, 64..=65535.
    #[lower(leaf = "initial-tcp-mss")]
    pub initial_mss: Option<u16>,
    /// And one of the answering side.
    #[lower(leaf = "reverse-tcp-mss")]
    pub reverse_mss: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AddressRef {
    Any,
    AnyIpv4,
    AnyIpv6,
    /// An address or address-set of the book.
    Named(Text),
    /// Written in the policy itself, host bits zero.
    Prefix(IpNet),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyAction {
    Permit,
    Deny,
    Reject,
}

impl Named for Policy {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for GlobalPolicy {
    fn name(&self) -> &str {
        &self.policy.name
    }
}

impl Value for AddressRef {
    fn value(word: &str) -> Result<Self, String> {
        Ok(match word {
            "any" => Self::Any,
            "any-ipv4" => Self::AnyIpv4,
            "any-ipv6" => Self::AnyIpv6,
            // The book is asked first: it may hold names that look like prefixes. `check` tells them apart.
            _ => Self::Named(word.into()),
        })
    }
}

fn policy_action(node: &Node, cx: &mut Cx) -> Option<PolicyAction> {
    let written = [
        (lower::flag(node, "then permit"), PolicyAction::Permit),
        (lower::flag(node, "then deny"), PolicyAction::Deny),
        (lower::flag(node, "then reject"), PolicyAction::Reject),
    ];
    let mut actions = written.iter().filter(|(on, _)| *on).map(|(_, action)| *action);
    match (actions.next(), actions.next()) {
        (Some(action), None) => Some(action),
        (None, _) => {
            cx.error(node.span, "missing mandatory statement: 'then' with one of 'permit', 'deny', 'reject'");
            None
        }
        (Some(_), Some(_)) => {
            let paths = ["then permit", "then deny", "then reject"];
            let mut places: Vec<_> = paths.iter().flat_map(|p| lower::at(node, p)).map(|n| n.span).collect();
            places.sort_unstable();
            let message = "only one of 'permit', 'deny' and 'reject' may be given";
            cx.conflict(places[1], message, places[0], "another action is given here");
            None
        }
    }
}

fn rematch(node: &Node, _: &mut Cx) -> PolicyRematch {
    match (lower::flag(node, "policy-rematch"), lower::flag(node, "policy-rematch extensive")) {
        (_, true) => PolicyRematch::Extensive,
        (true, false) => PolicyRematch::On,
        (false, false) => PolicyRematch::Off,
    }
}

fn statistics(node: &Node, cx: &mut Cx) -> bool {
    lower::leaf::<String>(node, "policy-stats system-wide", cx).as_deref() == Some("enable")
}

fn default_policy(node: &Node, cx: &mut Cx) -> DefaultPolicy {
    match lower::leaf::<String>(node, "default-policy <>", cx).as_deref() {
        Some("permit-all") => DefaultPolicy::PermitAll,
        _ => DefaultPolicy::DenyAll,
    }
}
