//! What the tests judge by: a reader of datagrams that shares no line with the code under test, slow and plain.
//!
//! It adds checksums a byte pair at a time with the carry put back at once, and panics on anything that does not hold.

#![allow(dead_code)]

use ravelin_translate::Datagram;

/// Room in front of a datagram in the tests' buffers.
pub const HEADROOM: usize = 64;

/// A datagram taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    pub version: u8,
    pub src: Vec<u8>,
    pub dst: Vec<u8>,
    pub tos: u8,
    pub flow: u32,
    pub ttl: u8,
    pub proto: u8,
    pub id: Option<u32>,
    pub df: bool,
    pub offset: usize,
    pub more: bool,
    pub payload: Vec<u8>,
}

fn word(bytes: &[u8], at: usize) -> usize {
    usize::from(bytes[at]) * 256 + usize::from(bytes[at + 1])
}

/// One's complement sum with end-around carry, starting from `sum`.
pub fn add(mut sum: u32, bytes: &[u8]) -> u32 {
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        if sum > 0xffff {
            sum -= 0xffff;
        }
    }
    sum
}

/// Reads a datagram. `cut`: it is a quote, its end may be missing.
pub fn read(bytes: &[u8], cut: bool) -> Read {
    match bytes[0] >> 4 {
        4 => read4(bytes, cut),
        6 => read6(bytes, cut),
        version => panic!("version {version}"),
    }
}

fn read4(bytes: &[u8], cut: bool) -> Read {
    let header = usize::from(bytes[0] % 16) * 4;
    let total = word(bytes, 2);
    assert!(header >= 20 && total >= header, "lengths");
    assert!(cut || bytes.len() == total, "{} bytes say {total}", bytes.len());
    assert_eq!(add(0, &bytes[..header]), 0xffff, "IPv4 header checksum");
    assert_eq!(bytes[6] & 0x80, 0, "reserved flag");
    Read {
        version: 4,
        src: bytes[12..16].to_vec(),
        dst: bytes[16..20].to_vec(),
        tos: bytes[1],
        flow: 0,
        ttl: bytes[8],
        proto: bytes[9],
        id: Some(word(bytes, 4) as u32),
        df: bytes[6] & 0x40 != 0,
        offset: word(bytes, 6) % 0x2000 * 8,
        more: bytes[6] & 0x20 != 0,
        payload: bytes[header..total.min(bytes.len())].to_vec(),
    }
}

fn read6(bytes: &[u8], cut: bool) -> Read {
    let total = 40 + word(bytes, 4);
    assert!(cut || bytes.len() == total, "{} bytes say {total}", bytes.len());
    let mut read = Read {
        version: 6,
        src: bytes[8..24].to_vec(),
        dst: bytes[24..40].to_vec(),
        tos: (bytes[0] % 16) * 16 + bytes[1] / 16,
        flow: u32::from(bytes[1] % 16) << 16 | word(bytes, 2) as u32,
        ttl: bytes[7],
        proto: bytes[6],
        id: None,
        df: true,
        offset: 0,
        more: false,
        payload: Vec::new(),
    };
    let mut at = 40;
    loop {
        match read.proto {
            0 | 43 | 60 => {
                read.proto = bytes[at];
                at += 8 + usize::from(bytes[at + 1]) * 8;
            }
            44 => {
                read.proto = bytes[at];
                assert_eq!(bytes[at + 1], 0, "reserved");
                read.offset = word(bytes, at + 2) / 8 * 8;
                assert_eq!(word(bytes, at + 2) & 6, 0, "reserved");
                read.more = word(bytes, at + 2) % 2 == 1;
                read.id = Some((word(bytes, at + 4) as u32) << 16 | word(bytes, at + 6) as u32);
                at += 8;
            }
            _ => break,
        }
    }
    read.payload = bytes[at..total.min(bytes.len())].to_vec();
    read
}

impl Read {
    pub fn is_part(&self) -> bool {
        self.offset != 0 || self.more
    }

    /// Sum of all that the transport checksum of a whole datagram covers.
    pub fn sum(&self) -> u32 {
        let body = &self.payload;
        let len = if self.proto == 17 { word(body, 4) } else { body.len() };
        let pseudo = add(add(0, &self.src), &self.dst);
        let pseudo = add(pseudo, &[0, self.proto, (len >> 8) as u8, len as u8]);
        add(if self.proto == 1 { 0 } else { pseudo }, &body[..len])
    }

    /// Whether the transport checksum of a whole datagram holds; a zero of UDP over IPv4 does.
    pub fn holds(&self) -> bool {
        match self.proto {
            17 if word(&self.payload, 6) == 0 => self.version == 4,
            1 | 6 | 17 | 33 | 58 | 136 => self.sum() == 0xffff,
            _ => true,
        }
    }

    /// The packet that an ICMP error quotes, its bytes.
    pub fn quote(&self) -> &[u8] {
        assert!(matches!((self.proto, self.payload[0]), (1, 3 | 11 | 12) | (58, 1..=4)));
        &self.payload[8..]
    }
}

/// Reads and verifies a whole datagram.
pub fn verified(bytes: &[u8]) -> Read {
    let read = read(bytes, false);
    assert!(!read.is_part());
    assert!(read.holds(), "checksum of protocol {}", read.proto);
    read
}

/// Runs `step` on the bytes within a buffer that has room on both sides. The bytes after it, or what it
/// refused with; a refused datagram must be as it was.
pub fn run<T, E>(bytes: &[u8], step: impl FnOnce(&mut Datagram<'_>) -> Result<T, E>) -> Result<Vec<u8>, E> {
    let mut buf = vec![0xa5; HEADROOM + bytes.len() + 16];
    buf[HEADROOM..HEADROOM + bytes.len()].copy_from_slice(bytes);
    let mut datagram = Datagram::new(&mut buf, HEADROOM..HEADROOM + bytes.len()).unwrap();
    match step(&mut datagram) {
        Ok(_) => Ok(datagram.bytes().to_vec()),
        Err(refused) => {
            assert_eq!(datagram.bytes(), bytes, "a refused datagram was changed");
            Err(refused)
        }
    }
}
