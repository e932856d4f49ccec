//! Listeners at work, on the loopback.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::AtomicUsize;

use super::*;

/// A server that counts how often it was made to gather.
fn server() -> (tokio::runtime::Runtime, Server, Arc<AtomicUsize>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let gathered = Arc::new(AtomicUsize::new(0));
    let counter = gathered.clone();
    let server = Server::new(runtime.handle().clone(), move |series_max| {
        counter.fetch_add(1, Ordering::SeqCst);
        Exposition::new(series_max)
    });
    (runtime, server, gathered)
}

fn plan(listen: &[SocketAddr]) -> MetricsPlan {
    MetricsPlan { listen: listen.to_vec(), sources: Vec::new(), connections_max: 4, series_max: 10 }
}

/// A port that nobody has at the moment.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// `None`: nobody answers.
fn scrape(addr: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(addr).ok()?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n").ok()?;
    let mut got = String::new();
    stream.read_to_string(&mut got).ok()?;
    (!got.is_empty()).then_some(got)
}

#[test]
fn a_plan_is_followed_and_left() {
    let (_runtime, server, _) = server();
    let wanted = plan(&[free()]);
    server.prepare(Some(&wanted), &[]).unwrap();
    assert_eq!(server.listening(), []);
    assert_eq!(scrape(wanted.listen[0]), None, "prepared is not yet answered");
    server.apply(Some(&wanted), &[]).unwrap();
    assert!(scrape(wanted.listen[0]).unwrap().contains("ravelin_metrics_gather_seconds"));
    server.apply(None, &[]).unwrap();
    assert_eq!(server.listening(), []);
}

#[test]
fn a_port_that_is_taken_is_refused_by_path_and_the_old_one_goes_on() {
    let (_runtime, server, _) = server();
    let first = plan(&[free()]);
    server.apply(Some(&first), &[]).unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap();
    let refused = server.prepare(Some(&plan(&[taken])), &[]).unwrap_err();
    assert_eq!(refused[0].0, format!("system services metrics port {}", taken.port()));
    let refused = server.prepare(Some(&plan(&["192.0.2.99:9797".parse().unwrap()])), &[]).unwrap_err();
    assert_eq!(refused[0].0, "system services metrics addresses 192.0.2.99");
    // Had it been the commit's fate to be applied all the same, nothing would change either.
    assert!(server.apply(Some(&plan(&[free(), taken])), &[]).is_err());
    assert_eq!(server.listening(), first.listen);
    assert!(scrape(first.listen[0]).is_some());
}

/// Even when nobody has had time to end what accepted there.
#[test]
fn an_address_that_was_left_can_be_had_again_at_once() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = Server::new(runtime.handle().clone(), Exposition::new);
    let first = free();
    let second = SocketAddr::new("127.0.0.2".parse().unwrap(), first.port());
    for wanted in [first, second, first, second] {
        server.prepare(Some(&plan(&[wanted])), &[]).unwrap();
        server.apply(Some(&plan(&[wanted])), &[]).unwrap();
        assert_eq!(server.listening(), [wanted]);
    }
}

#[test]
fn an_aborted_plan_gives_its_port_back() {
    let (_runtime, server, _) = server();
    let addr = free();
    server.prepare(Some(&plan(&[addr])), &[]).unwrap();
    assert!(TcpListener::bind(addr).is_err());
    server.abort();
    TcpListener::bind(addr).unwrap();
}

#[test]
fn answers_serve_whoever_asks_at_the_same_time() {
    let (_runtime, server, gathered) = server();
    let wanted = plan(&[free()]);
    server.apply(Some(&wanted), &[]).unwrap();
    let texts: Vec<_> = (0..3).map(|_| scrape(wanted.listen[0]).unwrap()).collect();
    // A machine that takes a second over one of these asks once more.
    assert!(gathered.load(Ordering::SeqCst) < texts.len());
}

#[test]
fn only_allowed_sources_and_only_so_many_are_served() {
    let (_runtime, server, _) = server();
    let addr = free();
    let elsewhere = MetricsPlan { sources: vec!["192.0.2.0/24".parse().unwrap()], ..plan(&[addr]) };
    server.apply(Some(&elsewhere), &[]).unwrap();
    assert_eq!(scrape(addr), None);
    let here = MetricsPlan {
        sources: vec!["192.0.2.0/24".parse().unwrap(), "127.0.0.0/8".parse().unwrap()],
        connections_max: 1,
        ..plan(&[addr])
    };
    server.apply(Some(&here), &[]).unwrap();
    let text = scrape(addr).unwrap();
    assert!(text.contains("ravelin_metrics_refused_connections_total{cause=\"source\"} 1"), "{text}");
    let shared = server.shared.clone();
    // The last one's is given back a moment after its answer.
    let place = loop {
        match shared.admit("127.0.0.1".parse().unwrap()) {
            Some(place) => break place,
            None => std::thread::yield_now(),
        }
    };
    assert_eq!(scrape(addr), None, "its place is taken");
    drop(place);
    assert!(scrape(addr).is_some());
}
