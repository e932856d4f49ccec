//! Address translators over bytes: what NAT does to a datagram once it is decided where it goes.
//!
//! IPv4-embedded addresses (RFC 6052), IP/ICMP translation both ways (RFC 7915) and the pure parts of NAT64
//! (RFC 6146), NPTv6 (RFC 6296), ICMP errors through NAT within a family (RFC 5508), fragmentation
//! (RFC 791) and the judgement of fragments (RFC 1858, 5722). Place: below the engine, beside `wire`, which knows formats;
//! the decisions (rules, bindings, sessions, routes) are the caller's and come in as arguments.
//!
//! State: none, but [`Fragments`], which its caller keeps. No allocation. Every length is checked: bytes from
//! outside never panic, and a refused datagram is left as it came, so that the answer can quote it.

mod datagram;
mod embed;
mod fragment;
mod header;
mod icmp;
mod nat64;
mod nat_error;
mod nptv6;
mod overlap;
mod refused;
pub mod siit;
mod transport;

pub use datagram::Datagram;
pub use embed::{NotAPrefix, Prefix64};
pub use fragment::{NotFragmentable, PIECES_MAX, Pieces};
pub use nat_error::rewrite_error;
pub use nat64::{Candidate, Ineligible, eligible4, eligible6, hairpin_ends};
pub use nptv6::{Direction, Nptv6, Unmappable};
pub use overlap::{BadFragment, FRAGMENTS_MAX, Fragments, HELD_MAX, Judgement, Passing, Piece};
pub use refused::{Answer, Refused};
pub use transport::{Ends, Ports};
