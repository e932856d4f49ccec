//! Feeds and names, asked of the world: the only part with sockets and files. Blocks; the daemon gives it threads.
//!
//! A feed is had by HTTP/1.0, whose answers end with the connection, or from a file. Spec: dynamic-address-4.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use crate::addresses::{FeedError, Parsed, parse};
use crate::names::Answer;

/// The longest feed.
pub const BYTES_MAX: usize = 64 << 20;
/// The longest head of an answer.
const HEAD_MAX: usize = 16 << 10;
/// How long a fetch may take in all.
const FETCH_MAX: Duration = Duration::from_secs(60);
/// And one step of it.
const STEP_MAX: Duration = Duration::from_secs(10);

/// Addresses of a name, from these servers; where there are none, as the system's resolver knows them, which tells no TTL.
#[must_use]
pub fn resolve(name: &str, servers: &[IpAddr]) -> Answer {
    if !servers.is_empty() {
        return crate::dns::ask(name, servers);
    }
    match (name, 0).to_socket_addrs() {
        Ok(found) => Answer::Addresses { list: found.map(|addr| addr.ip()).collect(), ttl: None },
        Err(_) => Answer::Failed,
    }
}

/// Gets and reads a feed; its host is looked for as [`resolve`] does.
///
/// # Errors
/// It can't be had, or is no list of addresses.
pub fn feed(url: &str, servers: &[IpAddr]) -> Result<Parsed, FeedError> {
    let text = match url.strip_prefix("file://") {
        Some(path) => file(path)?,
        None => http(url, servers)?,
    };
    parse(&text)
}

fn failed(what: impl std::fmt::Display) -> FeedError {
    FeedError::Fetch(what.to_string())
}

fn file(path: &str) -> Result<Vec<u8>, FeedError> {
    // A pipe or a device would keep its reader for as long as it likes.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(failed("it is no regular file"));
    }
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut text = Vec::new();
    file.take(BYTES_MAX as u64 + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() > BYTES_MAX { Err(failed("the file is too long")) } else { Ok(text) }
}

fn http(url: &str, servers: &[IpAddr]) -> Result<Vec<u8>, FeedError> {
    let rest =
        url.strip_prefix("http://").ok_or_else(|| failed("only http:// and file:/// are supported"))?;
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    if host.is_empty() || rest.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return Err(failed("the URL is malformed"));
    }
    let deadline = Instant::now() + FETCH_MAX;
    let mut stream = connect(host, servers)?;
    stream.set_write_timeout(Some(STEP_MAX)).map_err(failed)?;
    let request =
        format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: text/plain\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = Vec::new();
    let mut step = [0; 64 << 10];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(failed("the server takes too long"));
        }
        stream.set_read_timeout(Some(left.min(STEP_MAX))).map_err(failed)?;
        match stream.read(&mut step).map_err(failed)? {
            0 => return body(answer),
            len => answer.extend_from_slice(&step[..len]),
        }
        if answer.len() > BYTES_MAX + HEAD_MAX {
            return Err(failed("the feed is too long"));
        }
    }
}

fn connect(host: &str, servers: &[IpAddr]) -> Result<TcpStream, FeedError> {
    let port = host.rsplit_once(':').and_then(|(name, port)| Some((name, port.parse::<u16>().ok()?)));
    let (name, port) = port.filter(|_| !host.ends_with(']')).unwrap_or((host, 80));
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let found = match name.parse::<IpAddr>() {
        Ok(addr) => vec![addr],
        Err(_) => match resolve(name, servers) {
            Answer::Addresses { list, .. } => list,
            Answer::None { .. } | Answer::Failed => Vec::new(),
        },
    };
    let mut error = failed("the server has no address");
    for addr in found.into_iter().map(|addr| SocketAddr::new(addr, port)) {
        match TcpStream::connect_timeout(&addr, STEP_MAX) {
            Ok(stream) => return Ok(stream),
            Err(why) => error = failed(why),
        }
    }
    Err(error)
}

/// What follows the head of an answer that says 200, as long as it says.
fn body(mut answer: Vec<u8>) -> Result<Vec<u8>, FeedError> {
    let ends = answer.windows(4).take(HEAD_MAX).position(|four| four == b"\r\n\r\n");
    let ends = ends.ok_or_else(|| failed("the answer has no head"))?;
    let head = String::from_utf8_lossy(&answer[..ends]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") || !status.starts_with("HTTP/1.") {
        return Err(failed(format!("the server answers `{status}'")));
    }
    let header = |name: &str| {
        let mut fields = lines.clone().filter_map(|line| line.split_once(':'));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    let plain = |value: Option<String>| value.is_none_or(|value| value.eq_ignore_ascii_case("identity"));
    if !plain(header("transfer-encoding")) || !plain(header("content-encoding")) {
        return Err(failed("the feed is encoded in a way that is not supported"));
    }
    let promised = header("content-length").and_then(|value| value.parse::<usize>().ok());
    let text = answer.split_off(ends + 4);
    match promised {
        Some(len) if text.len() != len => Err(failed("the feed is cut short")),
        _ => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A server that answers once.
    fn served(answer: &'static [u8]) -> Result<Parsed, FeedError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/list.txt", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let len = stream.read(&mut request).unwrap();
            assert!(request[..len].starts_with(b"GET /list.txt HTTP/1.0\r\n"));
            stream.write_all(answer).unwrap();
        });
        let read = feed(&url, &[]);
        server.join().unwrap();
        read
    }

    #[test]
    fn a_list_comes_whole_or_not_at_all() {
        let whole = served(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n10.0.0.1\n").unwrap();
        assert_eq!(whole.entries, 1);
        assert!(served(b"HTTP/1.0 200 OK\r\nContent-Length: 99\r\n\r\n10.0.0.1\n").is_err());
        assert!(served(b"HTTP/1.0 404 Not Found\r\n\r\n10.0.0.1\n").is_err());
        assert!(served(b"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n10.0.0.1\n").is_err());
        assert!(served(b"10.0.0.1\n").is_err());
    }

    #[test]
    fn what_can_not_be_had_says_why() {
        for url in
            ["https://example/", "http://", "http://a b/", "file:///nonexistent/feed", "file:///dev/zero"]
        {
            assert!(matches!(feed(url, &[]), Err(FeedError::Fetch(_))), "{url}");
        }
    }
}
