//! How many events a second the log takes and what becomes of them, by form and destination.
//!
//! `cargo bench -p ravelin-telemetry --bench log`. Sessions are told as fast as one thread can, for a second, to one stream; what waits
//! then is sent. Cost: of telling, with everything behind it that the teller waits for. The account is the log's own and must
//! balance: what was produced is sent, lost, failed or waiting still (log-29). A collector that reads nothing costs no more.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ravelin_contract::SessionKey;
use ravelin_model::load;
use ravelin_telemetry::{Counters, Flow, LogPlan, Record, Service};
use ravelin_types::{InstanceId, Proto};

const TELLING: Duration = Duration::from_secs(1);
const EMPTYING: Duration = Duration::from_secs(10);
/// Records between two looks at the clock.
const TURN: u32 = 64;

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
enum Peer {
    Udp,
    Tcp,
    /// Takes the connection and reads nothing.
    Stalled,
    File,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    println!(
        "{:<10} {:<8} {:>9} {:>11} {:>11} {:>9} {:>9} {:>9}  balance",
        "form", "to", "ns each", "told/s", "sent/s", "lost", "failed", "waiting"
    );
    for form in ["sd-syslog", "syslog", "binary"] {
        for peer in [Peer::Udp, Peer::Tcp, Peer::File, Peer::Stalled] {
            let _inside = runtime.enter();
            measure(form, peer, runtime.handle());
        }
    }
}

fn measure(form: &str, peer: Peer, runtime: &tokio::runtime::Handle) {
    let ground = tempfile::tempdir().expect("a directory");
    let addr = collector(peer);
    let service = Service::new(runtime.clone(), ground.path().to_path_buf(), TimeZone::UTC);
    service.apply(&plan(form, peer, addr));
    let record = session();
    let begin = Instant::now();
    let mut told = 0u64;
    while begin.elapsed() < TELLING {
        for _ in 0..TURN {
            service.record(Timestamp::now(), &record);
        }
        told += u64::from(TURN);
    }
    let telling = begin.elapsed();
    let stalls = matches!(peer, Peer::Stalled);
    while !stalls && begin.elapsed() < EMPTYING && waiting(&service) > 0 {
        thread::sleep(Duration::from_millis(1));
    }
    let all = begin.elapsed();
    let found = &service.statistics().streams[0];
    let Counters { offered, sent, lost, failed, waiting, in_flight } = found.counters;
    let balance = offered == told && offered == sent + lost + failed + waiting + in_flight;
    println!(
        "{form:<10} {:<8} {:>9.0} {:>11.0} {:>11.0} {lost:>9} {failed:>9} {:>9}  {}",
        format!("{peer:?}").to_lowercase(),
        telling.as_nanos() as f64 / told as f64,
        told as f64 / telling.as_secs_f64(),
        sent as f64 / all.as_secs_f64(),
        waiting + in_flight,
        if balance { "holds" } else { "DOES NOT HOLD" },
    );
}

fn waiting(service: &Service) -> u64 {
    let Counters { waiting, in_flight, .. } = service.statistics().streams[0].counters;
    waiting + in_flight
}

/// By text, as an operator would have it.
fn plan(form: &str, peer: Peer, addr: SocketAddr) -> LogPlan {
    let stream = "set security log stream s";
    let to = match peer {
        Peer::File => format!("{stream} file localfilename events\n"),
        Peer::Udp | Peer::Tcp | Peer::Stalled => {
            let protocol = if matches!(peer, Peer::Udp) { "udp" } else { "tcp" };
            let port = addr.port();
            format!(
                "{stream} host 127.0.0.1\n{stream} host port {port}\n{stream} transport protocol {protocol}\n"
            )
        }
    };
    let text = format!("set security log source-address 127.0.0.1\nset security log format {form}\n{to}");
    LogPlan::new(load(&text).result.unwrap_or_else(|errors| panic!("{errors:?}")).get())
}

/// Starts what reads; its address.
fn collector(peer: Peer) -> SocketAddr {
    if matches!(peer, Peer::Udp) {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let addr = socket.local_addr().expect("an address");
        thread::spawn(move || {
            let mut buffer = [0; 9000];
            while socket.recv(&mut buffer).is_ok() {}
        });
        return addr;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let addr = listener.local_addr().expect("an address");
    thread::spawn(move || {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept() {
            if matches!(peer, Peer::Stalled) {
                held.push(stream);
                continue;
            }
            let mut buffer = vec![0; 65536];
            while matches!(stream.read(&mut buffer), Ok(1..)) {}
        }
    });
    addr
}

fn session() -> Record {
    let end = |text: &str| text.parse().expect("an address");
    let (src, dst) = (end("10.1.0.2"), end("198.51.100.2"));
    let key = SessionKey {
        src,
        sport: 40_000,
        dst,
        dport: 443,
        proto: Proto::TCP,
        instance: InstanceId::default(),
    };
    Record::Create(Flow {
        key,
        nat: SessionKey { src: end("203.0.113.5"), ..key },
        service: Some("junos-https".into()),
        source_rule: None,
        destination_rule: None,
        policy: "web-out".into(),
        from_zone: "trust".into(),
        to_zone: "untrust".into(),
        session: 4_711,
        interface: "ge-0/0/0.0".into(),
    })
}
