//! TCP conversations as a firewall between the two ends sees them.
//!
//! Place: the fast path's TCP check (flow-15) and the first path's SYN check; pure, no clock, no
//! table, no allocation. [`Conversation`] is what a session record keeps, [`Conversation::open`]
//! judges the first segment, [`Conversation::judge`] every later one. [`mss`] lowers the MSS option,
//! [`splice`] shifts sequence numbers, [`aging`] shortens timeouts as the table fills: three further
//! pure pieces.
//! Timeouts are named, not run: [`TcpRules::seconds`] gives their length.
//! State: 32 bytes a conversation, nothing else. Spec: tcp-1..48.
//!
//! ```
//! use ravelin_tcp::{Arrival, Conversation, Direction, Extent, Segment, TcpRules, Verdict};
//! # let mut syn = [0; 20];
//! # (syn[12], syn[13]) = (5 << 4, 2);
//! # let mut answer = syn;
//! # (answer[11], answer[13]) = (1, 18);
//! let rules = TcpRules::default();
//! let first = Segment::of(&syn, Extent::Whole).expect("a whole header");
//! let mut opened = Conversation::open(&first, Arrival::Plain, &rules).expect("a SYN opens");
//! let next = Segment::of(&answer, Extent::Whole).expect("a whole header");
//! let judgement = opened.conversation.judge(Direction::Reverse, &next, &rules);
//! assert_eq!(judgement.verdict, Verdict::Pass);
//! ```

pub mod aging;
mod conversation;
mod edit;
mod handshake;
mod judge;
pub mod mss;
mod open;
mod options;
mod reset;
mod rules;
mod segment;
mod seq;
pub mod splice;
mod verdict;
mod window;

pub use conversation::{Conversation, Direction, State};
pub use open::{Arrival, Opened};
pub use rules::{BlindAttack, HalfClose, PolicyTcp, Sequence, SynCheck, TcpRules, TimeWait, Timeout};
pub use segment::{Extent, Segment};
pub use seq::Seq;
pub use verdict::{Answer, End, Judgement, TcpDrop, Verdict};
