//! Screens on IPv4 options, protocol numbers and fragments.
//!
//! Junos: `security screen ids-option <name> ip`. Spec: screen-10..18.

use ravelin_program::{Screen, ScreenSet};
use ravelin_types::Family;

use super::{Found, Search};
use crate::packet::{Packet, Surroundings};
use crate::profile::Profile;

const OPTIONS: ScreenSet = ScreenSet::of(&[
    Screen::BadOption,
    Screen::SourceRoute,
    Screen::LooseSourceRoute,
    Screen::StrictSourceRoute,
    Screen::RecordRoute,
    Screen::SecurityOption,
    Screen::StreamOption,
    Screen::TimestampOption,
]);

/// Option types of RFC 791 section 3.1.
const END: u8 = 0;
const NOP: u8 = 1;
const RECORD_ROUTE: u8 = 7;
const TIMESTAMP: u8 = 68;
const SECURITY: u8 = 130;
const LOOSE: u8 = 131;
const STREAM: u8 = 136;
const STRICT: u8 = 137;

/// The first protocol numbers that count as unknown. Spec: screen-14.
const UNKNOWN_V4: u8 = 137;
const UNKNOWN_V6: u8 = 143;

pub(super) fn options(on: ScreenSet, packet: &Packet<'_>, found: &mut Found) -> Search {
    if !on.meets(OPTIONS) || packet.network.family == Family::V6 {
        return Search::Continue(());
    }
    let mut rest = packet.ipv4_options();
    while let [kind, tail @ ..] = rest {
        match *kind {
            END => break,
            NOP => {
                rest = tail;
                continue;
            }
            _ => {}
        }
        // The length counts type and length themselves. RFC 791 section 3.1.
        let option = tail.first().map(|len| usize::from(*len)).filter(|len| *len >= 2);
        let Some(option) = option.and_then(|len| rest.get(..len)) else {
            report(on, Screen::BadOption, found)?;
            // What it claims to be, it is looked for as.
            return named(*kind).iter().try_for_each(|screen| report(on, *screen, found));
        };
        if !is_well_formed(option) {
            report(on, Screen::BadOption, found)?;
        }
        for screen in named(*kind) {
            report(on, *screen, found)?;
        }
        rest = &rest[option.len()..];
    }
    Search::Continue(())
}

fn report(on: ScreenSet, screen: Screen, found: &mut Found) -> Search {
    if on.has(screen) { found.hit(screen) } else { Search::Continue(()) }
}

/// The screens an option trips.
const fn named(kind: u8) -> &'static [Screen] {
    match kind {
        LOOSE => &[Screen::SourceRoute, Screen::LooseSourceRoute],
        STRICT => &[Screen::SourceRoute, Screen::StrictSourceRoute],
        RECORD_ROUTE => &[Screen::RecordRoute],
        TIMESTAMP => &[Screen::TimestampOption],
        SECURITY => &[Screen::SecurityOption],
        STREAM => &[Screen::StreamOption],
        _ => &[],
    }
}

/// Lengths and pointers of RFC 791 section 3.1 (security: RFC 1108 section 2.1).
fn is_well_formed(option: &[u8]) -> bool {
    let pointer = option.get(2).copied().unwrap_or(0);
    match option[0] {
        LOOSE | STRICT | RECORD_ROUTE => {
            option.len() >= 3 && (option.len() - 3).is_multiple_of(4) && pointer >= 4
        }
        TIMESTAMP => option.len() >= 4 && pointer >= 5,
        STREAM => option.len() == 4,
        SECURITY => option.len() >= 3,
        _ => true,
    }
}

pub(super) fn protocol(on: ScreenSet, packet: &Packet<'_>, found: &mut Found) -> Search {
    let first = match packet.network.family {
        Family::V4 => UNKNOWN_V4,
        Family::V6 => UNKNOWN_V6,
    };
    if on.has(Screen::UnknownProtocol) && packet.network.proto.0 >= first {
        found.hit(Screen::UnknownProtocol)?;
    }
    Search::Continue(())
}

pub(super) fn fragments(
    profile: &Profile,
    packet: &Packet<'_>,
    around: &impl Surroundings,
    found: &mut Found,
) -> Search {
    let network = packet.network;
    if !packet.is_fragment() {
        return Search::Continue(());
    }
    if profile.on.has(Screen::BlockFrag) {
        let white = &profile.fragment_white;
        let exempt =
            white.contains(network.family, network.src) || white.contains(network.family, network.dst);
        if !exempt {
            found.hit(Screen::BlockFrag)?;
        }
    }
    if profile.on.has(Screen::TearDrop) && around.overlaps() {
        found.hit(Screen::TearDrop)?;
    }
    Search::Continue(())
}
