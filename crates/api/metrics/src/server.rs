//! The listeners, who may ask, and the answer while it is new. Spec: metrics-2..4.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use ravelin_commit::MetricsPlan;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::exposition::{Exposition, plain};
use crate::http::{Answers, Text, serve};
use crate::listen::{Bound, Presence};
use crate::table::Family;

/// For so long an answer serves whoever asks next.
const NEW: Duration = Duration::from_secs(1);
/// Pause after the system has no connection to give.
const PAUSE: Duration = Duration::from_millis(100);

/// What a scrape is gathered by: the most series of a metric that grows. It may block.
type Gather = dyn Fn(usize) -> Exposition + Send + Sync;

/// A plan that can't be followed: statement path and reason.
pub type Refused = (String, String);

/// Metrics over HTTP. Without a plan it listens nowhere.
pub struct Server {
    runtime: Handle,
    state: Mutex<State>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct State {
    held: Vec<Held>,
    /// Bound for a commit that is on its way.
    prepared: Vec<Bound>,
}

/// An address that is listened on, as the socket and the task that accepts.
struct Held {
    addr: SocketAddr,
    socket: TcpListener,
    task: JoinHandle<()>,
}

impl Drop for Held {
    fn drop(&mut self) {
        // The port must be free at once, and the task ends when it is its turn.
        let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Both);
        self.task.abort();
    }
}

/// What connections go by.
struct Shared {
    gather: Box<Gather>,
    plan: RwLock<MetricsPlan>,
    open: AtomicUsize,
    /// Of connections: too many, no allowed source.
    refused: [AtomicU64; 2],
    last: Arc<tokio::sync::Mutex<Option<(Instant, Text)>>>,
}

const CAUSES: [&str; 2] = ["too-many", "source"];

impl Server {
    #[must_use]
    pub fn new(runtime: Handle, gather: impl Fn(usize) -> Exposition + Send + Sync + 'static) -> Self {
        let none = MetricsPlan { listen: Vec::new(), sources: Vec::new(), connections_max: 0, series_max: 0 };
        let shared = Shared {
            gather: Box::new(gather),
            plan: RwLock::new(none),
            open: AtomicUsize::new(0),
            refused: Default::default(),
            last: Arc::default(),
        };
        Self { runtime, state: Mutex::default(), shared: Arc::new(shared) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Binds what a plan listens on beyond what is listened on already; `own` are the addresses that the same commit gives the
    /// machine. Nobody is answered by it.
    ///
    /// # Errors
    /// The addresses that can't be bound; nothing is kept of the others.
    pub fn prepare(&self, plan: Option<&MetricsPlan>, own: &[IpAddr]) -> Result<(), Vec<Refused>> {
        let mut state = self.state();
        state.prepared.clear();
        let (mut bound, mut refused) = (Vec::new(), Vec::new());
        for addr in wanted(plan).filter(|addr| !state.held.iter().any(|held| held.addr == *addr)) {
            match state.bind(addr, own) {
                Ok(socket) => bound.push(socket),
                Err(error) => refused.push(refusal(addr, &error)),
            }
        }
        if refused.is_empty() {
            state.prepared = bound;
            return Ok(());
        }
        Err(refused)
    }

    /// Lets go of what was prepared.
    pub fn abort(&self) {
        self.state().prepared.clear();
    }

    /// Follows a plan. What was listened on and still is goes on; what is not any more ends when all that is new listens.
    ///
    /// # Errors
    /// An address that can't be listened on; then everything is as it was.
    pub fn apply(&self, plan: Option<&MetricsPlan>, own: &[IpAddr]) -> Result<(), String> {
        let mut state = self.state();
        let prepared = std::mem::take(&mut state.prepared);
        let mut new = Vec::new();
        for addr in wanted(plan).filter(|addr| !state.held.iter().any(|held| held.addr == *addr)) {
            let listening = match prepared.iter().find(|bound| bound.addr == addr) {
                Some(bound) => bound.listen(),
                None => state.bind(addr, own).and_then(|bound| bound.listen()),
            };
            new.push((addr, listening.map_err(|error| said(&refusal(addr, &error)))?));
        }
        for (addr, socket) in new {
            let held = self.hold(addr, socket).map_err(|error| said(&refusal(addr, &error)))?;
            state.held.push(held);
        }
        let kept: Vec<SocketAddr> = wanted(plan).collect();
        state.held.retain(|held| kept.contains(&held.addr));
        drop(state);
        if let Some(plan) = plan {
            *self.shared.plan.write().unwrap_or_else(PoisonError::into_inner) = plan.clone();
        }
        Ok(())
    }

    /// Addresses that are listened on.
    #[must_use]
    pub fn listening(&self) -> Vec<SocketAddr> {
        self.state().held.iter().map(|held| held.addr).collect()
    }

    fn hold(&self, addr: SocketAddr, socket: TcpListener) -> io::Result<Held> {
        let _within = self.runtime.enter();
        let accepting = tokio::net::TcpListener::from_std(socket.try_clone()?)?;
        let task = self.runtime.spawn(accept(accepting, self.shared.clone()));
        Ok(Held { addr, socket, task })
    }
}

impl State {
    fn bind(&self, addr: SocketAddr, own: &[IpAddr]) -> io::Result<Bound> {
        let ours: Vec<&TcpListener> = self.held.iter().map(|held| &held.socket).collect();
        let presence = if own.contains(&addr.ip()) { Presence::Promised } else { Presence::Here };
        Bound::new(addr, presence, &ours)
    }
}

fn wanted(plan: Option<&MetricsPlan>) -> impl Iterator<Item = SocketAddr> {
    plan.into_iter().flat_map(|plan| plan.listen.iter().copied())
}

/// The statement to blame: the address when it is none of this machine's, else the port.
fn refusal(addr: SocketAddr, error: &io::Error) -> Refused {
    let at = match error.kind() {
        io::ErrorKind::AddrNotAvailable => format!("addresses {}", addr.ip()),
        _ => format!("port {}", addr.port()),
    };
    (format!("system services metrics {at}"), format!("can't listen on {addr}: {error}"))
}

fn said((path, reason): &Refused) -> String {
    format!("{path}: {reason}")
}

/// Gives its place back when the connection ends, however that happens.
struct Place(Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}

async fn accept(listener: tokio::net::TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        if let Some(place) = shared.admit(peer.ip()) {
            tokio::spawn(async move {
                serve(stream, &place.0).await;
            });
        }
    }
}

impl Shared {
    fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let plan = self.plan.read().unwrap_or_else(PoisonError::into_inner);
        if !plan.sources.is_empty() && !plan.sources.iter().any(|prefix| prefix.contains(&peer)) {
            self.refused[1].fetch_add(1, Ordering::Relaxed);
            return None;
        }
        if self.open.fetch_add(1, Ordering::AcqRel) >= plan.connections_max {
            self.open.fetch_sub(1, Ordering::AcqRel);
            self.refused[0].fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(Place(self.clone()))
    }

    fn gather(&self) -> Text {
        let began = std::time::Instant::now();
        let series_max = self.plan.read().unwrap_or_else(PoisonError::into_inner).series_max;
        let mut out = (self.gather)(series_max);
        for (cause, refused) in CAUSES.into_iter().zip(&self.refused) {
            out.add(Family::Refused, [cause], refused.load(Ordering::Relaxed));
        }
        out.add_real(Family::ScrapeDuration, [], began.elapsed().as_secs_f64());
        let text = out.text();
        Text { plain: plain(&text).into(), open_metrics: text.into() }
    }
}

impl Answers for Arc<Shared> {
    /// One gathers at a time, on a thread where it may wait, and goes on when who asked has gone: the next one finds it.
    async fn text(&self) -> Option<Text> {
        let mut last = self.last.clone().lock_owned().await;
        if let Some((at, text)) = &*last
            && at.elapsed() < NEW
        {
            return Some(text.clone());
        }
        let shared = self.clone();
        let gathering = tokio::task::spawn_blocking(move || {
            let text = shared.gather();
            *last = Some((Instant::now(), text.clone()));
            text
        });
        gathering.await.ok()
    }
}

#[cfg(test)]
mod tests;
