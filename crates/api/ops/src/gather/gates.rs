//! Gateways, and the sessions that they expect by the names that operators have given.

use ravelin_contract::{Alg, ExportCursor, GateSource, GateView};

use super::Failure;
use crate::answer::Answer;
use crate::gates::{GateLine, GateList, GateQuery};
use crate::request::Request;
use crate::session::Env;

/// Expected sessions that are asked for at a time, and that one answer lists.
const PAGE: usize = 2048;
const LINES_MAX: usize = 16_384;

/// Bits of what `show` calls flags.
const LEASED: u16 = 1;
const SOURCE_FIXED: u16 = 2;
const SOURCE_BY_RULES: u16 = 4;

/// Answers a request about gateways.
pub(crate) fn about_gateways(env: &Env<'_>, request: &Request) -> Result<Answer, Failure> {
    Ok(match request {
        Request::AlgStatus => Answer::Algs(super::algs::algs(env)?),
        Request::Gates(query) => Answer::Gates(gates(env, query)?),
        _ => unreachable!("only requests about gateways come here"),
    })
}

fn gates(env: &Env<'_>, query: &GateQuery) -> Result<GateList, Failure> {
    let GateQuery { filter, summary } = query;
    let (mut list, mut next) = (GateList::default(), Some(ExportCursor::default()));
    while let Some(from) = next {
        let page = env.plane.sessions().gate_page(filter, from, PAGE)?;
        for gate in &page.gates {
            match gate.left_s {
                0 => list.invalidated += 1,
                _ => list.valid += 1,
            }
            if list.lines.len() < LINES_MAX && !summary {
                list.lines.push(line(env, gate));
            } else if !summary {
                list.more += 1;
            }
        }
        next = page.next;
    }
    list.lines.sort_by_key(|line| (line.destination, line.destination_port, line.source, line.session));
    Ok(list)
}

pub(super) const fn alg_name(alg: Alg) -> &'static str {
    match alg {
        Alg::Ftp => "FTP",
        Alg::Tftp => "TFTP",
    }
}

fn line(env: &Env<'_>, gate: &GateView) -> GateLine {
    let GateView { worker, key, source_ports, to, to_port, source, alg, parent, application, .. } = gate;
    let (translated_source, of_source) = match source {
        GateSource::Kept => (key.src, 0),
        GateSource::Address(addr) => (*addr, SOURCE_FIXED),
        GateSource::ByRules => (key.src, SOURCE_BY_RULES),
    };
    GateLine {
        source: key.src,
        source_ports: *source_ports,
        destination: key.dst,
        destination_port: key.dport,
        translated_source,
        translated_destination: *to,
        translated_port: *to_port,
        protocol: key.proto.to_string(),
        alg: alg_name(*alg).to_owned(),
        application: application.and_then(|index| env.names.application(index)).map(str::to_owned),
        left_s: gate.left_s,
        flags: of_source | if gate.leased { LEASED } else { 0 },
        zone: env.names.zone(gate.from_zone),
        worker: worker.0,
        session: parent.0,
    }
}
