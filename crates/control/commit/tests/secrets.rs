//! No secret of the configuration crosses to the packet process: what is told of it is the program, chunk by chunk.

use ravelin_commit::propose;
use ravelin_compile::{IdBook, Resolved};
use ravelin_schema::{read, secret};
use ravelin_syntax::tree::Node;
use ravelin_types::Generation;

const EVERYTHING: &str = include_str!("everything.set");

/// Every word that the grammar calls a secret, as it is written and as what it stands for.
fn secrets(nodes: &[Node], out: &mut Vec<String>) {
    for node in nodes {
        for word in node.args.iter().filter(|word| word.secret) {
            out.push(word.text.to_string());
            out.extend(secret::decode(&word.text).map(|clear| clear.reveal().to_owned()));
        }
        secrets(&node.children, out);
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn no_chunk_of_a_program_holds_a_secret() {
    let tree = read(EVERYTHING).tree;
    let mut found = Vec::new();
    secrets(&tree.nodes, &mut found);
    assert!(found.len() >= 2, "the sample has secrets: {}", found.len());
    let valid = ravelin_model::check_tree(&tree).expect("everything.set commits");
    let resolved = Resolved::virtual_ports(&valid);
    let program =
        propose(&valid, resolved, &mut IdBook::default(), Generation(1)).expect("it compiles").program;
    let mut names = 0;
    for (key, _, chunk) in program.chunks() {
        let bytes = chunk.encode();
        names += usize::from(holds(&bytes, "ge-0/0/0"));
        for secret in &found {
            assert!(!holds(&bytes, secret), "{key:?} holds a secret");
        }
    }
    assert!(names > 0, "what it does hold is found");
}
