//! Index newtypes. Names and strings stop at `compile`; the packet path knows only these.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($repr:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $repr);

        impl $name {
            /// The id as an index into the table it belongs to.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A security zone; 0 is `junos-host`, the firewall itself.
    ZoneId(u16)
);
id!(
    /// A routing instance, stable by name over commits; 0 is the default one, whose tables are `inet.0` and `inet6.0`.
    InstanceId(u16)
);
id!(
    /// A redundancy group of a chassis cluster; 0 is none: what belongs to it is this node's alone.
    GroupId(u8)
);
id!(
    /// A physical data interface (`ge-0/0/0`).
    PortId(u16)
);
id!(
    /// A logical interface, or unit (`ge-0/0/0.0`).
    InterfaceId(u16)
);
id!(
    /// A policy, stable by name over commits.
    PolicyId(u32)
);
id!(
    /// A NAT rule, stable by name over commits.
    NatRuleId(u32)
);
id!(
    /// A forwarding class, by its queue's place.
    ForwardingClassId(u8)
);
id!(
    /// A meter: one instance of a policer.
    MeterId(u32)
);
id!(
    /// A port-mirroring instance; 0 is the one without a name.
    MirrorId(u16)
);
id!(
    /// A receive queue of one port.
    QueueId(u16)
);
id!(
    /// A packet worker: one pinned thread, its queues and its sessions.
    WorkerId(u8)
);
id!(
    /// A session, unique over restart and failover: worker, boot epoch and a counter.
    SessionId(u64)
);
id!(
    /// The number of one published program; higher is newer.
    Generation(u64)
);
id!(
    /// What hit counts are keyed by: survives commits that do not touch the rule's name.
    RuleIdentity(u64)
);

id!(
    /// A scheduler, by what it says: one that says something else is another one.
    ScheduleId(u64)
);
id!(
    /// A set of addresses that changes without a commit, by what it is made of.
    LiveSetId(u64)
);

impl ZoneId {
    /// The firewall itself, `junos-host`.
    pub const HOST: Self = Self(0);
}

/// The first of the kernel's tables that are ours; what comes before it belongs to others.
const KERNEL_TABLES: u32 = 0x5256_0000;
/// The kernel's own table for routes of nobody in particular (`RT_TABLE_MAIN`).
const KERNEL_MAIN: u32 = 254;

impl InstanceId {
    /// The default instance.
    pub const DEFAULT: Self = Self(0);
    /// Instances that may have an id: keys of flows have fifteen bits for it.
    pub const MAX: u16 = 0x7fff;

    /// The number of its table in the kernel.
    #[must_use]
    pub const fn kernel_table(self) -> u32 {
        if self.0 == 0 { KERNEL_MAIN } else { KERNEL_TABLES + self.0 as u32 }
    }

    /// Whose table a number of the kernel is; `None`: nobody's here.
    #[must_use]
    pub const fn of_kernel_table(table: u32) -> Option<Self> {
        match table {
            KERNEL_MAIN => Some(Self::DEFAULT),
            _ if table > KERNEL_TABLES && table - KERNEL_TABLES <= Self::MAX as u32 => {
                Some(Self((table - KERNEL_TABLES) as u16))
            }
            _ => None,
        }
    }
}

impl Generation {
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_has_one_table_of_the_kernel_and_nobody_elses() {
        for id in [0, 1, 77, InstanceId::MAX].map(InstanceId) {
            assert_eq!(InstanceId::of_kernel_table(id.kernel_table()), Some(id));
        }
        let beyond = InstanceId(InstanceId::MAX).kernel_table() + 1;
        for table in [0, 1, 100, 253, 255, 0x5256_0000, beyond, u32::MAX] {
            assert_eq!(InstanceId::of_kernel_table(table), None);
        }
    }
}
