//! Programs that arrive in chunks: what is kept, what is lacking, what is put together.
//!
//! A chunk is taken only when the manifest that was offered last names it and its bytes have the
//! digest named there. Bounds: entries of a manifest, bytes under way on a connection, programs
//! whose chunks are kept.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use ravelin_contract::Error;
use ravelin_program::{Chunk, Digest, Manifest, Program};

use crate::proto;

/// Programs whose chunks stay: the running one, the candidate and what a rollback is likely to want.
const KEPT: usize = 4;

/// Chunks of one program.
const ENTRIES_MAX: usize = 1 << 17;

/// Bytes of chunks that one connection may have sent for an offer.
const STAGED_MAX: usize = 512 << 20;

/// Bytes of chunks behind which much memory was needed for a while: to take them in, and to build rules of them.
const LARGE: usize = 4 << 20;

/// Chunks of the last programs, by content.
#[derive(Default)]
pub(super) struct ChunkCache {
    chunks: HashMap<Digest, Arc<Chunk>>,
    /// The oldest first.
    programs: VecDeque<Program>,
    /// What was put together last: it is checked, and then applied.
    last: Option<(Arc<Manifest>, Program)>,
}

impl ChunkCache {
    /// Keeps the chunks of a program and forgets those that only the oldest one had.
    pub(super) fn keep(&mut self, program: &Program) {
        if self.programs.back().is_some_and(|last| last.digest() == program.digest()) {
            return;
        }
        self.programs.retain(|known| known.digest() != program.digest());
        self.programs.push_back(program.clone());
        for (_, digest, chunk) in program.chunks() {
            self.chunks.entry(*digest).or_insert_with(|| chunk.clone());
        }
        if self.programs.len() > KEPT
            && let Some(gone) = self.programs.pop_front()
        {
            let wanted: HashSet<_> = self.programs.iter().flat_map(Program::chunks).map(|c| *c.1).collect();
            for (_, digest, _) in gone.chunks().filter(|(_, digest, _)| !wanted.contains(digest)) {
                self.chunks.remove(digest);
            }
        }
    }
}

/// The program that a connection is handing over.
#[derive(Default)]
pub(super) struct Staging {
    offer: Option<Arc<Manifest>>,
    /// What was offered last, whatever became of it.
    last: Option<Arc<Manifest>>,
    chunks: HashMap<Digest, Arc<Chunk>>,
    bytes: usize,
    /// Bytes of chunks since it was asked how many came.
    load: usize,
}

/// What an offered manifest comes to.
pub(super) enum Offered {
    Complete(Program),
    Lacking(Vec<Digest>),
}

impl Staging {
    /// Whether much came since this was asked.
    pub(super) fn was_large(&mut self) -> bool {
        std::mem::take(&mut self.load) >= LARGE
    }

    /// Puts the program of a manifest together from what is here, or says what is not.
    pub(super) fn offer(
        &mut self,
        message: ravelin_program::proto::Manifest,
        cache: &mut ChunkCache,
    ) -> Result<Offered, Error> {
        if message.entries.len() > ENTRIES_MAX {
            let count = message.entries.len();
            return Err(Error::Protocol(format!(
                "a program of {count} chunks exceeds the limit of {ENTRIES_MAX}"
            )));
        }
        let manifest = self.meant(Manifest::from_proto(message).map_err(|e| Error::Protocol(e.to_string()))?);
        if let Some((_, program)) = cache.last.as_ref().filter(|(last, _)| *last == manifest) {
            return Ok(Offered::Complete(program.clone()));
        }
        let found = |digest: &Digest| cache.chunks.get(digest).or_else(|| self.chunks.get(digest)).cloned();
        let mut chunks = Vec::with_capacity(manifest.entries.len());
        let mut lacking = BTreeSet::new();
        for (_, digest) in &manifest.entries {
            match found(digest) {
                Some(chunk) => chunks.push(chunk),
                None => drop(lacking.insert(*digest)),
            }
        }
        if !lacking.is_empty() {
            if self.offer.as_ref() != Some(&manifest) {
                self.chunks.clear();
                (self.offer, self.bytes) = (Some(manifest), 0);
            }
            return Ok(Offered::Lacking(lacking.into_iter().collect()));
        }
        self.chunks.clear();
        (self.offer, self.bytes) = (None, 0);
        for ((key, _), chunk) in manifest.entries.iter().zip(&chunks) {
            if key.kind != chunk.kind() {
                let (name, kind) = (&key.name, chunk.kind());
                return Err(Error::Protocol(format!("chunk `{name}` is of kind {kind}, not {}", key.kind)));
            }
        }
        let program = Program::from_parts(&manifest, chunks);
        cache.last = Some((manifest, program.clone()));
        Ok(Offered::Complete(program))
    }

    /// A manifest without entries is the one offered last.
    fn meant(&mut self, manifest: Manifest) -> Arc<Manifest> {
        if !manifest.entries.is_empty() {
            return self.last.insert(Arc::new(manifest)).clone();
        }
        let last = self.last.as_ref().filter(|last| last.generation == manifest.generation);
        last.cloned().unwrap_or_else(|| Arc::new(manifest))
    }

    /// Takes chunks of the offered program.
    pub(super) fn take(&mut self, message: proto::Chunks) -> Result<(), Error> {
        let Some(offer) = &self.offer else {
            return Err(Error::Protocol("chunks without a program they belong to".into()));
        };
        let named: HashMap<_, _> = offer.entries.iter().map(|entry| (&entry.1.0[..], entry)).collect();
        for proto::ChunkBody { digest, body } in message.chunks {
            let Some((key, digest)) = named.get(&digest[..]) else {
                return Err(Error::Protocol("a chunk that the offered program does not name".into()));
            };
            self.bytes = self.bytes.saturating_add(body.len());
            self.load = self.load.saturating_add(body.len());
            if self.bytes > STAGED_MAX {
                return Err(Error::Protocol(format!("a program of more than {STAGED_MAX} bytes")));
            }
            let chunk = Chunk::decode(&body, key, digest).map_err(|e| Error::Protocol(e.to_string()))?;
            self.chunks.insert(*digest, Arc::new(chunk));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ravelin_types::Generation;

    fn program(generation: u64, names: &[&str]) -> Program {
        let chunk =
            |name: &&str| ((*name).to_owned(), Arc::new(Chunk::ApplicationNames(vec![(*name).to_owned()])));
        Program::new(Generation(generation), names.iter().map(chunk))
    }

    fn bodies(program: &Program) -> proto::Chunks {
        let body = |(_, digest, chunk): (&_, &Digest, &Arc<Chunk>)| proto::ChunkBody {
            digest: digest.0.to_vec(),
            body: chunk.encode(),
        };
        proto::Chunks { chunks: program.chunks().map(body).collect() }
    }

    fn lacking(staging: &mut Staging, cache: &mut ChunkCache, program: &Program) -> usize {
        match staging.offer(program.manifest().to_proto(), cache).unwrap() {
            Offered::Complete(_) => 0,
            Offered::Lacking(digests) => digests.len(),
        }
    }

    #[test]
    fn only_what_is_new_is_lacking_until_it_came() {
        let (mut cache, mut staging) = (ChunkCache::default(), Staging::default());
        let (old, new) = (program(1, &["a", "b"]), program(2, &["a", "c"]));
        cache.keep(&old);
        assert_eq!(lacking(&mut staging, &mut cache, &new), 1);
        staging.take(bodies(&new)).unwrap();
        assert_eq!(lacking(&mut staging, &mut cache, &new), 0);
    }

    #[test]
    fn much_is_told_once() {
        let (mut cache, mut staging) = (ChunkCache::default(), Staging::default());
        for (name, large) in [("x".repeat(LARGE), true), ("y".repeat(LARGE / 2), false)] {
            let program = program(1, &[&name]);
            assert_eq!(lacking(&mut staging, &mut cache, &program), 1);
            staging.take(bodies(&program)).unwrap();
            assert_eq!(lacking(&mut staging, &mut cache, &program), 0);
            assert_eq!([staging.was_large(), staging.was_large()], [large, false]);
        }
    }

    #[test]
    fn the_cache_forgets_what_only_the_oldest_program_had() {
        let (mut cache, mut staging) = (ChunkCache::default(), Staging::default());
        for (generation, name) in (1..).zip(["a", "b", "c", "d", "e"]) {
            cache.keep(&program(generation, &[name, "common"]));
        }
        assert_eq!(cache.chunks.len(), KEPT + 1);
        assert_eq!(lacking(&mut staging, &mut cache, &program(9, &["a", "common"])), 1);
    }

    #[test]
    fn unasked_forged_and_misnamed_chunks_are_refused() {
        let (mut cache, mut staging) = (ChunkCache::default(), Staging::default());
        let offered = program(1, &["a"]);
        assert!(staging.take(bodies(&offered)).is_err(), "nothing is offered");
        assert_eq!(lacking(&mut staging, &mut cache, &offered), 1);
        assert!(staging.take(bodies(&program(1, &["b"]))).is_err(), "another program's");
        let mut forged = bodies(&offered);
        forged.chunks[0].body = bodies(&program(1, &["b"])).chunks[0].body.clone();
        assert!(staging.take(forged).is_err(), "digest of another body");
        staging.take(bodies(&offered)).unwrap();
        let mut manifest = offered.manifest();
        manifest.entries[0].0.kind = 1;
        assert!(
            matches!(staging.offer(manifest.to_proto(), &mut cache), Err(Error::Protocol(_))),
            "wrong kind"
        );
    }
}
