//! Recorded conversations, read from tests/traces.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use pcap_file::pcap::PcapReader;
use ravelin_tcp::{Direction, Segment};
use ravelin_types::Addr;
use ravelin_wire::{L4, parse};

/// The segments of one pair of endpoints, in order.
pub type Trace = Vec<(Direction, Segment)>;

/// The conversations of a file by the client's port, those of one port as one trace.
pub fn read(name: &str) -> Vec<Trace> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces").join(format!("{name}.pcap"));
    let mut reader = PcapReader::new(File::open(&path).expect("a trace")).expect("a pcap");
    let mut traces: Vec<Trace> = Vec::new();
    let mut known: HashMap<(Addr, u16, Addr, u16), (usize, Direction)> = HashMap::new();
    while let Some(packet) = reader.next_packet() {
        let packet = packet.expect("a packet");
        // Only headers were kept; the payload's length counts, not its bytes.
        let mut frame = packet.data.to_vec();
        frame.resize(packet.orig_len as usize, 0);
        let network = parse(&frame).expect("a frame").network.expect("IP");
        let L4::Tcp { sport, dport, .. } = network.l4 else { panic!("not TCP in {name}") };
        let segment = Segment::read(&frame, &network).expect("a segment");
        let key = (network.src, sport, network.dst, dport);
        let (index, direction) = *known.entry(key).or_insert_with(|| {
            traces.push(Vec::new());
            (traces.len() - 1, Direction::Initial)
        });
        known.insert((network.dst, dport, network.src, sport), (index, direction.other()));
        traces[index].push((direction, segment));
    }
    assert!(!traces.is_empty(), "{name} is empty");
    traces
}
