//! The binary: wiring only. Each subcommand is a module that puts the crates together.

mod check;
mod cli;
mod confine;
mod conformance;
mod convert;
mod daemon;
mod dataplane;
mod log;
mod replay;
mod report;
mod source;
mod statements;

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
    /// Print a configuration in another form: text, set, XML or JSON, groups expanded or not.
    Convert(convert::Arguments),
    /// Print a file of the security log in the binary form as text.
    Log(log::Arguments),
    /// Run captures through a configuration: packets out, one verdict a packet.
    Replay(replay::Arguments),
    /// The packet process: AF_XDP workers behind a unix socket.
    Dataplane(dataplane::Arguments),
    /// The control plane; starts and supervises the packet process.
    Daemon(daemon::Arguments),
    /// The operator's shell, or commands given with `-c`.
    Cli(cli::Arguments),
    /// Count the statements of each hierarchy: enforced, kept, refused.
    Statements(statements::Arguments),
    /// What RFCs demand of NAT, how far it is met, and the tests that prove it.
    Conformance(conformance::Arguments),
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    match command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Convert(arguments) => convert::run(&arguments),
        Command::Log(arguments) => log::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Dataplane(arguments) => {
            logs();
            dataplane::run(&arguments)
        }
        Command::Daemon(arguments) => {
            logs();
            daemon::run(arguments)
        }
        Command::Cli(arguments) => cli::run(&arguments),
        Command::Statements(arguments) => statements::run(&arguments),
        Command::Conformance(arguments) => conformance::run(&arguments),
    }
}

/// Logs go to standard error; `RAVELIN_LOG` sets the level.
fn logs() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("RAVELIN_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours);
    log.with_writer(std::io::stderr).init();
}

/// A line of output. A reader that went away (`| head`) is no error of ours.
fn say(line: &dyn std::fmt::Display) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// An error that ends a subcommand, on standard error.
fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}
