//! Header translation against a naive model of RFC 7915: every field of any packet, refused or not.

mod oracle;

use oracle::{Read, read, run};
use proptest::prelude::*;
use ravelin_translate::Ends;
use ravelin_translate::siit::{FragmentHeader, Rules, to_ipv4, to_ipv6};
use ravelin_types::{Addr, Family, Proto};
use ravelin_wire::build::{self, Ip, Payload};
use ravelin_wire::put_u16;

const SRC4: [u8; 4] = [192, 0, 2, 1];
const DST4: [u8; 4] = [198, 51, 100, 2];
const SRC6: u128 = 0x2001_0db8_0000_0000_0000_0000_0000_0001;
const DST6: u128 = 0x2001_0db8_0000_0000_0000_0000_0000_0002;
const NEW_ID: u16 = 0x4711;

/// What a packet is made of.
#[derive(Clone, Debug)]
struct Packet {
    tos: u8,
    ttl: u8,
    id: u32,
    df: bool,
    /// Offset in units of eight bytes, and whether more come.
    part: Option<(u16, bool)>,
    proto: u8,
    /// Words of IPv4 options, or IPv6 extension headers.
    extra: usize,
    len: usize,
    icmp: u8,
}

fn packets() -> impl Strategy<Value = (Packet, Rules)> {
    let proto = prop::sample::select(vec![1u8, 6, 17, 47, 50, 58, 132, 2, 44, 0, 60]);
    let part = prop::option::weighted(0.4, (0u16..400, any::<bool>()));
    let icmp = prop::sample::select(vec![0u8, 8, 13, 128, 129, 135]);
    let packet =
        (any::<u8>(), 0u8..6, any::<u32>(), any::<bool>(), part, proto, 0usize..=4, 0usize..2000, icmp);
    let mtu = prop::sample::select(vec![576u16, 1280, 1400, 1500, 9000]);
    let header = prop::sample::select(vec![FragmentHeader::Fragmentable, FragmentHeader::PartsAlone]);
    (packet, mtu.clone(), mtu.clone(), mtu, header).prop_map(
        |(p, mtu4, mtu6, lowest_mtu6, fragment_header)| {
            let (tos, ttl, id, df, part, proto, extra, len, icmp) = p;
            let packet = Packet { tos, ttl, id, df, part, proto, extra, len, icmp };
            (packet, Rules { mtu4, mtu6, lowest_mtu6, fragment_header, ..Rules::default() })
        },
    )
}

impl Packet {
    fn payload(&self, family: Family) -> Payload {
        let data = vec![0x5a; self.len];
        match self.proto {
            6 => Payload::tcp_segment(1, 2, 0x10, 3, 4, &data),
            17 => Payload::udp(1, 2, &data),
            1 | 58 => Payload { proto: Proto(self.proto), ..Payload::icmp(family, self.icmp, 0, 7, &data) },
            other => Payload::raw(Proto(other), &data),
        }
    }

    /// Whether it is less than the whole datagram.
    fn is_part(&self) -> bool {
        self.part.is_some_and(|part| part != (0, false))
    }

    fn v4(&self) -> Vec<u8> {
        let word = self.part.map_or(0, |(offset, more)| offset | u16::from(more) << 13);
        let fragment = word | u16::from(self.df) << 14;
        let ip = Ip { ttl: self.ttl, id: self.id as u16, fragment, ..Ip::v4(SRC4, DST4) };
        let mut bytes = build::datagram(&ip, &self.payload(Family::V4));
        bytes[1] = self.tos;
        bytes.splice(20..20, std::iter::repeat_n(1, self.extra * 4));
        bytes[0] += self.extra as u8;
        let total = bytes.len() as u16;
        put_u16(&mut bytes, 2, total);
        bytes
    }

    fn v6(&self) -> Vec<u8> {
        let ip = Ip::new(Family::V6, Addr(SRC6), Addr(DST6)).with_extensions(self.extra);
        let fragment = self.part.map_or(0, |(offset, more)| offset | u16::from(more) << 13);
        let ip = Ip { ttl: self.ttl, fragment, ..ip };
        let mut bytes = build::datagram(&ip, &self.payload(Family::V6));
        bytes[0] |= self.tos >> 4;
        bytes[1] |= self.tos << 4;
        if let Some((offset, more)) = self.part {
            // Behind the last extension header, whose next header stands at its start.
            let at = 40 + 8 * self.extra;
            let link = if self.extra == 0 { 6 } else { at - 8 };
            let word = (offset << 3 | u16::from(more)).to_be_bytes();
            let id = self.id.to_be_bytes();
            let header = [bytes[link], 0, word[0], word[1], id[0], id[1], id[2], id[3]];
            bytes[link] = 44;
            bytes.splice(at..at, header);
            let len = (bytes.len() - 40) as u16;
            put_u16(&mut bytes, 4, len);
        }
        bytes
    }

    /// RFC 7915 4.1. `None`: refused.
    fn as_v6(&self, rules: &Rules) -> Option<Read> {
        let payload = self.payload(Family::V4).bytes.len();
        let icmp = self.proto == 1;
        if self.ttl < 2 || [0, 2, 44, 58, 60].contains(&self.proto) {
            return None;
        }
        if icmp && (self.is_part() || ![0, 8].contains(&self.icmp)) {
            return None;
        }
        let wants = !self.df && rules.fragment_header == FragmentHeader::Fragmentable;
        let header = self.is_part() || wants;
        let len = payload + 40 + if header { 8 } else { 0 };
        let link = usize::from(rules.mtu6.max(1280));
        let lowest = usize::from(rules.lowest_mtu6.max(1280)).min(link);
        if len > if self.df { link } else { lowest } {
            return None;
        }
        let (offset, more) = self.part.unwrap_or((0, false));
        Some(Read {
            version: 6,
            src: SRC6.to_be_bytes().to_vec(),
            dst: DST6.to_be_bytes().to_vec(),
            tos: self.tos,
            flow: 0,
            ttl: self.ttl - 1,
            proto: if icmp { 58 } else { self.proto },
            id: header.then_some(self.id & 0xffff),
            df: true,
            offset: usize::from(offset) * 8,
            more,
            payload: Vec::new(),
        })
    }

    /// RFC 7915 5.1. `None`: refused.
    fn as_v4(&self, rules: &Rules) -> Option<Read> {
        let payload = self.payload(Family::V6).bytes.len();
        let icmp = self.proto == 58;
        if self.ttl < 2 || [1, 2].contains(&self.proto) {
            return None;
        }
        if icmp && (self.is_part() || ![128, 129].contains(&self.icmp)) {
            return None;
        }
        let len = payload + 20;
        let df = self.part.is_none() && len > 1260;
        if df && len > usize::from(rules.mtu4) {
            return None;
        }
        let (offset, more) = self.part.unwrap_or((0, false));
        Some(Read {
            version: 4,
            src: SRC4.to_vec(),
            dst: DST4.to_vec(),
            tos: self.tos,
            flow: 0,
            ttl: self.ttl - 1,
            proto: if icmp { 1 } else { self.proto },
            id: Some(self.part.map_or(u32::from(NEW_ID), |_| self.id & 0xffff)),
            df,
            offset: usize::from(offset) * 8,
            more,
            payload: Vec::new(),
        })
    }
}

/// Compares what came out with the model; the payload has its length, a whole one its checksum.
fn agree(out: Option<Vec<u8>>, expected: Option<Read>, payload: &Payload) -> Result<(), TestCaseError> {
    let Some(out) = out else {
        prop_assert_eq!(None, expected);
        return Ok(());
    };
    let mut got = read(&out, false);
    prop_assert_eq!(got.payload.len(), payload.bytes.len());
    prop_assert!(got.is_part() || got.holds());
    got.payload.clear();
    prop_assert_eq!(Some(got), expected);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1500), ..ProptestConfig::default() })]

    // Proves: rfc7915-3.
    #[test]
    fn ipv4_becomes_what_the_model_says((packet, rules) in packets()) {
        let ends = Ends::new(Addr(SRC6), Addr(DST6));
        let out = run(&packet.v4(), |d| to_ipv6(d, &ends, &rules)).ok();
        agree(out, packet.as_v6(&rules), &packet.payload(Family::V4))?;
    }

    // Proves: rfc7915-27.
    #[test]
    fn ipv6_becomes_what_the_model_says((packet, rules) in packets()) {
        // In IPv6 these are extension headers, and what they hold is not made here.
        prop_assume!(![0, 44, 60].contains(&packet.proto));
        let ends = Ends::new(Addr::v4(SRC4), Addr::v4(DST4));
        let out = run(&packet.v6(), |d| to_ipv4(d, &ends, NEW_ID, &rules)).ok();
        agree(out, packet.as_v4(&rules), &packet.payload(Family::V6))?;
    }
}
