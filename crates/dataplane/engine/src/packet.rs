//! A packet: its bytes and what its I/O backend knows of it.

use ravelin_filter::Marks;
use ravelin_translate::Datagram;
use ravelin_types::{Addr, Family, ForwardingClassId, InterfaceId, LossPriority, PortId, Proto, WorkerId};
use ravelin_wire::rewrite::Partial;

use crate::fabric::FromPeer;

/// What is known of the transport checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Checked, or made by us: rewrites update it.
    Verified,
    /// Not looked at: rewrites update it, so that damage stays visible to the receiver.
    Unverified,
    /// The field holds the pseudo-header sum; the sender finishes it.
    Partial(Partial),
    /// Either of the last two, as on virtual links: it is made anew on the way out.
    Unknown,
}

/// Where a packet came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ingress {
    Port(PortId),
    /// From the kernel, over this unit's TAP.
    Host(InterfaceId),
    /// From the other node of a cluster, unwrapped. Workers hand it on so; backends know of ports.
    Peer(FromPeer),
}

/// How a packet came to its worker when not from the wire or the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handed {
    pub from: WorkerId,
    pub stage: Stage,
    /// Times it has changed hands.
    pub hops: u8,
    /// Of a fragment: what its first one showed. At [`Stage::Datagram`]: it was held until then.
    pub ports: Option<Transport>,
    /// What the input filter made of it.
    pub marks: Marks,
    /// A persistent mapping lets it in, and counts its session.
    pub entered: Option<Entered>,
}

/// The internal end that a mapping of one worker lets a packet in to whose session will be another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entered {
    /// The mapping's worker.
    pub home: WorkerId,
    pub family: Family,
    pub addr: Addr,
    pub port: u16,
}

/// What the first fragment of a datagram shows, for those that carry no transport header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transport {
    /// Behind all extension headers, which later fragments do not show.
    pub proto: Proto,
    /// The two numbers that stand for ports in a key.
    pub ports: (u16, u16),
}

impl Handed {
    /// Not handed over yet.
    pub(crate) const FRESH: Self = Self {
        from: WorkerId(0),
        stage: Stage::Datagram,
        hops: 0,
        ports: None,
        marks: Marks {
            forwarding_class: ForwardingClassId(0),
            loss_priority: LossPriority::Low,
            instance: None,
        },
        entered: None,
    };
}

/// As whose a packet was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The owner of its datagram, which knows the ports of all fragments.
    Datagram,
    /// The owner of its tuple.
    Tuple,
    /// The owner of its session's answers: the tuple's owner found, on the first path, that it lives there.
    Home,
    /// A worker that may have a port left: those before it have none.
    Ports,
    /// The session's owner, by a stub.
    Stub,
}

/// A frame within a buffer that leaves room in front.
#[derive(Debug)]
pub struct Packet<'a> {
    buf: &'a mut [u8],
    start: usize,
    end: usize,
    pub ingress: Ingress,
    pub checksum: Checksum,
    /// `None`: fresh from a device.
    pub handed: Option<Handed>,
}

impl<'a> Packet<'a> {
    /// A frame at `buf[start..start + len]`.
    ///
    /// # Panics
    /// When the frame does not lie within the buffer: the backend made it up.
    #[must_use]
    pub fn new(buf: &'a mut [u8], start: usize, len: usize, ingress: Ingress, checksum: Checksum) -> Self {
        assert!(start + len <= buf.len(), "a frame lies within its buffer");
        Self { buf, start, end: start + len, ingress, checksum, handed: None }
    }

    /// The same packet as another worker handed it over.
    #[must_use]
    pub fn with_handed(self, handed: Option<Handed>) -> Self {
        Self { handed, ..self }
    }

    #[must_use]
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.buf[self.start..self.end]
    }

    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.buf[self.start..self.end]
    }

    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Offset of the frame in its buffer: it moves when the link header changes its length.
    #[must_use]
    pub fn start(&self) -> usize {
        self.start
    }

    /// Replaces the first `old` bytes by room for `new` ones. `false`: no room in front.
    #[must_use]
    pub fn resize_front(&mut self, old: usize, new: usize) -> bool {
        match (self.start + old).checked_sub(new) {
            Some(start) if start <= self.end => {
                self.start = start;
                true
            }
            _ => false,
        }
    }

    /// Lends the datagram at `l3_at` to a translator. It may grow over the room in front, and is at `l3_at` again afterwards; the link
    /// header before it is lost.
    pub(crate) fn lend_datagram<T>(
        &mut self,
        l3_at: usize,
        rewrite: impl FnOnce(&mut Datagram<'_>) -> T,
    ) -> Option<T> {
        // As many bytes are kept from it as the header in front has: it can't grow where no header would fit.
        let end = self.end.checked_sub(l3_at)?;
        let mut datagram = Datagram::new(self.buf.get_mut(l3_at..)?, self.start..end)?;
        let done = rewrite(&mut datagram);
        let range = datagram.range();
        (self.start, self.end) = (range.start, range.end + l3_at);
        Some(done)
    }

    /// Puts other bytes in the place of `len` at `at`. What stands before them moves when their number is another,
    /// so that the room in front, which every backend leaves, is used. `false`: there is none.
    #[must_use]
    pub(crate) fn replace(&mut self, at: usize, len: usize, new: &[u8]) -> bool {
        let Some(start) = (self.start + len).checked_sub(new.len()) else { return false };
        if self.start + at + len > self.end {
            return false;
        }
        self.buf.copy_within(self.start..self.start + at, start);
        self.start = start;
        self.buf[start + at..start + at + new.len()].copy_from_slice(new);
        true
    }

    /// Cuts off what follows `len` bytes (padding).
    #[inline]
    pub fn truncate(&mut self, len: usize) {
        self.end = self.end.min(self.start + len);
    }
}
