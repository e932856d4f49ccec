//! Empties outboxes into sockets: datagrams, or octet-counted frames over TCP and TLS.
//!
//! Nothing here decides; a destination that does not take its lines lets them wait in their own bounded queue.
//! Spec: log-20..23, log-30.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::{sleep, timeout};

use crate::file::RotatingFile;
use crate::outbox::Outbox;
use crate::tls;

/// Lines taken at a time.
const BATCH: usize = 64;
/// How long a connection may take to stand.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How long a collector may take to read the end.
const FAREWELL_MAX: Duration = Duration::from_secs(1);
/// How long a collector may take nothing at all before the connection counts as dead.
const STALL_MAX: Duration = Duration::from_secs(60);

/// Pauses between attempts: doubled each time, within bounds, and the same every time.
#[derive(Clone, Copy, Debug)]
pub struct Backoff(Duration);

impl Backoff {
    pub const FIRST: Duration = Duration::from_secs(1);
    pub const MAX: Duration = Duration::from_secs(60);

    /// How long to wait now.
    pub fn pause(&mut self) -> Duration {
        let now = self.0;
        self.0 = (now * 2).min(Self::MAX);
        now
    }

    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self(Self::FIRST)
    }
}

/// The other end of a stream.
#[derive(Clone, Debug)]
pub struct Peer {
    pub stream: String,
    pub from: IpAddr,
    pub to: SocketAddr,
    /// Directory of the profile; `None`: plain TCP.
    pub tls: Option<PathBuf>,
}

/// Sends datagrams, one a line, until the outbox is closed and empty.
pub(crate) async fn datagrams(outbox: Arc<Outbox>, peer: Peer) {
    let mut backoff = Backoff::default();
    let mut socket: Option<UdpSocket> = None;
    while outbox.ready().await {
        let open = match socket.take() {
            Some(open) => open,
            None => match UdpSocket::bind(SocketAddr::new(peer.from, 0)).await {
                Ok(open) => open,
                Err(error) => {
                    complain(&outbox, &peer, &error.to_string());
                    sleep(backoff.pause()).await;
                    continue;
                }
            },
        };
        backoff.reset();
        for line in outbox.take(BATCH) {
            let result = open.send_to(&line, peer.to).await;
            match &result {
                Ok(_) => outbox.well(),
                Err(error) => complain(&outbox, &peer, &error.to_string()),
            }
            outbox.give_up(&[line], usize::from(result.is_ok()));
        }
        socket = Some(open);
    }
}

/// Keeps one connection, until the outbox is closed and empty.
pub(crate) async fn connection(outbox: Arc<Outbox>, peer: Peer) {
    let mut backoff = Backoff::default();
    // A collector is called when there is something to tell.
    while outbox.ready().await {
        let error = match connect(&peer).await {
            Err(error) => error,
            Ok(io) => {
                outbox.connected();
                tracing::info!(stream = peer.stream, to = %peer.to, "A security log stream is connected.");
                let before = outbox.counters().sent;
                let ended = deliver(io, &outbox).await;
                outbox.disconnected();
                if outbox.counters().sent > before {
                    backoff.reset();
                }
                match ended {
                    Ok(()) => return,
                    Err(error) => error,
                }
            }
        };
        complain(&outbox, &peer, &error.to_string());
        sleep(backoff.pause()).await;
    }
}

fn complain(outbox: &Outbox, peer: &Peer, what: &str) {
    if outbox.trouble(what) {
        tracing::warn!(stream = peer.stream, to = %peer.to, error = what, "A security log stream is in trouble.");
    }
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

async fn connect(peer: &Peer) -> io::Result<Box<dyn Io>> {
    let standing = async {
        let plain = tcp(peer).await?;
        let Some(profile) = &peer.tls else { return Ok(Box::new(plain) as Box<dyn Io>) };
        let config = tls::client_config(profile).map_err(io::Error::other)?;
        let name = ServerName::IpAddress(peer.to.ip().into());
        let secured = tokio_rustls::TlsConnector::from(config).connect(name, plain).await?;
        Ok(Box::new(secured) as Box<dyn Io>)
    };
    let late = || io::Error::new(io::ErrorKind::TimedOut, "the connection does not stand in time");
    timeout(CONNECT_MAX, standing).await.unwrap_or_else(|_| Err(late()))
}

async fn tcp(peer: &Peer) -> io::Result<TcpStream> {
    let socket = if peer.to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_keepalive(true)?;
    socket.bind(SocketAddr::new(peer.from, 0))?;
    socket.connect(peer.to).await
}

/// Writes frames until the other end goes (an error) or the outbox is closed and empty.
///
/// # Errors
/// Why the connection is over. Lines that were not written whole are back in the outbox.
pub async fn deliver<S: AsyncRead + AsyncWrite + Unpin>(io: S, outbox: &Outbox) -> io::Result<()> {
    let (mut reader, mut writer) = tokio::io::split(io);
    let mut answer = [0; 512];
    let (mut frames, mut ends) = (Vec::new(), Vec::new());
    loop {
        tokio::select! {
            biased;
            // A collector says nothing; what it says is that it goes.
            read = reader.read(&mut answer) => match read? {
                0 => return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "closed by the collector")),
                _ => continue,
            },
            open = outbox.ready() => if !open {
                writer.shutdown().await?;
                // Going at once would throw away what the collector has not read yet.
                let _ = timeout(FAREWELL_MAX, tokio::io::copy(&mut reader, &mut tokio::io::sink())).await;
                return Ok(());
            },
        }
        let flight = outbox.take(BATCH);
        frames.clear();
        ends.clear();
        for line in &flight {
            frame(&mut frames, line);
            ends.push(frames.len());
        }
        let (written, result) = write(&mut writer, &frames).await;
        let whole = ends.partition_point(|end| *end <= written);
        outbox.settle(flight, whole);
        result?;
    }
}

/// Octet counting: the length in decimal, a space, the message (RFC 6587, 3.4.1; RFC 5425, 4.3).
fn frame(out: &mut Vec<u8>, line: &[u8]) {
    out.extend_from_slice(line.len().to_string().as_bytes());
    out.push(b' ');
    out.extend_from_slice(line);
}

/// Bytes that the transport took, and what stopped it.
async fn write<W: AsyncWrite + Unpin>(writer: &mut W, bytes: &[u8]) -> (usize, io::Result<()>) {
    let stalled = || io::Error::new(io::ErrorKind::TimedOut, "the collector takes nothing");
    let mut done = 0;
    while done < bytes.len() {
        match timeout(STALL_MAX, writer.write(&bytes[done..])).await {
            Ok(Ok(0)) => return (done, Err(io::ErrorKind::WriteZero.into())),
            Ok(Ok(n)) => done += n,
            Ok(Err(error)) => return (done, Err(error)),
            Err(_) => return (done, Err(stalled())),
        }
    }
    let flushed = timeout(STALL_MAX, writer.flush()).await;
    (done, flushed.unwrap_or_else(|_| Err(stalled())))
}

/// Appends to a file, until the outbox is closed and empty. What a file can't take is given up: a full disk would
/// only make the queue full, too.
pub(crate) async fn file(outbox: Arc<Outbox>, mut file: RotatingFile) {
    while outbox.ready().await {
        let flight = outbox.take(BATCH);
        let task = tokio::task::spawn_blocking(move || {
            let (done, result) = file.append(&flight);
            (file, flight, done, result)
        });
        let Ok((back, flight, done, result)) = task.await else { return };
        file = back;
        outbox.give_up(&flight, done);
        match result {
            Ok(()) => outbox.well(),
            Err(error) => {
                if outbox.trouble(&error.to_string()) {
                    tracing::warn!(%error, "A security log file can't be written.");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_begin_anew() {
        let mut backoff = Backoff::default();
        let seconds: Vec<_> = (0..9).map(|_| backoff.pause().as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        backoff.reset();
        assert_eq!(backoff.pause().as_secs(), 1);
    }
}
