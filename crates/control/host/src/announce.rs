//! Telling neighbours whose an address is now: they may have another station's in their caches.
//!
//! Junos: gratuitous ARP for addresses of interfaces and of `security nat proxy-arp`, unsolicited advertisements for those of IPv6.
//! Place: behind the commit that changed them. State: what was told, in [`Announced`]. Spec: nat-proxy-6..8.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ravelin_types::{Addr, Family, Mac, Proto};
use ravelin_wire::{ETHERNET_LEN, checksum, ethertype, put_u16};

use crate::desired::{Desired, DesiredTap, link_local};

const BROADCAST: Mac = Mac([0xff; 6]);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: Mac = Mac([0x33, 0x33, 0, 0, 0, 1]);
/// A request for IPv4 over Ethernet (RFC 826).
const ARP_REQUEST: [u8; 8] = [0, 1, 0x08, 0, 6, 4, 0, 1];
const ADVERTISEMENT: u8 = 136;
const OVERRIDE: u8 = 0x20;

/// An address that neighbours of a unit are told of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Announcement {
    pub tap: String,
    pub mac: Mac,
    pub address: IpAddr,
    /// Answered for, not the unit's own.
    pub proxied: bool,
}

/// What neighbours have been told.
#[derive(Clone, Debug, Default)]
pub struct Announced(BTreeSet<Announcement>);

impl Announced {
    /// Whether it is still so.
    #[must_use]
    pub fn holds(&self, announcement: &Announcement) -> bool {
        self.0.contains(announcement)
    }

    /// What is to be told now. An address that went and comes back is told again; one of a unit that is down is not told.
    pub fn changed(&mut self, desired: &Desired) -> Vec<Announcement> {
        let units = desired.taps.iter().filter(|tap| tap.up);
        let wanted: BTreeSet<_> = units.flat_map(of_unit).collect();
        let before = std::mem::replace(&mut self.0, wanted);
        self.0.difference(&before).cloned().collect()
    }
}

fn of_unit(tap: &DesiredTap) -> impl Iterator<Item = Announcement> {
    // Nobody else can have had the link-local one: it is made of the station's own address.
    let link_local = link_local(tap.mac);
    let own = tap.addresses.iter().filter(move |net| **net != link_local).map(|net| (net.addr(), false));
    let proxied = tap.proxied.iter().map(|address| (*address, true));
    own.chain(proxied).map(|(address, proxied)| Announcement {
        tap: tap.name.clone(),
        mac: tap.mac,
        address,
        proxied,
    })
}

impl Announcement {
    /// As the unit's TAP sends it.
    #[must_use]
    pub fn frame(&self) -> Vec<u8> {
        match self.address {
            IpAddr::V4(address) => self.arp(address),
            IpAddr::V6(address) => self.advertisement(address),
        }
    }

    /// A request whose sender asks for himself (RFC 5227 2.3).
    fn arp(&self, address: Ipv4Addr) -> Vec<u8> {
        let mut frame = ethernet(BROADCAST, self.mac, ethertype::ARP);
        frame.extend(ARP_REQUEST);
        frame.extend(self.mac.0);
        frame.extend(address.octets());
        frame.extend([0; 6]);
        frame.extend(address.octets());
        frame
    }

    /// Unsolicited, to all nodes (RFC 4861 7.2.6); of a proxied address without `override` (7.2.8).
    fn advertisement(&self, address: Ipv6Addr) -> Vec<u8> {
        let flags = if self.proxied { 0 } else { OVERRIDE };
        let mut body = vec![ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0];
        body.extend(address.octets());
        // Option 2: target link-layer address, in units of eight bytes.
        body.extend([2, 1]);
        body.extend(self.mac.0);
        let source = match link_local(self.mac).addr() {
            IpAddr::V6(source) => source,
            IpAddr::V4(_) => unreachable!("a link-local address of a station is of IPv6"),
        };
        let ends = (Addr::v6(source.octets()), Addr::v6(ALL_NODES.octets()));
        let sum = checksum::transport(Family::V6, ends.0, ends.1, Proto::ICMPV6, &body);
        put_u16(&mut body, 2, sum);
        let mut frame = ethernet(ALL_NODES_MAC, self.mac, ethertype::IPV6);
        frame.extend([0x60, 0, 0, 0, 0, body.len() as u8, Proto::ICMPV6.0, 255]);
        frame.extend(source.octets());
        frame.extend(ALL_NODES.octets());
        frame.extend(body);
        frame
    }
}

fn ethernet(to: Mac, from: Mac, kind: u16) -> Vec<u8> {
    let mut header = vec![0; ETHERNET_LEN];
    header[..6].copy_from_slice(&to.0);
    header[6..12].copy_from_slice(&from.0);
    put_u16(&mut header, 12, kind);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac([2, 0, 0, 0, 0, 9]);

    fn tap(addresses: &[&str], proxied: &[&str]) -> Desired {
        let tap = DesiredTap {
            table: ravelin_types::InstanceId::DEFAULT,
            name: "t".into(),
            unit: "ge-0/0/0.0".into(),
            mac: MAC,
            mtu: 1500,
            up: true,
            addresses: addresses.iter().map(|a| a.parse().unwrap()).chain([link_local(MAC)]).collect(),
            proxied: proxied.iter().map(|a| a.parse().unwrap()).collect(),
        };
        Desired { taps: vec![tap], ..Desired::default() }
    }

    fn told(announced: &mut Announced, desired: &Desired) -> Vec<(String, bool)> {
        announced.changed(desired).iter().map(|a| (a.address.to_string(), a.proxied)).collect()
    }

    #[test]
    fn what_changed_is_told_once_and_what_went_and_came_back_again() {
        let mut announced = Announced::default();
        let first = tap(&["192.0.2.1/24", "2001:db8::1/64"], &["192.0.2.9"]);
        let all = [
            ("192.0.2.1".to_owned(), false),
            ("192.0.2.9".to_owned(), true),
            ("2001:db8::1".to_owned(), false),
        ];
        assert_eq!(told(&mut announced, &first), all);
        assert_eq!(told(&mut announced, &first), []);
        let more = tap(&["192.0.2.1/24", "2001:db8::1/64"], &["192.0.2.9", "2001:db8::9"]);
        assert_eq!(told(&mut announced, &more), [("2001:db8::9".to_owned(), true)]);
        let less = tap(&["192.0.2.1/24"], &[]);
        let gone = announced.0.iter().find(|a| a.proxied).unwrap().clone();
        assert!(announced.holds(&gone));
        assert_eq!(told(&mut announced, &less), []);
        assert!(!announced.holds(&gone), "a second telling finds that it is no more");
        assert_eq!(told(&mut announced, &first).len(), 2);
    }

    #[test]
    fn a_unit_that_is_down_says_nothing_and_another_station_address_says_all_again() {
        let mut announced = Announced::default();
        let mut desired = tap(&["192.0.2.1/24"], &[]);
        desired.taps[0].up = false;
        assert_eq!(told(&mut announced, &desired), []);
        desired.taps[0].up = true;
        assert_eq!(told(&mut announced, &desired).len(), 1);
        desired.taps[0].mac = Mac([2, 0, 0, 0, 0, 10]);
        desired.taps[0].addresses = ["192.0.2.1/24".parse().unwrap()].into();
        assert_eq!(told(&mut announced, &desired).len(), 1);
    }

    fn announcement(address: &str, proxied: bool) -> Vec<u8> {
        let address = address.parse().unwrap();
        Announcement { tap: "t".into(), mac: MAC, address, proxied }.frame()
    }

    /// RFC 5227 2.3: sender and target are the address, the target's station is not said.
    #[test]
    fn an_announcement_is_an_arp_request_for_oneself() {
        let expected = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 8, 6, // Ethernet
            0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9, 192, 0, 2, 1, // a request, its sender
            0, 0, 0, 0, 0, 0, 192, 0, 2, 1, // its target
        ];
        assert_eq!(announcement("192.0.2.1", false), expected);
        assert_eq!(announcement("192.0.2.1", true), expected);
    }

    /// RFC 4861 4.4, 7.2.6, 7.2.8.
    #[test]
    fn an_advertisement_overrides_unless_it_is_for_another() {
        let own = announcement("2001:db8::1", false);
        assert_eq!(own[..14], [0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x86, 0xdd]);
        let network = ravelin_wire::parse(&own).unwrap().network.unwrap();
        let addresses = [network.src, network.dst].map(|a| a.to_ip(Family::V6).to_string());
        assert_eq!(addresses, ["fe80::ff:fe00:9", "ff02::1"]);
        assert_eq!((network.ttl, network.proto, own.len()), (255, Proto::ICMPV6, 86));
        let body = &own[54..];
        assert_eq!((body[0], body[1], body[4]), (136, 0, 0x20));
        assert_eq!(body[8..24], "2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
        assert_eq!(body[24..], [2, 1, 2, 0, 0, 0, 0, 9]);
        // The sum over the pseudo-header and a message with its right checksum is all ones.
        let whole: u32 =
            own[22..54].chunks(2).chain(body.chunks(2)).map(|w| u32::from(w[0]) << 8 | u32::from(w[1])).sum();
        let whole = whole + 32 + 58;
        assert_eq!((whole & 0xffff) + (whole >> 16), 0xffff);
        assert_eq!(announcement("2001:db8::1", true)[58], 0);
    }
}
