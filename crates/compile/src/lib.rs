//! Valid configuration and resolved interfaces to a program: the only crate that sees both sides.
//!
//! Names stop here: what leaves speaks in ids, and the id book keeps a name's id over commits.

mod address;
mod application;
mod book;
mod error;
mod interfaces;
mod nat;
mod policies;
mod resolved;
mod routes;
mod services;
mod zones;

use std::sync::Arc;

use ravelin_model::{DefaultPolicy, ValidConfig};
use ravelin_program::{Action, Chunk, FlowSettings, Program};
use ravelin_types::Generation;

pub use book::{BookError, IdBook};
pub use error::CompileError;
pub use interfaces::tap_name;
pub use resolved::{Resolved, ResolvedPort};
pub use routes::routes;

/// What the stages of one compilation share.
struct Compiler<'a> {
    config: &'a ravelin_model::Config,
    resolved: &'a Resolved,
    book: &'a mut IdBook,
    applications: application::Names,
    addresses: address::Addresses<'a>,
    errors: Vec<CompileError>,
}

/// Compiles a configuration.
///
/// Ids come from `book` by stable name: adding a zone or a policy renumbers nothing. The book is
/// changed even when compilation fails; ids given out are never given to another name.
///
/// # Errors
/// Every statement that can't be compiled: an interface the machine does not have, a service that is
/// not supported, more names than ids.
pub fn compile(
    config: &ValidConfig,
    resolved: &Resolved,
    book: &mut IdBook,
    generation: Generation,
) -> Result<Program, Vec<CompileError>> {
    let config = config.get();
    let mut compiler = Compiler {
        config,
        resolved,
        book,
        applications: application::Names::default(),
        addresses: address::Addresses::new(&config.security.address_books),
        errors: Vec::new(),
    };
    let interfaces = compiler.interfaces();
    let zones = compiler.zones();
    let nat = compiler.source_nat();
    let sections = compiler.policies();
    let mut chunks = vec![
        (String::new(), Arc::new(Chunk::Interfaces(interfaces))),
        (String::new(), Arc::new(Chunk::Zones(zones))),
        (String::new(), Arc::new(Chunk::Flow(flow(config)))),
        (String::new(), Arc::new(Chunk::SourceNat(nat))),
    ];
    chunks.extend(sections.into_iter().map(|(name, s)| (name, Arc::new(Chunk::Section(s)))));
    let names = compiler.applications.into_names();
    chunks.push((String::new(), Arc::new(Chunk::ApplicationNames(names))));
    if compiler.errors.is_empty() { Ok(Program::new(generation, chunks)) } else { Err(compiler.errors) }
}

fn flow(config: &ravelin_model::Config) -> FlowSettings {
    let tcp = &config.security.flow.tcp_session;
    let defaults = FlowSettings::default();
    FlowSettings {
        syn_check: !tcp.no_syn_check,
        tcp_initial_timeout: tcp.tcp_initial_timeout.unwrap_or(defaults.tcp_initial_timeout),
        default_action: match config.security.policies.default_policy {
            DefaultPolicy::DenyAll => Action::Deny,
            DefaultPolicy::PermitAll => Action::Permit,
        },
        ..defaults
    }
}

impl Compiler<'_> {
    fn error(&mut self, path: impl Into<String>, at: ravelin_syntax::Span, message: impl Into<String>) {
        self.errors.push(CompileError { path: path.into(), at, message: message.into() });
    }

    /// A name's id, or an error when there are no more.
    fn id<T: Default>(&mut self, path: &str, give: impl FnOnce(&mut IdBook) -> Result<T, BookError>) -> T {
        match give(self.book) {
            Ok(id) => id,
            Err(error) => {
                self.error(path, ravelin_syntax::Span::default(), error.to_string());
                T::default()
            }
        }
    }
}
