//! Screens that need nothing but the packet: every packet of both paths.
//!
//! Order: IP header, IPv6 extension headers, protocol, fragments, ICMP, TCP, tunnels, source. Spec: screen-7.

mod icmp;
mod ip;
mod ipv6;
mod tcp;
mod tunnel;

use std::ops::ControlFlow;

use ravelin_program::{Screen, ScreenSet};

use crate::packet::{Packet, Surroundings};
use crate::profile::Profile;

pub use tcp::clear_urgent;

/// What was found so far. A hit ends the search unless the profile only alarms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub hits: ScreenSet,
    /// The packet passes once its urgent data is gone.
    pub repair: bool,
    alarm_only: bool,
}

pub(crate) type Search = ControlFlow<Screen>;

const IP: ScreenSet = ScreenSet::of(&[Screen::UnknownProtocol, Screen::BlockFrag, Screen::TearDrop]);

impl Found {
    pub(crate) fn new(profile: &Profile) -> Self {
        Self { hits: ScreenSet::NONE, repair: false, alarm_only: profile.alarm_only }
    }

    pub(crate) fn hit(&mut self, screen: Screen) -> Search {
        self.hits.add(screen);
        if self.alarm_only { Search::Continue(()) } else { Search::Break(screen) }
    }

    /// A hit that is put right instead of dropped.
    fn mend(&mut self, screen: Screen) {
        self.hits.add(screen);
        self.repair |= !self.alarm_only;
    }
}

/// Spec: screen-10..39.
pub(crate) fn check(
    profile: &Profile,
    packet: &Packet<'_>,
    around: &impl Surroundings,
    found: &mut Found,
) -> Search {
    let on = profile.on;
    if on.is_empty() {
        return Search::Continue(());
    }
    ip::options(on, packet, found)?;
    ipv6::headers(profile, packet, found)?;
    if on.meets(IP) {
        ip::protocol(on, packet, found)?;
        ip::fragments(profile, packet, around, found)?;
    }
    icmp::check(on, packet, found)?;
    tcp::check(on, packet, found)?;
    tunnel::check(on, packet, found)
}
