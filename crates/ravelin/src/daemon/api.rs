//! The operators' socket: one session a connection, the daemon's state locked for each line.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ravelin_cli::{Limits, Peer};
use ravelin_ops::wire::{Request, Response, answer};
use ravelin_ops::{Env, Facts, Mode, Session, stop_following};
use ravelin_render::Junos;
use ravelin_store::EditorId;

use super::config_mode::{Desk, Seat};
use super::control::{Control, now};
use super::dynamic;
use super::routes::{Table, View};
use super::supervisor::Process;
use super::tasks::lock;

/// A connected operator. What was locked or private goes with the connection, however it ends.
struct Operator {
    control: Arc<Mutex<Control>>,
    table: Table,
    process: Arc<Process>,
    session: Session,
    seat: Seat,
}

impl Drop for Operator {
    fn drop(&mut self) {
        let mut control = lock(&self.control);
        control.life.database_mut().leave(self.seat.id);
        let plane = control.works.plane.clone();
        drop(control);
        stop_following(&*plane, &mut self.session);
    }
}

impl Operator {
    fn answer(&mut self, request: &Request) -> Response {
        let Self { control, table, process, session, seat } = self;
        let mut guard = lock(control);
        let control = &mut *guard;
        if session.mode == Mode::Configuration && !control.life.database().is_editing(seat.id) {
            let output = "error: another user ended this session\n".to_owned();
            return Response { output, error: true, closed: true, ..Response::default() };
        }
        let plane = control.works.plane.clone();
        let names = control.names.clone();
        let log = control.works.log.clone();
        let alarms = control.alarms.clone();
        let trace = control.trace.clone();
        let host_name = if control.host_name.is_empty() { "ravelin" } else { &control.host_name };
        let dynamic = control.works.dynamic.clone();
        let dynamic = dynamic::View { dynamic: &dynamic, used: control.schedulers_used() };
        let facts = Facts {
            host_name: host_name.to_owned(),
            version: env!("CARGO_PKG_VERSION").into(),
            local_us: super::trace::local_us(),
        };
        let routes = View { table, instances: control.instances(), statics: control.static_prefixes() };
        let mut desk = Desk { control, seat, now: now(), upgrade: None };
        let mut env = Env {
            plane: &*plane,
            config: &mut desk,
            names: &names,
            routes: &routes,
            log: &*log,
            dynamic: &dynamic,
            alarms: &alarms,
            trace: &*trace,
            render: &Junos,
            facts: &facts,
        };
        let response = answer(&mut env, session, request);
        let Some(order) = desk.upgrade.take() else { return response };
        drop(guard);
        match process.upgrade(&order) {
            Ok(report) => Response { output: report, ..response },
            Err(error) => Response { output: format!("error: {error}\n"), error: true, ..response },
        }
    }
}

/// Serves operators until the process ends.
///
/// # Errors
/// The socket can't be made.
pub fn serve(
    control: &Arc<Mutex<Control>>,
    table: &Table,
    process: &Arc<Process>,
    path: &Path,
) -> Result<(), ravelin_remote::ListenError> {
    let listener = ravelin_remote::listen(path)?;
    tracing::info!(socket = %path.display(), "Ready.");
    let (stop, last) = (AtomicBool::new(false), AtomicU64::new(0));
    ravelin_cli::serve(&listener, Limits::default(), &stop, |peer: Peer| {
        let user = user(peer);
        let mut operator = Operator {
            control: control.clone(),
            table: table.clone(),
            process: process.clone(),
            session: Session::new(user.clone()),
            seat: Seat {
                id: EditorId(last.fetch_add(1, Ordering::Relaxed)),
                user,
                terminal: terminal(peer),
                pid: u32::try_from(peer.pid).ok(),
            },
        };
        Some(move |request: Request| operator.answer(&request))
    });
    Ok(())
}

/// The peer's name, as far as it is known without asking anyone.
fn user(peer: Peer) -> String {
    if peer.uid == 0 {
        return "root".into();
    }
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut accounts = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = accounts.find(|fields| fields.get(2) == Some(&peer.uid.to_string().as_str()));
    found.map_or_else(|| peer.uid.to_string(), |fields| fields[0].to_owned())
}

/// The terminal at the peer's standard input, if there is one.
fn terminal(peer: Peer) -> Option<String> {
    let input = std::fs::read_link(format!("/proc/{}/fd/0", peer.pid)).ok()?;
    let name = input.to_str()?.strip_prefix("/dev/")?;
    (name.starts_with("pts/") || name.starts_with("tty")).then(|| name.to_owned())
}
