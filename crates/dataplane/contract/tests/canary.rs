//! The contract stays a leaf: few dependencies, twelve methods at its root, no word of any backend.

use std::fs;
use std::path::Path;

/// Words of the things that move packets; none may be part of a public name.
const BACKEND_WORDS: &[&str] =
    &["bpf", "xdp", "xsk", "umem", "socket", "ring", "map", "netlink", "tap", "dpdk", "queue"];

fn sources() -> Vec<(String, String)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = fs::read_dir(dir).unwrap();
    files
        .map(|file| file.unwrap().path())
        .map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap()))
        .collect()
}

/// Names that a line makes public, in snake case.
fn public_names(text: &str) -> Vec<String> {
    let starts = ["pub fn ", "pub struct ", "pub enum ", "pub trait ", "pub type ", "pub const ", "    fn "];
    let name = |line: &str| {
        let rest = starts.iter().find_map(|start| line.trim_end().split_once(start).map(|(_, rest)| rest))?;
        Some(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?.to_owned())
    };
    let field = |line: &str| {
        let (name, _) = line.trim().strip_prefix("pub ")?.split_once(':')?;
        name.chars().all(|c| c.is_alphanumeric() || c == '_').then(|| name.to_owned())
    };
    text.lines().filter_map(|line| name(line).or_else(|| field(line))).collect()
}

/// `SessionKey` and `session_key` are the words session and key.
fn words(name: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c.is_uppercase() {
            out.push(String::new());
        }
        if c != '_' {
            out.last_mut().unwrap().push(c.to_ascii_lowercase());
        }
    }
    out
}

#[test]
fn it_depends_on_the_program_and_the_words_alone() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let (_, after) = manifest.split_once("[dependencies]").unwrap();
    let mut names: Vec<_> = after
        .lines()
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["ipnet", "ravelin-program", "ravelin-types", "thiserror"]);
}

#[test]
fn its_root_has_twelve_methods() {
    let plane = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/plane.rs")).unwrap();
    let (_, body) = plane.split_once("pub trait DataPlane").unwrap();
    let methods: Vec<_> = body.lines().filter(|line| line.starts_with("    fn ")).collect();
    assert_eq!(methods.len(), 12, "{methods:#?}");
}

#[test]
fn no_public_name_speaks_of_a_backend() {
    for (file, text) in sources() {
        for name in public_names(&text) {
            let found: Vec<_> =
                words(&name).into_iter().filter(|w| BACKEND_WORDS.contains(&w.as_str())).collect();
            assert!(found.is_empty(), "{file}: `{name}` speaks of {found:?}");
        }
    }
}

#[test]
fn the_canary_can_sing() {
    assert_eq!(public_names("    pub ring_size: u32,"), ["ring_size"]);
    assert_eq!(public_names("pub struct XskMap {"), ["XskMap"]);
    assert_eq!(words("XskMap"), ["", "xsk", "map"]);
}
