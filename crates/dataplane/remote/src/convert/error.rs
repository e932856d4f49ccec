//! Errors of the contract, kind and fields.

use std::sync::{Mutex, PoisonError};

use ravelin_contract::{Error, Refusal};

use super::{Malformed, Read, Wire, decode_all, encode_all, small};
use crate::proto;
use crate::proto::error::Kind;

impl Wire for Error {
    type Message = proto::Error;

    fn to_message(&self) -> proto::Error {
        let kind = match self {
            Self::Unsupported(what) => Kind::Unsupported((*what).to_owned()),
            Self::Refused(refusals) => Kind::Refused(proto::Refusals { refusals: encode_all(refusals) }),
            Self::NotReady => Kind::NotReady(proto::Empty {}),
            Self::Stale => Kind::Stale(proto::Empty {}),
            Self::Worker(worker) => Kind::Worker((*worker).into()),
            Self::Unreachable(text) => Kind::Unreachable(text.clone()),
            Self::Protocol(text) => Kind::Protocol(text.clone()),
            Self::Backend(text) => Kind::Backend(text.clone()),
        };
        proto::Error { kind: Some(kind) }
    }

    fn from_message(message: proto::Error) -> Read<Self> {
        Ok(match message.kind.ok_or(Malformed::Missing("kind of error"))? {
            Kind::Unsupported(what) => Self::Unsupported(word(&what)),
            Kind::Refused(list) => Self::Refused(decode_all(list.refusals)?),
            Kind::NotReady(_) => Self::NotReady,
            Kind::Stale(_) => Self::Stale,
            Kind::Worker(worker) => Self::Worker(small("worker", worker)?),
            Kind::Unreachable(text) => Self::Unreachable(text),
            Kind::Protocol(text) => Self::Protocol(text),
            Kind::Backend(text) => Self::Backend(text),
        })
    }
}

impl Wire for Refusal {
    type Message = proto::Refusal;

    fn to_message(&self) -> proto::Refusal {
        let Self { path, reason } = self;
        proto::Refusal { path: path.clone(), reason: reason.clone() }
    }

    fn from_message(message: proto::Refusal) -> Read<Self> {
        Ok(Self { path: message.path, reason: message.reason })
    }
}

impl From<Malformed> for Error {
    fn from(error: Malformed) -> Self {
        Self::Protocol(error.to_string())
    }
}

/// How many different words a peer can make this process keep, and how long.
const WORDS_MAX: usize = 64;
const WORD_LEN_MAX: usize = 128;

/// The contract names what is unsupported by a word that lives for ever; those that arrive are kept
/// once each, up to a bound.
fn word(what: &str) -> &'static str {
    static WORDS: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = words.iter().find(|w| **w == what) {
        return known;
    }
    if words.len() == WORDS_MAX || what.len() > WORD_LEN_MAX {
        return "an operation that this side has no word for";
    }
    let kept: &'static str = String::from(what).leak();
    words.push(kept);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_keeps_its_kind_and_fields() {
        let refusal = Refusal { path: "security nat".into(), reason: "no pool".into() };
        let errors = [
            Error::Unsupported("link cycle"),
            Error::Refused(vec![refusal]),
            Error::NotReady,
            Error::Stale,
            Error::Worker(3),
            Error::Unreachable("gone".into()),
            Error::Protocol("odd".into()),
            Error::Backend("broken".into()),
        ];
        for error in errors {
            let back = Error::from_message(error.to_message()).unwrap();
            assert_eq!(format!("{back:?}"), format!("{error:?}"));
        }
    }

    #[test]
    fn an_error_of_an_unknown_kind_is_malformed() {
        assert!(matches!(Error::from_message(proto::Error { kind: None }), Err(Malformed::Missing(_))));
        let worker = proto::Error { kind: Some(Kind::Worker(256)) };
        assert!(matches!(Error::from_message(worker), Err(Malformed::Range { value: 256, .. })));
    }

    #[test]
    fn an_endless_word_is_not_kept() {
        assert_eq!(word(&"x".repeat(WORD_LEN_MAX + 1)), "an operation that this side has no word for");
    }
}
