//! `ravelin replay`: captures through a configuration on the simulator.

use std::path::PathBuf;
use std::process::ExitCode;

use ravelin_contract::DataPlane;
use ravelin_sim::{Input, Replay, SimSetup, SimWorkers, Summary};

use crate::source;

/// Arguments of `replay`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The configuration, in braces or as `set` lines.
    #[arg(long)]
    config: PathBuf,
    /// A physical interface and the capture (pcap or pcapng) of what arrives on it.
    #[arg(long, required = true, value_name = "IFNAME=FILE", value_parser = input)]
    input: Vec<Input>,
    /// Directory for IFNAME.pcap of every interface that sends, and verdicts.jsonl.
    #[arg(long)]
    output: PathBuf,
    /// Write what decided each packet.
    #[arg(long)]
    explain: bool,
    /// Seed of everything random.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

fn input(text: &str) -> Result<Input, String> {
    match text.split_once('=') {
        Some((interface, file)) if !interface.is_empty() && !file.is_empty() => {
            Ok(Input { interface: interface.to_owned(), file: PathBuf::from(file) })
        }
        _ => Err("expected IFNAME=FILE".into()),
    }
}

/// Exit code 0: every packet was judged. 1: the configuration does not commit. 2: a capture or a
/// file is at fault.
pub fn run(arguments: &Arguments) -> ExitCode {
    let name = arguments.config.display().to_string();
    let text = match source::read(&arguments.config) {
        Ok(text) => text,
        Err(error) => {
            crate::fail(&format!("{name}: {error}"));
            return ExitCode::from(2);
        }
    };
    let compiled = match source::build(&text, None).result {
        Ok(compiled) => compiled,
        Err(errors) => {
            for error in errors {
                eprintln!("{}", error.line(&name));
            }
            return ExitCode::FAILURE;
        }
    };
    match judge(arguments, &compiled) {
        Ok(summary) => {
            crate::say(&summary);
            ExitCode::SUCCESS
        }
        Err(error) => {
            crate::fail(&error);
            ExitCode::from(2)
        }
    }
}

fn judge(arguments: &Arguments, compiled: &source::Compiled) -> Result<Summary, Box<dyn std::error::Error>> {
    let plane = SimWorkers::plane(SimSetup { seed: arguments.seed, ..SimSetup::default() });
    plane.apply_config(&compiled.program)?;
    plane.updates().apply(&compiled.routes)?;
    Ok(Replay::new(&plane, arguments.explain).run(&arguments.input, &arguments.output)?)
}
