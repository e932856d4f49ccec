//! What a successor goes on with beside sessions: counters and mappings.

use std::net::IpAddr;

use crate::{
    Error, FirewallCounters, Global, InterfaceCounters, MirrorCounters, NatCounters, PersistentMapping,
    PolicyCounters, ScreenCounters, Telemetry, UnitScreenCounters,
};

/// Everything that a plane has counted. Live sessions and what is leased are not in it: they follow from the sessions themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CarriedCounters {
    pub global: Global,
    pub policies: Vec<PolicyCounters>,
    pub nat_rules: Vec<NatCounters>,
    pub interfaces: Vec<InterfaceCounters>,
    pub screens: Vec<ScreenCounters>,
    pub unit_screens: Vec<UnitScreenCounters>,
    pub mirrors: Vec<MirrorCounters>,
    pub firewall: FirewallCounters,
}

/// A mapping of persistent NAT, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarriedMapping {
    pub mapping: PersistentMapping,
    /// No session comes in by it.
    pub block_external: bool,
    /// Remote ends that were sent to.
    pub remotes: Vec<(IpAddr, u16)>,
}

impl CarriedCounters {
    /// What a plane has counted until now.
    ///
    /// # Errors
    /// Those of its telemetry.
    pub fn of(telemetry: &dyn Telemetry) -> Result<Self, Error> {
        Ok(Self {
            global: telemetry.global()?,
            policies: telemetry.policies()?,
            nat_rules: telemetry.nat_rules()?,
            interfaces: telemetry.interfaces()?,
            screens: telemetry.screens()?,
            unit_screens: match telemetry.unit_screens() {
                // A plane of an older version does not count them.
                Err(Error::Unsupported(_)) => Vec::new(),
                told => told?,
            },
            mirrors: telemetry.mirrors()?,
            firewall: telemetry.firewall()?,
        })
    }
}
