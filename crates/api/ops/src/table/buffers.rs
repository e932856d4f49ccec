//! Rows about memory.

use super::Command;
use crate::request::Request;

pub(super) const COMMANDS: &[Command] = &[Command {
    path: &["show", "system", "buffers"],
    help: "Show memory for packets and events of each worker",
    params: &[],
    make: |_| Ok(Request::Buffers),
}];
