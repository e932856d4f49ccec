//! `security alg`: gateways of the application layer, on unless disabled.

use ravelin_derive::Lower;
use ravelin_syntax::Span;

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Alg {
    #[lower(flag = "ftp disable")]
    pub ftp_disable: bool,
    /// A data connection may name another address than its control connection has.
    #[lower(flag = "ftp allow-mismatch-ip-address")]
    pub ftp_mismatch: bool,
    /// A line of the control connection may end with a line feed alone.
    #[lower(flag = "ftp line-break-extension")]
    pub ftp_line_break: bool,
    #[lower(flag = "tftp disable")]
    pub tftp_disable: bool,
    #[lower(flag = "dns disable")]
    pub dns_disable: bool,
    /// Bytes, 512..=8192; Junos' default is 512.
    #[lower(leaf = "dns maximum-message-length")]
    pub dns_length: Option<u16>,
    #[lower(flag = "dns oversize-message-drop")]
    pub dns_oversize_drop: bool,
    #[lower(flag = "dns doctoring none")]
    pub dns_undoctored: bool,
    #[lower(flag = "h323 disable")]
    pub h323_disable: bool,
    #[lower(flag = "mgcp disable")]
    pub mgcp_disable: bool,
    #[lower(flag = "msrpc disable")]
    pub msrpc_disable: bool,
    #[lower(flag = "sunrpc disable")]
    pub sunrpc_disable: bool,
    #[lower(flag = "rsh disable")]
    pub rsh_disable: bool,
    #[lower(flag = "rtsp disable")]
    pub rtsp_disable: bool,
    #[lower(flag = "sccp disable")]
    pub sccp_disable: bool,
    #[lower(flag = "sip disable")]
    pub sip_disable: bool,
    #[lower(flag = "sql disable")]
    pub sql_disable: bool,
    #[lower(flag = "talk disable")]
    pub talk_disable: bool,
    #[lower(flag = "pptp disable")]
    pub pptp_disable: bool,
    #[lower(at)]
    pub at: Span,
}

impl Alg {
    /// Gateways that do nothing here, and whether a statement disables them.
    #[must_use]
    pub fn without_effect(&self) -> [(&'static str, bool); 11] {
        [
            ("h323", self.h323_disable),
            ("mgcp", self.mgcp_disable),
            ("msrpc", self.msrpc_disable),
            ("pptp", self.pptp_disable),
            ("rsh", self.rsh_disable),
            ("rtsp", self.rtsp_disable),
            ("sccp", self.sccp_disable),
            ("sip", self.sip_disable),
            ("sql", self.sql_disable),
            ("sunrpc", self.sunrpc_disable),
            ("talk", self.talk_disable),
        ]
    }
}
