//! The functional core: (snapshot, state, shared, now, packets) to (packets, verdicts, events).
//!
//! Place: below every backend. No clock, I/O, thread, randomness or lock inside: time is an
//! argument and `State` owns its random generator and hash keys, seeded by the backend. The path a
//! packet takes reads in `step`, `first_path` and `fast_path`.

mod act;
mod alg;
mod batch;
mod between;
mod buffers;
mod counters;
mod cut;
mod deltas;
mod emit;
mod explain;
mod express;
mod fast_path;
mod filters;
mod first_path;
mod forwarding;
mod fragment;
mod guest;
mod hold;
mod home;
mod host;
mod icmp_error;
mod install;
mod key;
mod mapped;
mod mirror;
mod nat;
mod output;
mod packet;
mod proxy;
mod proxy_syn;
mod random;
mod reply;
mod rules;
mod sanity;
mod screens;
mod session;
mod shared;
mod siphash;
mod splice;
mod state;
mod steer;
mod step;
mod stub;
mod synced;
mod tcp;
mod trial;
mod verdict;
mod watch;

pub use counters::{Counters, FilterHits, Hits, MirrorCounts, PacketBuffers};
pub use deltas::DeltaPiece;
pub use explain::{Answered, Condition, Fact, NoRecorder, Recorder, Trace};
pub use forwarding::{Forwarding, Neighbours, Path, Resolver, Routes};
pub use key::FlowKey;
pub use mirror::{COPIES_MAX, COPY_LEN_MAX, Copy};
pub use nat::NatRuleRef;
pub use output::{Answer, Events, Onward, Output};
pub use packet::{Checksum, Entered, Handed, Ingress, Packet, Stage, Transport};
pub use random::Seed;
pub use ravelin_filter::Marks;
pub use rules::{BuildError, Rules, Snapshot};
pub use session::{NO_POLICY, Session, Sessions};
pub use shared::Shared;
pub use state::{Limits, State};
pub use steer::{HandOver, Steering};
pub use step::{BATCH_MAX, step};
pub use stub::Message;
pub use synced::Put;
pub use trial::{LiveSession, keys_of};
pub use verdict::{Egress, Verdict};
pub use watch::{Armed, FACTS_MAX, Head, Noted, Notes, SAMPLES_A_REASON, Sample, Tape};
