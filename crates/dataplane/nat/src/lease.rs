//! The words of a lease: what is asked, what is given, what must come back, and why not.

use ravelin_types::{Addr, Family, Instant, Proto};

use crate::affinity::{Affinity, StubAt};
use crate::config::{Overflow, PoolId};
use crate::persistent::PersistentRule;
use crate::table::NONE;

/// DCCP and UDP-Lite (IANA "Protocol Numbers"): their ports stand where those of UDP do.
const DCCP: Proto = Proto(33);
const UDP_LITE: Proto = Proto(136);

/// Protocols that share one set of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum PortClass {
    Tcp,
    Udp,
    /// Identifiers of ICMP and ICMPv6 echo.
    Icmp,
    /// SCTP, DCCP and UDP-Lite together: rare, so one set keeps them apart well enough.
    Other,
}

impl PortClass {
    pub const ALL: [Self; 4] = [Self::Tcp, Self::Udp, Self::Icmp, Self::Other];

    /// The class of a protocol whose port or identifier can be changed.
    #[must_use]
    pub const fn of(proto: Proto) -> Option<Self> {
        match proto {
            Proto::TCP => Some(Self::Tcp),
            Proto::UDP => Some(Self::Udp),
            Proto::ICMP | Proto::ICMPV6 => Some(Self::Icmp),
            Proto::SCTP | DCCP | UDP_LITE => Some(Self::Other),
            _ => None,
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// Where a rule takes the external address from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The egress unit's address.
    Interface(Addr),
    Pool(PoolId),
}

/// A session that wants a translated source.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    pub action: Action,
    /// Family of the external side.
    pub family: Family,
    pub proto: Proto,
    /// The internal host, its family and the routing instance (or zone) it is in.
    pub source: Addr,
    pub source_family: Family,
    pub token: u32,
    /// The source port or echo identifier; `None` for packets without one.
    pub sport: Option<u16>,
    /// The other end, as the external side sees it; port 0 where there is none.
    pub remote: (Addr, u16),
    /// Of the rule, when it says `persistent-nat`.
    pub persistent: Option<PersistentRule>,
    /// The egress unit's address, for `overflow-pool interface`.
    pub egress: Option<Addr>,
}

impl Overflow {
    /// Where a session goes that found no address. `None`: it has no port, or the unit has no address.
    #[must_use]
    pub fn action(self, request: &Request) -> Option<Action> {
        let action = match self {
            Self::Pool(id) => Some(Action::Pool(id)),
            Self::Interface => request.egress.map(Action::Interface),
        };
        action.filter(|_| request.class().is_some())
    }
}

impl Request {
    /// The ports it takes part in, when it has a port to change.
    pub(crate) fn class(&self) -> Option<PortClass> {
        self.sport.and(PortClass::of(self.proto))
    }
}

/// A token of requests, and what stands for it on every node: a hash of its instance's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Realm {
    pub token: u32,
    pub name: u64,
}

/// What a session gets.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub struct Recipe {
    pub addr: Addr,
    /// The external port or identifier; `None`: the packet keeps what it has.
    pub port: Option<u16>,
    /// The pool it came from, which is another than asked for after overflow; `None`: an interface.
    pub pool: Option<PoolId>,
    pub lease: Lease,
    /// The port that replies come to, chosen or kept.
    pub(crate) reply_port: Option<u16>,
}

impl Recipe {
    /// Where the reply needs a stub, the session being `affinity`'s worker's.
    #[must_use]
    pub fn stub(&self, affinity: &Affinity) -> Option<StubAt> {
        affinity.needs_stub(affinity.worker(), self.reply_port)
    }
}

/// What a lease holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A port.
    Port,
    /// A port, and a reference to its host's pairing.
    Paired,
    /// A port of a host's block.
    Block,
    /// A reference to a host's own address.
    Address,
    /// A reference to a host's endpoint, whose port goes back with the last.
    Endpoint,
    /// A reference to a persistent mapping.
    Mapping,
    /// Nothing but its place in the pool's count.
    Counted,
}

const KINDS: [Kind; 7] =
    [Kind::Port, Kind::Paired, Kind::Block, Kind::Address, Kind::Endpoint, Kind::Mapping, Kind::Counted];

/// What a session must give back, once: it can't be copied, and giving it back consumes it.
#[must_use = "a lease that is not released is never leased again"]
#[derive(Debug, PartialEq, Eq)]
pub struct Lease {
    pub(crate) space: u32,
    /// Host, block or mapping.
    pub(crate) holder: u32,
    pub(crate) port: u16,
    pub(crate) pool: u16,
    pub(crate) layer: u8,
    pub(crate) factor: u8,
    pub(crate) class: PortClass,
    pub(crate) kind: Kind,
}

const _: () = assert!(size_of::<Lease>() == 16 && size_of::<Option<Lease>>() == 16);

impl Lease {
    /// The number of the interface's leases, which belong to no pool.
    pub(crate) const NO_POOL: u16 = u16::MAX;

    pub(crate) const fn counted(pool: u16) -> Self {
        Self {
            space: NONE,
            holder: NONE,
            port: 0,
            pool,
            layer: 0,
            factor: 1,
            class: PortClass::Other,
            kind: Kind::Counted,
        }
    }

    /// The lease as two words, for a record that must stay plain. Whoever keeps the words has the duty to
    /// turn them back by [`Lease::unpark`] once and no more; an allocator counts what comes twice.
    #[must_use]
    pub fn park(self) -> [u64; 2] {
        let Self { space, holder, port, pool, layer, factor, class, kind } = self;
        let high = u64::from(port) << 48 | u64::from(pool) << 32;
        let low = u64::from(layer) << 24 | u64::from(factor) << 16 | (class as u64) << 8 | kind as u64;
        [u64::from(space) << 32 | u64::from(holder), high | low]
    }

    /// A parked lease; `None` when the words are none.
    #[must_use]
    pub fn unpark([ids, rest]: [u64; 2]) -> Option<Self> {
        Some(Self {
            space: (ids >> 32) as u32,
            holder: ids as u32,
            port: (rest >> 48) as u16,
            pool: (rest >> 32) as u16,
            layer: (rest >> 24) as u8,
            factor: (rest >> 16) as u8,
            class: *PortClass::ALL.get((rest >> 8) as usize & 0xff)?,
            kind: *KINDS.get(rest as usize & 0xff)?,
        })
    }

    /// The pool it is of; `None`: of an interface.
    #[must_use]
    pub const fn pool(&self) -> Option<PoolId> {
        if self.pool == Self::NO_POOL { None } else { Some(PoolId(self.pool)) }
    }

    /// Sessions with different numbers here never meet on one port; 0 without overloading.
    #[must_use]
    pub const fn layer(&self) -> u8 {
        self.layer
    }
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident $text:literal)*) => {
        /// Why nothing was leased. The packet is dropped; nothing is sent untranslated.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Refusal { $($(#[$doc])* $name,)* }

        impl Refusal {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            pub const COUNT: usize = Self::ALL.len();

            /// The name in counters.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

refusals! {
    /// No such pool, or one that `check` found fault with.
    PoolUnusable "pool-unusable"
    /// The pool has addresses of the other family.
    WrongFamily "wrong-family"
    /// The address is no interface's that NAT was told of.
    InterfaceUnknown "interface-unknown"
    /// Another worker decides for this host or pool: see `place`.
    WrongWorker "wrong-worker"
    /// Every port that the session may have is taken.
    PortsExhausted "ports-exhausted"
    /// The one address of this host has no port left.
    PairedAddressExhausted "paired-address-exhausted"
    /// Every address of a pool without port translation is another host's.
    AddressesExhausted "addresses-exhausted"
    /// No block of ports is left.
    BlocksExhausted "blocks-exhausted"
    /// The host has its maximum of blocks and all are full.
    HostBlocksFull "host-blocks-full"
    /// The source is none of the hosts that the pool translates.
    HostOutside "host-outside"
    /// A session without ports in a pool that gives out blocks of them.
    NoPorts "no-ports"
    /// The port that must be kept is another session's.
    PortTaken "port-taken"
    /// The table of hosts is full.
    HostsFull "hosts-full"
    /// The table of blocks is full.
    BlockTableFull "block-table-full"
    /// The table of persistent mappings is full.
    MappingsFull "mappings-full"
    /// The mapping has its maximum of sessions.
    MappingSessionsFull "mapping-sessions-full"
    /// No mapping has this external address and port.
    NoMapping "no-mapping"
    /// The mapping lets in no packet from this remote end.
    NotPermitted "not-permitted"
    /// The address serves another kind of pool since the commit and waits for the leases of the old one.
    Draining "draining"
}

/// What every step of one decision has in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    pub now: Instant,
    /// One random number: low half where to begin, high half which bit and which address.
    pub dice: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_survives_being_parked() {
        for (kind, class) in KINDS.into_iter().zip(PortClass::ALL.into_iter().cycle()) {
            let lease = || Lease {
                space: 0xfff0_0001,
                holder: 0x8000_0002,
                port: 0xabcd,
                pool: 0x1234,
                layer: 31,
                factor: 32,
                class,
                kind,
            };
            assert_eq!(Lease::unpark(lease().park()), Some(lease()));
        }
        assert_eq!(Lease::unpark([0, 0xff]), None);
        assert_eq!(Lease::unpark([0, 0x0400]), None);
    }

    #[test]
    fn classes_are_those_of_protocols_with_ports() {
        let with_ports = (0..=255).filter(|n| PortClass::of(Proto(*n)).is_some()).collect::<Vec<_>>();
        assert_eq!(with_ports, [1, 6, 17, 33, 58, 132, 136]);
    }

    #[test]
    fn refusals_have_names_of_their_own() {
        let names: std::collections::HashSet<_> = Refusal::ALL.iter().map(|r| r.name()).collect();
        assert_eq!(names.len(), Refusal::COUNT);
    }
}
