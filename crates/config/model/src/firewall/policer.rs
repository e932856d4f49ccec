//! Policers. Spec: policer-1..9.

use ravelin_derive::Lower;
use ravelin_syntax::Span;

use super::then::{ClassName, LossPriorityWord};
use super::values::Scaled;

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Policer {
    #[lower(key)]
    pub name: String,
    #[lower(flag = "filter-specific")]
    pub filter_specific: bool,
    #[lower(flag = "logical-interface-policer")]
    pub logical: bool,
    #[lower(flag = "physical-interface-policer")]
    pub physical: bool,
    #[lower(presence = "if-exceeding")]
    pub exceeding: Option<Exceeding>,
    #[lower(presence = "if-exceeding-pps")]
    pub exceeding_pps: Option<ExceedingPps>,
    #[lower(container = "then")]
    pub then: PolicerThen,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Exceeding {
    /// Bits a second.
    #[lower(leaf = "bandwidth-limit")]
    pub bandwidth: Option<Scaled>,
    /// Hundredths of what the interface can carry.
    #[lower(leaf = "bandwidth-percent")]
    pub percent: Option<u8>,
    /// Bytes.
    #[lower(leaf = "burst-size-limit")]
    pub burst: Option<Scaled>,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct ExceedingPps {
    /// Packets a second.
    #[lower(leaf = "pps-limit")]
    pub packets: Option<Scaled>,
    #[lower(leaf = "packet-burst")]
    pub burst: Option<Scaled>,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct PolicerThen {
    #[lower(flag = "discard")]
    pub discard: bool,
    #[lower(leaf = "loss-priority")]
    pub loss_priority: Option<LossPriorityWord>,
    #[lower(leaf = "forwarding-class")]
    pub forwarding_class: Option<ClassName>,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct ThreeColourPolicer {
    #[lower(key)]
    pub name: String,
    #[lower(flag = "filter-specific")]
    pub filter_specific: bool,
    #[lower(flag = "logical-interface-policer")]
    pub logical: bool,
    #[lower(flag = "physical-interface-policer")]
    pub physical: bool,
    /// What happens to red packets.
    #[lower(list = "action loss-priority")]
    pub red: Vec<RedAction>,
    #[lower(presence = "single-rate")]
    pub single_rate: Option<SingleRate>,
    #[lower(presence = "two-rate")]
    pub two_rate: Option<TwoRate>,
    #[lower(at)]
    pub at: Span,
}

/// `action loss-priority high`.
#[derive(Clone, Debug, PartialEq, Lower)]
pub struct RedAction {
    #[lower(key)]
    pub priority: LossPriorityWord,
    #[lower(flag = "then discard")]
    pub discard: bool,
}

/// `color-blind`, `color-aware`; one of them.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Colouring {
    #[lower(flag = "color-blind")]
    pub blind: bool,
    #[lower(flag = "color-aware")]
    pub aware: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct SingleRate {
    #[lower(flatten)]
    pub colouring: Colouring,
    #[lower(leaf = "committed-information-rate")]
    pub committed_rate: Option<Scaled>,
    #[lower(leaf = "committed-burst-size")]
    pub committed_burst: Option<Scaled>,
    #[lower(leaf = "excess-burst-size")]
    pub excess_burst: Option<Scaled>,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct TwoRate {
    #[lower(flatten)]
    pub colouring: Colouring,
    #[lower(leaf = "committed-information-rate")]
    pub committed_rate: Option<Scaled>,
    #[lower(leaf = "committed-burst-size")]
    pub committed_burst: Option<Scaled>,
    #[lower(leaf = "peak-information-rate")]
    pub peak_rate: Option<Scaled>,
    #[lower(leaf = "peak-burst-size")]
    pub peak_burst: Option<Scaled>,
}
