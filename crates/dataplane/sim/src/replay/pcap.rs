//! Captures: pcap and pcapng in, nanosecond pcap out.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pcap_file::pcap::{PcapHeader, PcapPacket, PcapReader, PcapWriter};
use pcap_file::pcapng::{Block, PcapNgReader};
use pcap_file::{DataLink, Endianness, TsResolution};

use super::ReplayError;

/// Block type that every pcapng file begins with.
const PCAPNG_MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const SNAPLEN: u32 = 262_144;

/// A frame and its time since the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timed {
    pub at_ns: u64,
    pub frame: Vec<u8>,
}

/// Reads every packet of a capture.
///
/// # Errors
/// The file can't be read, is no capture, or is damaged; the packet is named.
pub fn read(path: &Path) -> Result<Vec<Timed>, ReplayError> {
    let io = |source| ReplayError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(io)?;
    BufReader::new(file).read_to_end(&mut bytes).map_err(io)?;
    let result = if bytes.starts_with(&PCAPNG_MAGIC) { ng(&bytes) } else { classic(&bytes) };
    result.map_err(|(packet, reason)| ReplayError::Capture { path: path.to_owned(), packet, reason })
}

type Damaged = (u64, String);

fn classic(bytes: &[u8]) -> Result<Vec<Timed>, Damaged> {
    let mut reader = PcapReader::new(bytes).map_err(|e| (0, e.to_string()))?;
    if reader.header().datalink != DataLink::ETHERNET {
        return Err((0, "not an Ethernet capture".into()));
    }
    let mut out = Vec::new();
    while let Some(packet) = reader.next_packet() {
        let packet = packet.map_err(|e| (out.len() as u64 + 1, e.to_string()))?;
        let at_ns = packet.timestamp.as_nanos() as u64;
        out.push(Timed { at_ns, frame: packet.data.into_owned() });
    }
    Ok(out)
}

fn ng(bytes: &[u8]) -> Result<Vec<Timed>, Damaged> {
    let mut reader = PcapNgReader::new(bytes).map_err(|e| (0, e.to_string()))?;
    let (mut out, mut resolutions) = (Vec::new(), Vec::new());
    while let Some(block) = reader.next_block() {
        let n = out.len() as u64 + 1;
        match block.map_err(|e| (n, e.to_string()))? {
            Block::InterfaceDescription(interface) => {
                if interface.linktype != DataLink::ETHERNET {
                    return Err((n, "not an Ethernet capture".into()));
                }
                resolutions.push(resolution(&interface));
            }
            Block::EnhancedPacket(packet) => {
                let unit = resolutions.get(packet.interface_id as usize);
                let unit = unit.ok_or((n, "a packet of an undescribed interface".to_owned()))?;
                // The reader takes every timestamp for nanoseconds.
                let ticks = packet.timestamp.as_nanos();
                let at_ns = (ticks * unit.0 / unit.1) as u64;
                out.push(Timed { at_ns, frame: packet.data.into_owned() });
            }
            _ => {}
        }
    }
    Ok(out)
}

/// Nanoseconds a tick, as a fraction (`if_tsresol`, microseconds when absent).
fn resolution(
    interface: &pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionBlock<'_>,
) -> (u128, u128) {
    use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionOption;
    let exponent = interface.options.iter().find_map(|option| match option {
        InterfaceDescriptionOption::IfTsResol(value) => Some(*value),
        _ => None,
    });
    match exponent {
        None => (1000, 1),
        Some(value) if value & 0x80 != 0 => (1_000_000_000, 1 << (value & 0x7f).min(64)),
        Some(value) => (1_000_000_000, 10_u128.pow(u32::from(value.min(18)))),
    }
}

/// A capture being written.
pub struct Output {
    path: PathBuf,
    writer: PcapWriter<BufWriter<File>>,
}

impl Output {
    /// # Errors
    /// The file can't be written.
    pub fn create(path: PathBuf) -> Result<Self, ReplayError> {
        let header = PcapHeader {
            version_major: 2,
            version_minor: 4,
            ts_correction: 0,
            ts_accuracy: 0,
            snaplen: SNAPLEN,
            datalink: DataLink::ETHERNET,
            ts_resolution: TsResolution::NanoSecond,
            endianness: Endianness::Little,
        };
        let io = |source| ReplayError::Io { path: path.clone(), source };
        let file = BufWriter::new(File::create(&path).map_err(io)?);
        match PcapWriter::with_header(file, header) {
            Ok(writer) => Ok(Self { path, writer }),
            Err(error) => Err(damaged(path, 0, error)),
        }
    }

    /// # Errors
    /// The file can't be written.
    pub fn write(&mut self, at_ns: u64, frame: &[u8]) -> Result<(), ReplayError> {
        let at = Duration::from_nanos(at_ns);
        let packet = PcapPacket::new(at, frame.len() as u32, frame);
        let done = self.writer.write_packet(&packet);
        done.map(drop).map_err(|error| damaged(self.path.clone(), 0, error))
    }

    /// Flushes the file.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn finish(self) -> Result<(), ReplayError> {
        let mut file = self.writer.into_writer();
        let io = |source| ReplayError::Io { path: self.path.clone(), source };
        std::io::Write::flush(&mut file).map_err(io)
    }
}

fn damaged(path: PathBuf, packet: u64, error: pcap_file::PcapError) -> ReplayError {
    ReplayError::Capture { path, packet, reason: error.to_string() }
}
