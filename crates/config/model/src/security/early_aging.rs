//! `security flow aging early-aging`: how long sessions of a kind may be silent while the table is nearly full.

use ravelin_derive::Lower;
use ravelin_syntax::Span;

use crate::applications::{ApplicationProtocol, IpProtocol};

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct EarlyAging {
    #[lower(list = "application <>")]
    pub applications: Vec<ApplicationAging>,
    #[lower(list = "protocol <>")]
    pub protocols: Vec<ProtocolAging>,
    /// Of all others, in the place of `early-ageout`.
    #[lower(container = "defaults cutoff-time")]
    pub defaults: CutOffTime,
}

#[derive(Clone, Debug, PartialEq, Lower)]
pub struct ApplicationAging {
    #[lower(key)]
    pub application: ApplicationProtocol,
    #[lower(container = "cutoff-time")]
    pub cut_off: CutOffTime,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, PartialEq, Lower)]
pub struct ProtocolAging {
    /// As it is written.
    #[lower(key)]
    pub name: String,
    #[lower(key)]
    pub protocol: IpProtocol,
    #[lower(container = "cutoff-time")]
    pub cut_off: CutOffTime,
    #[lower(at)]
    pub at: Span,
}

/// One of both.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct CutOffTime {
    /// 1..=65535.
    #[lower(leaf = "seconds")]
    pub seconds: Option<u32>,
    /// Of the timeout that a session has otherwise, 1..=99.
    #[lower(leaf = "percent")]
    pub percent: Option<u32>,
    #[lower(at)]
    pub at: Span,
}

impl EarlyAging {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.applications.is_empty() && self.protocols.is_empty() && !self.defaults.is_said()
    }
}

impl CutOffTime {
    #[must_use]
    pub fn is_said(&self) -> bool {
        self.seconds.is_some() || self.percent.is_some()
    }
}
