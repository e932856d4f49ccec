//! Places at which a test ends or stops a process in the middle of a hand-over, or of a commit. They do nothing in release
//! builds.

use ravelin_types::Generation;

/// Dies, or hangs, if `RAVELIN_HANDOVER_FAULT` says `PLACE` or `PLACE:hang`.
pub(super) fn place(name: &str) {
    if !cfg!(debug_assertions) {
        return;
    }
    let Ok(wanted) = std::env::var("RAVELIN_HANDOVER_FAULT") else { return };
    match wanted.split_once(':') {
        None if wanted == name => std::process::abort(),
        Some((place, "hang")) if place == name => loop {
            std::thread::park();
        },
        None | Some(_) => {}
    }
}

/// The version of the hand-over that this side claims, for tests of what another one meets.
pub(super) fn version(ours: u32) -> u32 {
    let claimed = std::env::var("RAVELIN_HANDOVER_VERSION").ok().filter(|_| cfg!(debug_assertions));
    claimed.and_then(|text| text.parse().ok()).unwrap_or(ours)
}

/// Dies when the first worker has been given a program and the others have not, if `RAVELIN_PUBLISH_FAULT` says its generation.
pub(crate) fn published(worker: u8, generation: Generation) {
    let is_wanted = |wanted: String| worker == 0 && wanted.parse() == Ok(generation.0);
    if cfg!(debug_assertions) && std::env::var("RAVELIN_PUBLISH_FAULT").is_ok_and(is_wanted) {
        std::process::abort();
    }
}
