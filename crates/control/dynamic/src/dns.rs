//! Questions for addresses of a name to servers that the configuration names (RFC 1035, RFC 3596).
//!
//! Junos: `system name-server`. A server that does not answer, or answers with an error, gives way to the next; an answer
//! that is cut short is asked for again over TCP. Nothing is believed but what comes from the server that was asked, of the
//! number and the question that went out, for the name or what it is another name of. State: none; blocks.
//! Spec: dns-name-9..12.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use crate::names::{ADDRESSES_MAX, Answer};

const PORT: u16 = 53;
/// How long a server has for one question.
const WAIT: Duration = Duration::from_secs(3);
/// The longest answer by UDP that is taken.
const UDP_MAX: usize = 4096;
/// Records of an answer that are looked at.
const RECORDS_MAX: usize = 512;
/// Pointers in one name.
const JUMPS_MAX: usize = 32;

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const IN: u16 = 1;

/// What a server says of one question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Reply {
    addresses: Vec<IpAddr>,
    ttl: Option<Duration>,
    truncated: bool,
}

/// Asks the servers one after another for both families.
#[must_use]
pub fn ask(name: &str, servers: &[IpAddr]) -> Answer {
    let servers: Vec<SocketAddr> = servers.iter().map(|server| SocketAddr::new(*server, PORT)).collect();
    ask_at(name, &servers)
}

fn ask_at(name: &str, servers: &[SocketAddr]) -> Answer {
    let both = |server: &SocketAddr| {
        let four = exchange(name, A, server)?;
        let six = exchange(name, AAAA, server)?;
        Some((four, six))
    };
    let Some((four, six)) = servers.iter().find_map(both) else { return Answer::Failed };
    let ttl = four.ttl.into_iter().chain(six.ttl).min();
    let mut list = four.addresses;
    list.extend(six.addresses);
    list.truncate(ADDRESSES_MAX);
    if list.is_empty() { Answer::None { ttl } } else { Answer::Addresses { list, ttl } }
}

/// `None`: no answer that can be used.
fn exchange(name: &str, kind: u16, server: &SocketAddr) -> Option<Reply> {
    let id = RandomState::new().build_hasher().finish() as u16;
    let question = question(name, kind)?;
    let mut message = header(id);
    message.extend_from_slice(&question);
    let reply = by_udp(&message, id, &question, server)?;
    if !reply.truncated {
        return Some(reply);
    }
    let answer = by_tcp(&message, server).ok()?;
    read(&answer, id, &question).filter(|reply| !reply.truncated)
}

/// One question, which wants recursion.
fn header(id: u16) -> Vec<u8> {
    let mut out = id.to_be_bytes().to_vec();
    out.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    out
}

/// `None`: it can't be a name.
fn question(name: &str, kind: u16) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..64).contains(length))?;
        out.push(length);
        out.extend_from_slice(label.to_ascii_lowercase().as_bytes());
    }
    out.push(0);
    let fits = out.len() <= 255;
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&IN.to_be_bytes());
    fits.then_some(out)
}

fn by_udp(message: &[u8], id: u16, question: &[u8], server: &SocketAddr) -> Option<Reply> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(server).ok()?;
    socket.send(message).ok()?;
    let deadline = Instant::now() + WAIT;
    let mut buffer = [0; UDP_MAX];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        socket.set_read_timeout(Some(left)).ok()?;
        let length = socket.recv(&mut buffer).ok()?;
        // What is not an answer to this question is not from who was asked.
        if is_answer(&buffer[..length], id, question) {
            return read(&buffer[..length], id, question);
        }
    }
}

fn by_tcp(message: &[u8], server: &SocketAddr) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(server, WAIT)?;
    stream.set_read_timeout(Some(WAIT))?;
    stream.set_write_timeout(Some(WAIT))?;
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(message)?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

fn word(message: &[u8], at: usize) -> Option<u16> {
    let bytes = message.get(at..at + 2)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// An answer of this number to this question, letters of either case.
fn is_answer(message: &[u8], id: u16, question: &[u8]) -> bool {
    let is_one =
        word(message, 0) == Some(id) && word(message, 2).is_some_and(|flags| flags & 0xf800 == 0x8000);
    let asked = message.get(12..12 + question.len());
    is_one && word(message, 4) == Some(1) && asked.is_some_and(|asked| asked.eq_ignore_ascii_case(question))
}

/// `None`: an error of the server, or no answer at all.
fn read(message: &[u8], id: u16, question: &[u8]) -> Option<Reply> {
    let flags = word(message, 2).filter(|_| is_answer(message, id, question))?;
    let mut reply = Reply { truncated: flags & 0x0200 != 0, ..Reply::default() };
    match flags & 0xf {
        0 => {}
        // There is no such name.
        3 => return Some(reply),
        _ => return None,
    }
    let kind = word(question, question.len() - 4)?;
    let (mut owner, _) = name_at(message, 12)?;
    let mut at = 12 + question.len();
    for _ in 0..usize::from(word(message, 6)?).min(RECORDS_MAX) {
        let Some((name, after)) = name_at(message, at) else { break };
        let (Some(of), Some(class), Some(length)) =
            (word(message, after), word(message, after + 2), word(message, after + 8))
        else {
            break;
        };
        let data = after + 10;
        let (Some(ttl), Some(bytes)) =
            (message.get(after + 4..after + 8), message.get(data..data + usize::from(length)))
        else {
            break;
        };
        at = data + bytes.len();
        if name != owner || class != IN || (of != kind && of != CNAME) {
            continue;
        }
        let ttl = Duration::from_secs(u32::from_be_bytes([ttl[0], ttl[1], ttl[2], ttl[3]]).into());
        reply.ttl = Some(reply.ttl.map_or(ttl, |known| known.min(ttl)));
        if of == CNAME {
            owner = name_at(message, data)?.0;
        } else if let Ok(four) = <[u8; 4]>::try_from(bytes) {
            reply.addresses.push(Ipv4Addr::from(four).into());
        } else if let Ok(six) = <[u8; 16]>::try_from(bytes) {
            reply.addresses.push(Ipv6Addr::from(six).into());
        }
    }
    Some(reply)
}

/// A name in small letters, and where what follows it begins.
fn name_at(message: &[u8], mut at: usize) -> Option<(Vec<u8>, usize)> {
    let (mut name, mut after, mut jumps) = (Vec::new(), None, 0);
    loop {
        let length = *message.get(at)?;
        match length {
            0 => return Some((name, after.unwrap_or(at + 1))),
            1..=63 => {
                let label = message.get(at + 1..at + 1 + usize::from(length))?;
                name.push(length);
                name.extend(label.iter().map(u8::to_ascii_lowercase));
                if name.len() > 255 {
                    return None;
                }
                at += 1 + usize::from(length);
            }
            0xc0.. => {
                jumps += 1;
                if jumps > JUMPS_MAX {
                    return None;
                }
                after.get_or_insert(at + 2);
                at = usize::from(word(message, at)? & 0x3fff);
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests;
