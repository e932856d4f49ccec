//! Gateways on the wire.

use super::decode::{Read, need, small};
use super::proto;
use crate::{Algs, DnsAlg, FtpAlg};

pub(super) fn encode(x: &Algs) -> proto::Algs {
    let Algs { ftp, tftp, dns, disabled } = x;
    let FtpAlg { enabled, mismatch, bare_line_feed } = *ftp;
    let ftp = proto::FtpAlg { enabled, mismatch, bare_line_feed };
    let DnsAlg { enabled, length_max, drop_oversize, doctoring } = *dns;
    let dns = proto::DnsAlg { enabled, length_max: length_max.into(), drop_oversize, doctoring };
    proto::Algs { ftp: Some(ftp), tftp: *tftp, dns: Some(dns), disabled: disabled.clone() }
}

pub(super) fn decode(x: proto::Algs) -> Read<Algs> {
    let proto::FtpAlg { enabled, mismatch, bare_line_feed } = need("FTP gateway", x.ftp)?;
    let ftp = FtpAlg { enabled, mismatch, bare_line_feed };
    let proto::DnsAlg { enabled, length_max, drop_oversize, doctoring } = need("DNS gateway", x.dns)?;
    let length_max = small("DNS message length", length_max)?;
    let dns = DnsAlg { enabled, length_max, drop_oversize, doctoring };
    Ok(Algs { ftp, tftp: x.tftp, dns, disabled: x.disabled })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Chunk, ChunkKey, Digest};

    #[test]
    fn what_is_written_is_read() {
        let ftp = FtpAlg { enabled: true, mismatch: true, bare_line_feed: false };
        let dns = DnsAlg { enabled: true, length_max: 4096, drop_oversize: true, doctoring: false };
        let disabled = vec!["sip".into(), "h323".into()];
        for algs in [Algs::default(), Algs { ftp, tftp: true, dns, disabled }] {
            let chunk = Chunk::Algs(algs);
            let bytes = chunk.encode();
            let key = ChunkKey { kind: chunk.kind(), name: String::new() };
            assert_eq!(Chunk::decode(&bytes, &key, &Digest::of(&bytes)).unwrap(), chunk);
        }
    }
}
