//! `ravelin log`: a file of the security log in the binary form as text, wherever the file came from.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use jiff::tz::TimeZone;
use ravelin_model::LogTimeFormat;
use ravelin_telemetry::{Form, Style, show};

/// Arguments of `log`.
#[derive(clap::Args)]
pub struct Arguments {
    /// A file that a stream or event mode wrote with `format binary`.
    file: PathBuf,
    /// The form to print.
    #[arg(long, value_enum, default_value_t = To::Syslog)]
    to: To,
}

#[derive(Clone, Copy, ValueEnum)]
enum To {
    Syslog,
    SdSyslog,
}

/// Exit code 0: printed. 1: printed, and parts of the file are no messages; they are told on standard error. 2: the
/// file can't be read.
pub fn run(arguments: &Arguments) -> ExitCode {
    let Arguments { file, to } = arguments;
    let name = file.display();
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => {
            crate::fail(&format!("{name}: {error}"));
            return ExitCode::from(2);
        }
    };
    let form = match to {
        To::Syslog => Form::Syslog,
        To::SdSyslog => Form::SdSyslog,
    };
    let style = Style { form, time: LogTimeFormat { year: true, millisecond: true }, in_file: true };
    let (text, records) = show(&bytes, style, TimeZone::system());
    if let Err(error) = std::io::stdout().write_all(text.as_bytes()) {
        crate::fail(&error.to_string());
        return ExitCode::from(2);
    }
    if records.skipped == 0 && records.unknown == 0 {
        return ExitCode::SUCCESS;
    }
    let (skipped, unknown) = (records.skipped, records.unknown);
    crate::fail(&format!(
        "{name}: {skipped} bytes are no message, {unknown} messages are of a later version"
    ));
    ExitCode::from(1)
}
