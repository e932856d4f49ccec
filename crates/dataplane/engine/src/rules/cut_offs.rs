//! How long sessions may be silent while the table is nearly full, by what they are.
//!
//! Junos: `security flow aging early-aging`. Place: the beginning of a step, of sessions looked at under pressure. State: none.
//! Spec: tcp-49, tcp-50.

use ravelin_program::{Aging, Application, EarlyAging};
use ravelin_tcp::aging::CutOff;

use crate::alg::Gateway;
use crate::first_path::icmp_of;
use crate::session::Session;

/// What says most of a session holds.
#[derive(Debug)]
pub(crate) struct CutOffs {
    /// By the number of the application's name, its terms in order.
    terms: Vec<(Application, Option<CutOff>)>,
    gateways: Vec<(Gateway, CutOff)>,
    /// By the number.
    protocols: Vec<(u8, CutOff)>,
    rest: CutOff,
}

impl CutOffs {
    pub(super) fn of(settings: &Aging) -> Self {
        let Aging { high_watermark: _, low_watermark: _, rest, early } = settings;
        let EarlyAging { terms, gateways, protocols } = early;
        let mut terms: Vec<_> = terms.iter().map(|(term, of)| (*term, of.map(cut_off))).collect();
        terms.sort_by_key(|(term, _)| term.name);
        let mut protocols: Vec<_> = protocols.iter().map(|(of, time)| (of.0, cut_off(*time))).collect();
        protocols.sort_by_key(|(protocol, _)| *protocol);
        let gateways = gateways.iter().filter_map(|(of, time)| Some((gateway(*of)?, cut_off(*time))));
        Self { terms, gateways: gateways.collect(), protocols, rest: cut_off(*rest) }
    }

    /// That of the application; else of the protocol; else of all others.
    pub(crate) fn of_session(&self, session: &Session) -> CutOff {
        let of_protocol = || {
            let at =
                self.protocols.binary_search_by_key(&session.wings[0].key.proto().0, |(of, _)| *of).ok()?;
            Some(self.protocols[at].1)
        };
        self.of_application(session).or_else(of_protocol).unwrap_or(self.rest)
    }

    /// That of the term that the session is of; where that says nothing, of the gateway that looks at it.
    fn of_application(&self, session: &Session) -> Option<CutOff> {
        let name = u32::from(session.application);
        let from = self.terms.partition_point(|(term, _)| term.name < name);
        let mut own = self.terms[from..].iter().take_while(|(term, _)| term.name == name);
        // A policy sees the port that a client has inside and that a server has: what NAT makes of them is for the other side.
        let [came, inner] = session.wings.map(|wing| wing.key);
        let icmp = icmp_of(&came);
        let holds = |term: &Application| term.holds(came.proto(), came.sport(), inner.sport(), icmp);
        let of_term = own.find(|(term, _)| holds(term)).and_then(|(_, of)| *of);
        let of_gateway = || {
            let gateway = session.marks.gateway()?;
            self.gateways.iter().find(|(of, _)| *of == gateway).map(|(_, time)| *time)
        };
        of_term.or_else(of_gateway)
    }
}

fn gateway(gateway: ravelin_program::Gateway) -> Option<Gateway> {
    match gateway {
        ravelin_program::Gateway::Ftp => Some(Gateway::Ftp),
        ravelin_program::Gateway::Tftp => Some(Gateway::Tftp),
        ravelin_program::Gateway::Dns => Some(Gateway::Dns),
        ravelin_program::Gateway::ByPort | ravelin_program::Gateway::Nothing => None,
    }
}

fn cut_off(of: ravelin_program::CutOff) -> CutOff {
    match of {
        ravelin_program::CutOff::Seconds(seconds) => CutOff::Seconds(seconds),
        ravelin_program::CutOff::Percent(percent) => CutOff::Percent(percent),
    }
}
