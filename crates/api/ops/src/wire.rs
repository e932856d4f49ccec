//! What a client and the daemon say to each other: JSON, one object a line, one answer a request. One
//! connection is one session.

use serde::{Deserialize, Serialize};

use crate::config::Candidate;
use crate::session::{Env, Mode, Session, execute};

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
}

/// Answers one request of a session.
#[must_use]
pub fn answer(env: &mut Env<'_>, session: &mut Session, request: &Request) -> Response {
    let mut response = Response::default();
    match request {
        Request::Run { line, text } => {
            let reply = execute(env, session, line, text.as_deref());
            response.output = reply.output;
            response.error = reply.error;
            response.closed = reply.closed;
        }
        Request::Complete { line } => response.candidates = crate::complete(env, session, line),
    }
    response.prompt = session.prompt(&env.facts.host_name);
    response.configuration = session.mode == Mode::Configuration;
    response
}
