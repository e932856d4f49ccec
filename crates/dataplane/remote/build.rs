//! Generates the message types from `proto/`, without protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = "../../../proto";
    let files = protox::compile(["ravelin/dataplane.proto"], [root])?;
    prost_build::Config::new()
        .extern_path(".ravelin.program", "::ravelin_program::proto")
        .btree_map(["."])
        .compile_fds(files)?;
    println!("cargo:rerun-if-changed={root}/ravelin");
    Ok(())
}
