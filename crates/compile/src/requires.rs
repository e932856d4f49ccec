//! What a dataplane must be able to do for a program, where one that can't would not notice what it ignores.
//!
//! A dataplane that is older than its daemon tolerates fields that it does not know. Of those that make a program let less
//! through, or something else, it is asked by a word whether it knows them; it refuses a program with a word that is new to
//! it. Words stand only where the statement does, so that nobody needs them who does not use it. Spec: contract-16.

use ravelin_program::{Aging, CutOff, EarlyAging, FlowSettings, FragmentSettings, Interfaces, Strays, Zones};
use ravelin_types::GroupId;

use crate::live::Asks;

/// The words, each once.
pub(crate) fn of(flow: &FlowSettings, (zones, interfaces): (&Zones, &Interfaces), asks: Asks) -> Vec<String> {
    let Strays { dns_reply, embedded_icmp } = flow.strays;
    let words = [
        ("functional-zones", zones.0.iter().any(|zone| zone.functional)),
        ("redundancy-groups", interfaces.units.iter().any(|unit| unit.group != GroupId(0))),
        ("strays", dns_reply || embedded_icmp),
        ("route-change-timeout", flow.route_change_timeout.is_some()),
        ("destination-translated", asks.translated),
        ("application-gateways", asks.gateways),
        ("session-update", asks.updates),
        ("unidirectional-refresh", zones.0.iter().any(|zone| zone.unidirectional_refresh)),
        ("early-aging", is_aged_by_kind(&flow.aging)),
        ("fragments", flow.fragments != FragmentSettings::default()),
        ("application-tracking", zones.0.iter().any(|zone| zone.tracking.is_some())),
    ];
    words.into_iter().filter(|(_, used)| *used).map(|(word, _)| word.to_owned()).collect()
}

/// Whether sessions have cut-offs other than one number of seconds for all.
fn is_aged_by_kind(aging: &Aging) -> bool {
    let Aging { high_watermark: _, low_watermark: _, rest, early } = aging;
    matches!(rest, CutOff::Percent(_)) || *early != EarlyAging::default()
}
