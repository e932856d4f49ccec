//! `ravelin dataplane`: the packet process. The AF_XDP plane behind a unix socket.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use ravelin_afxdp::{AfxdpSetup, AfxdpWorkers, ChecksumOffload, SocketConfig};
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
}

/// Runs until it is told to end.
pub fn run(arguments: &Arguments) -> ExitCode {
    match serve(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => crate::fail(&*error),
    }
}

fn serve(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|e| format!("no randomness: {e}"))?;
    let limits = Limits { sessions: arguments.sessions, ..Limits::default() };
    // Listening comes first: only one process may hold the pins, and the socket tells who lives.
    let listener = listen(&arguments.socket)?;
    let plane = AfxdpWorkers::plane(AfxdpSetup {
        pins: arguments.bpffs.clone(),
        workers: arguments.workers,
        limits,
        seed: Seed(seed),
        offload: ChecksumOffload::Request,
        socket: SocketConfig::default(),
    })?;
    // From here on there are threads, and packets.
    let run = arguments.socket.parent().unwrap_or(std::path::Path::new("."));
    let confined = crate::confine::confine(&[run, &arguments.bpffs])?;
    tracing::info!("confined: {confined}");
    plane.start()?;
    let plane: Arc<dyn DataPlane> = Arc::new(plane);
    Server::serve(listener, plane)?.wait();
    Ok(())
}
