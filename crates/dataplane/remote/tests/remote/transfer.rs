//! Programs travel as what the peer lacks.

use std::sync::Arc;

use prost::Message as _;
use ravelin_contract::DataPlane;
use ravelin_program::{Chunk, PolicySection, Program, ZoneMatch};
use ravelin_remote::Client;
use ravelin_types::{Generation, ZoneId};

use crate::fake::Fake;
use crate::serve;

/// A program of names, a section a name.
pub fn program(generation: u64, names: &[&str]) -> Program {
    let section = |name: &&str| {
        let from = name.bytes().map(|b| ZoneId(b.into())).collect();
        let section =
            PolicySection { zones: ZoneMatch { from, to: Default::default() }, policies: Vec::new() };
        ((*name).to_owned(), Arc::new(Chunk::Section(section)))
    };
    Program::new(Generation(generation), names.iter().map(section))
}

/// Chunks and bytes that a call sent.
fn cost(client: &Client, call: impl FnOnce(&Client)) -> (u64, u64) {
    let before = client.traffic();
    call(client);
    let after = client.traffic();
    (after.chunks - before.chunks, after.bytes - before.bytes)
}

#[test]
fn only_the_changed_chunk_is_sent() {
    let served = serve(Arc::new(Fake::default()));
    let client = served.client();
    let names: Vec<_> = (0..50).map(|n| format!("{n}-{}", "x".repeat(2000))).collect();
    let mut names: Vec<_> = names.iter().map(String::as_str).collect();
    let first = program(1, &names);
    let whole: usize = first.chunks().map(|(_, _, chunk)| chunk.encode().len()).sum();
    let (chunks, bytes) = cost(&client, |c| drop(c.check_config(&first).unwrap()));
    assert_eq!(chunks, 50);
    assert!(bytes > whole as u64, "{bytes} of {whole}");
    let (chunks, applying) = cost(&client, |c| drop(c.apply_config(&first).unwrap()));
    assert_eq!(chunks, 0);
    assert!(applying < 50, "apply after check says again what was offered: {applying}");
    names[25] = "changed";
    let second = program(2, &names);
    let (chunks, bytes) = cost(&client, |c| drop(c.apply_config(&second).unwrap()));
    assert_eq!(chunks, 1);
    let manifest = second.manifest().to_proto().encoded_len() as u64;
    assert!(bytes < manifest + 300, "a manifest and a small chunk: {bytes}, the manifest {manifest}");
}

#[test]
fn chunks_are_known_to_every_client_of_a_server() {
    let served = serve(Arc::new(Fake::default()));
    let program = program(1, &["a", "b"]);
    drop(served.client().check_config(&program).unwrap());
    let (chunks, _) = cost(&served.client(), |c| drop(c.apply_config(&program).unwrap()));
    assert_eq!(chunks, 0);
}

#[test]
fn a_chunk_that_stands_twice_is_sent_once_and_an_empty_program_not_at_all() {
    let plane = Arc::new(Fake::default());
    let served = serve(plane.clone());
    let twins = program(1, &["same", "same"]);
    let (chunks, _) = cost(&served.client(), |c| drop(c.apply_config(&twins).unwrap()));
    assert_eq!(chunks, 1);
    assert_eq!(plane.last_call(), format!("apply Generation(1) {:?}", twins.digest()));
    let (chunks, _) = cost(&served.client(), |c| drop(c.apply_config(&program(2, &[])).unwrap()));
    assert_eq!(chunks, 0);
}

#[test]
fn a_large_program_goes_in_several_messages() {
    let plane = Arc::new(Fake::default());
    let served = serve(plane.clone());
    let names: Vec<_> = (0..9).map(|n| format!("{n}{}", "z".repeat(1 << 20))).collect();
    let chunk = |name: &String| (name[..1].to_owned(), Arc::new(Chunk::ApplicationNames(vec![name.clone()])));
    let large = Program::new(Generation(1), names.iter().map(chunk));
    let (chunks, _) = cost(&served.client(), |c| drop(c.apply_config(&large).unwrap()));
    assert_eq!(chunks, 9);
    assert_eq!(plane.last_call(), format!("apply Generation(1) {:?}", large.digest()));
}
