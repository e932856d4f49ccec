//! A frame of a live session taken apart field by field, each length held against what is there.

use ravelin_types::{Addr, DropReason, Family, Mac};

use super::{Talk, UNITS};

/// What becomes of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    Leaves(String, Vec<u8>),
    /// The datagram that the kernel gets at this unit.
    Host(String, Vec<u8>),
    Dies(DropReason),
}

/// And the unit that it counts for.
#[derive(Clone, Debug)]
pub struct Told {
    pub fate: Fate,
    pub unit: Option<String>,
}

impl Told {
    /// Whether it was looked at as one of no session.
    pub fn is_new(&self) -> bool {
        use DropReason::{IcmpReplyNoSession, SessionCollision, TcpNotSyn};
        matches!(self.fate, Fate::Dies(SessionCollision | TcpNotSyn | IcmpReplyNoSession))
    }
}

fn word(bytes: &[u8], at: usize) -> usize {
    usize::from(bytes[at]) << 8 | usize::from(bytes[at + 1])
}

/// The sum of RFC 1071 over whole words.
fn sum(bytes: &[u8]) -> u32 {
    let pairs = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    pairs.fold(0, |all, one| {
        let all = all + one;
        (all & 0xffff) + (all >> 16)
    })
}

/// The datagram of a frame, behind `l3_at`: its header's length and its own.
fn network(bytes: &[u8], is_v6: bool) -> Result<(usize, usize), DropReason> {
    if is_v6 {
        if bytes.len() < 40 || bytes[0] >> 4 != 6 || 40 + word(bytes, 4) > bytes.len() {
            return Err(DropReason::MalformedIpv6);
        }
        return Ok((40, 40 + word(bytes, 4)));
    }
    if bytes.len() < 20 {
        return Err(DropReason::MalformedIpv4);
    }
    let (header, total) = (usize::from(bytes[0] & 15) * 4, word(bytes, 2));
    if bytes[0] >> 4 != 4 || header < 20 || total < header || total > bytes.len() {
        return Err(DropReason::MalformedIpv4);
    }
    if sum(&bytes[..header]) != 0xffff { Err(DropReason::BadIpv4Checksum) } else { Ok((header, total)) }
}

/// Where the transport header of a datagram begins, if it is whole and says what there is.
fn transport(datagram: &[u8], mut at: usize, is_v6: bool) -> Result<usize, DropReason> {
    let mut proto = if is_v6 { datagram[6] } else { datagram[9] };
    if is_v6 && proto == 0 {
        // Of one unit of eight bytes.
        if datagram.len() < at + 8 {
            return Err(DropReason::MalformedExtension);
        }
        proto = datagram[at];
        at += 8;
    }
    let body = &datagram[at..];
    let is_right = match proto {
        6 => body.len() >= 20 && (20..=body.len()).contains(&(usize::from(body[12] >> 4) * 4)),
        17 => body.len() >= 8 && (8..=body.len()).contains(&word(body, 4)),
        132 => body.len() >= 8,
        1 | 58 if body.len() < 8 => return Err(DropReason::MalformedIcmp),
        _ => true,
    };
    if is_right { Ok(at) } else { Err(DropReason::MalformedTransport) }
}

/// The tag of a frame, the kind of what it carries, and where that begins.
fn link(frame: &[u8]) -> Result<(Option<u16>, usize, usize), DropReason> {
    if frame.len() < 14 {
        return Err(DropReason::MalformedEthernet);
    }
    if word(frame, 12) != 0x8100 {
        return Ok((None, word(frame, 12), 14));
    }
    if frame.len() < 18 {
        return Err(DropReason::MalformedEthernet);
    }
    Ok((Some(word(frame, 14) as u16 & 0xfff), word(frame, 16), 18))
}

/// What becomes of a frame that comes by a port, of a talk's way. Where nothing is known of sums they are finished; `macs`: of the ports.
pub fn fate(
    (port, frame): (usize, &[u8]),
    of: (&Talk, usize),
    (nat, unknown, macs): (bool, bool, &[Mac]),
) -> Told {
    let dead = |unit: Option<&str>, reason| Told { fate: Fate::Dies(reason), unit: unit.map(str::to_owned) };
    let (tag, kind, l3_at) = match link(frame) {
        Ok(link) => link,
        Err(reason) => return dead(None, reason),
    };
    let bytes = &frame[l3_at..];
    let is_v6 = kind == 0x86dd;
    let taken = match kind {
        0x800 | 0x86dd => network(bytes, is_v6).and_then(|(header, end)| {
            let datagram = &bytes[..end];
            Ok(Some((transport(datagram, header, is_v6)?, datagram)))
        }),
        _ => Ok(None),
    };
    let taken = match taken {
        Ok(taken) => taken,
        Err(reason) => return dead(None, reason),
    };
    // A tag without a number is none.
    let tag = tag.filter(|id| *id != 0);
    let Some(unit) = UNITS.iter().position(|(_, of, own, _)| *of == port && *own == tag) else {
        return dead(None, DropReason::UnknownVlan);
    };
    let name = UNITS[unit].0;
    let Some((l4_at, datagram)) = taken else { return dead(Some(name), DropReason::UnknownEthertype) };
    let (talk, way) = of;
    if unit != talk.unit(way) {
        let reason = match (talk.proto, way) {
            (6, _) => DropReason::TcpNotSyn,
            (1, 1) => DropReason::IcmpReplyNoSession,
            _ => DropReason::SessionCollision,
        };
        return dead(Some(name), reason);
    }
    let fate = match talk.to {
        None if talk.proto == 6 => Fate::Dies(DropReason::TcpNotEstablished),
        None => {
            let mut datagram = datagram.to_vec();
            if unknown {
                finish(&mut datagram, l4_at, talk);
            }
            Fate::Host(name.to_owned(), datagram)
        }
        Some(to) => {
            let out = if way == 0 { to } else { talk.from };
            let mut bytes = translated(datagram, l4_at, (talk, way), nat);
            if unknown {
                finish(&mut bytes, l4_at, talk);
            }
            Fate::Leaves(UNITS[out].0.to_owned(), dressed(&bytes, out, (talk, way), macs))
        }
    };
    Told { fate, unit: Some(name.to_owned()) }
}

/// One hop less, and the opener as the other end knows it, or the other way round.
fn translated(datagram: &[u8], l4_at: usize, (talk, way): (&Talk, usize), nat: bool) -> Vec<u8> {
    let mut out = datagram.to_vec();
    let (own, known) = (talk.ends().0, talk.known(nat));
    let (old, new) = if way == 0 { (own, known) } else { (known, own) };
    let octets = |addr: Addr| match talk.family() {
        Family::V4 => addr.octets4().to_vec(),
        Family::V6 => addr.octets6().to_vec(),
    };
    let at = match (talk.is_v6, way) {
        (false, 0) => 12,
        (false, _) => 16,
        (true, 0) => 8,
        (true, _) => 24,
    };
    out[if talk.is_v6 { 7 } else { 8 }] -= 1;
    out[at..at + octets(new).len()].copy_from_slice(&octets(new));
    if !talk.is_v6 {
        out[10..12].fill(0);
        let sum = !(sum(&out[..20]) as u16);
        out[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    // Those that are over the addresses, too.
    let field = match talk.proto {
        6 => l4_at + 16,
        17 => l4_at + 6,
        1 if talk.is_v6 => l4_at + 2,
        _ => return out,
    };
    let before = word(&out, field) as u16;
    if own == known || talk.proto == 17 && before == 0 {
        return out;
    }
    // RFC 1624, equation 3.
    let mut all = u32::from(!before) + sum(&octets(new));
    all += octets(old)
        .chunks(2)
        .map(|pair| u32::from(!(u16::from(pair[0]) << 8 | u16::from(pair[1]))))
        .sum::<u32>();
    while all > 0xffff {
        all = (all & 0xffff) + (all >> 16);
    }
    let after = match !(all as u16) {
        0 if talk.proto == 17 => 0xffff,
        after => after,
    };
    out[field..field + 2].copy_from_slice(&after.to_be_bytes());
    out
}

/// The sum of TCP or UDP anew. What UDP leaves out of its length its sum leaves out, too: that one stays.
fn finish(datagram: &mut [u8], l4_at: usize, talk: &Talk) {
    let at = if talk.proto == 6 { l4_at + 16 } else { l4_at + 6 };
    let len = datagram.len() - l4_at;
    let is_left =
        talk.proto == 17 && (word(datagram, l4_at + 4) != len || !talk.is_v6 && word(datagram, at) == 0);
    if !matches!(talk.proto, 6 | 17) || is_left {
        return;
    }
    let addresses = if talk.is_v6 { 8..40 } else { 12..20 };
    datagram[at..at + 2].fill(0);
    let pseudo = sum(&datagram[addresses]) + u32::from(talk.proto) + len as u32;
    let mut all = pseudo + sum(&datagram[l4_at..]);
    while all > 0xffff {
        all = (all & 0xffff) + (all >> 16);
    }
    let value = match !(all as u16) {
        0 => 0xffff,
        value => value,
    };
    datagram[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

/// With the link header of a unit, to the end of the talk that is there.
fn dressed(datagram: &[u8], unit: usize, (talk, way): (&Talk, usize), macs: &[Mac]) -> Vec<u8> {
    let (_, port, tag, _) = UNITS[unit];
    let hop = if way == 0 { talk.ends().1 } else { talk.ends().0 };
    let [a, b, c, d] = hop.octets4();
    let mut out = vec![2, 1, a, b, c, d];
    out.extend(macs[port].0);
    out.extend(tag.iter().flat_map(|id| [0x81, 0, (id >> 8) as u8, *id as u8]));
    out.extend(if talk.is_v6 { [0x86, 0xdd] } else { [8, 0] });
    out.extend(datagram);
    out
}
