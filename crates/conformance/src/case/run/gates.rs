//! Sessions that gateways expect, as a case writes them.

use ravelin_contract::{Alg, DataPlane, ExportCursor, GateFilter, GateSource, GateView};

use super::told::zone;
use crate::bench::BenchError;

/// So few at a time that a list is asked for in several pages.
const PAGE: usize = 1;

/// Those of all workers, in no order.
pub(super) fn expected(plane: &dyn DataPlane) -> Result<Vec<String>, BenchError> {
    let names = plane.last_apply_result().unwrap_or_default();
    let words = |gate: &GateView| {
        let GateView { key, source_ports: (low, high), to, to_port, source, alg, leased, .. } = gate;
        let alg = match alg {
            Alg::Ftp => "ftp",
            Alg::Tftp => "tftp",
        };
        let source = match source {
            GateSource::Kept => "kept".to_owned(),
            GateSource::Address(addr) => addr.to_string(),
            GateSource::ByRules => "rules".to_owned(),
        };
        let leased = if *leased { " leased" } else { "" };
        let zones = format!("{} {}", zone(gate.from_zone, &names), zone(gate.to_zone, &names));
        let ends = format!("{} {low}-{high} > {} {} to {to} {to_port}", key.src, key.dst, key.dport);
        format!("{alg} {} {ends} source={source} {zones}{leased}", key.proto)
    };
    let (mut all, mut next) = (Vec::new(), Some(ExportCursor::default()));
    while let Some(from) = next {
        let page = plane.sessions().gate_page(&GateFilter::default(), from, PAGE)?;
        all.extend(page.gates.iter().map(words));
        next = page.next;
    }
    Ok(all)
}
