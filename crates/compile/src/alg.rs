//! `security alg` to the gateways that are on.

use ravelin_model::Alg;
use ravelin_program::{Algs, DnsAlg, FtpAlg};

pub(crate) fn algs(alg: &Alg) -> Algs {
    let enabled = !alg.ftp_disable;
    let ftp = FtpAlg { enabled, mismatch: alg.ftp_mismatch, bare_line_feed: alg.ftp_line_break };
    let dns = DnsAlg {
        enabled: !alg.dns_disable,
        length_max: alg.dns_length.unwrap_or(DnsAlg::default().length_max),
        drop_oversize: alg.dns_oversize_drop,
        doctoring: !alg.dns_undoctored,
    };
    let off = alg.without_effect().into_iter().filter(|(_, disabled)| *disabled);
    Algs { ftp, tftp: !alg.tftp_disable, dns, disabled: off.map(|(name, _)| name.to_owned()).collect() }
}
