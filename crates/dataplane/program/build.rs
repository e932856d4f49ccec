//! Generates the wire types from `proto/`, without protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = "../../../proto";
    let files = protox::compile(["ravelin/program.proto"], [root])?;
    prost_build::Config::new().compile_fds(files)?;
    println!("cargo:rerun-if-changed={root}/ravelin/program.proto");
    Ok(())
}
