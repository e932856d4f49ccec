//! Rows about commits, the configurations that are kept, and the software.

use super::commands::{alone, option};
use super::given::Given;
use super::{Arg, Command, Miss};
use crate::request::{Kept, Request};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        path: &["clear", "system", "commit"],
        help: "Cancel the scheduled commit",
        params: &[],
        make: |_| Ok(Request::Kept(Kept::ClearCommit)),
    },
    Command {
        path: &["request", "system", "configuration", "rescue", "delete"],
        help: "Delete the rescue configuration",
        params: &[],
        make: |_| Ok(Request::Kept(Kept::DeleteRescue)),
    },
    Command {
        path: &["request", "system", "configuration", "rescue", "save"],
        help: "Save the active configuration as the rescue configuration",
        params: &[],
        make: |_| Ok(Request::Kept(Kept::SaveRescue)),
    },
    Command {
        path: &["request", "system", "logout"],
        help: "End the session of someone who edits the configuration",
        params: &[option("pid", &[Arg::Number], "Process of the session, as `status' shows it")],
        make: |given| Ok(Request::Kept(Kept::Logout { pid: given.required("pid", |v| v.parse().ok())? })),
    },
    Command {
        path: &["request", "system", "software", "in-service-upgrade"],
        help: "Have another build of the packet process go on with every packet and session",
        params: &[alone(&[Arg::Name], "Path of the program; by default the one that is installed")],
        make: |given| Ok(Request::InServiceUpgrade { package: given.read("", |word| Some(word.to_owned())) }),
    },
    Command {
        path: &["show", "system", "commit"],
        help: "Show the history of commits",
        params: &[],
        make: |_| Ok(Request::CommitHistory),
    },
    Command {
        path: &["show", "system", "configuration", "rescue"],
        help: "Show the rescue configuration",
        params: &[],
        make: |_| Ok(Request::Kept(Kept::Rescue)),
    },
    Command {
        path: &["show", "system", "rollback"],
        help: "Show a former configuration",
        params: &[
            option("compare", &[Arg::Number, Arg::Number], "What changed between two"),
            alone(&[Arg::Number], "Number of the configuration; 0 is the active one"),
        ],
        make: rollback,
    },
];

fn rollback(given: &Given) -> Result<Request, Miss> {
    let numbers: Vec<u32> = given.values("compare").iter().filter_map(|v| v.parse().ok()).collect();
    match (&numbers[..], given.read("", |v| v.parse::<u32>().ok())) {
        ([old, new], None) => Ok(Request::RollbackCompare { old: *old, new: *new }),
        ([], Some(number)) => Ok(Request::Rollback { number }),
        ([], None) => Err(Miss::Missing("rollback")),
        (_, Some(number)) => Err(Miss::Word(number.to_string())),
        (_, None) => Err(Miss::Missing("compare")),
    }
}
