//! Zones and what each lets in to the firewall itself.
//!
//! Junos: `security zones security-zone`.

use ravelin_types::ZoneId;

use crate::filter::Service;

/// What the firewall accepts for itself on one interface.
///
/// Junos: `host-inbound-traffic`; an `except` entry takes away from `all`. Empty accepts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct HostInbound {
    pub accept: Vec<Service>,
    pub except: Vec<Service>,
}

/// One security zone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Zone {
    pub id: ZoneId,
    pub name: String,
    /// Answer a non-SYN TCP segment without a session by a RST.
    pub tcp_rst: bool,
    /// Only packets of the direction that opened a session from here keep it alive.
    pub unidirectional_refresh: bool,
    /// For the firewall itself alone: nothing passes through it (Junos `functional-zone management`).
    pub functional: bool,
    pub host_inbound: HostInbound,
}

/// All zones; `junos-host` has id 0 and is not listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Zones(pub Vec<Zone>);
