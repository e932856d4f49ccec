//! The binary: wiring only. Each subcommand is a module that puts the crates together.

mod check;
mod replay;
mod source;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A stateful, zone-based firewall that speaks Junos.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Say whether a configuration would commit, and if not, every reason.
    Check(check::Arguments),
    /// Run captures through a configuration: packets out, one verdict a packet.
    Replay(replay::Arguments),
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    match command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
    }
}

/// An error that ends a subcommand, on standard error.
fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}
