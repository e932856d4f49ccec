//! Valid configuration and resolved interfaces to a program: the only crate that sees both sides.
//!
//! Names stop here: what leaves speaks in ids, and the id book keeps a name's id over commits.

mod address;
mod aging;
mod alg;
mod application;
mod book;
mod error;
mod firewall;
mod interfaces;
mod live;
mod mirror;
mod names;
mod nat;
mod policies;
mod pools;
mod requires;
mod resolved;
mod routes;
mod screens;
mod sections;
mod services;
mod zones;

use ravelin_model::{DefaultPolicy, PolicyRematch, ValidConfig};
use ravelin_program::{
    Action, Chunk, FlowSettings, FragmentSettings, HashedChunk, PiecesMax, Program, RefusedAddresses,
    Rematch, Strays, SynCheck, TcpSettings, TimeWait,
};
use ravelin_types::Generation;

pub use book::{BookError, Given, IdBook};
pub use error::CompileError;
pub use interfaces::{needs_device, tap_name};
pub use live::{feed_set_id, feed_url, name_set_id, schedule_id};
pub use mirror::mirror_identity;
pub use resolved::{Resolved, ResolvedPort};
pub use routes::routes;

/// What the stages of one compilation share.
struct Compiler<'a> {
    config: &'a ravelin_model::Config,
    resolved: &'a Resolved,
    book: &'a mut IdBook,
    applications: application::Names<'a>,
    addresses: address::Addresses<'a>,
    schedules: std::collections::HashMap<&'a str, &'a ravelin_model::Scheduler>,
    referred: live::Referred,
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
    let valid = config;
    let config = valid.get();
    let applications = application::Names::new(&config.applications, book).map_err(|(name, error)| {
        let (path, at) = (format!("applications application {name}"), ravelin_syntax::Span::default());
        vec![CompileError { path, at, message: error.to_string() }]
    })?;
    let mut compiler = Compiler {
        config,
        resolved,
        book,
        applications,
        addresses: address::Addresses::new(valid.addresses(), &config.security.dynamic_addresses),
        schedules: config.schedulers.iter().map(|s| (s.name.as_str(), s)).collect(),
        referred: live::Referred::default(),
        errors: Vec::new(),
    };
    let interfaces = compiler.interfaces();
    let zones = compiler.zones();
    let pools = compiler.source_pools(&interfaces);
    let nat = compiler.source_nat();
    let (destination, fixed) = (compiler.destination_nat(), compiler.static_nat());
    let screens = compiler.screens();
    let mirrors = compiler.mirrors();
    let firewall = compiler.firewall();
    let sections = compiler.policies(valid);
    let names: Vec<String> = compiler.applications.names().map(str::to_owned).collect();
    if !compiler.errors.is_empty() {
        return Err(compiler.errors);
    }
    let (flow, referred) = (flow(config, &compiler.applications), sections.referred());
    let requires = requires::of(&flow, (&zones, &interfaces), referred.asks);
    let mut chunks: Vec<(String, HashedChunk)> = [
        Chunk::Interfaces(interfaces),
        Chunk::Zones(zones),
        Chunk::Flow(flow),
        Chunk::SourceNat(nat),
        Chunk::DestinationNat(destination),
        Chunk::StaticNat(fixed),
        Chunk::Screens(screens),
        Chunk::Algs(alg::algs(&config.security.alg)),
        Chunk::SourcePools(pools),
        Chunk::Mirrors(mirrors),
        Chunk::Firewall(firewall),
    ]
    .into_iter()
    .map(|chunk| (String::new(), HashedChunk::new(chunk)))
    .collect();
    chunks.extend(sections.chunks());
    let referred = referred.into_chunk();
    if referred != ravelin_program::Live::default() {
        chunks.push((String::new(), HashedChunk::new(Chunk::Live(referred))));
    }
    chunks.push((String::new(), HashedChunk::new(Chunk::ApplicationNames(names))));
    book.sections = sections;
    let mut program = Program::of(generation, chunks);
    program.requires = requires;
    Ok(program)
}

fn flow(config: &ravelin_model::Config, applications: &application::Names<'_>) -> FlowSettings {
    let flow = &config.security.flow;
    let tcp = &flow.tcp_session;
    let defaults = FlowSettings::default();
    FlowSettings {
        tcp: TcpSettings {
            syn_check: match (tcp.no_syn_check, tcp.strict_syn_check) {
                (true, _) => SynCheck::Off,
                (false, true) => SynCheck::Strict,
                (false, false) => SynCheck::Required,
            },
            sequence_check: !tcp.no_sequence_check,
            rst_invalidate_session: tcp.rst_invalidate_session,
            rst_sequence_check: tcp.rst_sequence_check,
            fin_invalidate_session: tcp.fin_invalidate_session,
            time_wait: match (tcp.time_wait_timeout, tcp.time_wait_ageout) {
                (Some(seconds), _) => TimeWait::Seconds(seconds),
                (None, true) => TimeWait::Ageout,
                (None, false) => TimeWait::Unset,
            },
            half_close_as_time_wait: tcp.apply_to_half_close,
            initial_timeout: tcp.tcp_initial_timeout.unwrap_or(defaults.tcp.initial_timeout),
            mss: flow.mss_all_tcp,
        },
        aging: aging::aging(config, applications),
        refused: RefusedAddresses { link_local: flow.drop_link_local, reserved: flow.drop_reserved },
        strays: Strays { dns_reply: flow.allow_dns_reply, embedded_icmp: flow.allow_embedded_icmp },
        route_change_timeout: flow.route_change_timeout,
        next_hop_timeout: flow.next_hop_timeout,
        fragments: fragments(flow),
        default_action: match config.security.policies.default_policy {
            DefaultPolicy::DenyAll => Action::Deny,
            DefaultPolicy::PermitAll => Action::Permit,
        },
        rematch: match config.security.policies.rematch {
            PolicyRematch::Off => Rematch::Off,
            PolicyRematch::On => Rematch::On,
            PolicyRematch::Extensive => Rematch::Extensive,
        },
        ..defaults
    }
}

fn fragments(flow: &ravelin_model::Flow) -> FragmentSettings {
    let said = |value: Option<u16>| value.filter(|value| *value != 0);
    let most = said(flow.fragment_limit).and_then(|most| PiecesMax::new(most.into()));
    FragmentSettings {
        whole: flow.force_reassembly.then(|| most.unwrap_or(PiecesMax::ALL)),
        timeout: said(flow.fragment_timeout).map(|seconds| seconds as u8),
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
