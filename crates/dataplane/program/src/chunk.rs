//! The program as a manifest of shared chunks.
//!
//! A commit that changes one policy changes one chunk: the others keep their `Arc`, their digest
//! and their place in the peer's cache.

use std::sync::Arc;

use ravelin_types::Generation;

use crate::{
    Algs, DestinationNat, Digest, Firewall, FlowSettings, Interfaces, Live, Mirrors, PolicySection, Screens,
    SourceNat, SourcePools, StaticNat, Zones,
};

/// A part of a program that is hashed, sent and shared as one.
#[derive(Clone, Debug, PartialEq)]
pub enum Chunk {
    Interfaces(Interfaces),
    Zones(Zones),
    Flow(FlowSettings),
    SourceNat(SourceNat),
    DestinationNat(DestinationNat),
    StaticNat(StaticNat),
    SourcePools(SourcePools),
    Section(PolicySection),
    ApplicationNames(Vec<String>),
    Screens(Screens),
    Mirrors(Mirrors),
    Firewall(Firewall),
    Algs(Algs),
    Live(Live),
}

/// A chunk and the digest of its content, which is taken once.
#[derive(Clone, Debug, PartialEq)]
pub struct HashedChunk {
    digest: Digest,
    chunk: Arc<Chunk>,
}

impl HashedChunk {
    #[must_use]
    pub fn new(chunk: impl Into<Arc<Chunk>>) -> Self {
        let chunk = chunk.into();
        Self { digest: Digest::of(&chunk.encode()), chunk }
    }
}

/// What a chunk is: its kind, and the name that tells sections apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChunkKey {
    pub kind: u32,
    pub name: String,
}

/// What a program consists of, by content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub generation: Generation,
    pub entries: Vec<(ChunkKey, Digest)>,
    /// Capabilities without which the program must not be run.
    pub requires: Vec<String>,
}

/// A complete immutable program. Later chunks of one kind do not replace earlier ones: each kind
/// but sections stands once, sections stand in evaluation order, the global one last. A long section is several chunks
/// of one zone match, one behind the other.
#[derive(Clone, Debug)]
pub struct Program {
    pub generation: Generation,
    pub requires: Vec<String>,
    chunks: Arc<[(ChunkKey, Digest, Arc<Chunk>)]>,
    digest: Digest,
}

impl Program {
    /// Puts a program together; digests are taken here, once.
    #[must_use]
    pub fn new(generation: Generation, chunks: impl IntoIterator<Item = (String, Arc<Chunk>)>) -> Self {
        Self::of(generation, chunks.into_iter().map(|(name, chunk)| (name, HashedChunk::new(chunk))))
    }

    /// As [`Program::new`], of chunks whose digests are taken already.
    #[must_use]
    pub fn of(generation: Generation, chunks: impl IntoIterator<Item = (String, HashedChunk)>) -> Self {
        let entry = |(name, HashedChunk { digest, chunk }): (String, HashedChunk)| {
            (ChunkKey { kind: chunk.kind(), name }, digest, chunk)
        };
        Self::whole(generation, Vec::new(), chunks.into_iter().map(entry).collect())
    }

    #[must_use]
    pub fn manifest(&self) -> Manifest {
        Manifest {
            generation: self.generation,
            entries: self.chunks.iter().map(|(key, digest, _)| (key.clone(), *digest)).collect(),
            requires: self.requires.clone(),
        }
    }

    /// Puts a program together from a manifest and chunks already verified against it.
    #[must_use]
    pub fn from_parts(manifest: &Manifest, chunks: Vec<Arc<Chunk>>) -> Self {
        let chunks = manifest
            .entries
            .iter()
            .zip(chunks)
            .map(|((key, digest), chunk)| (key.clone(), *digest, chunk))
            .collect();
        Self::whole(manifest.generation, manifest.requires.clone(), chunks)
    }

    fn whole(
        generation: Generation,
        requires: Vec<String>,
        chunks: Arc<[(ChunkKey, Digest, Arc<Chunk>)]>,
    ) -> Self {
        let digest = Digest::of_all(chunks.iter().map(|(_, digest, _)| *digest));
        Self { generation, requires, chunks, digest }
    }

    /// Digest of the content, the generation left out: two commits of one text are equal.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    pub fn chunks(&self) -> impl Iterator<Item = (&ChunkKey, &Digest, &Arc<Chunk>)> {
        self.chunks.iter().map(|(key, digest, chunk)| (key, digest, chunk))
    }

    fn find<'a, T>(&'a self, pick: impl Fn(&'a Chunk) -> Option<&'a T>) -> Option<&'a T> {
        self.chunks.iter().find_map(|(_, _, chunk)| pick(chunk))
    }

    #[must_use]
    pub fn interfaces(&self) -> Option<&Interfaces> {
        self.find(|c| if let Chunk::Interfaces(x) = c { Some(x) } else { None })
    }

    #[must_use]
    pub fn zones(&self) -> Option<&Zones> {
        self.find(|c| if let Chunk::Zones(x) = c { Some(x) } else { None })
    }

    #[must_use]
    pub fn flow(&self) -> Option<&FlowSettings> {
        self.find(|c| if let Chunk::Flow(x) = c { Some(x) } else { None })
    }

    #[must_use]
    pub fn source_nat(&self) -> Option<&SourceNat> {
        self.find(|c| if let Chunk::SourceNat(x) = c { Some(x) } else { None })
    }

    #[must_use]
    pub fn destination_nat(&self) -> Option<&DestinationNat> {
        self.find(|c| if let Chunk::DestinationNat(x) = c { Some(x) } else { None })
    }

    #[must_use]
    pub fn static_nat(&self) -> Option<&StaticNat> {
        self.find(|c| if let Chunk::StaticNat(x) = c { Some(x) } else { None })
    }

    #[must_use]
    pub fn screens(&self) -> Option<&Screens> {
        self.find(|c| if let Chunk::Screens(x) = c { Some(x) } else { None })
    }

    #[must_use]
    pub fn algs(&self) -> Option<&Algs> {
        self.find(|c| if let Chunk::Algs(x) = c { Some(x) } else { None })
    }

    #[must_use]
    pub fn source_pools(&self) -> Option<&SourcePools> {
        self.find(|c| if let Chunk::SourcePools(x) = c { Some(x) } else { None })
    }

    /// Absent from programs of before there was mirroring: nothing is mirrored then.
    #[must_use]
    pub fn mirrors(&self) -> Option<&Mirrors> {
        self.find(|c| if let Chunk::Mirrors(x) = c { Some(x) } else { None })
    }

    #[must_use]
    pub fn firewall(&self) -> Option<&Firewall> {
        self.find(|c| if let Chunk::Firewall(x) = c { Some(x) } else { None })
    }

    /// What the policies refer to that changes without a commit.
    #[must_use]
    pub fn live(&self) -> Option<&Live> {
        self.find(|c| if let Chunk::Live(x) = c { Some(x) } else { None })
    }

    /// Names of applications, by the index that a rule's term holds.
    #[must_use]
    pub fn application_names(&self) -> &[String] {
        self.find(|c| if let Chunk::ApplicationNames(x) = c { Some(x) } else { None })
            .map_or(&[], Vec::as_slice)
    }

    /// The chunks of policy sections in evaluation order with their digests, to be shared.
    pub fn section_chunks(&self) -> impl Iterator<Item = (&Digest, &Arc<Chunk>)> {
        let sections = self.chunks.iter().filter(|(_, _, chunk)| matches!(**chunk, Chunk::Section(_)));
        sections.map(|(_, digest, chunk)| (digest, chunk))
    }

    /// Policy sections in evaluation order with their digests.
    pub fn sections(&self) -> impl Iterator<Item = (&Digest, &PolicySection)> {
        self.chunks.iter().filter_map(|(_, digest, chunk)| match &**chunk {
            Chunk::Section(section) => Some((digest, section)),
            Chunk::Interfaces(_)
            | Chunk::Zones(_)
            | Chunk::Flow(_)
            | Chunk::SourceNat(_)
            | Chunk::DestinationNat(_)
            | Chunk::StaticNat(_)
            | Chunk::ApplicationNames(_)
            | Chunk::Screens(_)
            | Chunk::SourcePools(_)
            | Chunk::Mirrors(_)
            | Chunk::Algs(_)
            | Chunk::Live(_)
            | Chunk::Firewall(_) => None,
        })
    }
}

impl Chunk {
    /// The number of its kind in the manifest.
    #[must_use]
    pub const fn kind(&self) -> u32 {
        match self {
            Self::Interfaces(_) => 1,
            Self::Zones(_) => 2,
            Self::Flow(_) => 3,
            Self::SourceNat(_) => 4,
            Self::Section(_) => 5,
            Self::ApplicationNames(_) => 6,
            Self::DestinationNat(_) => 8,
            Self::StaticNat(_) => 9,
            Self::Screens(_) => 7,
            Self::SourcePools(_) => 10,
            Self::Mirrors(_) => 16,
            Self::Firewall(_) => 11,
            Self::Algs(_) => 12,
            Self::Live(_) => 24,
        }
    }
}
