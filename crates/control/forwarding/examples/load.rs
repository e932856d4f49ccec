//! How long the kernel's routes take to become a resync: `cargo run --release -p ravelin-forwarding --example load DEVICE`, in a
//! network namespace with routes over that device (lab/routes.py puts some there).

use std::env;
use std::time::Instant;

use ravelin_forwarding::{Monitor, Names};
use ravelin_types::{InterfaceId, PortId};
use tokio::sync::{mpsc, watch};

fn main() {
    let device = env::args().nth(1).unwrap_or_else(|| "lo".to_owned());
    let names = Names {
        units: [(device.clone(), InterfaceId(0))].into(),
        ports: [(device, PortId(0))].into(),
        ..Names::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (_keep, names) = watch::channel(names);
        let (send, mut batches) = mpsc::channel(1);
        let start = Instant::now();
        let monitor = tokio::spawn(Monitor::open().expect("netlink").run(names, send));
        match batches.recv().await {
            Some(batch) => println!("{} routes in {:?}", batch.routes.len(), start.elapsed()),
            None => println!("{:?}", monitor.await),
        }
    });
}
