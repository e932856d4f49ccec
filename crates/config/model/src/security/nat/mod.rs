//! `security nat`: source, destination and static translation.

mod destination;
mod matching;
mod pool;
mod proxy;
mod source;
mod static_nat;

pub use destination::{
    DestinationNatAction, DestinationPool, DestinationRule, DestinationRuleSet, NatDestination,
};
pub use matching::{AlarmThresholds, NatContext, NatProtocol, Port, PortSpan};
pub use pool::{BlockAllocation, DeterministicPorts, PoolPort, SourcePool};
pub use proxy::{NatProxy, ProxyRange};
pub use source::{NatRule, NatRuleSet, NatSource, PersistentNat, PoolPersistentNat, SourceNatAction};
pub use static_nat::{NatStatic, StaticPrefix, StaticRule, StaticRuleSet};
