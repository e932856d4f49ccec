//! Address-book names to ranges.

use ravelin_model::{AddressNames, AddressRef, AddressValue};
use ravelin_program::Prefix;
use ravelin_types::{Addr, Family};

/// Ranges of a list of references. A name that the checks let through but that is in no book, or a
/// set that holds nothing, gives nothing: such a condition matches no packet.
pub(crate) fn ranges(names: &AddressNames, refs: &[AddressRef]) -> Vec<Prefix> {
    let mut out = Vec::with_capacity(refs.len());
    for reference in refs {
        match reference {
            AddressRef::Any => out.extend([Prefix::all(Family::V4), Prefix::all(Family::V6)]),
            AddressRef::AnyIpv4 => out.push(Prefix::all(Family::V4)),
            AddressRef::AnyIpv6 => out.push(Prefix::all(Family::V6)),
            AddressRef::Prefix(net) => out.push(Prefix::from(*net)),
            AddressRef::Named(name) => names.all_values(name, |found| out.extend(value(found))),
        }
    }
    out.sort_unstable();
    out.dedup();
    out
}

/// `None`: a range over two families, which the checks refuse.
fn value(value: AddressValue) -> Option<Prefix> {
    match value {
        AddressValue::Prefix(net) => Some(Prefix::from(net)),
        AddressValue::Range(low, high) => {
            let ((family, first), (other, last)) = (Addr::from_ip(low), Addr::from_ip(high));
            (family == other).then_some(Prefix { family, first, last })
        }
    }
}
