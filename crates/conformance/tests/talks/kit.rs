//! TCP segments written and read byte by byte, independent of the code under test, and a bench to send them over.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ravelin_conformance::bench::{Bench, Due, Place, Setup, Simulator, neighbour_mac};
use ravelin_contract::{CloseReason, Event, SessionEvent};
use ravelin_model::load;
use ravelin_types::DropReason;

pub const F: u8 = 1;
pub const S: u8 = 2;
pub const R: u8 = 4;
pub const A: u8 = 16;

/// A TCP segment with its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    pub src: SocketAddr,
    pub dst: SocketAddr,
    pub flags: u8,
    pub seq: u32,
    pub ack: u32,
    pub window: u16,
    pub options: Vec<u8>,
    pub data: Vec<u8>,
}

/// One of the two ports of the firewall and the address of its neighbour there.
pub struct Side {
    pub port: &'static str,
    pub host: &'static str,
}

pub struct Ground {
    pub bench: Simulator,
}

pub fn tcp(src: &str, dst: &str, flags: u8, seq: u32, ack: u32) -> Tcp {
    let (src, dst) = (src.parse().unwrap(), dst.parse().unwrap());
    Tcp { src, dst, flags, seq, ack, window: 1000, options: Vec::new(), data: Vec::new() }
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

pub fn sum(parts: &[&[u8]]) -> u16 {
    let all: Vec<u8> = parts.concat();
    let words = all.chunks(2).map(|pair| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0)));
    let mut sum: u64 = words.sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

fn pseudo(src: IpAddr, dst: IpAddr, proto: u8, len: usize) -> Vec<u8> {
    [octets(src), octets(dst), (len as u32).to_be_bytes().to_vec(), vec![0, 0, 0, proto]].concat()
}

/// The transport checksum of what it is written over; nothing, over what has it.
pub fn transport_sum(src: IpAddr, dst: IpAddr, proto: u8, transport: &[u8]) -> u16 {
    sum(&[&pseudo(src, dst, proto, transport.len()), transport])
}

/// An IP datagram in an Ethernet frame without addresses of stations.
pub fn datagram(src: IpAddr, dst: IpAddr, proto: u8, payload: &[u8]) -> Vec<u8> {
    let (kind, header) = match src {
        IpAddr::V4(_) => {
            let len = ((20 + payload.len()) as u16).to_be_bytes();
            let mut header = vec![0x45, 0, len[0], len[1], 0, 0, 0, 0, 64, proto, 0, 0];
            header.extend(octets(src));
            header.extend(octets(dst));
            let field = sum(&[&header]).to_be_bytes();
            header[10..12].copy_from_slice(&field);
            ([8, 0], header)
        }
        IpAddr::V6(_) => {
            let len = (payload.len() as u16).to_be_bytes();
            let mut header = vec![0x60, 0, 0, 0, len[0], len[1], proto, 64];
            header.extend(octets(src));
            header.extend(octets(dst));
            ([0x86, 0xdd], header)
        }
    };
    [&[0; 12], &kind[..], &header, payload].concat()
}

impl Tcp {
    pub fn frame(&self) -> Vec<u8> {
        let mut tcp = Vec::new();
        tcp.extend(self.src.port().to_be_bytes());
        tcp.extend(self.dst.port().to_be_bytes());
        tcp.extend(self.seq.to_be_bytes());
        tcp.extend(self.ack.to_be_bytes());
        assert!(self.options.len().is_multiple_of(4));
        tcp.extend([((20 + self.options.len()) as u8 / 4) << 4, self.flags]);
        tcp.extend(self.window.to_be_bytes());
        tcp.extend([0; 4]);
        tcp.extend(&self.options);
        tcp.extend(&self.data);
        let field = sum(&[&pseudo(self.src.ip(), self.dst.ip(), 6, tcp.len()), &tcp]).to_be_bytes();
        tcp[16..18].copy_from_slice(&field);
        datagram(self.src.ip(), self.dst.ip(), 6, &tcp)
    }

    /// Reads a frame; its checksum must be right.
    pub fn read(frame: &[u8]) -> Self {
        let ip = &frame[14..];
        let (src, dst, at, end): (IpAddr, IpAddr, usize, usize) = if ip[0] >> 4 == 4 {
            let word = |at: usize| <[u8; 4]>::try_from(&ip[at..at + 4]).unwrap().into();
            (word(12), word(16), 20, usize::from(u16::from_be_bytes([ip[2], ip[3]])))
        } else {
            let word = |at: usize| <[u8; 16]>::try_from(&ip[at..at + 16]).unwrap().into();
            (word(8), word(24), 40, 40 + usize::from(u16::from_be_bytes([ip[4], ip[5]])))
        };
        let tcp = &ip[at..end];
        assert_eq!(sum(&[&pseudo(src, dst, 6, tcp.len()), tcp]), 0, "checksum of {tcp:x?}");
        let u16_at = |at: usize| u16::from_be_bytes([tcp[at], tcp[at + 1]]);
        let u32_at = |at: usize| u32::from_be_bytes(tcp[at..at + 4].try_into().unwrap());
        let header = usize::from(tcp[12] >> 4) * 4;
        Self {
            src: (src, u16_at(0)).into(),
            dst: (dst, u16_at(2)).into(),
            flags: tcp[13],
            seq: u32_at(4),
            ack: u32_at(8),
            window: u16_at(14),
            options: tcp[20..header].to_vec(),
            data: tcp[header..].to_vec(),
        }
    }
}

impl Ground {
    pub fn new(text: &str, setup: Setup) -> Self {
        let mut bench = Simulator::new(setup);
        bench.commit(&load(text).result.unwrap()).unwrap();
        Self { bench }
    }

    pub fn commit(&mut self, text: &str) {
        self.bench.commit(&load(text).result.unwrap()).unwrap();
    }

    /// Sends a frame in at a port and gives what leaves, each with the port it leaves by.
    pub fn send_frame(&mut self, side: &Side, mut frame: Vec<u8>) -> Vec<(String, Vec<u8>)> {
        let station = self.bench.station(side.port).unwrap();
        frame[..6].copy_from_slice(&station.0);
        frame[6..12].copy_from_slice(&neighbour_mac(side.host.parse().unwrap()).0);
        self.bench.send(&Place::Port(side.port.into()), &frame).unwrap();
        self.left()
    }

    pub fn send(&mut self, side: &Side, segment: &Tcp) -> Vec<(String, Tcp)> {
        let left = self.send_frame(side, segment.frame());
        left.into_iter().map(|(port, frame)| (port, Tcp::read(&frame))).collect()
    }

    pub fn left(&mut self) -> Vec<(String, Vec<u8>)> {
        let arrivals = self.bench.collect(Due { frames: 0, drops: 0 }).unwrap();
        let port = |place| match place {
            Place::Port(name) | Place::Host(name) => name,
        };
        arrivals.into_iter().map(|a| (port(a.place), a.frame)).collect()
    }

    pub fn wait(&mut self, by: Duration) -> Vec<(String, Vec<u8>)> {
        self.bench.advance(by).unwrap();
        self.left()
    }

    /// Ends every session.
    pub fn clear(&self) {
        self.bench.plane().sessions().clear(&ravelin_contract::SessionFilter::default()).unwrap();
    }

    pub fn sessions(&self) -> u64 {
        self.bench.plane().sessions().count().unwrap()
    }

    /// Why sessions ended that a policy logs, since the last time.
    pub fn closed(&self) -> Vec<CloseReason> {
        let events = self.bench.plane().telemetry().events(usize::MAX).unwrap().events;
        let reason = |event| match event {
            Event::Session(SessionEvent { close, .. }) => close,
            _ => None,
        };
        events.into_iter().filter_map(reason).collect()
    }

    /// Packets dropped for a reason since the start.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.bench.plane().telemetry().global().unwrap().drops[reason.index()]
    }
}
