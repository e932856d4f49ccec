//! `ravelin conformance`: what RFCs demand of NAT, how far it is met, and which tests say that they prove it.
//!
//! The sheets are docs/spec/rfc*.md, the tests docs/spec/proofs.tsv: both part of the binary, so that it tells of itself and of no
//! other version. Sheets name no tests; a test says of itself what it proves, and `registry` sees to it that the list is
//! what the tests say, that each is there and is run, and that nothing is called met without one.

mod registry;
mod sheet;

use std::process::ExitCode;

use sheet::{Sheet, Status};

use crate::{fail, say};

/// Every sheet, as docs/spec has it.
const SHEETS: &[(&str, &str)] = &[
    ("rfc3022", include_str!("../../../docs/spec/rfc3022.md")),
    ("rfc4787", include_str!("../../../docs/spec/rfc4787.md")),
    ("rfc5382", include_str!("../../../docs/spec/rfc5382.md")),
    ("rfc5508", include_str!("../../../docs/spec/rfc5508.md")),
    ("rfc6052", include_str!("../../../docs/spec/rfc6052.md")),
    ("rfc6146", include_str!("../../../docs/spec/rfc6146.md")),
    ("rfc6296", include_str!("../../../docs/spec/rfc6296.md")),
    ("rfc6888", include_str!("../../../docs/spec/rfc6888.md")),
    ("rfc7857", include_str!("../../../docs/spec/rfc7857.md")),
    ("rfc7915", include_str!("../../../docs/spec/rfc7915.md")),
];
const PROOFS: &str = include_str!("../../../docs/spec/proofs.tsv");

#[derive(clap::Args)]
pub struct Arguments {
    /// One sheet (rfc4787) or requirement (rfc4787-9); all when left out.
    what: Option<String>,
    /// One line a sheet.
    #[arg(long)]
    summary: bool,
}

pub fn run(arguments: &Arguments) -> ExitCode {
    let proofs = registry::read(PROOFS);
    let mut found = false;
    for (name, text) in SHEETS {
        let sheet = match Sheet::read(name, text) {
            Ok(sheet) => sheet,
            Err(error) => return fail(&error),
        };
        let wanted = |id: &str| arguments.what.as_deref().is_none_or(|what| what == *name || what == id);
        if !sheet.requirements.iter().any(|r| wanted(r.id)) {
            continue;
        }
        found = true;
        if arguments.summary {
            say(&summary(&sheet));
            continue;
        }
        say(&sheet.title);
        for requirement in sheet.requirements.iter().filter(|r| wanted(r.id)) {
            say(&requirement);
            for (_, test) in proofs.iter().filter(|(id, _)| *id == requirement.id) {
                say(&format_args!("        {test}"));
            }
        }
        say(&"");
    }
    match (&arguments.what, found) {
        (Some(what), false) => fail(&format_args!("no sheet and no requirement is called `{what}`")),
        _ => ExitCode::SUCCESS,
    }
}

fn summary(sheet: &Sheet<'_>) -> String {
    let count = |status| sheet.requirements.iter().filter(|r| r.status == status).count();
    let counts = Status::ALL.map(|status| format!("{} {}", count(status), status.name()));
    format!("{:<9}{:>3} requirements: {}", sheet.name, sheet.requirements.len(), counts.join(", "))
}
