//! What the engine notes on the way, for `test packet`, replay and tests.
//!
//! A type parameter of the step: in workers [`NoRecorder`], whose calls compile to nothing.

use ravelin_program::Screen;
use ravelin_types::{
    Addr, DropReason, Family, InstanceId, InterfaceId, Mac, MeterId, MirrorId, NatRuleId, PolicyId, PortId,
    SessionId, ZoneId,
};

/// One decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    Ingress {
        unit: InterfaceId,
        zone: Option<ZoneId>,
    },
    SessionHit {
        id: SessionId,
        reverse: bool,
        policy: PolicyId,
    },
    SessionMiss,
    /// A copy of the packet was made for an output.
    Mirrored {
        mirror: MirrorId,
        port: PortId,
    },
    /// What the filters of a place made of a packet, and the term that decided; `None`: the end of the list.
    Filter {
        filter: u32,
        term: Option<u16>,
        decision: ravelin_filter::Decision,
    },
    /// The policer of an interface discarded it.
    Policed {
        meter: MeterId,
    },
    /// A screen of a zone stopped the packet.
    Screen {
        zone: ZoneId,
        screen: Screen,
    },
    Rejudged {
        kept: bool,
    },
    Route {
        /// Whose routes were asked first.
        instance: InstanceId,
        family: Family,
        dst: Addr,
        unit: InterfaceId,
        next_hop: Addr,
    },
    Local {
        unit: InterfaceId,
    },
    /// Sent to the other node of a cluster: it came by this unit, or leaves by it.
    ToPeer {
        unit: InterfaceId,
    },
    RouteNone,
    Zones {
        from: ZoneId,
        to: ZoneId,
    },
    /// A policy that did not match, and the first of its conditions that failed.
    PolicyPassed {
        policy: PolicyId,
        failed: Condition,
    },
    /// So many more did not match.
    PoliciesPassed {
        more: u32,
    },
    PolicyMatch {
        policy: PolicyId,
    },
    DefaultPolicy,
    HostInbound {
        unit: InterfaceId,
        accepted: bool,
    },
    NatRule {
        rule: NatRuleId,
        off: bool,
    },
    Translated {
        family: Family,
        addr: Addr,
        port: u16,
    },
    SessionCreated {
        id: SessionId,
    },
    NextHop {
        unit: InterfaceId,
        mac: Mac,
    },
    Unresolved {
        unit: InterfaceId,
        next_hop: Addr,
        family: Family,
    },
    Answered {
        with: Answered,
    },
    Dropped(DropReason),
}

/// The condition of a policy that failed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Its scheduler is closed.
    Scheduler,
    Zones,
    Source,
    Destination,
    Application,
}

/// What the engine answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    TcpReset,
    TcpAck,
    /// In a server's place.
    TcpSynAck,
    IcmpError {
        kind: u8,
        code: u8,
    },
}

/// Takes facts.
pub trait Recorder {
    /// False: calls cost nothing, since the compiler removes them.
    const ON: bool;
    /// Policies of a section that are noted one by one when they are passed over; of the rest only their number.
    const PASSED_MAX: usize = usize::MAX;
    fn fact(&mut self, fact: Fact);
}

/// The worker's recorder: none.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRecorder;

impl Recorder for NoRecorder {
    const ON: bool = false;
    #[inline(always)]
    fn fact(&mut self, _: Fact) {}
}

/// Keeps every fact, in order.
#[derive(Clone, Debug, Default)]
pub struct Trace(pub Vec<Fact>);

impl Recorder for Trace {
    const ON: bool = true;
    fn fact(&mut self, fact: Fact) {
        self.0.push(fact);
    }
}
