//! `ravelin replay`: captures through a configuration on the simulator.

mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use ravelin_contract::DataPlane;
use ravelin_sim::{Input, Replay, SimSetup, SimWorkers, Summary};

use crate::source;
use world::{Given, World};

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
    /// Time zone of schedulers where the configuration has none, by its name or as POSIX writes it; the captures' clock
    /// decides what is open.
    #[arg(long, default_value = "UTC", value_parser = zone)]
    time_zone: jiff::tz::TimeZone,
    /// Addresses that a name of the address book resolves to.
    #[arg(long, value_name = "HOST=ADDRESS,ADDRESS", value_parser = name)]
    name: Vec<Given<Vec<std::net::IpAddr>>>,
    /// A feed's name and the file that it holds.
    #[arg(long, value_name = "FEED=FILE", value_parser = feed)]
    feed: Vec<Given<PathBuf>>,
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

fn zone(text: &str) -> Result<jiff::tz::TimeZone, String> {
    let known = jiff::tz::TimeZone::get(text).or_else(|_| jiff::tz::TimeZone::posix(text));
    known.map_err(|error| error.to_string())
}

fn name(text: &str) -> Result<Given<Vec<std::net::IpAddr>>, String> {
    let (of, list) = text.split_once('=').ok_or("expected HOST=ADDRESS,ADDRESS")?;
    let holds = list.split(',').map(|addr| addr.parse().map_err(|_| format!("`{addr}' is no address")));
    Ok(Given { of: of.to_owned(), holds: holds.collect::<Result<_, String>>()? })
}

fn feed(text: &str) -> Result<Given<PathBuf>, String> {
    let (of, file) = text.split_once('=').ok_or("expected FEED=FILE")?;
    Ok(Given { of: of.to_owned(), holds: PathBuf::from(file) })
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
    let read = ravelin_schema::read(&text);
    drop(text);
    let compiled = match source::build(read, None).result {
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
    let zone = compiled.dynamic.zone.clone().unwrap_or_else(|| arguments.time_zone.clone());
    let mut world = World::new(compiled.dynamic.clone(), zone);
    world.begin(&plane, (&arguments.name, &arguments.feed))?;
    let replay = Replay::new(&plane, arguments.explain).before_each(|at_ns| world.at(&plane, at_ns));
    Ok(replay.run(&arguments.input, &arguments.output)?)
}
