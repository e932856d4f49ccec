//! `security flow aging`: watermarks and cut-offs, those of application protocols by the terms that speak them.

use std::collections::HashMap;

use ravelin_model::{Application, ApplicationProtocol, Config, CutOffTime, EarlyAging, predefined, spoken};
use ravelin_program::{Aging, CutOff, Gateway};
use ravelin_types::Proto;

use crate::application::{self, Names};

type Terms = Vec<(ravelin_program::Application, Option<CutOff>)>;

pub(crate) fn aging(config: &Config, names: &Names<'_>) -> Aging {
    let flow = &config.security.flow;
    let EarlyAging { applications, protocols, defaults } = &flow.early_aging;
    let wanted: HashMap<ApplicationProtocol, CutOff> =
        applications.iter().filter_map(|entry| Some((entry.application, cut_off(&entry.cut_off)?))).collect();
    let protocols = protocols.iter();
    let known = Aging::default();
    Aging {
        high_watermark: flow.high_watermark.unwrap_or(known.high_watermark),
        low_watermark: flow.low_watermark.unwrap_or(known.low_watermark),
        rest: cut_off(defaults).or(flow.early_ageout.map(CutOff::Seconds)).unwrap_or(known.rest),
        early: ravelin_program::EarlyAging {
            terms: terms(config, names, &wanted).into(),
            gateways: gateways(&wanted),
            protocols: protocols
                .filter_map(|entry| Some((Proto(entry.protocol.0), cut_off(&entry.cut_off)?)))
                .collect(),
        },
    }
}

/// The terms of every application of which one speaks what is wanted: all of them, as the first that holds decides.
fn terms(config: &Config, names: &Names<'_>, wanted: &HashMap<ApplicationProtocol, CutOff>) -> Terms {
    if wanted.is_empty() {
        return Vec::new();
    }
    let all = predefined().applications.iter().chain(&config.applications.applications);
    all.filter_map(|application| Some(of_application(application, names.number(&application.name)?, wanted)))
        .flatten()
        .collect()
}

fn of_application(
    application: &Application,
    number: u32,
    wanted: &HashMap<ApplicationProtocol, CutOff>,
) -> Terms {
    let time = |spoken: Option<ApplicationProtocol>| spoken.and_then(|of| wanted.get(&of).copied());
    let said: Vec<_> = application.terms.iter().map(|term| spoken(&application.name, term)).collect();
    if said.iter().all(|of| time(*of).is_none()) {
        return Vec::new();
    }
    // One that speaks the same in all of its terms needs no look at them.
    if said.iter().all(|of| *of == said[0]) {
        return vec![(application::any(number), time(said[0]))];
    }
    let terms = application.terms.iter().zip(said);
    terms
        .flat_map(|(term, of)| application::term(term, number).into_iter().map(move |t| (t, time(of))))
        .collect()
}

/// Those that are wanted of gateways that know their sessions by the port.
fn gateways(wanted: &HashMap<ApplicationProtocol, CutOff>) -> ravelin_program::List<(Gateway, CutOff)> {
    let all = [
        (ApplicationProtocol::Ftp, Gateway::Ftp),
        (ApplicationProtocol::Tftp, Gateway::Tftp),
        (ApplicationProtocol::Dns, Gateway::Dns),
    ];
    all.into_iter().filter_map(|(of, gateway)| Some((gateway, *wanted.get(&of)?))).collect()
}

/// A check has seen that there is one of both, and the grammar that it is within its range.
fn cut_off(time: &CutOffTime) -> Option<CutOff> {
    let seconds = time.seconds.and_then(|seconds| u16::try_from(seconds).ok());
    let percent = time.percent.and_then(|percent| u8::try_from(percent).ok());
    seconds.map(CutOff::Seconds).or(percent.map(CutOff::Percent))
}
