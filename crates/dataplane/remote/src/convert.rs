//! The contract's words to and from messages, a module a domain.
//!
//! Decoding trusts nothing: what is missing, out of range or unknown is an error that names it.

mod apply;
mod buffers;
mod carry;
mod diagnostics;
mod error;
mod events;
mod firewall;
mod gate;
mod groups;
mod kept;
mod live;
mod naming;
mod persistent;
mod session;
mod sync;
mod telemetry;
mod trace;
mod updates;

pub(crate) use apply::apply_result;
use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_program::WireError;
use ravelin_types::{DropReason, InstanceId, InterfaceId, Mac};

use crate::proto;

pub(crate) use buffers::{buffers, known_buffers};
pub(crate) use groups::{fabrics, groups, known_fabrics, known_groups};

/// Why a message is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    #[error("missing {0}")]
    Missing(&'static str),
    #[error("{what} out of range: {value}")]
    Range { what: &'static str, value: u64 },
    #[error("an address is neither 4 nor 16 bytes")]
    Address,
    #[error("unknown {what} `{value}`")]
    Unknown { what: &'static str, value: String },
    #[error(transparent)]
    Program(#[from] WireError),
}

/// What was read of a message.
pub type Read<T> = Result<T, Malformed>;

/// What has a message of its own.
pub trait Wire: Sized {
    type Message;
    fn to_message(&self) -> Self::Message;
    /// # Errors
    /// The message lacks something or holds what can't be.
    fn from_message(message: Self::Message) -> Read<Self>;
}

pub(crate) fn encode_all<T: Wire>(list: &[T]) -> Vec<T::Message> {
    list.iter().map(Wire::to_message).collect()
}

pub(crate) fn decode_all<T: Wire>(list: Vec<T::Message>) -> Read<Vec<T>> {
    list.into_iter().map(T::from_message).collect()
}

pub(crate) fn need<T>(what: &'static str, value: Option<T>) -> Read<T> {
    value.ok_or(Malformed::Missing(what))
}

pub(crate) fn part<T: Wire>(what: &'static str, message: Option<T::Message>) -> Read<T> {
    T::from_message(need(what, message)?)
}

pub(crate) fn small<T: TryFrom<u32>>(what: &'static str, value: u32) -> Read<T> {
    T::try_from(value).map_err(|_| Malformed::Range { what, value: value.into() })
}

fn instance(value: u32) -> Read<InstanceId> {
    let id: u16 = small("routing instance", value)?;
    if id > InstanceId::MAX {
        return Err(Malformed::Range { what: "routing instance", value: value.into() });
    }
    Ok(InstanceId(id))
}

fn unit(value: u32) -> Read<InterfaceId> {
    small("interface id", value).map(InterfaceId)
}

fn octets(addr: IpAddr) -> Vec<u8> {
    match addr {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    }
}

fn address(bytes: &[u8]) -> Read<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Ok(octets.into());
    }
    <[u8; 16]>::try_from(bytes).map(IpAddr::from).map_err(|_| Malformed::Address)
}

pub(crate) fn mac(bytes: &[u8]) -> Read<Mac> {
    bytes
        .try_into()
        .map(Mac)
        .map_err(|_| Malformed::Range { what: "length of an Ethernet address", value: bytes.len() as u64 })
}

fn reason(name: &str) -> Read<DropReason> {
    DropReason::from_name(name)
        .ok_or_else(|| Malformed::Unknown { what: "drop reason", value: name.to_owned() })
}

impl Wire for IpNet {
    type Message = proto::Prefix;

    fn to_message(&self) -> proto::Prefix {
        proto::Prefix { addr: octets(self.addr()), len: self.prefix_len().into() }
    }

    fn from_message(message: proto::Prefix) -> Read<Self> {
        let range = Malformed::Range { what: "prefix length", value: message.len.into() };
        let len = small("prefix length", message.len)?;
        IpNet::new(address(&message.addr)?, len).map_err(|_| range)
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::Wire;

    /// What is sent arrives as it was.
    pub(crate) fn survives<T: Wire + PartialEq + std::fmt::Debug>(values: impl IntoIterator<Item = T>) {
        for value in values {
            assert_eq!(T::from_message(value.to_message()).unwrap(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::survives;
    use super::*;

    #[test]
    fn prefixes_survive_and_impossible_ones_do_not() {
        survives(
            ["10.0.0.1/8", "0.0.0.0/0", "::/0", "::ffff:1.2.3.4/128"].map(|t| t.parse::<IpNet>().unwrap()),
        );
        let read = |addr: &[u8], len| IpNet::from_message(proto::Prefix { addr: addr.to_vec(), len });
        assert!(matches!(read(&[10, 0, 0, 0], 33), Err(Malformed::Range { value: 33, .. })));
        assert!(matches!(read(&[10, 0, 0, 0], 300), Err(Malformed::Range { value: 300, .. })));
        assert!(matches!(read(&[10, 0, 0], 8), Err(Malformed::Address)));
    }
}
