//! The naive reading of a filter: one term after another, one condition after another, each on the bytes of the
//! frame. Shares no code with the crate but the words that conditions are said in.

use ravelin_filter::{
    ByteField, Condition, End, FlexibleMatch, FlexibleStart, ListedPrefix, Marks, NumberField, OptionMatch,
    Term, Values,
};
use ravelin_types::InterfaceId;

/// A packet, as the bytes say.
pub struct Plain {
    /// From the network header to the end of the datagram.
    pub ip: Vec<u8>,
    pub interface: InterfaceId,
    pub group: u8,
    pub marks: Marks,
}

impl Plain {
    fn v4(&self) -> bool {
        self.ip[0] >> 4 == 4
    }

    fn word(&self, at: usize) -> u32 {
        u32::from(self.ip[at]) << 8 | u32::from(self.ip[at + 1])
    }

    /// Protocol, where its header begins, fragment offset, more fragments.
    fn layers(&self) -> (u8, usize, u32, bool) {
        if self.v4() {
            let word = self.word(6);
            return (self.ip[9], usize::from(self.ip[0] & 15) * 4, word & 0x1fff, word & 0x2000 != 0);
        }
        let (mut next, mut at, mut offset, mut more) = (self.ip[6], 40, 0, false);
        while matches!(next, 0 | 43 | 60 | 44) && offset == 0 {
            let len = if next == 44 { 8 } else { 8 + usize::from(self.ip[at + 1]) * 8 };
            if next == 44 {
                (offset, more) = (self.word(at + 2) >> 3, self.word(at + 2) & 1 == 1);
            }
            next = self.ip[at];
            at += len;
        }
        (next, at, offset, more)
    }

    fn transport(&self) -> Option<(u8, &[u8])> {
        let (proto, at, offset, _) = self.layers();
        (offset == 0).then(|| (proto, &self.ip[at..]))
    }

    fn ports(&self) -> Option<(u32, u32)> {
        let (proto, l4) = self.transport()?;
        let port = |at: usize| u32::from(l4[at]) << 8 | u32::from(l4[at + 1]);
        matches!(proto, 6 | 17 | 132).then(|| (port(0), port(2)))
    }

    fn tcp_flags(&self) -> Option<u8> {
        self.transport().filter(|(proto, _)| *proto == 6).map(|(_, l4)| l4[13])
    }

    fn icmp(&self, at: usize) -> Option<u32> {
        let own = if self.v4() { 1 } else { 58 };
        self.transport().filter(|(proto, _)| *proto == own).map(|(_, l4)| u32::from(l4[at]))
    }

    fn address(&self, source: bool) -> u128 {
        let (at, len) = match (self.v4(), source) {
            (true, true) => (12, 4),
            (true, false) => (16, 4),
            (false, true) => (8, 16),
            (false, false) => (24, 16),
        };
        self.ip[at..at + len].iter().fold(0, |value, byte| value << 8 | u128::from(*byte))
    }

    fn byte(&self, field: ByteField) -> Option<u32> {
        let class = if self.v4() { u32::from(self.ip[1]) } else { self.word(0) >> 4 & 0xff };
        match field {
            ByteField::Protocol => Some(u32::from(self.layers().0)),
            ByteField::NextHeader => Some(u32::from(self.ip[6])),
            ByteField::Dscp => Some(class / 4),
            ByteField::Precedence => Some(class / 32),
            ByteField::Ttl => Some(u32::from(self.ip[if self.v4() { 8 } else { 7 }])),
            ByteField::IcmpType => self.icmp(0),
            ByteField::IcmpCode => self.icmp(1),
            ByteField::ForwardingClass => Some(u32::from(self.marks.forwarding_class.0)),
            ByteField::LossPriority => Some(self.marks.loss_priority as u32),
            ByteField::InterfaceGroup => Some(u32::from(self.group)),
        }
    }

    fn number(&self, field: NumberField) -> Option<u32> {
        match field {
            NumberField::PacketLength => Some(self.ip.len() as u32),
            NumberField::FragmentOffset => Some(self.layers().2),
            NumberField::EspSpi => {
                let (_, l4) = self.transport().filter(|(proto, _)| *proto == 50)?;
                Some(l4[..4].iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
            }
        }
    }

    fn option(&self, types: impl Fn(u32) -> bool) -> bool {
        let options = &self.ip[20..usize::from(self.ip[0] & 15) * 4];
        let mut at = 0;
        while at < options.len() {
            if types(u32::from(options[at])) {
                return true;
            }
            match options[at] {
                0 => return false,
                1 => at += 1,
                _ => at += usize::from(options[at + 1]),
            }
        }
        false
    }

    /// One bit after another.
    fn flexible(&self, wanted: &FlexibleMatch) -> Option<u128> {
        let (_, l4_at, ..) = self.layers();
        let start = match wanted.start {
            FlexibleStart::Layer3 => 0,
            FlexibleStart::Layer4 => self.transport().map(|_| l4_at)?,
            FlexibleStart::Payload => {
                let (proto, l4) = self.transport()?;
                l4_at
                    + match proto {
                        6 => usize::from(l4[12] >> 4) * 4,
                        1 | 58 | 17 => 8,
                        132 => 12,
                        _ => return None,
                    }
            }
        };
        let first = (start + usize::from(wanted.byte_offset)) * 8 + usize::from(wanted.bit_offset);
        (first..first + usize::from(wanted.bit_length)).try_fold(0u128, |value, bit| {
            let byte = self.ip.get(bit / 8)?;
            Some(value << 1 | u128::from(byte >> (7 - bit % 8) & 1))
        })
    }
}

fn listed(values: &Values, value: u32) -> bool {
    values.ranges.iter().any(|(low, high)| *low <= value && value <= *high)
}

fn admits(values: &Values, value: Option<u32>) -> bool {
    value.is_some_and(|value| listed(values, value) != values.except)
}

/// The longest prefix with this address: `Some(true)` an exception.
fn longest(prefixes: &[ListedPrefix], v4: bool, address: u128) -> Option<bool> {
    let bits = if v4 { 32 } else { 128 };
    let contains = |prefix: &&ListedPrefix| {
        (0..u32::from(prefix.len)).all(|bit| {
            let place = bits - 1 - bit;
            prefix.addr.0 >> place & 1 == address >> place & 1
        })
    };
    prefixes
        .iter()
        .filter(contains)
        .max_by_key(|prefix| (prefix.len, prefix.except))
        .map(|prefix| prefix.except)
}

fn condition_holds(condition: &Condition, p: &Plain) -> bool {
    match condition {
        Condition::Address { end, prefixes } => {
            let source = longest(prefixes, p.v4(), p.address(true));
            let destination = longest(prefixes, p.v4(), p.address(false));
            match end {
                End::Source => source == Some(false),
                End::Destination => destination == Some(false),
                End::Either => {
                    let both = [source, destination];
                    both.contains(&Some(false)) && !both.contains(&Some(true))
                }
            }
        }
        Condition::Port { end, values } => p.ports().is_some_and(|(source, destination)| {
            let found = match end {
                End::Source => listed(values, source),
                End::Destination => listed(values, destination),
                End::Either => listed(values, source) || listed(values, destination),
            };
            found != values.except
        }),
        Condition::Byte { field, values } => admits(values, p.byte(*field)),
        Condition::Number { field, values } => admits(values, p.number(*field)),
        Condition::TcpFlags(table) => p.tcp_flags().is_some_and(|flags| table.0 >> (flags % 64) & 1 == 1),
        Condition::FragmentFlags(table) => {
            let flags = (p.word(6) >> 13) << 1;
            table.0 >> flags & 1 == 1
        }
        Condition::IsFragment => p.layers().2 != 0,
        Condition::FirstFragment => p.layers().2 == 0 && p.layers().3,
        Condition::IpOptions(OptionMatch::Any { except }) => (p.ip[0] & 15 > 5) != *except,
        Condition::IpOptions(OptionMatch::Types(values)) => {
            p.option(|kind| listed(values, kind)) != values.except
        }
        Condition::Flexible(wanted) => p.flexible(wanted).is_some_and(|value| {
            let masked = value & wanted.mask;
            (masked >= wanted.low && masked <= wanted.high) != wanted.except
        }),
        Condition::Interface(units) => units.contains(&p.interface),
    }
}

pub fn holds(term: &Term, packet: &Plain) -> bool {
    term.conditions.iter().all(|condition| condition_holds(condition, packet))
}
