//! Answers for addresses that translation uses on a link and no host there has.
//!
//! Junos: `security nat proxy-arp`, `proxy-ndp`. Place: beside the host path; the kernel would answer for others only
//! if it forwarded. State: none. Spec: nat-proxy-1..5.

use ravelin_program::Interface;
use ravelin_types::{Addr, Family, Mac, Proto};
use ravelin_wire::{ETHERNET_LEN, L4, VLAN_LEN, checksum, ethertype, put_u16};

use crate::explain::Recorder;
use crate::packet::Packet;
use crate::step::{Flow, Link, Turn};
use crate::verdict::Egress;

/// An ARP packet for IPv4 over Ethernet (RFC 826).
const ARP_LEN: usize = 28;
const ARP_REQUEST: [u8; 8] = [0, 1, 0x08, 0, 6, 4, 0, 1];
/// A neighbour solicitation or advertisement without options (RFC 4861 4.3, 4.4).
const ND_LEN: usize = 24;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
/// Solicited; not `override`, since a host that has the address comes first (RFC 4861 7.2.8).
const SOLICITED: u8 = 0x40;
const ALL_NODES: Addr = Addr(0xff02_0000_0000_0000_0000_0000_0000_0001);

/// Answers an ARP request for a proxied address. False: it is for the kernel to see.
pub(crate) fn arp<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    link: &Link,
    unit: &Interface,
) -> bool {
    let at = usize::from(link.l3_at);
    let Some(request) = packet.bytes().get(at..at + ARP_LEN) else { return false };
    let (sender, target) = (ipv4(&request[14..18]), ipv4(&request[24..28]));
    // Who announces an address asks for it himself (RFC 5227 3): that is no question for us.
    if request[..8] != ARP_REQUEST || sender == target || !covers(unit, Family::V4, target) {
        return false;
    }
    let Some(mac) = mac_of(turn, unit) else { return false };
    let mut body = [0; ARP_LEN];
    body[..8].copy_from_slice(&ARP_REQUEST);
    body[7] = 2;
    body[8..14].copy_from_slice(&mac.0);
    body[14..18].copy_from_slice(&request[24..28]);
    body[18..28].copy_from_slice(&request[8..18]);
    send(turn, unit, (mac, link.src_mac), (ethertype::ARP, &[&body]))
}

/// Answers a neighbour solicitation for a proxied address. False: it is for the kernel to see.
pub(crate) fn neighbour<R: Recorder>(turn: &mut Turn<'_, R>, packet: &Packet<'_>, flow: &Flow) -> bool {
    let world = turn.world;
    let Some(unit) = world.rules.unit(flow.unit).filter(|unit| !unit.proxied.is_empty()) else {
        return false;
    };
    let L4::Icmp { kind: SOLICITATION, code: 0, .. } = flow.network.l4 else { return false };
    let at = usize::from(flow.network.l4_at);
    let Some(message) = packet.bytes().get(at..at + ND_LEN) else { return false };
    let mut octets = [0; 16];
    octets.copy_from_slice(&message[8..24]);
    let target = Addr::v6(octets);
    if !covers(unit, Family::V6, target) {
        return false;
    }
    let Some(mac) = mac_of(turn, unit) else { return false };
    // One that looks for duplicates has no address yet: everybody is told (RFC 4861 7.2.4).
    let (to, to_mac, flags) = if flow.network.src.is_unspecified() {
        (ALL_NODES, Mac([0x33, 0x33, 0, 0, 0, 1]), 0)
    } else {
        (flow.network.src, flow.link.src_mac, SOLICITED)
    };
    let mut body = [0; ND_LEN + 8];
    (body[0], body[4]) = (ADVERTISEMENT, flags);
    body[8..24].copy_from_slice(&octets);
    // Option 2: target link-layer address, in units of eight bytes.
    (body[24], body[25]) = (2, 1);
    body[26..32].copy_from_slice(&mac.0);
    let sum = checksum::transport(Family::V6, target, to, Proto::ICMPV6, &body);
    put_u16(&mut body, 2, sum);
    let mut header = [0; 40];
    header[0] = 0x60;
    put_u16(&mut header, 4, body.len() as u16);
    (header[6], header[7]) = (Proto::ICMPV6.0, 255);
    header[8..24].copy_from_slice(&octets);
    header[24..40].copy_from_slice(&to.octets6());
    send(turn, unit, (mac, to_mac), (ethertype::IPV6, &[&header, &body]))
}

fn covers(unit: &Interface, family: Family, addr: Addr) -> bool {
    unit.proxied.iter().any(|range| range.contains(family, addr))
}

fn mac_of<R>(turn: &Turn<'_, R>, unit: &Interface) -> Option<Mac> {
    turn.world.rules.port(unit.port).map(|port| Mac(port.mac))
}

/// False: no room for the answer, which is then as lost on the link would be; asked again, it is given again.
fn send<R>(
    turn: &mut Turn<'_, R>,
    unit: &Interface,
    (src, dst): (Mac, Mac),
    (kind, parts): (u16, &[&[u8]]),
) -> bool {
    let link = ETHERNET_LEN + unit.vlan.map_or(0, |_| VLAN_LEN);
    let len = link + parts.iter().map(|part| part.len()).sum::<usize>();
    let Some(answer) = turn.out.answer(len) else {
        turn.state.counters.drop(ravelin_types::DropReason::AnswerQueueFull);
        return true;
    };
    (answer.egress, answer.unit) = (Egress::Port(unit.port), unit.id);
    let bytes = answer.bytes_mut();
    bytes[..6].copy_from_slice(&dst.0);
    bytes[6..12].copy_from_slice(&src.0);
    if let Some(vlan) = unit.vlan {
        put_u16(bytes, 12, ethertype::VLAN);
        put_u16(bytes, 14, vlan);
    }
    put_u16(bytes, link - 2, kind);
    let mut at = link;
    for part in parts {
        bytes[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    turn.state.counters.answers += 1;
    turn.state.counters.sent(unit.id, len);
    true
}

fn ipv4(octets: &[u8]) -> Addr {
    Addr::v4([octets[0], octets[1], octets[2], octets[3]])
}
