//! ICMP errors through NAT within one family: outer and quoted addresses, ports, every checksum.
//!
//! Junos: NAT44, NAT66, NPTv6. Place: where an error was matched to the session of the packet it quotes.
//! State: none. Spec: icmp-errors-1..12.

use ravelin_types::{Addr, Family};
use ravelin_wire::checksum::Delta;
use ravelin_wire::{put_u16, rewrite, u16_at};

use crate::siit::Taken;
use crate::{Datagram, Ends, Refused, icmp, transport};

/// Rewrites an error: `outer` its own source and destination, `quoted` what the quoted packet was on the side that the
/// error goes to. What the quote does not hold (ports, checksum) is not missed. TTL is the caller's.
///
/// # Errors
/// An error that must not be passed on; nobody is to be told.
pub fn rewrite_error(
    datagram: &mut Datagram<'_>,
    family: Family,
    outer: (Addr, Addr),
    quoted: &Ends,
) -> Result<(), Refused> {
    let Taken { outer: header, quote, body, .. } = Taken::read(datagram.bytes(), family)?;
    datagram.truncate(header.len + header.payload);
    let bytes = datagram.bytes_mut();
    let message_at = header.len;
    let quote_at = message_at + icmp::LEN;

    let inner = addresses(family, (quote.src, quote.dst), (quoted.src, quoted.dst));
    let sum_before = header_sum(bytes, quote_at, family);
    rewrite::addresses(bytes, quote_at, family, quoted.src, quoted.dst, inner);
    let sum_after = header_sum(bytes, quote_at, family);
    let mut change = inner.and(Delta::word(sum_before, sum_after));

    if quote.has_transport() {
        let l4 = &mut bytes[body];
        let ports = transport::set_ports(l4, quote.proto, quoted.ports);
        let covered = if transport::has_pseudo(family, quote.proto) { inner.and(ports) } else { ports };
        let field = transport::update(l4, quote.proto, covered);
        change = change.and(ports).and(field);
    }

    let own = addresses(family, (header.src, header.dst), outer);
    rewrite::addresses(bytes, 0, family, outer.0, outer.1, own);
    if family == Family::V6 {
        change = change.and(own);
    }
    let field = change.apply(u16_at(bytes, message_at + 2));
    put_u16(bytes, message_at + 2, field);
    Ok(())
}

fn addresses(family: Family, old: (Addr, Addr), new: (Addr, Addr)) -> Delta {
    Delta::address(family, old.0, new.0).and(Delta::address(family, old.1, new.1))
}

/// The IPv4 header checksum; zero where there is none.
fn header_sum(bytes: &[u8], at: usize, family: Family) -> u16 {
    match family {
        Family::V4 => u16_at(bytes, at + 10),
        Family::V6 => 0,
    }
}
