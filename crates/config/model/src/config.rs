//! The whole typed configuration. Only enforced statements are fields.

use crate::applications::Applications;
use crate::interfaces::Interface;
use crate::routing_options::RoutingOptions;
use crate::security::Security;
use crate::system::System;

/// Every enforced statement of one configuration, inactive ones already left out. Names are still text and
/// may not resolve: only [`crate::ValidConfig`] promises that.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    pub system: System,
    pub interfaces: Vec<Interface>,
    pub routing_options: RoutingOptions,
    pub security: Security,
    pub applications: Applications,
}
