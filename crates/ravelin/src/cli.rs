//! `ravelin cli`: the operator's shell.

use std::path::PathBuf;
use std::process::ExitCode;

use ravelin_cli::{Ending, Options};

/// Arguments of `cli`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The daemon's socket.
    #[arg(long, default_value = "/run/ravelin/api.sock")]
    socket: PathBuf,
    /// Commands parted by `;`, instead of the interactive shell.
    #[arg(short = 'c', value_name = "COMMANDS")]
    commands: Option<String>,
}

/// Exit code 0: every command succeeded.
pub fn run(arguments: &Arguments) -> ExitCode {
    let options = Options { socket: arguments.socket.clone(), commands: arguments.commands.clone() };
    match ravelin_cli::run(&options) {
        Ok(Ending::Good) => ExitCode::SUCCESS,
        Ok(Ending::Failed) => ExitCode::FAILURE,
        Err(error) => crate::fail(&error),
    }
}
