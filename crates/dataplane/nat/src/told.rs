//! What the allocator tells: changes of blocks, and external ends that hosts begin and cease to keep.
//!
//! State: a bounded queue of what nobody has fetched yet. What finds no room is counted. Spec: nat-pool-25, nat-pool-45.

use std::collections::VecDeque;

use ravelin_types::{Addr, Family, Proto};

use crate::block::BlockEvent;
use crate::config::PoolId;

/// Something that an operator may want to know later: whose an address or port was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseEvent {
    Block(BlockEvent),
    Binding(BindingEvent),
}

/// An external end is kept for an internal one, or no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BindingEvent {
    /// `false`: ended.
    pub made: bool,
    /// `None`: of an interface.
    pub pool: Option<PoolId>,
    /// `None`: of an address with all its ports, and both ports are 0.
    pub proto: Option<Proto>,
    pub family: Family,
    /// Where the internal end is, as requests say it.
    pub token: u32,
    pub internal: (Addr, u16),
    pub external_family: Family,
    pub external: (Addr, u16),
}

/// What waits to be fetched.
#[derive(Debug)]
pub(crate) struct Told {
    queue: VecDeque<LeaseEvent>,
    most: usize,
    pub(crate) lost: u64,
}

impl Told {
    pub(crate) fn new(most: usize) -> Self {
        Self { queue: VecDeque::with_capacity(most), most, lost: 0 }
    }

    pub(crate) fn tell(&mut self, event: LeaseEvent) {
        if self.queue.len() == self.most {
            self.lost += 1;
        } else {
            self.queue.push_back(event);
        }
    }

    pub(crate) fn next(&mut self) -> Option<LeaseEvent> {
        self.queue.pop_front()
    }
}
