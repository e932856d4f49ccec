//! The key of a wing: the tuple as its packets carry it, with family and scope.

use std::net::IpAddr;

use ravelin_contract::SessionKey;
use ravelin_mem::KeyedHash;
use ravelin_types::{Addr, Family, IcmpKind, InstanceId, Proto};
use ravelin_wire::{L4, Network};

/// In the last word: the destination is of the family that the source isn't.
const ACROSS: u64 = 1;
/// Beside it, where its instance begins: fifteen bits, up to the family.
const INSTANCE_AT: u32 = 1;
const INSTANCE: u64 = (InstanceId::MAX as u64) << INSTANCE_AT;

/// Forty bytes: source, destination, ports, protocol, family, routing instance.
///
/// The instance is that of the unit which its packets come by: overlapping networks in two of them have nothing in
/// common. It has its bits in the last word, so that a key has the size that it has without. Spec: routing-instance-7.
///
/// ICMP echo has its identifier as the port of the asking side and 0 as the other, so that the
/// reply's key is the request's turned round, like any other.
#[derive(Clone, Copy, Debug, Default)]
pub struct FlowKey([u64; 5]);

impl FlowKey {
    pub(crate) const EMPTY: Self = Self([0; 5]);

    /// Of the default instance.
    #[must_use]
    pub fn new(family: Family, proto: Proto, (src, sport): (Addr, u16), (dst, dport): (Addr, u16)) -> Self {
        let ports = u64::from(sport) << 48 | u64::from(dport) << 32;
        let last = ports | u64::from(proto.0) << 24 | (family as u64) << 16;
        Self([(src.0 >> 64) as u64, src.0 as u64, (dst.0 >> 64) as u64, dst.0 as u64, last])
    }

    /// The same tuple in an instance.
    #[must_use]
    #[inline]
    pub const fn within(mut self, instance: InstanceId) -> Self {
        self.0[4] = self.0[4] & !INSTANCE | (instance.0 as u64) << INSTANCE_AT & INSTANCE;
        self
    }

    #[must_use]
    #[inline]
    pub const fn instance(&self) -> InstanceId {
        InstanceId(((self.0[4] & INSTANCE) >> INSTANCE_AT) as u16)
    }

    /// Whether two keys are one tuple, in whatever instances.
    pub(crate) fn is_same_tuple(&self, other: &Self) -> bool {
        self.within(InstanceId::DEFAULT) == other.within(InstanceId::DEFAULT)
    }

    /// A packet whose destination is translated to another family than its source's. No table has such keys.
    pub(crate) fn across(
        (family, proto): (Family, Proto),
        src: (Addr, u16),
        (to, dst): (Family, Addr),
        dport: u16,
    ) -> Self {
        let mut key = Self::new(family, proto, src, (dst, dport));
        key.0[4] |= if to == family { 0 } else { ACROSS };
        key
    }

    /// The key of a datagram whose transport header is known, and the instance that it came in; `ports` fills in for
    /// the fragments that do not carry one.
    #[must_use]
    pub fn of(network: &Network, ports: Option<(u16, u16)>, instance: InstanceId) -> Self {
        let (sport, dport) = ports.unwrap_or_else(|| ports_of(network));
        let tuple = Self::new(network.family, network.proto, (network.src, sport), (network.dst, dport));
        tuple.within(instance)
    }

    pub(crate) const fn words(&self) -> &[u64; 5] {
        &self.0
    }

    #[must_use]
    pub const fn src(&self) -> Addr {
        Addr((self.0[0] as u128) << 64 | self.0[1] as u128)
    }

    #[must_use]
    pub const fn dst(&self) -> Addr {
        Addr((self.0[2] as u128) << 64 | self.0[3] as u128)
    }

    #[must_use]
    pub const fn sport(&self) -> u16 {
        (self.0[4] >> 48) as u16
    }

    #[must_use]
    pub const fn dport(&self) -> u16 {
        (self.0[4] >> 32) as u16
    }

    #[must_use]
    pub const fn proto(&self) -> Proto {
        Proto((self.0[4] >> 24) as u8)
    }

    #[must_use]
    pub const fn family(&self) -> Family {
        if (self.0[4] >> 16) as u8 == Family::V4 as u8 { Family::V4 } else { Family::V6 }
    }

    /// The destination's family: the source's, unless the packet is translated between families.
    #[must_use]
    pub const fn dst_family(&self) -> Family {
        match (self.is_across(), self.family()) {
            (false, family) => family,
            (true, Family::V4) => Family::V6,
            (true, Family::V6) => Family::V4,
        }
    }

    /// Whether the ends are of two families.
    pub(crate) const fn is_across(&self) -> bool {
        self.0[4] & ACROSS != 0
    }

    /// The protocol as the destination's family numbers it.
    pub(crate) const fn dst_proto(&self) -> Proto {
        match (self.is_across(), self.proto()) {
            (true, Proto::ICMP) => Proto::ICMPV6,
            (true, Proto::ICMPV6) => Proto::ICMP,
            (_, proto) => proto,
        }
    }

    /// The key of answers to packets that leave from `source`, an address of the destination's family.
    pub(crate) fn answers(&self, source: (Addr, u16)) -> Self {
        let (family, proto) = (self.dst_family(), self.dst_proto());
        Self::new(family, proto, (self.dst(), self.dport()), source).within(self.instance())
    }

    /// The key of an answer: the two ends exchanged.
    #[must_use]
    pub fn reversed(&self) -> Self {
        let (from, to) = ((self.dst(), self.dport()), (self.src(), self.sport()));
        Self::new(self.family(), self.proto(), from, to).within(self.instance())
    }

    /// Whether packets of the other key are answers as they come: nothing is translated between the two.
    #[inline(always)]
    pub(crate) const fn is_answered_by(&self, other: &Self) -> bool {
        let [src_high, src, dst_high, dst, last] = self.0;
        let ports = ((last >> 32) as u32).rotate_left(16) as u64;
        let turned = [dst_high, dst, src_high, src, ports << 32 | last & 0xffff_ffff & !ACROSS];
        let [a, b, c, d, e] = other.0;
        // What translation changes most comes first.
        turned[3] == d && turned[1] == b && turned[4] == e && turned[0] == a && turned[2] == c
    }

    /// Keyed hash, so that nobody outside can choose collisions. Of IPv4 the two words that are not
    /// constant.
    #[must_use]
    #[inline(always)]
    pub fn hash(&self, hash: &KeyedHash) -> u64 {
        self.hash_of(self.family(), hash)
    }

    /// The same of a key known to be of that family.
    #[must_use]
    #[inline(always)]
    pub(crate) fn hash_of(&self, family: Family, hash: &KeyedHash) -> u64 {
        let [_, src, _, dst, last] = self.0;
        match family {
            Family::V4 => hash.of_two([src << 32 | dst & 0xffff_ffff, last]),
            Family::V6 => hash.of_five(&self.0),
        }
    }

    /// For the control plane and for people.
    #[must_use]
    pub fn to_session_key(&self) -> SessionKey {
        let family = self.family();
        SessionKey {
            src: self.src().to_ip(family),
            dst: self.dst().to_ip(family),
            sport: self.sport(),
            dport: self.dport(),
            proto: self.proto(),
            instance: self.instance(),
        }
    }

    /// `None`: the addresses are of two families.
    #[must_use]
    pub fn from_session_key(key: &SessionKey) -> Option<Self> {
        let split = |ip: IpAddr| Addr::from_ip(ip);
        let ((family, src), (other, dst)) = (split(key.src), split(key.dst));
        let tuple = || Self::new(family, key.proto, (src, key.sport), (dst, key.dport));
        (family == other).then(|| tuple().within(key.instance))
    }
}

/// All five words at once: what a derived comparison makes of them is a call.
impl PartialEq for FlowKey {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let differ = |i: usize| self.0[i] ^ other.0[i];
        differ(0) | differ(1) | differ(2) | differ(3) | differ(4) == 0
    }
}

impl Eq for FlowKey {}

/// The two numbers that stand for ports in a key.
fn ports_of(network: &Network) -> (u16, u16) {
    match network.l4 {
        L4::Tcp { sport, dport, .. } | L4::Udp { sport, dport } | L4::Sctp { sport, dport } => (sport, dport),
        L4::Icmp { kind, code, id } => match IcmpKind::of(network.proto, kind) {
            IcmpKind::EchoRequest => (id, 0),
            IcmpKind::EchoReply => (0, id),
            IcmpKind::Error | IcmpKind::Other => (u16::from(kind) << 8 | u16::from(code), 1),
        },
        L4::Spi(_) | L4::Opaque => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_across_families_has_answers_in_one() {
        let (src, dst) = (Addr::v6([0x20; 16]), Addr::v4([198, 51, 100, 2]));
        let key = FlowKey::across((Family::V6, Proto::ICMPV6), (src, 7), (Family::V4, dst), 0);
        assert_eq!((key.family(), key.dst_family(), key.proto()), (Family::V6, Family::V4, Proto::ICMPV6));
        let pool = Addr::v4([203, 0, 113, 1]);
        let back = FlowKey::new(Family::V4, Proto::ICMP, (dst, 0), (pool, 99));
        assert_eq!(key.answers((pool, 99)), back);
        let same = FlowKey::across((Family::V4, Proto::ICMPV6), (dst, 1), (Family::V4, pool), 2);
        assert_eq!(same, FlowKey::new(Family::V4, Proto::ICMPV6, (dst, 1), (pool, 2)));
        assert_eq!(same.answers((dst, 1)), same.reversed());
    }

    #[test]
    fn an_instance_tells_keys_apart_and_changes_nothing_else() {
        let (src, dst) = (Addr::v4([10, 0, 0, 2]), Addr::v6([0xff; 16]));
        let tuple = FlowKey::across((Family::V4, Proto(255)), (src, 0xffff), (Family::V6, dst), 0xffff);
        let hash = KeyedHash::new((1, 2));
        let keys = [0, 1, 2, InstanceId::MAX].map(|id| tuple.within(InstanceId(id)));
        for (n, key) in keys.iter().enumerate() {
            assert_eq!(key.instance(), InstanceId([0, 1, 2, InstanceId::MAX][n]));
            assert!(key.is_same_tuple(&tuple) && key.is_across());
            let parts = (key.family(), key.proto(), key.sport(), key.dport(), key.dst_family());
            assert_eq!(parts, (Family::V4, Proto(255), 0xffff, 0xffff, Family::V6));
            assert_eq!(key.answers((src, 7)).instance(), key.instance());
            assert_eq!(key.reversed().instance(), key.instance());
            let others = keys.iter().enumerate().filter(|(m, _)| *m != n);
            assert!(
                others.into_iter().all(|(_, other)| other != key && other.hash(&hash) != key.hash(&hash))
            );
        }
        assert_eq!(keys[3].within(InstanceId::DEFAULT), tuple);
    }

    #[test]
    fn a_key_gives_back_what_it_was_made_of() {
        let (src, dst) = (Addr::v4([10, 0, 0, 1]), Addr::v6([0xfe; 16]));
        let key = FlowKey::new(Family::V6, Proto::TCP, (src, 1000), (dst, 65535));
        assert_eq!((key.src(), key.sport()), (src, 1000));
        assert_eq!((key.dst(), key.dport()), (dst, 65535));
        assert_eq!((key.family(), key.proto()), (Family::V6, Proto::TCP));
        assert_eq!(key.reversed().reversed(), key);
        assert!(key.is_answered_by(&key.reversed()) && !key.is_answered_by(&key));
        assert_ne!(key.reversed(), key);
        assert_eq!(FlowKey::from_session_key(&key.to_session_key()), Some(key));
    }

    proptest::proptest! {
        /// Asked with every word of the other key as it is, and as it would be.
        #[test]
        fn a_key_is_answered_by_itself_turned_round_and_by_no_other(
            (src, dst, ports, proto) in (proptest::num::u128::ANY, proptest::num::u128::ANY, proptest::num::u32::ANY, proptest::num::u8::ANY),
            v6: bool, across: bool, instance in 0u16..=InstanceId::MAX, turned in proptest::option::of(0u32..320),
        ) {
            let family = if v6 { Family::V6 } else { Family::V4 };
            let to = if across { Family::V4 } else { family };
            let (sport, dport) = ((ports >> 16) as u16, ports as u16);
            let key = FlowKey::across((family, Proto(proto)), (Addr(src), sport), (to, Addr(dst)), dport);
            let key = key.within(InstanceId(instance));
            let mut other = key.reversed();
            if let Some(bit) = turned {
                other.0[bit as usize / 64] ^= 1 << (bit % 64);
            }
            proptest::prop_assert_eq!(key.is_answered_by(&other), key.reversed() == other);
        }
    }
}
