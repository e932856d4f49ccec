//! `security application-tracking`: what is told of the sessions of zones that track them.

use ravelin_derive::Lower;
use ravelin_syntax::Span;

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct ApplicationTracking {
    /// No zone tracks.
    #[lower(flag = "disable")]
    pub disable: bool,
    /// Tell that a session begins, and nothing at the first interval.
    #[lower(flag = "first-update")]
    pub first_update: bool,
    /// Minutes until it is first told what a session carried, 1..=65535; Junos' default is 1.
    #[lower(leaf = "first-update-interval")]
    pub first_update_interval: Option<u16>,
    /// Minutes from one time to the next, 1..=65535; Junos' default is 5.
    #[lower(leaf = "session-update-interval")]
    pub session_update_interval: Option<u16>,
    /// Tell that a session begins.
    #[lower(flag = "log-session-create")]
    pub log_session_create: bool,
    /// Tell that a session ends.
    #[lower(flag = "log-session-close")]
    pub log_session_close: bool,
    /// Do not tell what a session carries while it lives.
    #[lower(flag = "no-volume-updates")]
    pub no_volume_updates: bool,
    #[lower(at)]
    pub at: Span,
}

impl ApplicationTracking {
    /// Minutes from one time to the next.
    #[must_use]
    pub fn interval(&self) -> u16 {
        self.session_update_interval.unwrap_or(5)
    }

    /// Minutes until the first time.
    #[must_use]
    pub fn first_interval(&self) -> u16 {
        if self.first_update { self.interval() } else { self.first_update_interval.unwrap_or(1) }
    }
}
