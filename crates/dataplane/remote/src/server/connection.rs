//! One client: its Hello, then request after request.

use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ravelin_contract::{DataPlane, Error, PolicyNames, SessionFilter, SessionView};

use super::answer::answer;
use super::parts::Parts;
use super::programs::{ChunkCache, Offered, Staging};
use crate::convert::{Wire, apply_result};
use crate::frame::{self, FrameError, MESSAGE_MAX};
use crate::hello::{self, HELLO_MAX};
use crate::proto::request::Call;
use crate::proto::response::Answer;
use crate::proto::{self, Request, Response};

/// How long a client may take over a message once it has begun, either way.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sessions of one page.
const PAGE: usize = 512;

/// A client as its thread sees it.
pub(super) struct Connection<'a> {
    plane: &'a Arc<dyn DataPlane>,
    cache: &'a Mutex<ChunkCache>,
    stream: UnixStream,
    staging: Staging,
    parts: Parts,
    /// The client knows the names of the policies that it hands over.
    bare_results: bool,
}

/// Tells a client that there is no room.
pub(super) fn turn_away(stream: &UnixStream) {
    let refusal = Error::Backend("too many connections".into()).to_message();
    let hello = proto::Hello { refusal: Some(refusal), ..hello::of_server(0) };
    if let Ok(bytes) = frame::encode(&hello) {
        let _ = frame::send(stream, &bytes, patience());
    }
}

fn patience() -> Instant {
    Instant::now() + PATIENCE
}

impl<'a> Connection<'a> {
    pub(super) fn new(
        plane: &'a Arc<dyn DataPlane>,
        cache: &'a Mutex<ChunkCache>,
        stream: UnixStream,
    ) -> Self {
        Self {
            plane,
            cache,
            stream,
            staging: Staging::default(),
            parts: Parts::default(),
            bare_results: false,
        }
    }

    /// Answers until the client leaves or misbehaves.
    pub(super) fn run(mut self) {
        match self.converse() {
            Ok(()) | Err(FrameError::Closed) => tracing::debug!("A client of the dataplane left."),
            Err(error) => tracing::warn!(%error, "A client of the dataplane was disconnected."),
        }
    }

    fn converse(&mut self) -> Result<(), FrameError> {
        let theirs: proto::Hello = frame::receive(&self.stream, HELLO_MAX, patience())?;
        self.bare_results = theirs.capabilities.iter().any(|word| word == hello::BARE_RESULTS);
        let refusal = hello::accept(&theirs).err();
        let epoch = self.plane.diagnostics().status().map_or(0, |status| status.epoch);
        let refused = refusal.as_ref().map(|e| Error::Protocol(e.to_string()).to_message());
        let ours = proto::Hello { refusal: refused, ..hello::of_server(epoch) };
        frame::send(&self.stream, &frame::encode(&ours)?, patience())?;
        if let Some(error) = refusal {
            tracing::warn!(%error, "A client of the dataplane was refused.");
            return Ok(());
        }
        loop {
            frame::wait(&self.stream)?;
            match frame::receive::<Request>(&self.stream, MESSAGE_MAX, patience()) {
                Ok(Request { id, call }) => self.serve(id, call)?,
                Err(error) => {
                    self.complain(&error);
                    return Err(error);
                }
            }
        }
    }

    /// Says why the connection ends, if the client still listens; no request has the id 0.
    fn complain(&self, error: &FrameError) {
        if matches!(error, FrameError::TooLong { .. } | FrameError::Malformed(_)) {
            let _ = self.respond(0, Err(Error::Protocol(error.to_string())));
        }
    }

    fn serve(&mut self, id: u64, call: Option<Call>) -> Result<(), FrameError> {
        let is_apply = matches!(call, Some(Call::ApplyConfig(_)));
        let answer = match call {
            None => Err(Error::Unsupported("a call of another version")),
            Some(Call::WalkSessions(filter)) => match SessionFilter::from_message(filter) {
                Ok(filter) => return self.walk(id, &filter),
                Err(error) => Err(error.into()),
            },
            Some(Call::CheckConfig(manifest)) => self.with_program(manifest, |plane, program| {
                Ok(Answer::Admission(plane.check_config(program)?.to_message()))
            }),
            Some(Call::ApplyConfig(manifest)) => {
                let bare = self.bare_results;
                self.with_program(manifest, |plane, program| {
                    let mut result = plane.apply_config(program)?;
                    if bare {
                        result.policy_names = PolicyNames::default();
                    }
                    Ok(Answer::Applied(apply_result(result)))
                })
            }
            Some(Call::Chunks(chunks)) => self.staging.take(chunks).map(|()| Answer::Done(proto::Empty {})),
            Some(Call::UpdatePart(part)) => self.parts.updates(part).map(|()| Answer::Done(proto::Empty {})),
            Some(Call::ReconcilePart(part)) => {
                self.parts.received(part).map(|()| Answer::Done(proto::Empty {}))
            }
            Some(Call::ApplyUpdates(last)) => {
                answer(&**self.plane, Call::ApplyUpdates(self.parts.whole_updates(last)))
            }
            Some(Call::ReconcileBulk(last)) => {
                answer(&**self.plane, Call::ReconcileBulk(self.parts.whole_reconcile(last)))
            }
            Some(call) => answer(&**self.plane, call),
        };
        self.respond(id, answer)?;
        if is_apply && self.staging.was_large() {
            ravelin_mem::release();
        }
        Ok(())
    }

    /// Runs a call on the offered program, or says which of its chunks are lacking.
    fn with_program(
        &mut self,
        manifest: ravelin_program::proto::Manifest,
        call: impl Fn(&dyn DataPlane, &ravelin_program::Program) -> Result<Answer, Error>,
    ) -> Result<Answer, Error> {
        let program = {
            let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            match self.staging.offer(manifest, &mut cache)? {
                Offered::Lacking(lacking) => {
                    let digests = lacking.iter().map(|digest| digest.0.to_vec()).collect();
                    return Ok(Answer::Missing(proto::Missing { digests }));
                }
                Offered::Complete(program) => {
                    cache.keep(&program);
                    program
                }
            }
        };
        call(&**self.plane, &program)
    }

    /// Sends pages as the plane walks; a client that doesn't take them ends the walk.
    fn walk(&self, id: u64, filter: &SessionFilter) -> Result<(), FrameError> {
        let mut pages = Pages { connection: self, id, page: 0, sessions: Vec::with_capacity(PAGE) };
        let mut failed = None;
        let walked = self.plane.sessions().for_each(filter, &mut |view| match pages.push(view) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        });
        match (failed, walked) {
            (Some(error), _) => Err(error),
            (None, Ok(())) => pages.send(true),
            (None, Err(error)) => self.respond(id, Err(error)),
        }
    }

    fn respond(&self, id: u64, answer: Result<Answer, Error>) -> Result<(), FrameError> {
        let response = |answer: Answer| frame::encode(&Response { id, answer: Some(answer) });
        let refused = |error: &Error| response(Answer::Error(error.to_message()));
        let bytes = match answer {
            Ok(answer) => response(answer).or_else(|error| refused(&Error::Backend(error.to_string())))?,
            Err(error) => refused(&error)?,
        };
        frame::send(&self.stream, &bytes, patience())
    }
}

/// A walk under way.
struct Pages<'a> {
    connection: &'a Connection<'a>,
    id: u64,
    page: u64,
    sessions: Vec<proto::SessionView>,
}

impl Pages<'_> {
    fn push(&mut self, view: &SessionView) -> Result<(), FrameError> {
        self.sessions.push(view.to_message());
        if self.sessions.len() < PAGE { Ok(()) } else { self.send(false) }
    }

    fn send(&mut self, last: bool) -> Result<(), FrameError> {
        let sessions = std::mem::replace(&mut self.sessions, Vec::with_capacity(PAGE));
        let page = proto::SessionPage { sessions, page: self.page, last, next: None };
        self.page += 1;
        self.connection.respond(self.id, Ok(Answer::SessionPage(page)))
    }
}
