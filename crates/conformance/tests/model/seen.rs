//! What the plane shows and tells: its sessions, and its events.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use ravelin_conformance::model::{Model, Notice, Told, Tuple, tuple};
use ravelin_contract::{
    DataPlane, Event, FilterHit, PolicyDeny, SessionEvent, SessionFilter, SessionKey, SessionState,
};
use ravelin_sim::SimPlane;
use ravelin_types::ZoneId;

/// What the plane has of a session: its timeout, what is left of it, packets and bytes both ways, how far it has come.
pub type Shown = (u64, u64, [u64; 2], [u64; 2], SessionState);

pub fn shown(plane: &SimPlane) -> BTreeMap<Tuple, Shown> {
    let mut all = BTreeMap::new();
    let visit = &mut |view: &ravelin_contract::SessionView| {
        let [first, second] = &view.wings;
        let (packets, bytes) = ([first.packets, second.packets], [first.bytes, second.bytes]);
        let times = (u64::from(view.timeout_s), u64::from(view.remaining_s));
        all.insert(key(&first.key), (times.0, times.1, packets, bytes, view.state));
        ControlFlow::Continue(())
    };
    plane.sessions().for_each(&SessionFilter::default(), visit).unwrap();
    all
}

pub fn expected(model: &Model<'_>) -> BTreeMap<Tuple, Shown> {
    let one = |s: &ravelin_conformance::model::Session| {
        (tuple(&s.inside), (s.timeout.unwrap_or(0), model.remaining(s), s.packets, s.bytes, s.state()))
    };
    model.sessions().iter().map(one).collect()
}

/// Everything that a plane has told, of what the model tells.
#[derive(Debug, Default)]
pub struct Heard {
    /// Of sessions and denied packets.
    pub told: Vec<(Tuple, Told)>,
    pub notices: Vec<Notice>,
    /// Of terms with `syslog`.
    pub hits: Vec<FilterHit>,
}

/// By zones that are called so.
pub fn told(plane: &SimPlane, name: impl Fn(ZoneId) -> String) -> Heard {
    let events = plane.telemetry().events(usize::MAX).unwrap();
    assert_eq!(events.lost, 0);
    let Heard { mut told, mut notices, mut hits } = Heard::default();
    for event in events.events {
        match event {
            Event::Session(SessionEvent { view, close }) => {
                let what = close.map_or(Told::Created, |reason| Told::Closed(reason.text()));
                told.push((key(&view.wings[0].key), what));
            }
            Event::PolicyDeny(PolicyDeny { key: denied, .. }) => told.push((key(&denied), Told::Denied)),
            Event::Screen { screen, zone, key: of, dropped, .. } => {
                notices.push((key(&of), name(zone), screen, dropped));
            }
            Event::Filter(hit) => hits.push(hit),
            _ => {}
        }
    }
    Heard { told, notices, hits }
}

pub fn key(key: &SessionKey) -> Tuple {
    (key.src, key.sport, key.dst, key.dport, key.proto.0)
}
