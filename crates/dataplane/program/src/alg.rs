//! Gateways of the application layer: which are on, and what they let through.
//!
//! Junos: `security alg`. They are on unless disabled. Spec: alg-1..4.

/// Gateways for new sessions. A program without them has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Algs {
    pub ftp: FtpAlg,
    pub tftp: bool,
    pub dns: DnsAlg,
    /// Names of those that are disabled by a statement and would do nothing here anyway.
    pub disabled: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FtpAlg {
    pub enabled: bool,
    /// A data connection may name another address than its control connection has.
    pub mismatch: bool,
    /// A line may end with a line feed alone.
    pub bare_line_feed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DnsAlg {
    pub enabled: bool,
    /// Bytes of a message beyond which it is oversize, 512..=8192.
    pub length_max: u16,
    pub drop_oversize: bool,
    /// Addresses in answers are translated by static NAT.
    pub doctoring: bool,
}

impl Default for DnsAlg {
    fn default() -> Self {
        Self { enabled: false, length_max: 512, drop_oversize: false, doctoring: true }
    }
}
