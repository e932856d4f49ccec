//! Sessions: one record, two wings, one way to die.
//!
//! The table is a slab of records and an index of keyed-hash buckets. Both are allocated once; a
//! lookup touches at most two buckets whatever the traffic.

mod index;
mod table;
mod wheel;

use ravelin_contract::{Alg, Resource, ResourceRole, SessionState, SessionView, WingView};
use ravelin_program::{LogWhen, Policy, Tracking};
use ravelin_tcp::Conversation;
use ravelin_types::{InterfaceId, Mac, NatRuleId, PolicyId, Proto, SessionId, WorkerId, ZoneId};
use ravelin_wire::checksum::Delta;

use crate::alg::Gateway;
use crate::key::FlowKey;
pub(crate) use index::WingRef;
pub use table::Sessions;
pub(crate) use table::{InsertError, Ticks};
pub(crate) use wheel::{MINUTE, Visit};

/// The unit number that stands for the firewall itself.
pub(crate) const HOST_UNIT: InterfaceId = InterfaceId(u16::MAX);
/// No policy decided (self traffic, default policy).
pub const NO_POLICY: PolicyId = PolicyId(u32::MAX);
/// No NAT rule matched.
pub(crate) const NO_RULE: NatRuleId = NatRuleId(u32::MAX);
/// No other worker knows of the session.
pub(crate) const NO_WORKER: WorkerId = WorkerId(u8::MAX);
/// No application term named.
pub(crate) const NO_APPLICATION: u16 = u16::MAX;

/// One direction: the key its packets arrive with, and what to do with them.
///
/// The addresses and ports to write are those of the other wing's key turned round.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Wing {
    pub key: FlowKey,
    /// Forwarding generation at which `mac` and `egress` were looked up; 0: never.
    pub(crate) resolved_at: u32,
    pub(crate) mac: Mac,
    /// Where packets of this wing leave.
    pub(crate) egress: InterfaceId,
    /// Where they arrive.
    pub(crate) ingress: InterfaceId,
    /// Zone of `ingress`.
    pub(crate) zone: ZoneId,
    pub(crate) l3_delta: Delta,
    pub(crate) l4_delta: Delta,
}

/// A session: four cache lines, of which a packet touches three.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Session {
    pub wings: [Wing; 2],
    pub(crate) packets: [u64; 2],
    pub(crate) bytes: [u64; 2],
    pub(crate) last_seen: Ticks,
    pub(crate) timeout_s: u32,
    /// What the snapshot that judged it last was numbered (`Snapshot::judged`).
    pub(crate) generation: u32,
    pub(crate) policy: PolicyId,
    pub(crate) marks: Marks,
    pub(crate) state: Life,
    /// The worker that has a stub for its first wing, or its second when it came in by a mapping.
    pub(crate) stub_at: WorkerId,
    pub(crate) tcp: Conversation,
    /// Of its source, and of its destination.
    pub(crate) nat_rule: NatRuleId,
    pub(crate) destination_rule: NatRuleId,
    pub(crate) established_timeout_s: u32,
    pub(crate) section_hash: u64,
    pub id: SessionId,
    pub(crate) created: Ticks,
    /// Links of the ageing wheel, or of the free list.
    pub(crate) next: u32,
    pub(crate) previous: u32,
    pub(crate) application: u16,
    pub(crate) wheel_at: u16,
}

/// Whether a slot holds a session, and how far that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Life {
    Free,
    Opening,
    Established,
    Closing,
}

/// What else has to be done for a session, on its packets or at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(u16);

impl Marks {
    /// Its policy logs its close.
    pub(crate) const LOG_CLOSE: Self = Self(1);
    /// Its policy counts packets and bytes.
    pub(crate) const COUNT: Self = Self(2);
    /// It holds a lease of NAT, kept beside its slot.
    pub(crate) const LEASE: Self = Self(4);

    /// It came in by a persistent mapping.
    pub(crate) const ENTERED: Self = Self(32);
    /// The mapping is another worker's.
    pub(crate) const GUEST: Self = Self(512);
    /// Its two wings are of two families.
    pub(crate) const ACROSS: Self = Self(16);
    /// Its client has said nothing since the handshake, and is counted for it.
    pub(crate) const SILENT: Self = Self(8);

    /// The firewall made its handshakes: the numbers of its two ends differ.
    pub(crate) const SPLICED: Self = Self(256);

    /// A gateway of the application layer looks at its packets.
    pub(crate) const ALG: Self = Self(64);
    /// It was expected by another session, whose policy it goes by.
    pub(crate) const CHILD: Self = Self(128);

    /// Its policy has it reported on while it lives.
    pub(crate) const LOG_UPDATE: Self = Self(1024);
    /// Its zone has its end told of.
    pub(crate) const TRACK_CLOSE: Self = Self(16384);
    /// Its zone has told what it carries while it lives.
    pub(crate) const TRACK_UPDATE: Self = Self(32768);
    /// Somebody wants to hear of it while it lives.
    pub(crate) const REPORTED: Self = Self(Self::LOG_UPDATE.0 | Self::TRACK_UPDATE.0);
    /// What policies and zones want to know of it.
    pub(crate) const TOLD: [Self; 5] =
        [Self::LOG_CLOSE, Self::LOG_UPDATE, Self::COUNT, Self::TRACK_CLOSE, Self::TRACK_UPDATE];
    /// Only packets of its first direction keep it alive.
    pub(crate) const ONE_WAY: Self = Self(8192);
    /// Which gateway looks at its packets.
    const GATEWAY_AT: u16 = 11;
    const GATEWAY: u16 = 3 << Self::GATEWAY_AT;

    /// The gateway that looks at its packets.
    pub(crate) const fn gateway(self) -> Option<Gateway> {
        match (self.0 & Self::GATEWAY) >> Self::GATEWAY_AT {
            1 => Some(Gateway::Ftp),
            2 => Some(Gateway::Tftp),
            3 => Some(Gateway::Dns),
            _ => None,
        }
    }

    #[must_use]
    pub(crate) fn with_gateway(self, gateway: Option<Gateway>) -> Self {
        let number = match gateway {
            None => 0,
            Some(Gateway::Ftp) => 1,
            Some(Gateway::Tftp) => 2,
            Some(Gateway::Dns) => 3,
        };
        Self(self.0 & !Self::GATEWAY | number << Self::GATEWAY_AT).with(Self::ALG, gateway.is_some())
    }

    pub(crate) const fn has(self, mark: Self) -> bool {
        self.0 & mark.0 != 0
    }

    /// Whether more of its packets changes than addresses and ports.
    pub(crate) const fn changes_content(self) -> bool {
        self.0 & (Self::SPLICED.0 | Self::ALG.0) != 0
    }

    /// What the policy of a session has logged of it, as it says now. `None`: as ever, there is none to ask.
    #[must_use]
    pub(crate) fn logged(self, policy: Option<&Policy>) -> Self {
        match policy.map(|policy| policy.log) {
            None => self,
            Some(LogWhen { init: _, close, update }) => {
                self.with(Self::LOG_CLOSE, close).with(Self::LOG_UPDATE, update != 0)
            }
        }
    }

    /// What a zone that tracks its sessions has told of one that begins there.
    #[must_use]
    pub(crate) fn tracked(self, tracking: Option<Tracking>) -> Self {
        let Tracking { create: _, close, first_update, update: _ } = tracking.unwrap_or_default();
        self.with(Self::TRACK_CLOSE, close).with(Self::TRACK_UPDATE, first_update != 0)
    }

    #[must_use]
    pub(crate) fn with(self, mark: Self, set: bool) -> Self {
        if set { Self(self.0 | mark.0) } else { Self(self.0 & !mark.0) }
    }
}

const _: () = assert!(size_of::<Wing>() == 64, "a wing is one cache line");
const _: () = assert!(size_of::<Session>() == 256, "four cache lines");
const _: () = assert!(
    std::mem::offset_of!(Session, stub_at) < 192
        && std::mem::offset_of!(Session, tcp) + size_of::<Conversation>() <= 256,
    "a packet of no conversation touches three lines"
);

/// An application term's name for the control plane.
pub(crate) fn application_index(application: u16) -> Option<u32> {
    (application != NO_APPLICATION).then_some(u32::from(application))
}

impl Wing {
    pub(crate) const EMPTY: Self = Self {
        key: FlowKey::EMPTY,
        resolved_at: 0,
        mac: Mac([0; 6]),
        egress: HOST_UNIT,
        ingress: HOST_UNIT,
        zone: ZoneId::HOST,
        l3_delta: Delta(0),
        l4_delta: Delta(0),
    };
}

impl Session {
    pub(crate) const EMPTY: Self = Self {
        wings: [Wing::EMPTY; 2],
        packets: [0; 2],
        bytes: [0; 2],
        last_seen: Ticks(0),
        timeout_s: 0,
        generation: 0,
        policy: NO_POLICY,
        section_hash: 0,
        id: SessionId(0),
        established_timeout_s: 0,
        created: Ticks(0),
        nat_rule: NO_RULE,
        destination_rule: NO_RULE,
        application: NO_APPLICATION,
        next: 0,
        previous: 0,
        wheel_at: 0,
        tcp: Conversation::NONE,
        state: Life::Free,
        marks: Marks(0),
        stub_at: NO_WORKER,
    };

    /// Whether its packets are translated.
    #[must_use]
    pub fn is_translated(&self) -> bool {
        !self.wings[0].key.reversed().is_same_tuple(&self.wings[1].key)
    }

    /// The key that another worker may have a stub for.
    pub(crate) fn stubbed_key(&self) -> &FlowKey {
        &self.wings[usize::from(self.marks.has(Marks::ENTERED))].key
    }

    /// Whether a persistent mapping let it in.
    pub(crate) fn has_entered(&self) -> bool {
        self.marks.has(Marks::ENTERED) || self.marks.has(Marks::GUEST)
    }

    /// Whether its packets need nothing but translation: whatever another mark stands for has its say first.
    pub(crate) fn is_plain(&self) -> bool {
        const PLAIN: u16 = Marks::LOG_CLOSE.0
            | Marks::REPORTED.0
            | Marks::TRACK_CLOSE.0
            | Marks::COUNT.0
            | Marks::LEASE.0
            | Marks::ENTERED.0
            | Marks::GUEST.0
            | Marks::CHILD.0;
        self.marks.0 & !PLAIN == 0
    }

    /// The policy that counts its packets, if one does.
    pub(crate) fn counted_under(&self) -> Option<PolicyId> {
        self.marks.has(Marks::COUNT).then_some(self.policy)
    }

    /// Whether it ended by silence before `now`.
    pub(crate) fn is_over(&self, now: Ticks) -> bool {
        self.timeout_s != 0 && now.since(self.last_seen) / 10 >= self.timeout_s
    }

    /// The session for the control plane.
    pub(crate) fn view(&self, worker: WorkerId, now: Ticks) -> SessionView {
        let wing = |i: usize| WingView {
            key: self.wings[i].key.to_session_key(),
            interface: (self.wings[i].ingress != HOST_UNIT).then_some(self.wings[i].ingress),
            packets: self.packets[i],
            bytes: self.bytes[i],
        };
        SessionView {
            id: self.id,
            worker,
            state: match self.state {
                Life::Free | Life::Closing => SessionState::Closing,
                Life::Opening => SessionState::Opening,
                Life::Established => SessionState::Established,
            },
            wings: [wing(0), wing(1)],
            policy: self.policy,
            nat_rule: (self.nat_rule != NO_RULE).then_some(self.nat_rule),
            destination_rule: (self.destination_rule != NO_RULE).then_some(self.destination_rule),
            from_zone: self.wings[0].zone,
            to_zone: self.wings[1].zone,
            application: application_index(self.application),
            timeout_s: self.timeout_s,
            remaining_s: self.timeout_s.saturating_sub(now.since(self.last_seen) / 10),
            age_s: now.since(self.created) / 10,
            resource: self.resource(),
        }
    }

    /// The gateway that it belongs to, if that expects sessions. Of those expected, all that FTP has are TCP and all that
    /// TFTP has are UDP.
    fn resource(&self) -> Option<Resource> {
        if self.marks.has(Marks::CHILD) {
            let alg = if self.wings[0].key.proto() == Proto::TCP { Alg::Ftp } else { Alg::Tftp };
            return Some(Resource { alg, role: ResourceRole::Expected(None) });
        }
        let alg = match self.marks.gateway()? {
            Gateway::Ftp => Alg::Ftp,
            Gateway::Tftp => Alg::Tftp,
            Gateway::Dns => return None,
        };
        Some(Resource { alg, role: ResourceRole::Control })
    }
}
