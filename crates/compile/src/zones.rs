//! `security zones` to zones and the services each lets in.

use ravelin_model::HostInbound as Config;
use ravelin_program::{HostInbound, Zone, Zones};
use ravelin_syntax::Span;

use crate::Compiler;
use crate::services;

impl Compiler<'_> {
    pub(crate) fn zones(&mut self) -> Zones {
        let config = self.config;
        let mut out = Vec::new();
        for zone in &config.security.zones {
            let path = format!("security zones security-zone {}", zone.name);
            let host_inbound = self.host_inbound(&path, zone.at, &zone.host_inbound);
            let id = self.id(&path, |book| book.zone(&zone.name));
            out.push(Zone { id, name: zone.name.clone(), tcp_rst: zone.tcp_rst, host_inbound });
        }
        Zones(out)
    }

    /// What a list lets in. A service without known ports is refused: letting in less than the
    /// operator believes is as wrong as more.
    pub(crate) fn host_inbound(&mut self, path: &str, at: Span, list: &Config) -> HostInbound {
        let Config { system_services, protocols } = list;
        let mut out = HostInbound::default();
        for (service, except) in system_services {
            match services::system_service(*service) {
                Some(found) if *except => out.except.extend(found),
                Some(found) => out.accept.extend(found),
                None => {
                    let path = format!("{path} host-inbound-traffic system-services {}", service.as_str());
                    self.error(path, at, "statement not supported");
                }
            }
        }
        for (protocol, except) in protocols {
            let list = if *except { &mut out.except } else { &mut out.accept };
            list.extend(services::protocol(*protocol));
        }
        out
    }
}
