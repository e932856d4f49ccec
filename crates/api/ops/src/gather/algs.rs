//! Gateways of the application layer.

use ravelin_program::{Algs, Program};

use super::Failure;
use crate::answer::AlgStatus;
use crate::session::Env;

/// Those that there are none of: never on. Spec: alg-2.
const NONE: [&str; 11] =
    ["H323", "MGCP", "MSRPC", "PPTP", "RSH", "RTSP", "SCCP", "SIP", "SQL", "SUNRPC", "TALK"];

pub(crate) fn algs(env: &Env<'_>) -> Result<AlgStatus, Failure> {
    let algs = env.names.program().and_then(Program::algs).cloned().unwrap_or_default();
    let Algs { ftp, tftp, dns, disabled: _ } = algs;
    let real = [("DNS", dns.enabled), ("FTP", ftp.enabled), ("TFTP", tftp)];
    let none = NONE.into_iter().map(|name| (name, false));
    let mut gateways: Vec<(String, bool)> =
        real.into_iter().chain(none).map(|(name, on)| (name.to_owned(), on)).collect();
    gateways.sort();
    Ok(AlgStatus { gateways })
}
