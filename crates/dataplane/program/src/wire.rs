//! Chunks to and from their protobuf form.
//!
//! Decoding trusts nothing: an id out of range, a bad address or a missing part is an error that
//! names it, and a chunk whose bytes do not hash to the manifest's digest is never decoded.

mod aging;
mod alg;
mod decode;
mod encode;
mod firewall;
mod firewall_terms;
mod live;
mod mirror;
mod nat;
mod pool;
mod screen;

use prost::Message as _;

use crate::{Chunk, ChunkKey, Digest, Manifest};
use ravelin_types::Generation;

/// The generated message types.
#[allow(clippy::all, missing_docs, rustdoc::all)]
pub mod proto {
    include!(concat!(env!("OUT_DIR"), "/ravelin.program.rs"));
}

/// Why bytes are not a program.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("malformed message: {0}")]
    Malformed(#[from] prost::DecodeError),
    #[error("missing {0}")]
    Missing(&'static str),
    #[error("{what} out of range: {value}")]
    Range { what: &'static str, value: u64 },
    #[error("an address is neither 4 nor 16 bytes")]
    Address,
    #[error("chunk `{0}` does not match its digest")]
    Digest(String),
    #[error("unknown required capability `{0}`")]
    Capability(String),
}

impl Chunk {
    /// The wire form: what is hashed and sent.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode::chunk(self).encode_to_vec()
    }

    /// Reads a chunk and checks it against the digest its manifest promised.
    ///
    /// # Errors
    /// A digest mismatch, malformed bytes or a value out of range.
    pub fn decode(bytes: &[u8], key: &ChunkKey, digest: &Digest) -> Result<Self, WireError> {
        if Digest::of(bytes) != *digest {
            return Err(WireError::Digest(key.name.clone()));
        }
        decode::chunk(proto::Chunk::decode(bytes)?)
    }
}

impl Manifest {
    #[must_use]
    pub fn to_proto(&self) -> proto::Manifest {
        proto::Manifest {
            generation: self.generation.0,
            entries: self
                .entries
                .iter()
                .map(|(key, digest)| proto::Entry {
                    kind: key.kind,
                    name: key.name.clone(),
                    digest: digest.0.to_vec(),
                })
                .collect(),
            requires: self.requires.clone(),
        }
    }

    /// # Errors
    /// A digest of the wrong length.
    pub fn from_proto(message: proto::Manifest) -> Result<Self, WireError> {
        let entries = message
            .entries
            .into_iter()
            .map(|e| {
                let digest = e.digest.try_into().map_err(|_| WireError::Digest(e.name.clone()))?;
                Ok((ChunkKey { kind: e.kind, name: e.name }, Digest(digest)))
            })
            .collect::<Result<_, WireError>>()?;
        Ok(Self { generation: Generation(message.generation), entries, requires: message.requires })
    }
}
