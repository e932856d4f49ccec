//! Compiles the XDP shim with clang, so that its object can be embedded in the library, and generates the messages of
//! the hand-over.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

const SOURCE: &str = "../../../bpf/shim.bpf.c";
/// Where Debian keeps the architecture's `asm/` headers, which `-target bpf` does not search by itself.
const MULTIARCH: &str = "/usr/include";

fn main() {
    messages();
    println!("cargo:rerun-if-changed={SOURCE}");
    println!("cargo:rerun-if-env-changed=RAVELIN_CLANG");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    compile(&out.join("shim.bpf.o"), &[]);
    compile(&out.join("shim-short.bpf.o"), &["-DSHORT_FRAMES"]);
}

fn compile(object: &Path, defines: &[&str]) {
    let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets the target architecture");
    let clang = find_clang();
    let status = Command::new(&clang)
        .args(["-O2", "-g", "-Wall", "-Werror", "-target", "bpf", "-mcpu=v3"])
        .args(defines)
        .arg(format!("-I{MULTIARCH}/{arch}-linux-gnu"))
        .args(["-c", SOURCE, "-o"])
        .arg(object)
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => {
            panic!("{} could not compile {SOURCE}: {status}. Is libbpf-dev installed?", clang.display())
        }
        Err(error) => panic!("{} could not be started: {error}.", clang.display()),
    }
}

fn messages() {
    let root = "../../../proto";
    let files = protox::compile(["ravelin/handover.proto"], [root]).expect("the schema can be read");
    prost_build::Config::new()
        .extern_path(".ravelin.program", "::ravelin_program::proto")
        .extern_path(".ravelin.dataplane", "::ravelin_remote::proto")
        .btree_map(["."])
        .compile_fds(files)
        .expect("the schema can be compiled");
    println!("cargo:rerun-if-changed={root}/ravelin");
}

/// The compiler named by `RAVELIN_CLANG`, else the first of the known names that starts.
fn find_clang() -> OsString {
    if let Some(named) = env::var_os("RAVELIN_CLANG") {
        return named;
    }
    let names = ["clang-19", "clang", "clang-20", "clang-18", "clang-17", "clang-16"];
    let found = names.into_iter().find(|name| Command::new(name).arg("--version").output().is_ok());
    match found {
        Some(name) => name.into(),
        None => panic!(
            "The XDP shim needs clang 16 or newer to be compiled, and none of {} is on PATH. \
             Install it (Debian: apt-get install clang-19 libbpf-dev) or name one in RAVELIN_CLANG.",
            names.join(", ")
        ),
    }
}
