//! What runs beside the operators: kernel changes to the plane, wanted neighbours to the kernel, and
//! the watch over the packet process.

use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ravelin_contract::{DataPlane, Error, Event, UpdateBatch};
use ravelin_forwarding::{Monitor, Names, Prober};
use ravelin_remote::Client;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

use super::control::Control;
use super::log::Log;
use super::routes::Table;
use super::supervisor::{self, CALL_MAX, Place};

/// Batches that may wait for the plane.
const BATCHES_MAX: usize = 64;
/// How often the plane is asked for events.
const EVENTS_EVERY: Duration = Duration::from_millis(10);
/// Events taken at a time.
const EVENTS_MAX: usize = 1024;
/// Pause after a failure of netlink or of the plane.
const PAUSE: Duration = Duration::from_millis(100);

/// Locks the daemon's state; a panic of one operator's line does not end the daemon.
pub fn lock(control: &Mutex<Control>) -> MutexGuard<'_, Control> {
    control.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts everything that runs by itself.
pub fn spawn(
    runtime: &Runtime,
    control: &Arc<Mutex<Control>>,
    names: watch::Receiver<Names>,
    (place, table): (&Place, &Table),
    child: Option<Child>,
) {
    let (send, receive) = mpsc::channel(BATCHES_MAX);
    runtime.spawn(monitor(names, send));
    let (own, routes) = (place.clone(), table.clone());
    std::thread::spawn(move || deliver(receive, &own, &routes));
    let (own, shared, handle) = (place.clone(), control.clone(), runtime.handle().clone());
    std::thread::spawn(move || handle.block_on(events(&own, &shared)));
    let (own, shared) = (place.clone(), control.clone());
    std::thread::spawn(move || watch_over(&own, &shared, child));
}

/// Netlink to batches; a failed monitor is opened anew and starts with a resync.
async fn monitor(names: watch::Receiver<Names>, batches: mpsc::Sender<UpdateBatch>) {
    while !batches.is_closed() {
        match Monitor::open() {
            Ok(monitor) => {
                if let Err(error) = monitor.run(names.clone(), batches.clone()).await {
                    tracing::warn!(%error, "The netlink monitor starts over.");
                }
            }
            Err(error) => tracing::error!(%error, "Netlink can't be watched."),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Batches to the plane, in order, over a connection of their own. One that the plane does not take is
/// tried again until it does: a plane that was started anew gets the resync that way.
fn deliver(mut batches: mpsc::Receiver<UpdateBatch>, place: &Place, table: &Table) {
    let mut client = None;
    while let Some(batch) = batches.blocking_recv() {
        table.update(&batch);
        while let Err(error) = hand_over(&mut client, place, &batch) {
            if !matches!(error, Error::Unreachable(_) | Error::Worker(_)) {
                tracing::error!(%error, "The dataplane refuses forwarding changes; they are lost.");
                break;
            }
            tracing::warn!(%error, "Forwarding changes wait for the dataplane.");
            std::thread::sleep(PAUSE);
        }
    }
}

fn hand_over(client: &mut Option<Client>, place: &Place, batch: &UpdateBatch) -> Result<(), Error> {
    let connected = match client.take() {
        Some(connected) => connected,
        None => Client::connect(&place.socket, CALL_MAX)?,
    };
    connected.updates().apply(batch)?;
    *client = Some(connected);
    Ok(())
}

/// Wanted neighbours to the kernel, sessions and denials to the security log.
async fn events(place: &Place, control: &Mutex<Control>) {
    let mut prober = loop {
        match Prober::open(Instant::now()) {
            Ok(prober) => break prober,
            Err(error) => {
                tracing::error!(%error, "Neighbours can't be asked for.");
                tokio::time::sleep(PAUSE).await;
            }
        }
    };
    let log = lock(control).log.clone();
    let mut client: Option<Client> = None;
    loop {
        log.tick();
        let Some(connected) = client.take().or_else(|| Client::connect(&place.socket, CALL_MAX).ok()) else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let Ok(batch) = connected.telemetry().events(EVENTS_MAX) else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        client = Some(connected);
        if batch.lost > 0 {
            tracing::warn!(lost = batch.lost, "The dataplane lost events.");
            log.service.events_lost(batch.lost);
        }
        let empty = batch.events.is_empty();
        for event in batch.events {
            handle(event, control, &log, &mut prober).await;
        }
        if empty {
            tokio::time::sleep(EVENTS_EVERY).await;
        }
    }
}

async fn handle(event: Event, control: &Mutex<Control>, log: &Log, prober: &mut Prober) {
    match event {
        Event::NeighbourWanted { interface, addr } => {
            let device = lock(control).taps.get(&interface).cloned();
            if let Some(device) = device
                && let Err(error) = prober.probe(&device, addr, Instant::now()).await
            {
                tracing::warn!(%error, %addr, device, "A neighbour can't be asked for.");
            }
        }
        Event::Session(session) => log.session(&session),
        Event::PolicyDeny { policy, key, interface } => log.denied(key, interface, policy),
    }
}

/// Starts the packet process again when it dies, and gives it what the dead one had.
fn watch_over(place: &Place, control: &Mutex<Control>, mut child: Option<Child>) {
    loop {
        std::thread::sleep(PAUSE);
        if let Some(process) = &mut child
            && matches!(process.try_wait(), Ok(None))
        {
            continue;
        }
        if child.is_none() && Client::connect(&place.socket, CALL_MAX).is_ok() {
            continue;
        }
        tracing::error!("The dataplane process is gone; it is started again.");
        match supervisor::connect(place) {
            Err(error) => tracing::error!(%error, "The dataplane could not be started."),
            Ok((client, started)) => {
                child = started;
                let mut control = lock(control);
                control.plane = Arc::new(client);
                if let Err(errors) = control.apply_active() {
                    for error in errors {
                        tracing::error!("Not applied: {}", error.line("active"));
                    }
                }
            }
        }
    }
}
