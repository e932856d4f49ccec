//! The server that is answered for: the way to it, and what fits through.
//!
//! State: none. Spec: screen-66, flow-48.

use ravelin_screen::cookie::{Answer, Segment};
use ravelin_types::Family;

use crate::forwarding::Path;
use crate::rules::Snapshot;
use crate::step::Flow;

/// Bytes of the network and TCP headers of a segment without options.
const HEADERS_V4: u16 = 40;
const HEADERS_V6: u16 = 60;
/// Segment sizes that every path carries (RFC 9293 3.7.1, RFC 8200 5).
const MSS_V4: u16 = 536;
const MSS_V6: u16 = 1220;

/// The way that a request goes once it is let through.
pub(super) fn way_to_server(world: &Snapshot, flow: &Flow) -> Path {
    let inward = world.rules.nat.inward((flow.unit, flow.zone), &flow.key, None);
    let instance = inward.instance(&world.rules.nat).unwrap_or_else(|| flow.routed_by());
    world.forwarding.lookup(instance, (flow.network.family, inward.key.dst()), flow.hash)
}

/// With the segment size of the way to the server. Spec: screen-66.
pub(super) fn answer_segment(world: &Snapshot, flow: &Flow, answer: &Answer) -> Segment {
    let family = flow.network.family;
    let beyond = match way_to_server(world, flow) {
        Path::Via { unit, .. } => world.rules.unit(unit),
        Path::Local(_) | Path::Discard | Path::Reject | Path::None => world.rules.unit(flow.unit),
    };
    let (headers, least) = match family {
        Family::V4 => (HEADERS_V4, MSS_V4),
        Family::V6 => (HEADERS_V6, MSS_V6),
    };
    let mtu = beyond.map(|unit| if family == Family::V4 { unit.mtu4 } else { unit.mtu6 });
    let mss = mtu.map_or(least, |mtu| mtu.saturating_sub(headers).max(least));
    answer.segment(world.rules.flow.tcp.mss.map_or(mss, |most| mss.min(most)))
}
