//! `security zones` to zones and the services each lets in.

use ravelin_model::{AnyZone, ApplicationTracking, HostInbound as Config};
use ravelin_program::{HostInbound, Tracking, Zone, Zones};
use ravelin_syntax::Span;
use ravelin_types::ZoneId;

use crate::Compiler;
use crate::services;

impl Compiler<'_> {
    pub(crate) fn zones(&mut self) -> Zones {
        let config = self.config;
        let told = told(&config.security.application_tracking);
        let mut out = Vec::new();
        for zone in config.security.every_zone() {
            let AnyZone { name, functional, tcp_rst, unidirectional_refresh, tracking, .. } = zone;
            let host_inbound = self.host_inbound(&zone.path(), zone.at, zone.host_inbound);
            out.push(Zone {
                id: self.zone_id(&zone),
                name: name.to_owned(),
                tcp_rst,
                unidirectional_refresh,
                tracking: told.filter(|_| tracking),
                functional,
                host_inbound,
            });
        }
        Zones(out)
    }

    /// A functional zone is no security zone that had its name once.
    pub(crate) fn zone_id(&mut self, zone: &AnyZone<'_>) -> ZoneId {
        let name =
            if zone.functional { format!("functional-zone {}", zone.name) } else { zone.name.to_owned() };
        self.id(&zone.path(), |book| book.zone(&name))
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

/// What zones that track their sessions have told of them; `None`: nothing, of none. Spec: tracking-2..4.
fn told(config: &ApplicationTracking) -> Option<Tracking> {
    let every = if config.no_volume_updates { 0 } else { config.interval() };
    let tracking = Tracking {
        create: config.log_session_create || config.first_update,
        close: config.log_session_close,
        first_update: config.first_interval().min(every),
        update: every,
    };
    (!config.disable).then_some(tracking)
}
