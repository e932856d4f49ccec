//! What runs beside the operators: kernel changes to the plane, wanted neighbours to the kernel, and
//! the watch over the packet process.

use std::io;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ravelin_commit::Note;
use ravelin_commit::archive::{Carrier, Transferred, transfer};
use ravelin_contract::{DataPlane, Error, Event, UpdateBatch};
use ravelin_forwarding::{Monitor, Names, Prober};
use ravelin_remote::Client;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

use super::control::{Control, now};
use super::log::Log;
use super::nat_alarms;
use super::routes::Table;
use super::supervisor::{CALL_MAX, Place, Process, Watched};

/// Batches that may wait for the plane; changes that come later wait as what differs.
const BATCHES_MAX: usize = 2;
/// How often the plane is asked for events.
const EVENTS_EVERY: Duration = Duration::from_millis(10);
/// Events taken at a time.
const EVENTS_MAX: usize = 1024;
/// How often it is looked what is due by the clock.
const TICK: Duration = Duration::from_millis(500);
/// Ticks without a commit after which memory is given back: behind the whole files of the last one.
const QUIET: u32 = 5;
/// How much less urgent a load of routes is than the packets, should there be too few processors for both.
const ROUTES_NICE: i32 = 5;
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
    (process, table): (&Arc<Process>, &Table),
) {
    let place = &process.place;
    let (send, receive) = mpsc::channel(BATCHES_MAX);
    std::thread::spawn(move || listen(names, send));
    let (own, routes) = (place.clone(), table.clone());
    std::thread::spawn(move || deliver(receive, &own, &routes));
    let (own, dynamic) = (place.clone(), lock(control).works.dynamic.clone());
    std::thread::spawn(move || dynamic.keep(&own));
    let (own, shared, handle) = (place.clone(), control.clone(), runtime.handle().clone());
    std::thread::spawn(move || handle.block_on(events(&own, &shared)));
    let (own, shared) = (process.clone(), control.clone());
    std::thread::spawn(move || watch_over(&own, &shared));
    let (own, shared) = (place.clone(), control.clone());
    std::thread::spawn(move || nat_alarms::watch(&own, &shared));
    let shared = control.clone();
    std::thread::spawn(move || keep_time(&shared));
    let shared = control.clone();
    std::thread::spawn(move || archive(&shared));
    let shared = control.clone();
    std::thread::spawn(move || fold(&shared));
    let shared = control.clone();
    std::thread::spawn(move || write_traces(&shared));
}

/// What traces of flows have seen, to their file.
fn write_traces(control: &Mutex<Control>) {
    let trace = lock(control).trace.clone();
    loop {
        trace.wait();
        let control = lock(control);
        let (plane, names) = (control.works.plane.clone(), control.names.clone());
        drop(control);
        trace.write(&*plane, &names);
    }
}

/// What is due by the clock: commits that nobody confirmed, scheduled ones, and what consumers owe. The way back from
/// a commit must not end with a panic on it.
fn keep_time(control: &Mutex<Control>) {
    let (mut applied, mut quiet) = (0, 0_u32);
    keep_doing("What is due by the clock", tick, || {
        log(lock(control).tick());
        // What a commit needed for a while is more than what it keeps.
        let now = lock(control).life.applied();
        quiet = if now == applied { quiet.saturating_add(1) } else { 0 };
        applied = now;
        if quiet == QUIET {
            ravelin_mem::release();
        }
    });
}

fn tick() -> ControlFlow<()> {
    std::thread::sleep(TICK);
    ControlFlow::Continue(())
}

/// Does the work over and over, behind a pause each time that says whether to go on. A panic in it is told, and ends nothing.
fn keep_doing(what: &str, mut pause: impl FnMut() -> ControlFlow<()>, mut work: impl FnMut()) {
    while pause().is_continue() {
        if catch_unwind(AssertUnwindSafe(&mut work)).is_err() {
            tracing::error!("{what} ended in a panic; it is tried again.");
        }
    }
}

/// What may end in a panic, which then is a failure like others: it is told, and tried again as late as those.
fn failing<T>(work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(io::Error::other("it ended in a panic")))
}

/// What happened by itself, and what failed to.
pub fn log(notes: Vec<Note>) {
    for note in notes {
        match note {
            Note::RolledBack
            | Note::Applied
            | Note::Switched
            | Note::Synchronized
            | Note::ScheduledDone
            | Note::Folded => tracing::info!("{note}"),
            Note::NotSynchronized(_) => tracing::warn!("{note}"),
            Note::NotApplied(error) => {
                tracing::error!("The active configuration is not applied.");
                for diagnostic in error.diagnostics() {
                    tracing::error!("Not applied: {}", diagnostic.line("active"));
                }
            }
            Note::RollbackFailed(_)
            | Note::NothingToGoBackTo
            | Note::ScheduledFailed(_)
            | Note::ScheduledMissed
            | Note::Store(_) => tracing::error!("{note}"),
        }
    }
}

/// Copies to archive sites, which may take their time: nobody waits for them.
fn archive(control: &Mutex<Control>) {
    keep_doing("A copy to an archive site", tick, || {
        let Some(copy) = lock(control).life.transfer_due(now()) else { return };
        let done = failing(|| Ok(transfer(&copy, Carrier::find().as_ref())));
        let Transferred { site, failed } = done.unwrap_or_else(|error| {
            tracing::error!(copy.name, %error, "The configuration was not archived.");
            Transferred { site: None, failed: Vec::new() }
        });
        for (site, error) in failed {
            tracing::warn!(%site, copy.name, %error, "The archive site takes no copy.");
        }
        if let Some(site) = site {
            tracing::info!(%site, copy.name, "The configuration was archived.");
        }
        if let Err(error) = lock(control).life.transferred(&copy, site.is_some(), now()) {
            tracing::error!(%error, "A copy at an archive site will be made again.");
        }
    });
}

/// Whole files behind commits of long configurations. While one is written, operators go on.
fn fold(control: &Mutex<Control>) {
    keep_doing("Writing whole files", tick, || {
        let Some(file) = lock(control).life.fold_due(now()) else { return };
        let written = failing(|| file.write());
        let note = lock(control).life.folded(written, now());
        log(note.into_iter().collect());
    });
}

/// The monitor on a thread of its own: a million routes must keep nobody else waiting.
fn listen(names: watch::Receiver<Names>, batches: mpsc::Sender<UpdateBatch>) {
    // A thread that must stay as urgent as it is works all the same.
    let _ = rustix::process::nice(ROUTES_NICE);
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(monitor(names, batches)),
        Err(error) => tracing::error!(%error, "Netlink can't be watched."),
    }
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
    let _ = rustix::process::nice(ROUTES_NICE);
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
    let log = lock(control).works.log.clone();
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
        Event::Filter(hit) => log.filtered(&hit),
        Event::Policer(hit) => log.policed(&hit),
        Event::Session(session) => log.session(&session),
        Event::SessionUpdated(view) => log.updated(&view),
        Event::Tracked(session) => log.tracked(&session),
        Event::PolicyDeny(denied) => log.denied(&denied),
        Event::Nat(event) => log.nat(&event),
        Event::Overload(event) => log.overloaded(&event),
        Event::Screen { screen, zone, interface, key, dropped } => {
            log.screened((screen, dropped), (zone, interface), key);
        }
    }
}

/// Starts the packet process again when it dies, and gives it what the dead one had. One that handed over to another is
/// not dead: the other has it all.
fn watch_over(process: &Process, control: &Mutex<Control>) {
    loop {
        std::thread::sleep(PAUSE);
        match process.look() {
            Ok(Watched::Lives) => {}
            Ok(Watched::HandedOver) => {
                tracing::info!("Another dataplane process goes on in the old one's place.")
            }
            Ok(Watched::Started(client)) => {
                let mut control = lock(control);
                control.works.plane = Arc::new(client);
                log(control.apply_active().err().map(Note::NotApplied).into_iter().collect());
            }
            Err(error) => tracing::error!(%error, "The dataplane could not be started."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_neither_the_thread_nor_the_work() {
        let (mut rounds, mut done) = (0, Vec::new());
        let pause = || {
            rounds += 1;
            if rounds > 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let mut tried = 0;
        keep_doing("The work", pause, || {
            tried += 1;
            assert_ne!(tried % 2, 0, "every other time");
            done.push(tried);
        });
        assert_eq!((tried, done), (5, vec![1, 3, 5]));
    }

    #[test]
    fn what_panics_has_failed() {
        let failed: io::Result<()> = failing(|| panic!("in the middle"));
        assert_eq!(failed.unwrap_err().to_string(), "it ended in a panic");
        assert_eq!(failing(|| Ok(7)).unwrap(), 7);
        let other = failing(|| Err::<(), _>(io::ErrorKind::StorageFull.into()));
        assert_eq!(other.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
