//! Asking the kernel to resolve a neighbour, at a bounded rate.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use futures_util::TryStreamExt;
use rtnetlink::{
    Handle,
    packet_route::neighbour::{NeighbourFlags, NeighbourState},
};

/// The kernel itself repeats a question for about three seconds; asking sooner than this gains nothing.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Neighbours remembered as asked; when full, the oldest answers are forgotten first.
const ASKED_MAX: usize = 4096;
/// Questions a second over all neighbours.
const PROBES_PER_S: u32 = 200;

/// What stopped a probe.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    #[error("open netlink: {0}")]
    Open(std::io::Error),
    #[error("device `{0}` does not exist")]
    NoDevice(String),
    #[error("ask for {addr} on `{device}`: {source}")]
    Netlink { device: String, addr: IpAddr, source: rtnetlink::Error },
}

/// What became of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeOutcome {
    Asked,
    /// Asked a moment ago; the answer is on its way.
    AskedBefore,
    /// Too many questions this second.
    Limited,
}

/// Asks the kernel's neighbour tables to resolve.
pub struct Prober {
    handle: Handle,
    asked: HashMap<(String, IpAddr), Instant>,
    second: Instant,
    left: u32,
}

impl Prober {
    /// Opens netlink; needs a tokio runtime.
    ///
    /// # Errors
    /// The socket can't be had.
    pub fn open(now: Instant) -> Result<Self, ProbeError> {
        let (connection, handle, _) = rtnetlink::new_connection().map_err(ProbeError::Open)?;
        tokio::spawn(connection);
        Ok(Self { handle, asked: HashMap::new(), second: now, left: PROBES_PER_S })
    }

    /// Asks for `addr` on the TAP `device`. The answer comes through the monitor, as does a failure.
    ///
    /// # Errors
    /// No such device, or the kernel refused.
    pub async fn probe(
        &mut self,
        device: &str,
        addr: IpAddr,
        now: Instant,
    ) -> Result<ProbeOutcome, ProbeError> {
        let key = (device.to_owned(), addr);
        let allowed = self.allow(&key, now);
        if allowed != ProbeOutcome::Asked {
            return Ok(allowed);
        }
        let failed = |source| ProbeError::Netlink { device: device.into(), addr, source };
        let mut links = self.handle.link().get().match_name(device).execute();
        let link =
            links.try_next().await.ok().flatten().ok_or_else(|| ProbeError::NoDevice(device.into()))?;
        let request = self.handle.neighbours().add(link.header.index, addr).replace();
        // `NTF_USE` with no state: as if the kernel had a packet for it.
        let request = request.state(NeighbourState::None).flags(NeighbourFlags::Use);
        request.execute().await.map_err(failed)?;
        Ok(ProbeOutcome::Asked)
    }

    fn allow(&mut self, key: &(String, IpAddr), now: Instant) -> ProbeOutcome {
        if self.asked.get(key).is_some_and(|at| now.duration_since(*at) < AGAIN_AFTER) {
            return ProbeOutcome::AskedBefore;
        }
        if now.duration_since(self.second) >= Duration::from_secs(1) {
            self.second = now;
            self.left = PROBES_PER_S;
        }
        if self.left == 0 {
            return ProbeOutcome::Limited;
        }
        self.left -= 1;
        if self.asked.len() >= ASKED_MAX {
            self.asked.retain(|_, at| now.duration_since(*at) < AGAIN_AFTER);
        }
        self.asked.insert(key.clone(), now);
        ProbeOutcome::Asked
    }
}
