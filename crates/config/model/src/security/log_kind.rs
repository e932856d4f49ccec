//! What messages of the log are about, and which categories of a stream choose them: the one list of both.

use super::LogCategory;

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogKind {
    Open,
    Close,
    /// A session that goes on.
    Update,
    Deny,
    Screen,
    Nat,
    /// A firewall filter's term.
    Filter,
    /// A worker that can't keep up.
    Overload,
    /// The log itself.
    Rtlog,
}

impl LogKind {
    pub const ALL: &'static [Self] = &[
        Self::Open,
        Self::Close,
        Self::Update,
        Self::Deny,
        Self::Screen,
        Self::Nat,
        Self::Filter,
        Self::Overload,
        Self::Rtlog,
    ];
}

impl LogCategory {
    /// What the category chooses; empty: nothing here has it, and `check` refuses it. Spec: log-24.
    #[must_use]
    pub const fn kinds(self) -> &'static [LogKind] {
        match self {
            Self::All => LogKind::ALL,
            Self::Session | Self::Flow => &[LogKind::Open, LogKind::Close, LogKind::Update, LogKind::Deny],
            Self::SessionOpen => &[LogKind::Open],
            Self::SessionClose => &[LogKind::Close],
            Self::Screen => &[LogKind::Screen],
            Self::Nat => &[LogKind::Nat],
            Self::Rtlog => &[LogKind::Rtlog],
            Self::ContentSecurity
            | Self::FwAuth
            | Self::Alg
            | Self::Sctp
            | Self::Gtp
            | Self::Ipsec
            | Self::Idp
            | Self::PstDsLite
            | Self::Appqos
            | Self::Secintel
            | Self::Aamw
            | Self::Sfw
            | Self::Urlf
            | Self::Ha
            | Self::HaOpen
            | Self::HaClose
            | Self::Pcp
            | Self::Dnsf
            | Self::Dns => &[],
        }
    }
}
