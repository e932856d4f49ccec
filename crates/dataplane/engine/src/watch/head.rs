//! What is kept of a packet.

use ravelin_contract::HEAD_BYTES_MAX;
use ravelin_types::{InstanceId, Instant, InterfaceId};
use ravelin_wire::{VLAN_LEN, ethertype, parse, u16_at};

use crate::key::FlowKey;
use crate::packet::{Ingress, Packet};
use crate::rules::Snapshot;
use crate::step::Flow;

/// Where a packet came in, its tuple, and its first bytes.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    pub at: Instant,
    pub unit: Option<InterfaceId>,
    pub from_host: bool,
    pub key: Option<FlowKey>,
    /// Length of the whole frame.
    pub bytes: u32,
    kept: u8,
    head: [u8; HEAD_BYTES_MAX],
}

impl Head {
    pub(super) const EMPTY: Self = Self {
        at: Instant::ZERO,
        unit: None,
        from_host: false,
        key: None,
        bytes: 0,
        kept: 0,
        head: [0; HEAD_BYTES_MAX],
    };

    /// The first bytes.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head[..usize::from(self.kept)]
    }

    /// Of a packet as it is now; its tuple and unit as they were when `flow` was made of it.
    pub(super) fn of(world: &Snapshot, packet: &Packet<'_>, now: Instant, flow: Option<&Flow>) -> Self {
        let frame = packet.bytes();
        let kept = frame.len().min(HEAD_BYTES_MAX);
        let mut head = [0; HEAD_BYTES_MAX];
        head[..kept].copy_from_slice(&frame[..kept]);
        let from_host = matches!(packet.ingress, Ingress::Host(_));
        let (unit, key) = match flow {
            Some(flow) => (Some(flow.unit), Some(flow.key)),
            None => {
                let unit = unit_of(world, packet);
                let instance = unit.map(|unit| world.rules.instance_of(unit)).unwrap_or_default();
                (unit, key_of(frame, instance))
            }
        };
        Self { at: now, unit, from_host, key, bytes: frame.len() as u32, kept: kept as u8, head }
    }
}

fn key_of(frame: &[u8], instance: InstanceId) -> Option<FlowKey> {
    let network = parse(frame).ok()?.network?;
    Some(FlowKey::of(&network, None, instance))
}

/// The unit that a frame came by, whatever else is wrong with it.
fn unit_of(world: &Snapshot, packet: &Packet<'_>) -> Option<InterfaceId> {
    let port = match packet.ingress {
        Ingress::Host(unit) => return Some(unit),
        Ingress::Peer(from) => return Some(from.unit),
        Ingress::Port(port) => port,
    };
    let frame = packet.bytes();
    let tagged = frame.len() >= 14 + VLAN_LEN && u16_at(frame, 12) == ethertype::VLAN;
    let vlan = tagged.then(|| u16_at(frame, 14) & 0x0fff);
    world.rules.unit_of(port, vlan)
}
