//! `ravelin daemon`: the control plane. Wires store, compile, host, forwarding and command engine to a
//! packet process that outlives it.

#[cfg(test)]
mod agreement;
mod announcer;
mod api;
mod commits;
mod config_mode;
mod control;
mod dynamic;
mod fault;
mod forms;
mod log;
mod machine;
mod metrics;
mod nat_alarms;
mod routes;
mod sole;
mod supervisor;
mod tasks;
mod trace;
mod upgrade;
mod works;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use ravelin_commit::{BookFile, CommitError, Life};
use ravelin_contract::DataPlane;
use ravelin_forwarding::Names;
use ravelin_metrics::Server;
use ravelin_store::{Candidate, Directory, Record, Store};
use ravelin_telemetry::Service;
use tokio::sync::watch;

use control::{Control, boot, now};
use dynamic::Dynamic;
use log::Log;
use machine::Machine;
use metrics::Scrapes;
use sole::Sole;
use supervisor::{Place, Process};
use works::{Services, Works};

/// Arguments of `daemon`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Committed at a start when the state directory has no active configuration.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Directory of the configuration store.
    #[arg(long, default_value = "/var/lib/ravelin")]
    state: PathBuf,
    /// Directory of the sockets.
    #[arg(long, default_value = "/run/ravelin")]
    run: PathBuf,
    /// Directory of the shim's pins; mounted as a bpffs when it is none.
    #[arg(long, default_value = "/sys/fs/bpf/ravelin")]
    bpffs: PathBuf,
    /// A Junos interface and the Linux device that it is.
    #[arg(long, value_name = "INTERFACE=DEVICE", value_parser = mapping)]
    map: Vec<(String, String)>,
    /// Packet workers, one a receive queue: every data interface has as many (`ethtool -L DEVICE
    /// combined N`).
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    workers: u8,
    /// Sessions that all workers together can hold.
    #[arg(long, default_value_t = 262_144)]
    sessions: usize,
}

fn mapping(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((interface, device)) if !interface.is_empty() && !device.is_empty() => {
            Ok((interface.to_owned(), device.to_owned()))
        }
        _ => Err("expected INTERFACE=DEVICE".into()),
    }
}

/// Runs until it is told to end; the packet process stays.
pub fn run(arguments: Arguments) -> ExitCode {
    match start(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => crate::fail(&*error),
    }
}

fn start(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    // Before anything is touched that another daemon may be working with.
    let _sole = Sole::of(&arguments.state, sole::PATIENCE)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    std::fs::create_dir_all(&arguments.run)?;
    let store = Store::open(Directory::open(&arguments.state)?)?;
    let place = Place {
        socket: arguments.run.join("dataplane.sock"),
        pins: arguments.bpffs.clone(),
        log: arguments.run.join("dataplane.log"),
        workers: arguments.workers,
        sessions: arguments.sessions,
    };
    let (client, mut child) = supervisor::connect(&place, None)?;
    let epoch = client.epoch();
    let plane: Arc<dyn DataPlane> = Arc::new(client);
    let (forwarding, names) = watch::channel(Names::default());
    let machine = Machine::open(runtime.handle().clone())?;
    let book_file = BookFile(arguments.state.join("ids.json"));
    let map = arguments.map.iter().cloned().collect::<BTreeMap<_, _>>();
    let zone = jiff::tz::TimeZone::system();
    let service = Service::new(runtime.handle().clone(), arguments.state.clone(), zone.clone());
    let dynamic = Dynamic::new(zone.clone());
    let table = routes::Table::default();
    let scrapes = Arc::new(Scrapes::new(place.clone(), table.clone()));
    let asked = scrapes.clone();
    let metrics = Server::new(runtime.handle().clone(), move |series_max| asked.gather(series_max));
    let services = Services { log: Arc::new(Log::new(service)), dynamic, metrics: Arc::new(metrics) };
    let works = Works::new((plane, services), machine, (book_file, child.is_some()), map)?;
    let traces = arguments.state.join("trace");
    let control = Control::new(Life::new(store, now(), boot()).in_zone(zone), works, forwarding, traces);
    let control = Arc::new(Mutex::new(control));
    scrapes.attach(&control);
    if let Err(error) = bring_up(&control, arguments.config.as_deref()) {
        // A packet process that was started for nothing must not stay behind; one that runs already does.
        if let Some(child) = &mut child {
            child.kill()?;
            child.wait()?;
        }
        return Err(error);
    }
    let process = Arc::new(Process::new(place, epoch, child));
    tasks::spawn(&runtime, &control, names, (&process, &table));
    api::serve(&control, &table, &process, &arguments.run.join("api.sock"))?;
    Ok(())
}

/// Applies the stored configuration, or commits the first one.
fn bring_up(
    control: &Mutex<Control>,
    first: Option<&std::path::Path>,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut control = tasks::lock(control);
    for name in control.life.store().damaged() {
        tracing::error!(name, "A file of the configuration store is damaged; it counts as missing.");
    }
    let listed = |errors: &[ravelin_syntax::Diagnostic], name: &str| {
        errors.iter().map(|e| e.line(name)).collect::<Vec<_>>().join("\n")
    };
    if control.life.store().active().is_some() {
        // The daemon stays reachable, so that the operator can repair what does not fit.
        tasks::log(control.start());
        return Ok(());
    }
    let Some(path) = first else { return Ok(()) };
    let name = path.display().to_string();
    let text = crate::source::read(path).map_err(|e| format!("{name}: {e}"))?;
    let mut candidate = Candidate::default();
    candidate.replace(&text).map_err(|errors| listed(&errors, &name))?;
    let record = Record {
        time_s: now().wall_s,
        user: "root".into(),
        client: "other".into(),
        comment: Some(format!("first configuration, {name}")),
        confirmed_min: None,
    };
    match control.first(candidate.tree(), record) {
        Ok(()) => Ok(()),
        // It is the active one, and applied as soon as that works.
        Err(error @ CommitError::Partial(_)) => {
            tracing::error!("The first configuration: {error}");
            Ok(())
        }
        Err(error) => Err(listed(&error.diagnostics(), &name).into()),
    }
}
