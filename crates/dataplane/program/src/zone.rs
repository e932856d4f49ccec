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

/// What is told of the sessions that begin in a zone, and of which alone.
///
/// Junos: `application-tracking` of the zone, by the settings of `security application-tracking`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tracking {
    /// That they begin.
    pub create: bool,
    /// That they end.
    pub close: bool,
    /// Minutes of their life at which it is first told what they carried; 0: never.
    pub first_update: u16,
    /// Minutes from there to the next time.
    pub update: u16,
}

impl Tracking {
    /// Whether it is told what a session carried when it has lived for so many minutes, if a packet came within the minutes that are
    /// given: the first time all that it carried is new. Spec: tracking-4.
    #[must_use]
    pub fn due(&self, minutes: u32) -> Option<u32> {
        let (first, update) = (u32::from(self.first_update), u32::from(self.update));
        match minutes.checked_sub(first)? {
            _ if first == 0 => None,
            0 => Some(u32::MAX),
            since => (update != 0 && since.is_multiple_of(update)).then_some(update),
        }
    }
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
    /// `None`: nothing is told of its sessions but what policies log.
    pub tracking: Option<Tracking>,
    /// For the firewall itself alone: nothing passes through it (Junos `functional-zone management`).
    pub functional: bool,
    pub host_inbound: HostInbound,
}

/// All zones; `junos-host` has id 0 and is not listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Zones(pub Vec<Zone>);

#[cfg(test)]
mod tests {
    use super::*;

    /// Spec: tracking-4.
    #[test]
    fn what_a_session_carried_is_told_first_and_then_every_so_often() {
        let due = |first_update, update| {
            let tracking = Tracking { first_update, update, ..Tracking::default() };
            (0..20).filter(move |minutes| tracking.due(*minutes).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(due(1, 5), [1, 6, 11, 16]);
        assert_eq!(due(7, 7), [7, 14]);
        assert_eq!(due(0, 0), []);
        let tracking = Tracking { first_update: 2, update: 3, ..Tracking::default() };
        assert_eq!([2, 5, 6].map(|minutes| tracking.due(minutes)), [Some(u32::MAX), Some(3), None]);
        let last = Tracking { first_update: u16::MAX, update: u16::MAX, ..Tracking::default() };
        assert_eq!(last.due(131_070), Some(65_535));
    }
}
