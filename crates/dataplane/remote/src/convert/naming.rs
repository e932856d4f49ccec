//! What ids stand for. Kinds that this side does not know are left out: nothing here is named by them.

use ravelin_contract::{IdKind, Naming};
use ravelin_types::{Generation, RuleIdentity};

use super::{Malformed, Read, Wire};
use crate::proto;

fn number(kind: IdKind) -> u32 {
    match kind {
        IdKind::Zone => 1,
        IdKind::Port => 2,
        IdKind::Interface => 3,
        IdKind::Policy => 4,
        IdKind::NatRule => 5,
        IdKind::SourcePool => 6,
        IdKind::Application => 7,
        IdKind::Mirror => 8,
        IdKind::FilterCounter => 9,
        IdKind::Instance => 10,
    }
}

impl Wire for Naming {
    type Message = proto::Naming;

    fn to_message(&self) -> proto::Naming {
        let Self { generation, ids } = self;
        let mut kinds: Vec<proto::NamedIds> = Vec::new();
        for kind in IdKind::ALL {
            let of_kind = || ids.iter().filter(move |(of, _, _)| *of == kind);
            let named = proto::NamedIds {
                kind: number(kind),
                ids: of_kind().map(|(_, id, _)| *id).collect(),
                identities: of_kind().map(|(_, _, identity)| identity.0).collect(),
            };
            if !named.ids.is_empty() {
                kinds.push(named);
            }
        }
        proto::Naming { generation: generation.0, kinds }
    }

    fn from_message(message: proto::Naming) -> Read<Self> {
        let mut ids = Vec::new();
        for proto::NamedIds { kind, ids: numbers, identities } in message.kinds {
            if numbers.len() != identities.len() {
                let value = numbers.len() as u64;
                return Err(Malformed::Range { what: "number of ids beside identities", value });
            }
            if let Some(kind) = IdKind::ALL.into_iter().find(|known| number(*known) == kind) {
                let named = numbers.into_iter().zip(identities.into_iter().map(RuleIdentity));
                ids.extend(named.map(|(id, identity)| (kind, id, identity)));
            }
        }
        Ok(Self { generation: Generation(message.generation), ids })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::survives;
    use super::*;

    #[test]
    fn every_kind_survives_and_an_unknown_one_is_left_out() {
        let ids = IdKind::ALL.map(|kind| (kind, u32::MAX, RuleIdentity(u64::MAX))).to_vec();
        let naming = Naming { generation: Generation(7), ids };
        survives([naming.clone()]);
        let mut message = naming.to_message();
        message.kinds[0].kind = 1000;
        let read = Naming::from_message(message.clone()).unwrap();
        assert_eq!(read.ids, naming.ids[1..]);
        message.kinds[1].identities.clear();
        assert!(Naming::from_message(message).is_err());
    }
}
