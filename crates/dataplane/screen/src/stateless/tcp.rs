//! Screens on TCP flags, addresses and fragments.
//!
//! Junos: `security screen ids-option <name> tcp`. Spec: screen-28..33.

use ravelin_program::{Screen, ScreenSet};
use ravelin_wire::checksum::Delta;
use ravelin_wire::{L4, Network, TcpFlags, put_u16, u16_at};

use super::{Found, Search};
use crate::packet::Packet;

const TCP: ScreenSet = ScreenSet::of(&[
    Screen::SynFrag,
    Screen::Land,
    Screen::Winnuke,
    Screen::TcpNoFlag,
    Screen::SynFin,
    Screen::FinNoAck,
]);

/// The six flags of RFC 793; the two ECN bits say nothing about a segment's kind.
const SIX: u8 = 0x3f;
/// NetBIOS session service.
const NETBIOS: u16 = 139;

pub(super) fn check(on: ScreenSet, packet: &Packet<'_>, found: &mut Found) -> Search {
    if !on.meets(TCP) {
        return Search::Continue(());
    }
    let Some(tcp) = packet.tcp() else { return Search::Continue(()) };
    let has = |flag| tcp.flags.has(flag);
    let (syn, fin) = (has(TcpFlags::SYN), has(TcpFlags::FIN));
    if on.has(Screen::SynFrag) && syn && packet.is_fragment() {
        found.hit(Screen::SynFrag)?;
    }
    if on.has(Screen::Land) && syn && packet.network.src == packet.network.dst {
        found.hit(Screen::Land)?;
    }
    if on.has(Screen::TcpNoFlag) && tcp.flags.0 & SIX == 0 {
        found.hit(Screen::TcpNoFlag)?;
    }
    if on.has(Screen::SynFin) && syn && fin {
        found.hit(Screen::SynFin)?;
    }
    if on.has(Screen::FinNoAck) && fin && !has(TcpFlags::ACK) {
        found.hit(Screen::FinNoAck)?;
    }
    if on.has(Screen::Winnuke) && has(TcpFlags::URG) && tcp.dport == NETBIOS {
        found.mend(Screen::Winnuke);
    }
    Search::Continue(())
}

/// Takes the urgent flag and pointer out of a TCP segment: what `winnuke` does instead of dropping.
/// Returns what that does to the checksum, which stays as it was. Spec: screen-30.
pub fn clear_urgent(frame: &mut [u8], network: &Network) -> Delta {
    let at = usize::from(network.l4_at);
    let header = frame.get_mut(at..at + 20).filter(|_| matches!(network.l4, L4::Tcp { .. }));
    let Some(header) = header else { return Delta::default() };
    let (flags, pointer) = (u16_at(header, 12), u16_at(header, 18));
    let cleared = flags & !u16::from(TcpFlags::URG);
    put_u16(header, 12, cleared);
    put_u16(header, 18, 0);
    Delta::word(flags, cleared).and(Delta::word(pointer, 0))
}
