//! The compiled program: flattened, immutable rules in content-hashed chunks, and their wire form.
//!
//! Place: what `compile` makes, the contract carries and a backend's control thread turns into
//! lookup structures. Holds rules, never indexes: a chunk is small to hash, send and compare.

mod alg;
mod chunk;
mod digest;
mod filter;
mod firewall;
mod flow;
mod interface;
mod live;
mod mirror;
mod nat;
mod policy;
mod pool;
mod ranges;
mod screen;
mod wire;
mod zone;

pub use alg::{Algs, DnsAlg, FtpAlg};
pub use chunk::{Chunk, ChunkKey, HashedChunk, Manifest, Program};
pub use digest::Digest;
pub use filter::{PortRange, Service};
pub use firewall::{
    Direction, FilterAttachment, Firewall, FirewallFilter, FirewallTerm, Place, PolicerInstance,
};
pub use flow::{
    Aging, CutOff, EarlyAging, FlowSettings, FragmentSettings, PiecesMax, RefusedAddresses, Rematch, Strays,
    SynCheck, TcpSettings, TimeWait,
};
pub use interface::{Interface, InterfaceAddress, Interfaces, Port, RoutingInstance};
pub use live::{Live, PolicyTcp};
pub use mirror::{
    MIRROR_FILTERS_MAX, Mirror, MirrorFilter, MirrorOutput, MirrorOutputs, MirrorSource, MirrorTo, Mirrors,
};
pub use nat::{
    DestinationAction, DestinationNat, DestinationPool, DestinationRule, DestinationRuleSet, NatContext,
    NatMatch, NatTuple, SourceAction, SourceNat, SourceRule, SourceRuleSet, StaticNat, StaticRule,
    StaticRuleSet, StaticTarget,
};
pub use policy::{
    Action, AddressMatch, Application, Gateway, IcmpMatch, LogWhen, Policy, PolicySection, Prefix,
    Translated, WildcardAddress, ZoneMatch,
};
pub use pool::{SourcePool, SourcePools};
pub use ranges::{Ranges, RangesIter};
pub use ravelin_mem::{List, Text};
pub use screen::{
    Aggregation, Allowance, Screen, ScreenDirection, ScreenProfile, ScreenSet, Screens, SideLimits, Sweeps,
    SynFlood, SynProtection, SynWhiteList, UdpFlood, UserDefined, WhiteList,
};
pub use wire::{WireError, proto};
pub use zone::{HostInbound, Tracking, Zone, Zones};
