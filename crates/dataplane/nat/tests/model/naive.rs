//! The naive model: a list of live sessions and sets made from it, nothing clever.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ravelin_nat::{BindingEvent, BlockChange, BlockEvent, Lease, LeaseEvent, PortClass};
use ravelin_types::{Addr, Proto};

/// The internal end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    pub host: Addr,
    pub sport: Option<u16>,
    pub proto: u8,
}

/// A session that has a lease.
#[derive(Debug)]
pub struct Session {
    pub worker: usize,
    pub via: u8,
    pub pool: Option<u16>,
    pub endpoint: Endpoint,
    pub remote: (Addr, u16),
    pub external: Addr,
    /// The port that others see, chosen or kept.
    pub port: Option<u16>,
    pub chosen: bool,
    pub mapped: bool,
    /// Most sessions its port may have.
    pub factor: u8,
    pub lease: Lease,
    /// Commits seen when it was made.
    pub epoch: u32,
}

/// A persistent mapping as it should be.
#[derive(Clone, Copy, Debug)]
pub struct Mapped {
    pub external: Addr,
    pub port: u16,
    pub sessions: u32,
    pub idle_since: u64,
    /// A commit came between: it may be gone, or not.
    pub unsure: bool,
    pub worker: usize,
}

#[derive(Debug, Default)]
pub struct Model {
    pub sessions: Vec<Session>,
    pub mappings: HashMap<(u8, Endpoint), Mapped>,
    /// Blocks by what was told of them: address and first port to host and last port.
    pub blocks: BTreeMap<(Addr, u16), (Addr, u16)>,
    /// External ends that are kept by what was told of them.
    pub bindings: Vec<BindingEvent>,
}

impl Model {
    /// What may not be true of a new session beside those that are live.
    pub fn judge(&self, new: &Session) {
        let Some(port) = new.port else { return };
        let class = PortClass::of(Proto(new.endpoint.proto));
        let same_place = |other: &&Session| {
            other.external == new.external
                && other.port == Some(port)
                && PortClass::of(Proto(other.endpoint.proto)) == class
        };
        let beside: Vec<_> = self.sessions.iter().filter(same_place).collect();
        for other in &beside {
            let one_endpoint = other.endpoint == new.endpoint && (other.mapped || !other.chosen);
            let overloaded = new.factor > 1 && other.factor > 1 && !new.mapped && !other.mapped;
            let remotes_differ = other.remote != new.remote;
            assert!(one_endpoint || overloaded && remotes_differ, "{new:?} beside {other:?}");
        }
        if new.factor > 1 && !new.mapped {
            assert!(beside.len() < usize::from(new.factor), "{new:?} is one too many");
        }
        let idle_mapping = self.mappings.iter().find(|((_, endpoint), mapping)| {
            let place = (mapping.external, mapping.port) == (new.external, port);
            place
                && !mapping.unsure
                && PortClass::of(Proto(endpoint.proto)) == class
                && *endpoint != new.endpoint
        });
        assert!(idle_mapping.is_none(), "{new:?} has the port of {idle_mapping:?}");
    }

    /// Ports of an address and class that sessions or mappings may have.
    pub fn taken(&self, external: Addr, class: PortClass) -> BTreeSet<u16> {
        let of_class = |proto| PortClass::of(Proto(proto)) == Some(class);
        let by_session =
            self.sessions.iter().filter(|s| s.external == external && of_class(s.endpoint.proto));
        let by_mapping = self
            .mappings
            .iter()
            .filter(|((_, e), m)| m.external == external && of_class(e.proto))
            .map(|(_, m)| m.port);
        by_session.filter_map(|s| s.port).chain(by_mapping).collect()
    }

    /// Follows what is told.
    pub fn hear(&mut self, event: &LeaseEvent) {
        match event {
            LeaseEvent::Block(event) => self.hear_block(event),
            LeaseEvent::Binding(event) => self.hear_binding(event),
        }
    }

    /// What ends was made before, and ends once.
    fn hear_binding(&mut self, event: &BindingEvent) {
        if event.made {
            return self.bindings.push(*event);
        }
        let made = BindingEvent { made: true, ..*event };
        let at = self.bindings.iter().position(|known| *known == made);
        self.bindings.swap_remove(at.unwrap_or_else(|| panic!("{event:?} ends what was not made")));
    }

    /// None overlaps another that is live.
    fn hear_block(&mut self, event: &BlockEvent) {
        let (place, held) = ((event.external, event.low), (event.host, event.high));
        match event.change {
            BlockChange::Allocated => {
                let mut others = self.blocks.iter().filter(|((addr, _), _)| *addr == event.external);
                let overlap = others.find(|((_, low), (_, high))| *low <= event.high && event.low <= *high);
                assert!(overlap.is_none(), "{event:?} overlaps {overlap:?}");
                self.blocks.insert(place, held);
            }
            BlockChange::Released => assert_eq!(self.blocks.remove(&place), Some(held), "{event:?}"),
            BlockChange::Interim => assert_eq!(self.blocks.get(&place), Some(&held), "{event:?}"),
        }
    }

    /// Whether a host has a block with this port.
    pub fn in_block(&self, host: Addr, external: Addr, port: u16) -> bool {
        let below = self.blocks.range((external, 0)..=(external, port)).next_back();
        below.is_some_and(|(_, (owner, high))| *owner == host && port <= *high)
    }
}
