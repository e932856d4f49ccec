//! A case: a configuration, packets, and what must become of them.
//!
//! The language is described in crates/conformance/README.md. A file is parsed whole before anything
//! of it is run; every error names its line.

mod packet;
mod parse;
mod run;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use ravelin_contract::Neighbour;
use ravelin_types::{DropReason, GroupId, Mac};

use crate::bench::{BenchError, Place, Setup};
use crate::datagram::Slice;

pub use run::run;

/// A file of cases/.
#[derive(Clone, Debug)]
pub struct Case {
    /// Path below cases/, without extension.
    pub name: String,
    pub benches: Benches,
    pub setup: Setup,
    pub(crate) steps: Vec<Step>,
}

/// Where a case can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Benches {
    Every,
    /// The clock jumps, or something is asked that no wire can give.
    OnlySimulator,
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub line: usize,
    pub action: Action,
    /// What must leave and die; `None`: whatever does.
    pub outcomes: Option<Vec<Outcome>>,
}

#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// A configuration from the start, or edits to a named one.
    Config {
        base: Option<String>,
        text: Block,
    },
    /// Edits to the running configuration.
    Commit(Block),
    Send(Source, Box<Sending>),
    Wait(Duration),
    Clear,
    Arm(bool),
    /// Frames come faster than they are taken.
    Press(bool),
    /// A unit belongs to a redundancy group from the next commit on.
    Join {
        unit: String,
        group: GroupId,
    },
    /// What the control side of a cluster says of a group.
    Group(GroupId, GroupWord),
    /// A port leads to the other node.
    Fabric {
        fabric: u8,
        port: String,
    },
    Link {
        port: String,
        up: bool,
    },
    Neighbour {
        unit: String,
        addr: IpAddr,
        neighbour: Neighbour,
    },
    /// The clock on the wall is set, UTC.
    Clock(Timestamp),
    /// What a name resolves to; nothing: it has no addresses.
    Resolved {
        name: String,
        addresses: Vec<IpAddr>,
    },
    /// What a feed holds.
    Fed {
        url: String,
        entries: Vec<String>,
    },
    Expect(Expect),
}

/// A word of a cluster's control side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupWord {
    Active,
    Passive,
    /// It lives: the lease goes on.
    Alive,
    /// It says that it lives, and is told that its lease is over.
    Late,
}

/// Lines of configuration and the line of the file that the first stands on.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub first_line: usize,
    pub lines: Vec<String>,
}

/// What is asked of counters and tables.
#[derive(Clone, Debug)]
pub(crate) enum Expect {
    Sessions(u64),
    Dropped(DropReason, u64),
    PolicyHits(String, u64),
    /// Packets and bytes that came for a policy and that were sent on, as written.
    Carried(String, String),
    NatHits(String, u64),
    /// Copies of a mirror instance or filter.
    Mirrored(String, u64),
    /// Copies lost, by reason.
    Lost(String, String, u64),
    /// Packets of a filter's counter, `FILTER/COUNTER`.
    FilterHits(String, u64),
    /// Packets beyond the limit of a policer's instance.
    PolicerHits(String, u64),
    /// Sessions that gateways expect.
    Gates(u64),
    /// One of them.
    Gate(String),
    /// The next event.
    Told(String),
    Differ(String, String),
    Within(String, u16, u16),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// On the wire, with the tag of the unit.
    Unit(String),
    Other(Place),
}

/// A packet to send, and what is done to its bytes and link header.
#[derive(Clone, Debug)]
pub(crate) struct Sending {
    pub packet: Packet,
    pub to: Option<Mac>,
    pub vlan: Option<u16>,
    /// Bytes written over those from an offset of the network header on.
    pub poke: Option<(usize, Vec<u8>)>,
    pub truncate: Option<usize>,
    /// Bytes of Ethernet padding.
    pub pad: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum Packet {
    Ip(Box<Pattern>),
    Ether {
        kind: u16,
        payload: Vec<u8>,
    },
    /// A whole frame.
    Bytes(Vec<u8>),
}

#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// The packet itself leaves, changed as the pattern says and not otherwise.
    Forward {
        unit: String,
        pattern: Option<Box<Pattern>>,
        to: Option<Mac>,
    },
    /// To the kernel.
    Host {
        unit: String,
        pattern: Option<Box<Pattern>>,
    },
    /// A packet that the firewall makes.
    Answer {
        unit: String,
        pattern: Box<Pattern>,
    },
    /// The same, written out.
    AnswerEther {
        unit: String,
        frame: (u16, Vec<u8>),
    },
    Drop(DropReason),
    /// A copy for a mirror leaves by a port, byte for byte.
    Copy(CopyOf),
    /// Nothing leaves and nothing is counted as dropped: it waits.
    Held,
    /// That many frames leave, whatever is in them.
    Count(usize),
}

impl Outcome {
    /// Frames that leave.
    pub(crate) fn frames(&self) -> usize {
        match self {
            Self::Forward { .. }
            | Self::Host { .. }
            | Self::Answer { .. }
            | Self::AnswerEther { .. }
            | Self::Copy(_) => 1,
            Self::Count(count) => *count,
            Self::Drop(_) | Self::Held => 0,
        }
    }
}

/// What a copy is of, and what its output made of it.
#[derive(Clone, Debug)]
pub(crate) struct CopyOf {
    pub port: String,
    /// Of a frame that left, not of the one that was sent.
    pub left: bool,
    /// Bytes behind the link header.
    pub cut: Option<usize>,
    /// A tag in front, or in the new link header.
    pub vlan: Option<u16>,
    /// It has a new link header, to this station.
    pub to: Option<Mac>,
}

/// A datagram as a case writes it. What isn't said is as in the packet that it comes from, or the
/// default where there is none.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub kind: Kind,
    pub src: (IpAddr, Number),
    pub dst: (IpAddr, Number),
    pub ttl: Option<u8>,
    pub id: Option<u16>,
    pub dont_fragment: Option<bool>,
    pub extensions: Option<usize>,
    pub tos: Option<u8>,
    pub options: Option<Vec<u8>>,
    pub slice: Option<Slice>,
    pub len: Option<usize>,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Tcp {
        flags: u8,
        seq: Option<u32>,
        ack: Option<u32>,
    },
    Udp {
        unsummed: Option<bool>,
    },
    Icmp {
        kind: u8,
        code: u8,
        echo: Option<Number>,
        mtu: Option<u32>,
        quote: Option<Quoted>,
        quote_len: Option<usize>,
    },
    Other(u8),
}

#[derive(Clone, Debug)]
pub(crate) enum Quoted {
    /// The packet of this line.
    Given,
    /// The packet that was forwarded last, as it left.
    Last,
    Packet(Box<Pattern>),
}

/// A port or an identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Is(u16),
    /// Bound where it is first met.
    Variable(String),
    Any,
    /// Not written: as before.
    Same,
}

/// What is wrong with a case, or with what it was run on.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct CaseError {
    pub file: String,
    pub line: usize,
    pub what: What,
}

#[derive(Debug, thiserror::Error)]
pub enum What {
    #[error("`{0}' is no statement")]
    Statement(String),
    #[error("`{0}' is no outcome")]
    Outcome(String),
    #[error("{expected} expected, found `{found}'")]
    Word { expected: &'static str, found: String },
    #[error("the file can't be read: {0}")]
    File(std::io::Error),
    #[error("the configuration is refused:\n{0}")]
    Config(String),
    #[error("{0}")]
    Bench(#[from] BenchError),
    #[error("`${0}' has no value here")]
    Unbound(String),
    #[error("the lease is not over")]
    NotLate,
    #[error("there is no packet to refer to")]
    NoPacket,
    #[error("{what}: expected {expected}, got {got}")]
    Number { what: String, expected: String, got: String },
    #[error("not what should have come\n{0}")]
    Mismatch(String),
}

impl Case {
    /// Reads a file of cases/.
    ///
    /// # Errors
    /// The first line that can't be understood.
    pub fn read(root: &Path, file: &Path) -> Result<Self, CaseError> {
        let shown = file.strip_prefix(root).unwrap_or(file).display().to_string();
        let name = shown.strip_suffix(".txt").unwrap_or(&shown);
        match std::fs::read_to_string(file) {
            Ok(text) => Self::parse(name, &text),
            Err(error) => Err(CaseError { file: shown, line: 1, what: What::File(error) }),
        }
    }

    /// Reads the text of a case.
    ///
    /// # Errors
    /// The first line that can't be understood.
    pub fn parse(name: &str, text: &str) -> Result<Self, CaseError> {
        parse::case(name, text).map_err(|(line, what)| CaseError { file: format!("{name}.txt"), line, what })
    }

    /// Reads every file below a folder, in order of their names.
    ///
    /// # Errors
    /// A folder can't be listed.
    pub fn read_all(root: &Path) -> std::io::Result<Vec<Result<Self, CaseError>>> {
        let (mut folders, mut files) = (vec![root.to_owned()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|e| e == "txt") {
                    files.push(path);
                }
            }
        }
        files.sort();
        Ok(files.iter().map(|file| Self::read(root, file)).collect())
    }

    /// The reasons that packets of this case die of.
    #[must_use]
    pub fn reasons(&self) -> BTreeSet<DropReason> {
        let outcomes = self.steps.iter().filter_map(|s| s.outcomes.as_ref()).flatten();
        outcomes.filter_map(|o| if let Outcome::Drop(reason) = o { Some(*reason) } else { None }).collect()
    }
}
