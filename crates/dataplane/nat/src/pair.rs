//! Hosts that have one external address for all their sessions.
//!
//! Junos: `address-pooling paired`. Place: one of the ways in which a pool chooses an address. State: a host of the
//! table while it has sessions. Spec: nat-pool-16, nat-pool-45.

use crate::config::PoolId;
use crate::host::{Host, HostKey, HostKind};
use crate::lease::{Kind, Recipe, Refusal, Request};
use crate::pool::{Pool, Tables};
use crate::space::Want;
use crate::table::NONE;
use crate::told::{BindingEvent, LeaseEvent};

impl Tables {
    /// A host of a pool has an external address of its own, or has no more.
    pub(crate) fn tell_pair(&mut self, host: &Host, made: bool) {
        self.told.tell(LeaseEvent::Binding(BindingEvent {
            made,
            pool: Some(PoolId(host.key.pool)),
            proto: None,
            family: host.key.family,
            token: host.key.token,
            internal: (host.key.addr, 0),
            external_family: host.family,
            external: (host.external, 0),
        }));
    }
}

impl Pool {
    pub(crate) fn paired(
        &mut self,
        tables: &mut Tables,
        request: &Request,
        want: &Want,
    ) -> Result<Recipe, Refusal> {
        let key = self.host_key(request, HostKind::Paired);
        let (slot, at, grant) = match tables.hosts.find(&key) {
            Some(slot) => {
                let space = tables.hosts.get(slot).map_or(NONE, |host| host.space);
                let grant = tables.spaces.lease(space, want).map_err(|_| Refusal::PairedAddressExhausted)?;
                (slot, self.number_of(tables, space), grant)
            }
            None if tables.hosts.is_full() => return Err(Refusal::HostsFull),
            None => {
                let start = self.hashed(tables, request, 128);
                let (at, grant) = self.any_address(tables, want, start).ok_or(Refusal::PortsExhausted)?;
                let slot = self.pair(tables, key, at)?;
                (slot, at, grant)
            }
        };
        if let Some(host) = tables.hosts.get_mut(slot) {
            host.refs += 1;
        }
        let mut recipe = self.recipe(tables, at, grant, want.class);
        recipe.lease.holder = slot;
        recipe.lease.kind = Kind::Paired;
        Ok(recipe)
    }

    /// Pairs a host with an address.
    fn pair(&self, tables: &mut Tables, key: HostKey, at: u32) -> Result<u32, Refusal> {
        let host = || Host::new(key, (self.spec.family, self.address(at)), self.spaces[at as usize]);
        let slot = tables.hosts.insert(host()).ok_or(Refusal::HostsFull)?;
        tables.tell_pair(&host(), true);
        Ok(slot)
    }

    pub(crate) fn paired_without_port(
        &self,
        tables: &mut Tables,
        request: &Request,
    ) -> Result<Recipe, Refusal> {
        let key = self.host_key(request, HostKind::Paired);
        let slot = match tables.hosts.find(&key) {
            Some(slot) => slot,
            None => {
                let at = self.hashed(tables, request, 128);
                self.pair(tables, key, at)?
            }
        };
        self.with_host(tables, request, slot)
    }
}
