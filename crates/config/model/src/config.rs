//! The whole typed configuration. Only enforced statements are fields.

use ravelin_derive::Lower;

use crate::applications::Applications;
use crate::firewall::{Firewall, PolicyOptions};
use crate::forwarding_options::ForwardingOptions;
use crate::interfaces::Interface;
use crate::routing_instances::RoutingInstance;
use crate::routing_options::RoutingOptions;
use crate::schedulers::Scheduler;
use crate::security::Security;
use crate::system::System;

/// Every enforced statement of one configuration, inactive ones already left out. Names are still text and
/// may not resolve: only [`crate::ValidConfig`] promises that.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Config {
    #[lower(container = "system")]
    pub system: System,
    #[lower(list = "interfaces <>")]
    pub interfaces: Vec<Interface>,
    #[lower(container = "routing-options")]
    pub routing_options: RoutingOptions,
    #[lower(list = "routing-instances <>")]
    pub routing_instances: Vec<RoutingInstance>,
    #[lower(list = "schedulers scheduler")]
    pub schedulers: Vec<Scheduler>,
    #[lower(container = "security")]
    pub security: Security,
    #[lower(container = "forwarding-options")]
    pub forwarding_options: ForwardingOptions,
    #[lower(container = "policy-options")]
    pub policy_options: PolicyOptions,
    #[lower(container = "firewall")]
    pub firewall: Firewall,
    #[lower(container = "applications")]
    pub applications: Applications,
}
