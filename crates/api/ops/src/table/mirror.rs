//! Commands of port mirroring.

use super::Command;
use crate::answer::MirrorKind;
use crate::request::Request;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        path: &["clear", "forwarding-options", "port-mirroring"],
        help: "Set counters of port mirroring back",
        params: &[],
        make: |_| Ok(Request::ClearMirrors(MirrorKind::Instances)),
    },
    Command {
        path: &["clear", "security", "forward-options", "mirror-filter"],
        help: "Set counters of mirror filters back",
        params: &[],
        make: |_| Ok(Request::ClearMirrors(MirrorKind::Filters)),
    },
    Command {
        path: &["show", "forwarding-options", "port-mirroring"],
        help: "Show mirror instances with their counters",
        params: &[],
        make: |_| Ok(Request::Mirrors(MirrorKind::Instances)),
    },
    Command {
        path: &["show", "security", "forward-options", "mirror-filter"],
        help: "Show mirror filters with their counters",
        params: &[],
        make: |_| Ok(Request::Mirrors(MirrorKind::Filters)),
    },
];
