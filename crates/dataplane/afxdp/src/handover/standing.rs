//! A plane's standing over the conversation: the program chunk by chunk, routes in pieces.

use std::sync::Arc;

use ravelin_contract::{FabricForwarding, FabricId, LIVE_SETS_MAX, LiveUpdate, SCHEDULES_MAX, UpdateBatch};
use ravelin_engine::GroupLease;
use ravelin_plane::Standing;
use ravelin_program::{Chunk, Manifest, Program, WireError};
use ravelin_remote::{Malformed, Wire as _};
use ravelin_types::{GroupId, Instant, Mac};

use super::{
    STEP_MAX,
    channel::{Channel, ChannelError, odd},
    proto::{self, message::Step},
};

/// Routes, or neighbours, in one message.
const PIECE: usize = 16_384;
/// Chunks of one program.
const ENTRIES_MAX: usize = 1 << 17;
/// Routes of one standing, and neighbours.
const UPDATES_MAX: usize = 1 << 24;

/// Why no standing could be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum StandingError {
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error("program: {0}")]
    Program(#[from] WireError),
    #[error("routes: {0}")]
    Updates(#[from] Malformed),
    #[error("a program of {0} chunks")]
    TooLarge(usize),
    #[error("redundancy group {0}")]
    Group(u32),
    #[error("fabric {0}")]
    Fabric(u32),
    #[error("more routes or sets than there is room for")]
    TooMany,
}

pub(super) fn send(channel: &Channel, standing: &Standing) -> Result<(), ChannelError> {
    let Standing { program, updates, routing, armed, groups, fabrics } = standing;
    if let Some(program) = program {
        channel.send(Step::Program(program.manifest().to_proto()), STEP_MAX)?;
        for (_, _, chunk) in program.chunks() {
            channel.send(Step::Body(chunk.encode()), STEP_MAX)?;
        }
    }
    let mut rest = updates.clone();
    while !(rest.routes.is_empty() && rest.neighbours.is_empty() && rest.links.is_empty()) {
        let piece = UpdateBatch {
            routes: rest.routes.split_off(rest.routes.len().saturating_sub(PIECE)),
            neighbours: rest.neighbours.split_off(rest.neighbours.len().saturating_sub(PIECE)),
            links: std::mem::take(&mut rest.links),
            ..UpdateBatch::default()
        };
        channel.send(Step::Updates(piece.to_message()), STEP_MAX)?;
    }
    if let Some(live) = rest.live {
        let first = LiveUpdate { sets: Vec::new(), ..live };
        // A set came in one message, and goes in one.
        let sets = live.sets.into_iter().map(|set| LiveUpdate { sets: vec![set], ..LiveUpdate::default() });
        for live in std::iter::once(first).chain(sets) {
            let piece = UpdateBatch { live: Some(live), ..UpdateBatch::default() };
            channel.send(Step::Updates(piece.to_message()), STEP_MAX)?;
        }
    }
    let (has_program, version) = (program.is_some(), updates.version);
    let groups = groups.iter().map(lease).collect();
    let fabrics = fabrics.iter().map(fabric).collect();
    let stand = proto::Stand { routing: *routing, armed: *armed, has_program, version, groups, fabrics };
    channel.send(Step::Stand(stand), STEP_MAX)
}

fn lease(lease: &GroupLease) -> proto::GroupLease {
    let GroupLease { group, since, until } = *lease;
    proto::GroupLease { group: group.0.into(), since: since.0, until: until.0 }
}

fn read_lease(lease: proto::GroupLease) -> Result<GroupLease, StandingError> {
    let proto::GroupLease { group, since, until } = lease;
    let group = u8::try_from(group).map_err(|_| StandingError::Group(group))?;
    Ok(GroupLease { group: GroupId(group), since: Instant(since), until: Instant(until) })
}

fn fabric((fabric, to): &(FabricId, FabricForwarding)) -> proto::Fabric {
    let FabricForwarding { interface, peer_mac, local_mac } = to;
    let [peer_mac, local_mac] = [peer_mac, local_mac].map(|mac| mac.0.to_vec());
    proto::Fabric { fabric: fabric.0.into(), interface: interface.clone(), peer_mac, local_mac }
}

fn read_fabric(fabric: proto::Fabric) -> Result<(FabricId, FabricForwarding), StandingError> {
    let proto::Fabric { fabric, interface, peer_mac, local_mac } = fabric;
    let id = u8::try_from(fabric).map_err(|_| StandingError::Fabric(fabric))?;
    let mac = |bytes: Vec<u8>| <[u8; 6]>::try_from(bytes).map(Mac).map_err(|_| StandingError::Fabric(fabric));
    let to = FabricForwarding { interface, peer_mac: mac(peer_mac)?, local_mac: mac(local_mac)? };
    Ok((FabricId(id), to))
}

/// A standing whose first message is `first`.
pub(super) fn receive(channel: &Channel, first: Step) -> Result<Standing, StandingError> {
    let mut updates = UpdateBatch { resync: true, ..UpdateBatch::default() };
    let (mut program, mut step) = (None, first);
    loop {
        step = match step {
            Step::Program(manifest) => {
                program = Some(receive_program(channel, manifest)?);
                channel.receive(STEP_MAX)?
            }
            Step::Updates(message) => {
                let piece = UpdateBatch::from_message(message)?;
                updates.routes.extend(piece.routes);
                updates.neighbours.extend(piece.neighbours);
                updates.links.extend(piece.links);
                if let Some(piece) = piece.live {
                    let live = updates
                        .live
                        .get_or_insert_with(|| LiveUpdate { resync: true, ..LiveUpdate::default() });
                    live.schedules.extend(piece.schedules);
                    live.sets.extend(piece.sets);
                    if live.sets.len() > LIVE_SETS_MAX || live.schedules.len() > SCHEDULES_MAX {
                        return Err(StandingError::TooMany);
                    }
                }
                if updates.routes.len().max(updates.neighbours.len()) > UPDATES_MAX {
                    return Err(StandingError::TooMany);
                }
                channel.receive(STEP_MAX)?
            }
            Step::Stand(proto::Stand { routing, armed, has_program, version, groups, fabrics })
                if has_program == program.is_some() =>
            {
                updates.version = version;
                let groups = groups.into_iter().map(read_lease).collect::<Result<_, _>>()?;
                let fabrics = fabrics.into_iter().map(read_fabric).collect::<Result<_, _>>()?;
                return Ok(Standing { program, updates, routing, armed, groups, fabrics });
            }
            other => return Err(odd(&other, "the rest of a standing").into()),
        }
    }
}

fn receive_program(
    channel: &Channel,
    manifest: ravelin_program::proto::Manifest,
) -> Result<Program, StandingError> {
    if manifest.entries.len() > ENTRIES_MAX {
        return Err(StandingError::TooLarge(manifest.entries.len()));
    }
    let manifest = Manifest::from_proto(manifest)?;
    let mut chunks = Vec::with_capacity(manifest.entries.len());
    for (key, digest) in &manifest.entries {
        let body = match channel.receive(STEP_MAX)? {
            Step::Body(body) => body,
            other => return Err(odd(&other, "a chunk of the program").into()),
        };
        chunks.push(Arc::new(Chunk::decode(&body, key, digest)?));
    }
    Ok(Program::from_parts(&manifest, chunks))
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixStream, thread};

    use ravelin_contract::{
        LinkUpdate, LiveAddresses, LiveSetUpdate, Neighbour, NeighbourUpdate, Route, RouteUpdate,
        ScheduleUpdate,
    };
    use ravelin_types::{Generation, InstanceId, InterfaceId, LiveSetId, Mac, PortId, ScheduleId};

    use super::*;

    fn check(standing: &Standing) {
        let (one, two) = UnixStream::pair().unwrap();
        let (one, two) = (Channel::new(one).unwrap(), Channel::new(two).unwrap());
        let sent = standing.clone();
        let sender = thread::spawn(move || send(&one, &sent).unwrap());
        let first = two.receive(STEP_MAX).unwrap();
        let got = receive(&two, first).unwrap();
        sender.join().unwrap();
        let whole = |standing: &Standing| {
            let mut updates = standing.updates.clone();
            updates.routes.sort_by_key(|route| route.prefix);
            let program = standing.program.as_ref().map(|p| (p.manifest(), p.digest()));
            (
                program,
                updates,
                standing.routing,
                (standing.armed, standing.groups.clone(), standing.fabrics.clone()),
            )
        };
        assert_eq!(whole(&got), whole(standing));
    }

    #[test]
    fn a_standing_arrives_whole_in_pieces() {
        let route = |n: u32| RouteUpdate {
            instance: InstanceId::DEFAULT,
            prefix: ipnet::Ipv4Net::new(n.wrapping_mul(256).into(), 24).unwrap().into(),
            route: Some(Route::Local(InterfaceId(1))),
        };
        let neighbour = NeighbourUpdate {
            interface: InterfaceId(1),
            addr: "fe80::1".parse().unwrap(),
            neighbour: Neighbour::Reachable(Mac([2, 0, 0, 0, 0, 1])),
        };
        let addresses = |n: u64| LiveAddresses { v4: vec![(n as u32, 9)], v6: vec![(1, 2)] };
        let set = |n: u64| LiveSetUpdate { id: LiveSetId(n), addresses: Some(addresses(n)) };
        let updates = UpdateBatch {
            version: 7,
            resync: true,
            routes: (0..PIECE as u32 + 9).map(route).collect(),
            neighbours: vec![neighbour],
            links: vec![LinkUpdate { port: PortId(3), up: false }],
            live: Some(LiveUpdate {
                resync: true,
                schedules: vec![ScheduleUpdate { id: ScheduleId(4), open: Some(true) }],
                sets: vec![set(1), set(2)],
            }),
        };
        let lease =
            |group, until| GroupLease { group: GroupId(group), since: Instant(5), until: Instant(until) };
        let to =
            FabricForwarding { interface: "ge-0/0/7".into(), peer_mac: Mac([2; 6]), local_mac: Mac([4; 6]) };
        let fabrics = vec![(FabricId(1), to)];
        let groups = vec![lease(1, 1 << 40), lease(255, 0)];
        let names = |name: &str| (name.to_owned(), Arc::new(Chunk::ApplicationNames(vec![name.into()])));
        let program = Some(Program::new(Generation(5), [names("a"), names("b")]));
        check(&Standing { program, updates: updates.clone(), routing: 9, armed: true, groups, fabrics });
        check(&Standing {
            program: None,
            updates,
            routing: u32::MAX,
            armed: false,
            groups: Vec::new(),
            fabrics: Vec::new(),
        });
        let updates = UpdateBatch { resync: true, ..UpdateBatch::default() };
        check(&Standing {
            program: None,
            updates,
            routing: 0,
            armed: true,
            groups: Vec::new(),
            fabrics: Vec::new(),
        });
    }
}
