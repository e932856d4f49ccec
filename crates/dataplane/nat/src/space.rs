//! The ports of external addresses: one space an address, whoever leases from it.
//!
//! Pools that overlap, and interface and pool mode on one address, share the address's space, so that none
//! gives what another gave. A space has one bitmap a protocol class and layer. Without overloading there is
//! one layer. With `port-overloading-factor` N a session goes to layer `hash(remote) % N`: sessions that
//! share a port are in different layers, so their remotes differ, and no table of remotes is needed.
//! State: bitmaps and live counts. Spec: nat-pool-2..9.

use ravelin_types::{Addr, Family};

use crate::affinity::Region;
use crate::config::{OVERLOAD_MAX, Selection};
use crate::lease::PortClass;
use crate::ports::{Parity, Pick, UnitId, Units};
use crate::table::{self, Index, NONE};

const CLASSES: usize = PortClass::ALL.len();
const FACTORS: usize = OVERLOAD_MAX as usize + 1;

/// Who may lease from an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Every worker, each from its own ports.
    Partitioned,
    /// The home of the host, any port of the host's.
    Home,
}

/// An address as a program wants it.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub family: Family,
    pub addr: Addr,
    pub factor: u8,
    pub sharing: Sharing,
}

/// Ports that nobody leases: destination NAT and the firewall's own services use them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Withhold {
    pub class: PortClass,
    pub low: u16,
    pub high: u16,
}

#[derive(Debug)]
struct Space {
    family: Family,
    addr: Addr,
    adopted: bool,
    sharing: Sharing,
    factor: u8,
    /// By layer, then class.
    units: Vec<UnitId>,
    withheld: [Option<UnitId>; CLASSES],
    cursor: [u16; CLASSES],
    live: u32,
    /// Live leases by the factor they were made under.
    by_factor: [u32; FACTORS],
    /// Live leases made under the other sharing; while there are any, nothing is leased.
    foreign: u32,
    /// Pools that have the address, and its number there.
    members: Vec<(u16, u32)>,
}

/// What a session may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Want {
    pub class: PortClass,
    pub region: Region,
    pub parity: Parity,
    pub selection: Selection,
    pub dice: u64,
    pub layers: Layers,
}

/// Which of an address's layers a session takes its port in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layers {
    /// The one of its remote end, by this hash.
    OfRemote(u64),
    /// All: nobody else has the port, whatever the remote.
    All,
}

/// The layer of a grant that has them all.
const ALL_LAYERS: u8 = u8::MAX;

/// A port given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub port: u16,
    pub layer: u8,
    pub factor: u8,
}

/// Why a space gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoPort {
    Exhausted,
    Draining,
}

/// The units that must be free for a port to be free.
struct Overlay {
    ids: [UnitId; FACTORS + 1],
    len: usize,
}

/// Every external address of a worker.
#[derive(Debug)]
pub(crate) struct Spaces {
    pub(crate) units: Units,
    spaces: Vec<Option<Space>>,
    vacant: Vec<u32>,
    index: Index,
    key: (u64, u64),
}

impl Spaces {
    pub(crate) fn new(key: (u64, u64)) -> Self {
        Self { units: Units::default(), spaces: Vec::new(), vacant: Vec::new(), index: Index::new(0), key }
    }

    /// The space of an address that the running program has.
    pub(crate) fn find(&self, family: Family, addr: Addr) -> Option<u32> {
        let id = self.lookup(family, addr)?;
        self.space(id).filter(|space| space.adopted).map(|_| id)
    }

    fn lookup(&self, family: Family, addr: Addr) -> Option<u32> {
        let same = |id| self.space(id).is_some_and(|s| s.family == family && s.addr == addr);
        self.index.find(hash_of(self.key, family, addr), same)
    }

    fn space(&self, id: u32) -> Option<&Space> {
        self.spaces.get(id as usize)?.as_ref()
    }

    pub(crate) fn place(&self, id: u32) -> Option<(Family, Addr)> {
        self.space(id).map(|space| (space.family, space.addr))
    }

    /// How many ports of a run are taken, each counted in every layer that it is taken in.
    pub(crate) fn taken_in(&self, id: u32, class: PortClass, low: u16, high: u16) -> u32 {
        let units = self.space(id).into_iter().flat_map(|space| &space.units);
        let of_class = units.skip(class.index()).step_by(CLASSES);
        of_class.map(|unit| self.units.taken_in(*unit, low, high)).sum()
    }

    pub(crate) fn addr(&self, id: u32) -> Option<Addr> {
        self.space(id).map(|space| space.addr)
    }

    /// Whether the running program has the address.
    pub(crate) fn is_adopted(&self, id: u32) -> bool {
        self.space(id).is_some_and(|space| space.adopted)
    }

    /// The pools that an address is in, with its number there.
    pub(crate) fn members(&self, id: u32) -> &[(u16, u32)] {
        self.space(id).map_or(&[], |space| &space.members)
    }

    pub(crate) fn lease(&mut self, id: u32, want: &Want) -> Result<Grant, NoPort> {
        let space = self.spaces.get_mut(id as usize).and_then(Option::as_mut).ok_or(NoPort::Draining)?;
        if space.foreign > 0 || !space.adopted {
            return Err(NoPort::Draining);
        }
        let layer = space.layer(want.layers);
        let class = want.class.index();
        let overlay = space.overlay(layer, class);
        let pick = match want.selection {
            Selection::Random => Pick::Random(want.dice),
            Selection::RoundRobin => Pick::From(space.cursor[class]),
        };
        let found = self.units.search(overlay.ids(), &want.region, want.parity, pick);
        let port = found.ok_or(NoPort::Exhausted)?;
        space.cursor[class] = port.wrapping_add(1);
        Ok(space.mark(&mut self.units, class, layer, port))
    }

    /// Leases this very port, if nobody has it.
    pub(crate) fn take(
        &mut self,
        id: u32,
        class: PortClass,
        port: u16,
        layers: Layers,
    ) -> Result<Grant, NoPort> {
        let space = self.spaces.get_mut(id as usize).and_then(Option::as_mut).ok_or(NoPort::Draining)?;
        if space.foreign > 0 || !space.adopted {
            return Err(NoPort::Draining);
        }
        let layer = space.layer(layers);
        let overlay = space.overlay(layer, class.index());
        if overlay.ids().iter().any(|unit| self.units.is_taken(*unit, port)) {
            return Err(NoPort::Exhausted);
        }
        Ok(space.mark(&mut self.units, class.index(), layer, port))
    }

    /// Gives a port back. `false`: nobody had it.
    pub(crate) fn release(&mut self, id: u32, class: PortClass, grant: Grant) -> bool {
        let Some(space) = self.spaces.get_mut(id as usize).and_then(Option::as_mut) else { return false };
        let mut had = false;
        for layer in space.layers_of(grant.layer, grant.factor) {
            let unit = space.units.get(usize::from(layer) * CLASSES + class.index());
            had |= unit.is_some_and(|unit| self.units.free(*unit, grant.port));
        }
        if !had {
            return false;
        }
        space.live -= 1;
        let made = &mut space.by_factor[usize::from(grant.factor) % FACTORS];
        *made = made.saturating_sub(1);
        space.foreign = space.foreign.saturating_sub(1);
        true
    }

    /// Whether no session has a port of this run, in any class or layer.
    pub(crate) fn is_empty(&self, id: u32, low: u16, high: u16) -> bool {
        self.space(id)
            .is_some_and(|space| space.units.iter().all(|unit| self.units.is_empty(*unit, low, high)))
    }

    /// Numbers of spaces ever used.
    pub(crate) fn horizon(&self) -> usize {
        self.spaces.len()
    }

    /// Live leases of all addresses.
    pub(crate) fn live(&self) -> u64 {
        self.spaces.iter().flatten().map(|space| u64::from(space.live)).sum()
    }

    /// Addresses with a space, the drained ones of old programs included.
    pub(crate) fn len(&self) -> usize {
        self.spaces.len() - self.vacant.len()
    }

    /// Takes a new program's addresses: those that stay keep their leases, those that are gone are kept
    /// until the last of theirs is back.
    pub(crate) fn adopt(&mut self, wanted: &[Wanted], withheld: impl Fn(&Wanted) -> Vec<Withhold>) {
        for space in self.spaces.iter_mut().flatten() {
            space.adopted = false;
            space.members.clear();
        }
        self.reindex(self.spaces.len() + wanted.len());
        for want in wanted {
            let id = self.lookup(want.family, want.addr).unwrap_or_else(|| self.make(want));
            self.refit(id, want, &withheld(want));
        }
        for id in 0..self.spaces.len() as u32 {
            self.forget_drained(id);
        }
    }

    pub(crate) fn join(&mut self, id: u32, pool: u16, number: u32) {
        if let Some(space) = self.spaces.get_mut(id as usize).and_then(Option::as_mut) {
            space.members.push((pool, number));
        }
    }

    fn reindex(&mut self, room: usize) {
        self.index = Index::new(room);
        for (id, space) in self.spaces.iter().enumerate() {
            if let Some(space) = space {
                self.index.insert(hash_of(self.key, space.family, space.addr), id as u32);
            }
        }
    }

    fn make(&mut self, want: &Wanted) -> u32 {
        let space = Space {
            family: want.family,
            addr: want.addr,
            adopted: true,
            sharing: want.sharing,
            factor: want.factor,
            units: Vec::new(),
            withheld: [None; CLASSES],
            cursor: [0; CLASSES],
            live: 0,
            by_factor: [0; FACTORS],
            foreign: 0,
            members: Vec::new(),
        };
        let id = match self.vacant.pop() {
            Some(id) => {
                self.spaces[id as usize] = Some(space);
                id
            }
            None => {
                self.spaces.push(Some(space));
                self.spaces.len() as u32 - 1
            }
        };
        debug_assert!(id != NONE);
        self.index.insert(hash_of(self.key, want.family, want.addr), id);
        id
    }

    fn refit(&mut self, id: u32, want: &Wanted, withheld: &[Withhold]) {
        let Some(space) = self.spaces.get_mut(id as usize).and_then(Option::as_mut) else { return };
        space.adopted = true;
        if space.sharing != want.sharing {
            space.sharing = want.sharing;
            space.foreign = space.live;
        }
        space.factor = want.factor.clamp(1, OVERLOAD_MAX);
        let layers = usize::from(space.factor);
        if space.live == 0 && space.units.len() > layers * CLASSES {
            space.units.drain(layers * CLASSES..).for_each(|unit| self.units.give_back(unit));
        }
        while space.units.len() < layers * CLASSES {
            space.units.push(self.units.make());
        }
        for unit in space.withheld.iter_mut().filter_map(Option::take) {
            self.units.give_back(unit);
        }
        for range in withheld {
            let unit = *space.withheld[range.class.index()].get_or_insert_with(|| self.units.make());
            (range.low..=range.high).for_each(|port| {
                self.units.take(unit, port);
            });
        }
    }

    fn forget_drained(&mut self, id: u32) {
        let slot = &mut self.spaces[id as usize];
        if let Some(space) = slot.take_if(|space| !space.adopted && space.live == 0) {
            let withheld = space.withheld.into_iter().flatten();
            space.units.into_iter().chain(withheld).for_each(|unit| self.units.give_back(unit));
            self.index.remove(hash_of(self.key, space.family, space.addr), id);
            self.vacant.push(id);
        }
    }
}

impl Space {
    fn unit(&self, layer: u8, class: usize) -> UnitId {
        self.units[usize::from(layer) * CLASSES + class]
    }

    /// A layer alone, as long as every live lease was made under the factor of today; else all of them.
    fn overlay(&self, layer: u8, class: usize) -> Overlay {
        let mut overlay = Overlay { ids: [0; FACTORS + 1], len: 0 };
        if layer != ALL_LAYERS && self.by_factor[usize::from(self.factor)] == self.live {
            overlay.add(self.unit(layer, class));
        } else {
            self.units.iter().skip(class).step_by(CLASSES).for_each(|unit| overlay.add(*unit));
        }
        if let Some(unit) = self.withheld[class] {
            overlay.add(unit);
        }
        overlay
    }

    fn layer(&self, layers: Layers) -> u8 {
        match layers {
            Layers::OfRemote(hash) => (hash % u64::from(self.factor)) as u8,
            Layers::All if self.factor == 1 => 0,
            Layers::All => ALL_LAYERS,
        }
    }

    /// The layers of a grant made under a factor.
    fn layers_of(&self, layer: u8, factor: u8) -> std::ops::Range<u8> {
        if layer == ALL_LAYERS { 0..factor } else { layer..layer + 1 }
    }

    fn mark(&mut self, units: &mut Units, class: usize, layer: u8, port: u16) -> Grant {
        for layer in self.layers_of(layer, self.factor) {
            units.take(self.unit(layer, class), port);
        }
        self.live += 1;
        self.by_factor[usize::from(self.factor)] += 1;
        Grant { port, layer, factor: self.factor }
    }
}

impl Overlay {
    fn add(&mut self, unit: UnitId) {
        self.ids[self.len] = unit;
        self.len += 1;
    }

    fn ids(&self) -> &[UnitId] {
        &self.ids[..self.len]
    }
}

fn hash_of(key: (u64, u64), family: Family, addr: Addr) -> u64 {
    let [high, low] = table::halves(addr);
    table::hash(key, &[high, low, family as u64])
}
