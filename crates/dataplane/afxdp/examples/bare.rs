//! A wire between two devices over bare AF_XDP: the floor that the firewall's own cost stands on.
//!
//! `bare PINS DEVICE DEVICE [--software]`: frames of one device leave by the other, unchanged but for TCP and UDP
//! checksums, which are finished by the kernel (TX metadata) or, with `--software`, here. One worker, queue 0.

use std::{env, error::Error, os::fd::AsFd, path::Path, process::ExitCode, time::Duration};

use ravelin_afxdp::{
    BEAT_PERIOD_MAX, Beat, ChecksumOffload, Frame, Group, PortShim, QueueAt, Shims, SocketConfig,
};
use ravelin_wire::rewrite::{self, Partial};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::{AddressFamily, SocketType, netdevice},
};

const BATCH: u32 = 64;
const REPORT_EVERY: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let mut args: Vec<String> = env::args().skip(1).collect();
    let software = args.iter().position(|arg| arg == "--software").map(|at| args.remove(at));
    let offload = software.map_or(ChecksumOffload::Request, |_| ChecksumOffload::Software);
    let [pins, left, right] = args.as_slice() else {
        eprintln!("usage: bare PINS DEVICE DEVICE [--software]");
        return ExitCode::from(2);
    };
    match run(Path::new(pins), [left, right], offload) {
        Ok(never) => match never {},
        Err(error) => {
            eprintln!("bare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(
    pins: &Path,
    names: [&str; 2],
    offload: ChecksumOffload,
) -> Result<std::convert::Infallible, Box<dyn Error>> {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    let [left, right] = names.map(|name| netdevice::name_to_index(&socket, name));
    let queues = [left?, right?].map(|ifindex| QueueAt { ifindex, queue: 0 });
    let shims = Shims::take_over(pins)?;
    shims.retain(&queues.iter().map(|at| at.ifindex).collect())?;
    let beat = shims.heartbeat().beat(0).ok_or("no heartbeat slot")?;
    beat.now();
    let mut group = Group::open(&queues, &SocketConfig::default(), offload)?;
    let mut ports = Vec::new();
    for (n, at) in queues.iter().enumerate() {
        let mut port = shims.attach(at.ifindex)?;
        port.serve(at.queue, group.fd(n))?;
        println!("port {n}: {:?}, zero-copy {}", port.mode(), group.zero_copy(n));
        ports.push(port);
    }
    println!("epoch {}", shims.epoch());
    forward(&mut group, &beat, &ports)
}

fn forward(
    group: &mut Group,
    beat: &Beat,
    ports: &[PortShim],
) -> Result<std::convert::Infallible, Box<dyn Error>> {
    let mut batch = Vec::with_capacity(BATCH as usize);
    let mut forwarded = [0_u64; 2];
    let mut reported = std::time::Instant::now();
    loop {
        beat.now();
        let mut received = 0;
        for (port, count) in forwarded.iter_mut().enumerate() {
            received += group.receive(port, BATCH, &mut batch);
            *count += batch.len() as u64;
            for frame in batch.drain(..) {
                send(group, 1 - port, frame);
            }
        }
        group.flush();
        if received == 0 {
            wait(group)?;
        }
        if reported.elapsed() >= REPORT_EVERY {
            reported = std::time::Instant::now();
            let drops: Vec<_> = ports.iter().map(PortShim::drops).collect::<Result<_, _>>()?;
            println!("{forwarded:?} lost {} {:?} {drops:?}", group.lost(0), group.counters());
        }
    }
}

fn send(group: &mut Group, port: usize, mut frame: Frame) {
    let partial = unfinished(group.umem().bytes_mut(&mut frame));
    if let Err(frame) = group.transmit(port, frame, partial) {
        group.umem_mut().put(frame);
    }
}

fn unfinished(bytes: &mut [u8]) -> Option<Partial> {
    let network = ravelin_wire::parse(bytes).ok()?.network?;
    rewrite::prepare_partial(bytes, &network)
}

fn wait(group: &Group) -> Result<(), Box<dyn Error>> {
    let fds = [group.fd(0), group.fd(1)];
    let mut fds = fds.each_ref().map(|fd| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN));
    let timeout = Timespec::try_from(BEAT_PERIOD_MAX)?;
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
