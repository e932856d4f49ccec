//! `routing-instances`: routers beside the default one, each with routes of its own.

use ravelin_derive::Lower;
use ravelin_schema::{Cx, lower};
use ravelin_syntax::{Node, Span};

use crate::keywords::keywords;
use crate::routing_options::RoutingOptions;
use crate::security::with_unit;

keywords! {
    /// `instance-type`. Only the first two are more than a word here: the checks refuse the others.
    InstanceType {
        VirtualRouter = "virtual-router",
        Forwarding = "forwarding",
        L2BackhaulVpn = "l2backhaul-vpn",
        L2Vpn = "l2vpn",
        Layer2Control = "layer2-control",
        MplsForwarding = "mpls-forwarding",
        MplsInternetMulticast = "mpls-internet-multicast",
        MacVrf = "mac-vrf",
        NoForwarding = "no-forwarding",
        VirtualSwitch = "virtual-switch",
        Vpls = "vpls",
        Vrf = "vrf",
        Evpn = "evpn",
        EvpnVpws = "evpn-vpws",
    }
}

#[derive(Clone, Debug, PartialEq, Lower)]
pub struct RoutingInstance {
    #[lower(key)]
    pub name: String,
    #[lower(with(instance_type, "instance-type"))]
    pub kind: Option<InstanceType>,
    #[lower(list = "interface")]
    pub interfaces: Vec<InstanceInterface>,
    #[lower(container = "routing-options")]
    pub routing_options: RoutingOptions,
    #[lower(at)]
    pub at: Span,
}

/// A logical interface whose packets go by the instance's routes.
#[derive(Clone, Debug, PartialEq, Lower)]
pub struct InstanceInterface {
    /// With its unit: `ge-0/0/0.0`.
    #[lower(need(unit_name))]
    pub name: String,
    #[lower(at)]
    pub at: Span,
}

/// The default instance, where one may be named.
pub const DEFAULT_INSTANCE: &str = "default";

impl crate::Config {
    /// The routing instance of a logical interface; `None`: the default one.
    #[must_use]
    pub fn instance_of(&self, unit: &str) -> Option<&RoutingInstance> {
        self.routing_instances.iter().find(|instance| instance.interfaces.iter().any(|i| i.name == unit))
    }
}

fn instance_type(node: &Node, cx: &mut Cx) -> Option<InstanceType> {
    let word: String = lower::leaf(node, "instance-type", cx)?;
    InstanceType::from_word(&word)
}

fn unit_name(node: &Node, cx: &mut Cx) -> Option<String> {
    lower::key(node, 0, cx).map(|name: String| with_unit(&name))
}
