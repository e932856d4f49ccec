//! `security forwarding-options mirror-filter <name>`: copies of packets that leave, by what they are.

use ipnet::IpNet;
use ravelin_derive::Lower;
use ravelin_syntax::Span;

use super::NatProtocol;
use crate::applications::PortRange;

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct MirrorFilter {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "protocol")]
    pub protocol: Option<NatProtocol>,
    #[lower(leaf = "source-prefix")]
    pub source: Option<IpNet>,
    #[lower(leaf = "destination-prefix")]
    pub destination: Option<IpNet>,
    #[lower(leaf = "source-port")]
    pub source_ports: Option<PortRange>,
    #[lower(leaf = "destination-port")]
    pub destination_ports: Option<PortRange>,
    #[lower(leaf = "interface-in")]
    pub interface_in: Option<String>,
    #[lower(leaf = "interface-out")]
    pub interface_out: Option<String>,
    /// Mandatory, as the address is.
    #[lower(leaf = "output interface")]
    pub output: Option<String>,
    /// `02:00:00:00:00:01`.
    #[lower(leaf = "output destination-mac")]
    pub destination_mac: Option<String>,
    #[lower(at)]
    pub at: Span,
}
