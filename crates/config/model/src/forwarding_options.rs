//! `forwarding-options port-mirroring`: what is copied, how much of it, and where copies go.

use std::net::IpAddr;

use ravelin_derive::Lower;
use ravelin_syntax::Span;

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct ForwardingOptions {
    #[lower(container = "port-mirroring")]
    pub port_mirroring: PortMirroring,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct PortMirroring {
    #[lower(flag = "disable-all-instances")]
    pub disable_all: bool,
    /// The instance without a name: what stands here and not below `instance`.
    #[lower(flatten)]
    pub unnamed: MirrorTarget,
    #[lower(list = "instance <>")]
    pub instances: Vec<MirrorInstance>,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct MirrorInstance {
    #[lower(key)]
    pub name: String,
    #[lower(flatten)]
    pub target: MirrorTarget,
}

/// What an instance takes and where it goes.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct MirrorTarget {
    #[lower(flag = "disable")]
    pub disable: bool,
    #[lower(container = "input")]
    pub input: MirrorInput,
    /// Extension: `family any output interface`, written short.
    #[lower(leaf = "output interface")]
    pub output: Option<String>,
    #[lower(container = "family inet")]
    pub inet: MirrorFamily,
    #[lower(container = "family inet6")]
    pub inet6: MirrorFamily,
    #[lower(container = "family any")]
    pub any: MirrorFamily,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct MirrorInput {
    /// One of so many packets, 1..=65535.
    #[lower(leaf = "rate")]
    pub rate: Option<u16>,
    /// 0..=20.
    #[lower(leaf = "run-length")]
    pub run_length: Option<u8>,
    /// Bytes, 0..=9216; 0: all.
    #[lower(leaf = "maximum-packet-length")]
    pub maximum_packet_length: Option<u16>,
    /// Extension.
    #[lower(list = "ingress interface")]
    pub ingress: Vec<MirrorInterface>,
    /// Extension.
    #[lower(list = "egress interface")]
    pub egress: Vec<MirrorInterface>,
}

/// `ge-0/0/0`, `ge-0/0/0.0`, or the Linux name of either.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct MirrorInterface {
    #[lower(key)]
    pub name: String,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct MirrorFamily {
    /// One at most, or the configuration is not valid.
    #[lower(list = "output interface")]
    pub outputs: Vec<MirrorOutput>,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct MirrorOutput {
    #[lower(key)]
    pub name: String,
    /// One at most, or the configuration is not valid.
    #[lower(leaves = "next-hop")]
    pub next_hops: Vec<IpAddr>,
    #[lower(at)]
    pub at: Span,
}

impl MirrorTarget {
    /// Whether anything is said of the instance: the one without a name is there only then.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        let Self { disable, input, output, inet, inet6, any, at: _ } = self;
        *disable
            || *input != MirrorInput::default()
            || output.is_some()
            || [inet, inet6, any].iter().any(|family| !family.outputs.is_empty())
    }

    /// The families by name, with their outputs.
    #[must_use]
    pub fn families(&self) -> [(&'static str, &MirrorFamily); 3] {
        [("inet", &self.inet), ("inet6", &self.inet6), ("any", &self.any)]
    }
}

impl PortMirroring {
    /// Every instance with its path; the one without a name first, its name empty.
    pub fn all(&self) -> impl Iterator<Item = (String, &str, &MirrorTarget)> {
        let unnamed = self.unnamed.is_configured().then_some(&self.unnamed);
        let unnamed = unnamed.map(|target| ("forwarding-options port-mirroring".to_owned(), "", target));
        unnamed.into_iter().chain(self.instances.iter().map(|instance| {
            let path = format!("forwarding-options port-mirroring instance {}", instance.name);
            (path, instance.name.as_str(), &instance.target)
        }))
    }
}
