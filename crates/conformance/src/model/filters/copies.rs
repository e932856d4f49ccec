//! Copies that terms ask for (firewall-filter-53, mirror-2, mirror-13, mirror-25).

use ravelin_model::MirrorTarget;

use super::{Model, Packet};

/// A copy of a packet as a filter saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The interface that it leaves by.
    pub output: String,
    /// Bytes of the datagram that are left of it; `None`: all.
    pub most: Option<u16>,
    pub packet: Packet,
}

impl Model<'_> {
    /// Copies since it was asked last, in order.
    pub fn take_copies(&mut self) -> Vec<Copied> {
        std::mem::take(&mut self.books.copies)
    }

    /// Whether everything of some unit is copied to an interface.
    #[must_use]
    pub fn mirrors(&self, output: &str) -> bool {
        let mirroring = &self.config.forwarding_options.port_mirroring;
        let mut all = mirroring.instances.iter().filter(|of| !of.target.disable && !mirroring.disable_all);
        all.any(|of| of.target.output.as_deref() == Some(output))
    }

    /// By an instance of that name, or the one without.
    pub(super) fn copies(&mut self, instance: Option<&str>, packet: &Packet) {
        let mirroring = &self.config.forwarding_options.port_mirroring;
        let found = match instance {
            None => Some(&mirroring.unnamed),
            Some(name) => mirroring.instances.iter().find(|of| of.name == name).map(|of| &of.target),
        };
        let Some(target) = found.filter(|target| !target.disable && !mirroring.disable_all) else { return };
        let most = target.input.maximum_packet_length.filter(|most| *most > 0);
        if let Some(output) = output(target, packet.src.is_ipv4()) {
            self.books.copies.push(Copied { output, most, packet: *packet });
        }
    }
}

/// Of its family, or of what no family has.
fn output(target: &MirrorTarget, is_four: bool) -> Option<String> {
    let own = if is_four { &target.inet } else { &target.inet6 };
    let of_family = own.outputs.first().or_else(|| target.any.outputs.first());
    of_family.map(|output| output.name.clone()).or_else(|| target.output.clone())
}
