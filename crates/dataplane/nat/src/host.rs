//! Internal hosts that a pool keeps something for: a pairing, an address of their own, blocks of ports.
//!
//! State: a bounded table with a count of live sessions a host. A host is forgotten with its last session
//! or block. One whose external address left the pool is unlinked: its sessions go on, new ones begin anew.

use ravelin_types::{Addr, Family};

use crate::table::{self, Index, NONE, Slab};

/// What is kept; a pool that changes its mode starts with hosts of the new kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum HostKind {
    Paired,
    Address,
    Blocks,
    /// A port that one endpoint of the host keeps for all its sessions.
    Endpoint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HostKey {
    pub pool: u16,
    pub kind: HostKind,
    pub family: Family,
    pub token: u32,
    pub addr: Addr,
    /// Class and port of an endpoint, else 0.
    pub endpoint: u32,
}

#[derive(Debug)]
pub(crate) struct Host {
    pub key: HostKey,
    pub linked: bool,
    pub refs: u32,
    pub family: Family,
    pub external: Addr,
    pub space: u32,
    /// The newest block; older ones follow it.
    pub blocks: u32,
    pub block_count: u16,
}

impl Host {
    /// A host with an external address.
    pub(crate) const fn new(key: HostKey, (family, external): (Family, Addr), space: u32) -> Self {
        Self { key, linked: true, refs: 0, family, external, space, blocks: NONE, block_count: 0 }
    }
}

#[derive(Debug)]
pub(crate) struct Hosts {
    slab: Slab<Host>,
    index: Index,
    key: (u64, u64),
}

impl Hosts {
    pub(crate) fn new(capacity: usize, key: (u64, u64)) -> Self {
        Self { slab: Slab::new(capacity), index: Index::new(capacity), key }
    }

    pub(crate) fn find(&self, key: &HostKey) -> Option<u32> {
        self.index.find(self.hash(key), |slot| self.slab.get(slot).is_some_and(|host| host.key == *key))
    }

    pub(crate) fn insert(&mut self, host: Host) -> Option<u32> {
        let hash = self.hash(&host.key);
        let slot = self.slab.insert(host)?;
        self.index.insert(hash, slot);
        Some(slot)
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&Host> {
        self.slab.get(slot)
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Host> {
        self.slab.get_mut(slot)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.slab.is_full()
    }

    pub(crate) fn horizon(&self) -> u32 {
        self.slab.horizon()
    }

    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Host)> {
        self.slab.iter()
    }

    /// Lets sessions end with what they have while new ones find nothing.
    pub(crate) fn unlink(&mut self, slot: u32) {
        let Some(host) = self.slab.get_mut(slot) else { return };
        if std::mem::take(&mut host.linked) {
            let hash = table::hash(self.key, &words(&host.key));
            self.index.remove(hash, slot);
        }
    }

    /// One session less; the host when it was the last thing kept.
    pub(crate) fn unref(&mut self, slot: u32) -> Option<Host> {
        let host = self.slab.get_mut(slot)?;
        host.refs = host.refs.saturating_sub(1);
        self.forget_idle(slot)
    }

    /// Forgets a host without sessions and blocks.
    pub(crate) fn forget_idle(&mut self, slot: u32) -> Option<Host> {
        let host = self.slab.get(slot)?;
        if host.refs > 0 || host.block_count > 0 {
            return None;
        }
        self.unlink(slot);
        self.slab.remove(slot)
    }

    fn hash(&self, key: &HostKey) -> u64 {
        table::hash(self.key, &words(key))
    }
}

fn words(key: &HostKey) -> [u64; 4] {
    let HostKey { pool, kind, family, token, addr, endpoint } = *key;
    let [high, low] = table::halves(addr);
    let tag = u64::from(pool) << 16 | (kind as u64) << 8 | family as u64;
    [high, low, tag, u64::from(endpoint) << 32 | u64::from(token)]
}
