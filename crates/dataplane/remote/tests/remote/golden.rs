//! Bytes that must never change: what an older peer sends is still understood.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use prost::Message as _;
use ravelin_program::{ChunkKey, Digest, Manifest};
use ravelin_remote::proto::request::Call;
use ravelin_remote::proto::response::Answer;
use ravelin_remote::proto::{Hello, Request, Response};
use ravelin_types::Generation;

use crate::fake::{self, Fake};
use crate::{TIMEOUT, serve};

const HELLO: &[u8] = b"\x08\x01\x12\x0eprogram-chunks\x1a\x0dsession-pages\x20\x07";
const MANIFEST: &[u8] = b"\x08\x03\x12\x27\x08\x05\x12\x01a\x1a\x20\
    \xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\
    \xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\x1a\x04vlan";
const ARM: &[u8] = b"\x08\x01\xc8\x02\x01";

fn manifest() -> Manifest {
    Manifest {
        generation: Generation(3),
        entries: vec![(ChunkKey { kind: 5, name: "a".into() }, Digest([0xab; 32]))],
        requires: vec!["vlan".into()],
    }
}

#[test]
fn a_hello_is_these_bytes() {
    let hello = Hello {
        version: 1,
        capabilities: vec!["program-chunks".into()],
        requires: vec!["session-pages".into()],
        epoch: 7,
        refusal: None,
    };
    assert_eq!(hello.encode_to_vec(), HELLO);
    assert_eq!(Hello::decode(HELLO).unwrap(), hello);
}

#[test]
fn requests_are_these_bytes() {
    assert_eq!(manifest().to_proto().encode_to_vec(), MANIFEST);
    let check = Request { id: 2, call: Some(Call::CheckConfig(manifest().to_proto())) };
    assert_eq!(check.encode_to_vec(), [b"\x08\x02\x1a\x31", MANIFEST].concat());
    let arm = Request { id: 1, call: Some(Call::Arm(true)) };
    assert_eq!(arm.encode_to_vec(), ARM);
}

/// Puts the length before a message.
pub fn framed(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], body].concat()
}

/// Reads one message off a stream.
pub fn read<M: prost::Message + Default>(mut stream: &UnixStream) -> M {
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let mut head = [0; 4];
    stream.read_exact(&mut head).unwrap();
    let mut body = vec![0; u32::from_be_bytes(head) as usize];
    stream.read_exact(&mut body).unwrap();
    M::decode(&body[..]).unwrap()
}

/// Field 100, three bytes.
const UNKNOWN: &[u8] = b"\xa2\x06\x03abc";

#[test]
fn fields_of_a_later_version_are_tolerated() {
    let served = serve(Arc::new(Fake { epoch: 9, ..Fake::default() }));
    let mut stream = UnixStream::connect(&served.path).unwrap();
    stream.write_all(&framed(&[HELLO, UNKNOWN].concat())).unwrap();
    let hello: Hello = read(&stream);
    assert_eq!((hello.version, hello.epoch, hello.refusal), (1, 9, None));
    // Request 5: status, field 40, empty.
    stream.write_all(&framed(&[b"\x08\x05\xc2\x02\x00", UNKNOWN].concat())).unwrap();
    let response: Response = read(&stream);
    let Some(Answer::Status(status)) = response.answer else { panic!("{response:?}") };
    assert_eq!((response.id, status.backend), (5, fake::status(9).backend));
}

#[test]
fn a_call_of_a_later_version_is_answered_as_unsupported() {
    let served = serve(Arc::new(Fake::default()));
    let mut stream = UnixStream::connect(&served.path).unwrap();
    stream.write_all(&framed(HELLO)).unwrap();
    let _: Hello = read(&stream);
    stream.write_all(&framed(&[b"\x08\x06", UNKNOWN].concat())).unwrap();
    let response: Response = read(&stream);
    let kind = match response.answer {
        Some(Answer::Error(error)) => error.kind,
        other => panic!("{other:?}"),
    };
    assert!(matches!(kind, Some(ravelin_remote::proto::error::Kind::Unsupported(_))), "{kind:?}");
    assert_eq!(response.id, 6);
}
