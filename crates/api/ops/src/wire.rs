//! What a client and the daemon say to each other: JSON, one object a line, one answer a request. One
//! connection is one session.

use serde::{Deserialize, Serialize};

use crate::config::Candidate;
use crate::session::{Env, Mode, Reply, Session, execute};

/// Longest line either side accepts, the newline included.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    Run {
        line: String,
        /// What a `load` command brings along.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    Complete {
        line: String,
    },
    /// What came since the last time of output that goes on.
    More,
    /// The answer to what a line asked back.
    Answer {
        yes: bool,
    },
}

/// What the daemon answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Response {
    pub output: String,
    pub error: bool,
    /// What to show before the next line, `[edit]` included.
    pub prompt: String,
    /// The next line is one of configuration mode.
    pub configuration: bool,
    pub candidates: Vec<Candidate>,
    /// The session is over.
    pub closed: bool,
    /// A question that [`Request::Answer`] answers; any other request leaves everything as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<String>,
    /// More is to come: [`Request::More`] asks for it, any other request ends it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub follow: bool,
    /// A part of an answer: [`Request::More`] asks for the next one, any other request does without it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub part: bool,
}

/// Answers one request of a session.
#[must_use]
pub fn answer(env: &mut Env<'_>, session: &mut Session, request: &Request) -> Response {
    let mut response = Response::default();
    match request {
        Request::Run { line, text } => {
            response.take(execute(env, session, line, text.as_deref()));
        }
        Request::More => response.take(crate::session::more(env, session)),
        Request::Answer { yes } => response.take(crate::answer(env, session, *yes)),
        Request::Complete { line } => response.candidates = crate::complete(env, session, line),
    }
    response.prompt = session.prompt(&env.facts.host_name);
    response.configuration = session.mode == Mode::Configuration;
    if let Some(minutes) = env.config.waiting_min().filter(|_| response.configuration) {
        let s = if minutes == 1 { "" } else { "s" };
        let note = format!("# commit confirmed will be rolled back in {minutes} minute{s}\n");
        response.prompt.insert_str(0, &note);
    }
    response
}

impl Response {
    fn take(&mut self, reply: Reply) {
        let Reply { output, error, closed, ask, follow, part } = reply;
        *self = Self { output, error, closed, ask, follow, part, ..std::mem::take(self) };
    }
}
