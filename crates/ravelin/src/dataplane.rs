//! `ravelin dataplane`: the packet process. The AF_XDP plane behind a unix socket, and its hand-over to a successor behind
//! another.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use ravelin_afxdp::{
    AfxdpPlane, AfxdpSetup, AfxdpWorkers, ChecksumOffload, Given, Giver, Offer, SocketConfig, StateTransfer,
    Step, WholeState,
};
use ravelin_contract::DataPlane;
use ravelin_engine::{Limits, Seed};
use ravelin_remote::{Server, listen};

/// Arguments of `dataplane`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Where the control plane connects.
    #[arg(long, default_value = "/run/ravelin/dataplane.sock")]
    socket: PathBuf,
    /// Directory of the shim's pins; mounted as a bpffs when it is none.
    #[arg(long, default_value = "/sys/fs/bpf/ravelin")]
    bpffs: PathBuf,
    /// Packet workers, one a receive queue: every data interface has as many (`ethtool -L DEVICE
    /// combined N`).
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    workers: u8,
    /// Sessions that all workers together can hold.
    #[arg(long, default_value_t = 262_144)]
    sessions: usize,
    /// Take everything over from the process that runs, workers and sessions as it has them.
    #[arg(long)]
    take_over: bool,
}

/// How much more urgent packets are than whatever else runs, should there be too few processors: the shim drops what a worker that has
/// waited for one for 80 ms should have had.
const PACKETS_NICE: i32 = -10;

/// Where successors ask, beside the control plane's socket.
const SUCCESSORS: &str = "handover.sock";

/// Runs until it is told to end.
pub fn run(arguments: &Arguments) -> ExitCode {
    let outcome = if arguments.take_over { succeed(arguments) } else { serve(arguments) };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if arguments.take_over {
                say(&format!("error: {error}"));
            }
            crate::fail(&*error)
        }
    }
}

/// While it is, threads that this one starts are as urgent as packets: the workers, and the one that starts workers anew.
struct Urgent {
    by: i32,
}

impl Urgent {
    /// Without the right to it, everything works all the same.
    fn become_so() -> Self {
        Self { by: if rustix::process::nice(PACKETS_NICE).is_ok() { PACKETS_NICE } else { 0 } }
    }

    /// What answers the control side may wait.
    fn stop(self) {
        let _ = rustix::process::nice(-self.by);
    }
}

fn directory(arguments: &Arguments) -> &Path {
    arguments.socket.parent().unwrap_or(Path::new("."))
}

/// What workers know and how it goes over.
fn transfer() -> Arc<dyn StateTransfer> {
    Arc::new(WholeState::default())
}

fn serve(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|e| format!("no randomness: {e}"))?;
    let limits = Limits { sessions: arguments.sessions, ..Limits::default() };
    // Listening comes first: only one process may hold the pins, and the socket tells who lives.
    let calls = listen(&arguments.socket)?;
    let successors = listen(&directory(arguments).join(SUCCESSORS))?;
    let plane = AfxdpWorkers::plane(AfxdpSetup {
        pins: arguments.bpffs.clone(),
        workers: arguments.workers,
        limits,
        seed: Seed(seed),
        offload: ChecksumOffload::Request,
        socket: SocketConfig::default(),
    })?;
    let urgent = Urgent::become_so();
    // From here on there are threads, and packets.
    confine(arguments)?;
    plane.start()?;
    urgent.stop();
    attend(plane, calls, successors)
}

/// Goes on where another process stops. Its words on standard output are for who started it.
fn succeed(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let offer = Offer::ask(&directory(arguments).join(SUCCESSORS), transfer())?;
    let urgent = Urgent::become_so();
    confine(arguments)?;
    let mut begun = false;
    let taken = offer.take(&arguments.bpffs, &mut |step| match step {
        Step::Prepared => say("prepared"),
        Step::Imported => say("imported"),
        Step::Again => say("again"),
        Step::Begun => begun = true,
    })?;
    let [calls, successors] = <[_; 2]>::try_from(taken.carried)
        .map_err(|carried| format!("{} listeners were handed over, not 2", carried.len()))?;
    if begun {
        say("begun");
    }
    urgent.stop();
    attend(taken.plane, calls.into(), successors.into())
}

/// Nobody may be listening any more.
fn say(word: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{word}").and_then(|()| out.flush());
}

fn confine(arguments: &Arguments) -> Result<(), crate::confine::Unconfined> {
    let confined = crate::confine::confine(&[directory(arguments), &arguments.bpffs])?;
    tracing::info!("confined: {confined}");
    Ok(())
}

/// Serves the control plane, and a successor when one comes.
fn attend(
    plane: AfxdpPlane,
    calls: UnixListener,
    successors: UnixListener,
) -> Result<(), Box<dyn std::error::Error>> {
    let plane = Arc::new(plane);
    let carried = vec![calls.try_clone()?.into(), successors.try_clone()?.into()];
    let giver = Giver::new(plane.clone(), transfer(), carried);
    std::thread::Builder::new().name("successors".into()).spawn(move || {
        for stream in successors.incoming() {
            match stream {
                Ok(stream) => {
                    let error = giver.give(stream, gone);
                    tracing::warn!(%error, "No hand-over came about; this process works on.");
                }
                Err(error) => {
                    tracing::warn!(%error, "A successor could not be heard.");
                    std::thread::sleep(std::time::Duration::from_millis(100));
                }
            }
        }
    })?;
    Server::serve(calls, plane)?.wait();
    Ok(())
}

/// The successor has everything: not another packet is touched here.
fn gone(given: Given) -> ! {
    let Given { prepared, still, ahead_bytes, last_bytes } = given;
    tracing::info!(
        prepared_ms = prepared.as_millis(),
        still_us = still.as_micros(),
        ahead_bytes,
        last_bytes,
        "Handed over to another process."
    );
    std::process::exit(0)
}
