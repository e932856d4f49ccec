//! The operators' socket: one session a connection, the daemon's state locked for each line.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use ravelin_cli::{Limits, Peer};
use ravelin_ops::wire::{Request, answer};
use ravelin_ops::{Env, Facts, Session};
use ravelin_render::Junos;

use super::control::Control;
use super::routes::{Table, View};
use super::tasks::lock;

/// Serves operators until the process ends.
///
/// # Errors
/// The socket can't be made.
pub fn serve(
    control: &Arc<Mutex<Control>>,
    table: &Table,
    path: &Path,
) -> Result<(), ravelin_remote::ListenError> {
    let listener = ravelin_remote::listen(path)?;
    tracing::info!(socket = %path.display(), "Ready.");
    let stop = AtomicBool::new(false);
    ravelin_cli::serve(&listener, Limits::default(), &stop, |peer: Peer| {
        let (control, table) = (control.clone(), table.clone());
        let mut session = Session::new(user(peer));
        Some(move |request: Request| {
            let mut control = lock(&control);
            let plane = control.plane.clone();
            let names = control.names.clone();
            let log = control.log.clone();
            let facts = Facts {
                host_name: if control.host_name.is_empty() {
                    "ravelin".into()
                } else {
                    control.host_name.clone()
                },
                version: env!("CARGO_PKG_VERSION").into(),
            };
            let routes = View { table: &table, statics: control.static_prefixes() };
            let mut env = Env {
                plane: &*plane,
                config: &mut *control,
                names: &names,
                routes: &routes,
                log: &*log,
                render: &Junos,
                facts: &facts,
            };
            answer(&mut env, &mut session, &request)
        })
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
