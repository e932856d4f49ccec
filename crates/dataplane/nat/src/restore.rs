//! Leases that come with their endpoint: sessions and mappings of a peer, or of before a restart.
//!
//! Place: beside `allocator`. What was another's by then is refused, never shared. Spec: nat-pool-40.

use ravelin_types::{Addr, Instant, WorkerId};

use crate::allocator::{Allocator, on_interface};
use crate::config::{Assignment, PoolMode};
use crate::host::{Host, HostKind};
use crate::lease::{Action, Kind, Lease, PortClass, Recipe, Refusal, Request};
use crate::pool::{Pool, Tables, layers, refusal};
use crate::space::Grant;
use crate::table::NONE;

impl Allocator {
    /// The lease of a session that has its external address and port already.
    ///
    /// # Errors
    /// Another has them, they are not the pool's, or another worker decides.
    pub fn restore(
        &mut self,
        request: &Request,
        external: Addr,
        port: Option<u16>,
        now: Instant,
    ) -> Result<Recipe, Refusal> {
        let result = match request.action {
            Action::Interface(addr) => self.restore_interface(request, addr, port),
            Action::Pool(id) => {
                let pool = self.pools.get_mut(usize::from(id.0)).and_then(Option::as_mut);
                let pool = pool.filter(|p| p.usable).ok_or(Refusal::PoolUnusable)?;
                pool.restore(&mut self.tables, request, (external, port), now)
            }
        };
        if let Ok(recipe) = &result {
            *self.live(&recipe.lease) += 1;
        }
        result
    }

    fn restore_interface(
        &mut self,
        request: &Request,
        addr: Addr,
        port: Option<u16>,
    ) -> Result<Recipe, Refusal> {
        let (space, ports) = self.interface(request.family, addr).ok_or(Refusal::InterfaceUnknown)?;
        let (Some(class), Some(port)) = (request.class(), port) else {
            let lease = Lease::counted(Lease::NO_POOL);
            return Ok(Recipe { addr, port: None, pool: None, lease, reply_port: None });
        };
        let layers = layers(&self.tables, request, &ports);
        let grant = self.tables.spaces.take(space, class, port, layers).map_err(refusal)?;
        Ok(on_interface(addr, space, class, grant))
    }
}

impl Allocator {
    /// The worker that restores a session's lease: the one whose the port is, or which keeps the host's. Spec: nat-pool-40.
    #[must_use]
    pub fn keeper(&self, request: &Request, port: Option<u16>) -> WorkerId {
        let translates = match request.action {
            Action::Interface(_) => true,
            Action::Pool(id) => {
                self.pool(id).is_some_and(|pool| matches!(pool.spec.mode, PoolMode::Translate(_)))
            }
        };
        match (request.persistent, request.class(), port) {
            (None, Some(_), Some(port)) if translates => self.tables.affinity.of_port(port),
            _ => self.place(request),
        }
    }
}

impl Pool {
    fn restore(
        &mut self,
        tables: &mut Tables,
        request: &Request,
        (external, port): (Addr, Option<u16>),
        now: Instant,
    ) -> Result<Recipe, Refusal> {
        let counted = Lease::counted(self.spec.id.0);
        let at = self.addresses.index_of(external).filter(|_| self.spec.family == request.family);
        let at = at.ok_or(Refusal::HostOutside)?;
        let class = request.class();
        match (&self.spec.mode, class, port) {
            (PoolMode::Shift { hosts, base }, ..) => {
                let own = request.source_family == *hosts
                    && request.source.0.checked_sub(base.0) == Some(u128::from(at));
                let recipe = self.keeping_port(request, external, counted);
                own.then_some(recipe).ok_or(Refusal::HostOutside)
            }
            (PoolMode::NoTranslation, ..) => self.restore_address(tables, request, at as u16),
            (PoolMode::Shared, Some(class), _) => {
                let port = request.sport.ok_or(Refusal::NoPorts)?;
                let recipe = self.endpoint(tables, request, (class, port), std::iter::once(at as u32))?;
                if recipe.addr == external {
                    return Ok(recipe);
                }
                tables.forget_endpoint(&recipe.lease);
                Err(Refusal::PortTaken)
            }
            (PoolMode::Blocks(..), Some(class), Some(port)) => {
                let block = self.restore_block(tables, request, (at as u32, port), now)?;
                let taken = self.take_port(tables, request, at as u32, (class, port));
                let Ok(mut recipe) = taken else {
                    tables.give_up_unused(block, now, self);
                    return taken;
                };
                tables.block_used(block);
                recipe.lease.holder = block;
                recipe.lease.kind = Kind::Block;
                Ok(recipe)
            }
            (PoolMode::Deterministic(..), Some(class), Some(port)) => {
                let plan = self.plan.as_ref().ok_or(Refusal::PoolUnusable)?;
                let own = plan.reverse(external, port) == Some((request.source_family, request.source));
                own.then_some(()).ok_or(Refusal::HostOutside)?;
                self.take_port(tables, request, at as u32, (class, port))
            }
            (PoolMode::Translate(_), Some(class), Some(port)) => {
                self.restore_port(tables, request, at as u32, (class, port))
            }
            (PoolMode::Blocks(..), ..) => Err(Refusal::NoPorts),
            (PoolMode::Translate(_) | PoolMode::Shared | PoolMode::Deterministic(..), ..) => {
                Ok(self.keeping_port(request, external, counted))
            }
        }
    }

    fn take_port(
        &self,
        tables: &mut Tables,
        request: &Request,
        at: u32,
        (class, port): (PortClass, u16),
    ) -> Result<Recipe, Refusal> {
        let all = crate::space::Layers::All;
        let layers = self.spec.mode.ports().map_or(all, |ports| layers(tables, request, ports));
        let taken = tables.spaces.take(self.spaces[at as usize], class, port, layers);
        let grant: Grant = taken.map_err(|_| Refusal::PortTaken)?;
        Ok(self.recipe(tables, at, grant, class))
    }

    /// A port, and the pairing it shows.
    fn restore_port(
        &self,
        tables: &mut Tables,
        request: &Request,
        at: u32,
        wanted: (PortClass, u16),
    ) -> Result<Recipe, Refusal> {
        let mut recipe = self.take_port(tables, request, at, wanted)?;
        if self.spec.assignment != Assignment::Paired {
            return Ok(recipe);
        }
        let key = self.host_key(request, HostKind::Paired);
        let host = match tables.hosts.find(&key) {
            Some(host) => Some(host),
            None => tables.hosts.insert(Host::new(key, (self.spec.family, recipe.addr), recipe.lease.space)),
        };
        // A session from before the pairing, or beyond the table, has its port and no pairing.
        if let Some(slot) = host
            && let Some(host) = tables.hosts.get_mut(slot)
            && host.external == recipe.addr
        {
            host.refs += 1;
            recipe.lease.holder = slot;
            recipe.lease.kind = Kind::Paired;
        }
        Ok(recipe)
    }

    fn restore_address(
        &mut self,
        tables: &mut Tables,
        request: &Request,
        at: u16,
    ) -> Result<Recipe, Refusal> {
        let key = self.host_key(request, HostKind::Address);
        let external = self.address(u32::from(at));
        let slot = match tables.hosts.find(&key) {
            Some(slot) => slot,
            None if tables.spaces.units.is_taken(self.taken, at) => return Err(Refusal::PortTaken),
            None => {
                let slot = tables
                    .hosts
                    .insert(Host::new(key, (self.spec.family, external), NONE))
                    .ok_or(Refusal::HostsFull)?;
                tables.spaces.units.take(self.taken, at);
                self.held += 1;
                slot
            }
        };
        let same = tables.hosts.get(slot).is_some_and(|host| host.external == external);
        if same { self.with_host(tables, request, slot) } else { Err(Refusal::PortTaken) }
    }
}
