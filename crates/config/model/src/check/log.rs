//! Security log: every stream ends somewhere, from an address of its family, in a form that is made here.

use std::collections::HashSet;
use std::net::IpAddr;

use ravelin_syntax::Span;

use super::Report;
use super::zones::logical_interfaces;
use crate::{Config, LogExclude, LogFormat, LogProtocol, LogStream, LogTransport, SecurityLog, with_unit};

const PATH: &str = "security log";
/// Junos' own limit.
const STREAMS_MAX: usize = 8;
/// Events that the daemon is ready to keep in memory: some 60 MB of them.
const CACHE_MAX: u32 = 100_000;
/// Megabytes of a stream's file.
const FILE_MB_MAX: u32 = 1024;
/// Files of a stream.
const FILES_MAX: u32 = 100;

pub(super) fn check(config: &Config, report: &mut Report) {
    let log = &config.security.log;
    format(log.format, PATH, log.at, report);
    modes(log, report);
    transports(log, report);
    if let Some(name) = &log.source_interface
        && !logical_interfaces(config).contains(&with_unit(name))
    {
        let message = format!("interface `{name}' must be configured under [edit interfaces]");
        report.error(format!("{PATH} source-interface"), log.at, message);
    }
    if log.cache.limit.is_some_and(|n| n > CACHE_MAX) {
        let message = format!("at most {CACHE_MAX} events can be kept");
        report.error(format!("{PATH} cache limit"), log.at, message);
    }
    log.cache.exclude.iter().for_each(|exclude| excluded(exclude, report));
    for (place, stream) in log.streams.iter().enumerate() {
        let path = format!("{PATH} stream {}", stream.name);
        if place >= STREAMS_MAX {
            report.error(&path, stream.at, format!("at most {STREAMS_MAX} streams are supported"));
        }
        check_stream(config, stream, &path, report);
    }
    file_names(log, report);
}

fn format(format: Option<LogFormat>, path: &str, at: Span, report: &mut Report) {
    let reason = match format {
        None | Some(LogFormat::Syslog | LogFormat::SdSyslog | LogFormat::Binary) => return,
        Some(LogFormat::Protobuf) => "Juniper has not published the messages of format `protobuf'",
        Some(LogFormat::Welf) => "format `welf' is for content security, which is not supported",
    };
    report.error(format!("{path} format"), at, format!("statement not supported: {reason}"));
}

/// What belongs to one mode is refused in the other: it would do nothing.
fn modes(log: &SecurityLog, report: &mut Report) {
    if !log.has_event_mode() {
        let given = [
            (log.event_rate.is_some(), "event-rate"),
            (log.rate_cap.is_some(), "rate-cap"),
            (log.file.is_set(), "file"),
            (log.cache != crate::LogCache::default(), "cache"),
        ];
        for (_, statement) in given.iter().filter(|(given, _)| *given) {
            let message = format!("'{statement}' needs mode `event' or `stream-event'");
            report.error(format!("{PATH} {statement}"), log.at, message);
        }
    }
    if !log.has_stream_mode() {
        for stream in &log.streams {
            let path = format!("{PATH} stream {}", stream.name);
            report.error(path, stream.at, "'stream' needs mode `stream' or `stream-event'");
        }
    }
    if let Some(path) = &log.file.path
        && (!path.starts_with('/') || path.split('/').any(|part| part == ".."))
    {
        report.error(format!("{PATH} file path"), log.at, "must be an absolute path without `..'");
    }
}

/// Defaults of the transport must serve some stream.
fn transports(log: &SecurityLog, report: &mut Report) {
    let hosts = || log.streams.iter().filter(|s| s.host.address.is_some());
    let LogTransport { protocol: _, connections, tls_profile } = &log.transport;
    let path = format!("{PATH} transport");
    if connections.is_some() && !hosts().any(|s| log.protocol(s) != LogProtocol::Udp) {
        report.error(format!("{path} tcp-connections"), log.at, "no stream uses `tcp' or `tls'");
    }
    if tls_profile.is_some() && !hosts().any(|s| log.protocol(s) == LogProtocol::Tls) {
        report.error(format!("{path} tls-profile"), log.at, "no stream uses `tls'");
    }
}

fn check_stream(config: &Config, stream: &LogStream, path: &str, report: &mut Report) {
    if !plain_name(&stream.name) {
        report.error(path, stream.at, "a name has letters, digits, `.', `_' and `-' only");
    }
    format(stream.format, path, stream.at, report);
    for category in &stream.categories {
        if category.kinds().is_empty() {
            let message = format!("category `{}' is not supported: no such events here", category.as_str());
            report.error(format!("{path} category"), stream.at, message);
        }
    }
    match (&stream.host.address, stream.file.is_set()) {
        (Some(_), true) => report.error(path, stream.at, "only one of 'host' and 'file' may be given"),
        (None, false) => report.error(path, stream.at, "missing mandatory statement: 'host' or 'file'"),
        (Some(host), false) => check_host(config, stream, host, path, report),
        (None, true) => check_file(stream, path, report),
    }
}

fn check_host(config: &Config, stream: &LogStream, host: &str, path: &str, report: &mut Report) {
    let log = &config.security.log;
    let at = stream.at;
    if stream.host.port == Some(0) {
        report.error(format!("{path} host port"), at, "value 0 is not within range (1..65535)");
    }
    match host.parse::<IpAddr>() {
        Err(_) => {
            let message = format!("`{host}' must be an IP address: names are not resolved");
            report.error(format!("{path} host"), at, message);
        }
        Ok(host) if host.is_unspecified() => {
            report.error(format!("{path} host"), at, "not an address of a host")
        }
        Ok(host) => match log.source(config, stream, host) {
            None => {
                let message =
                    "needs 'source-address' or 'source-interface' with an address of the host's family";
                report.error(format!("{path} host"), at, message);
            }
            Some(source) if source.is_ipv4() != host.is_ipv4() => {
                report.error(format!("{path} source-address"), at, "not of the host's family");
            }
            Some(_) => {}
        },
    }
    let protocol = log.protocol(stream);
    if protocol == LogProtocol::Udp && stream.transport.connections.is_some() {
        let path = format!("{path} transport tcp-connections");
        report.error(path, at, "needs protocol `tcp' or `tls'");
    }
    if protocol != LogProtocol::Tls && stream.transport.tls_profile.is_some() {
        report.error(format!("{path} transport tls-profile"), at, "needs protocol `tls'");
    }
    let profile = stream.transport.tls_profile.as_deref().or(log.transport.tls_profile.as_deref());
    match (protocol, profile) {
        (LogProtocol::Tls, None) => {
            let message = "protocol `tls' needs a 'tls-profile'";
            report.error(format!("{path} transport"), at, message);
        }
        (LogProtocol::Tls, Some(profile)) if !plain_name(profile) => {
            let message = format!("`{profile}' is no name of a profile");
            report.error(format!("{path} transport tls-profile"), at, message);
        }
        (LogProtocol::Udp | LogProtocol::Tcp | LogProtocol::Tls, _) => {}
    }
}

fn check_file(stream: &LogStream, path: &str, report: &mut Report) {
    let at = stream.at;
    let given = [
        (stream.host.port.is_some(), "host port"),
        (stream.source_address.is_some(), "source-address"),
        (stream.transport != LogTransport::default(), "transport"),
    ];
    for (_, statement) in given.iter().filter(|(given, _)| *given) {
        report.error(format!("{path} {statement}"), at, "has no meaning for a stream to a file");
    }
    if stream.file.name.is_none() {
        report.error(format!("{path} file"), at, "missing mandatory statement: 'localfilename'");
    }
    let size = stream.file.size_mb;
    if size.is_some_and(|n| !(1..=FILE_MB_MAX).contains(&n)) {
        report.error(format!("{path} file size"), at, format!("not within range (1..{FILE_MB_MAX})"));
    }
    let files = stream.file.files;
    if files.is_some_and(|n| !(1..=FILES_MAX).contains(&n)) {
        report.error(format!("{path} file rotation"), at, format!("not within range (1..{FILES_MAX})"));
    }
}

/// Every file has one writer, and no name is that of another's older file.
fn file_names(log: &SecurityLog, report: &mut Report) {
    let mut taken = HashSet::new();
    let event = log.file.is_set().then(|| (log.file.file_name(), format!("{PATH} file filename"), log.at));
    let streams = log.streams.iter().filter_map(|stream| {
        let path = format!("{PATH} stream {} file localfilename", stream.name);
        stream.file.name.as_deref().map(|name| (name, path, stream.at))
    });
    for (name, path, at) in event.into_iter().chain(streams) {
        let numbered = name.rsplit_once('.').is_some_and(|(_, end)| end.bytes().all(|b| b.is_ascii_digit()));
        if !plain_name(name) || numbered || name.starts_with('.') {
            let message = "a file name has letters, digits, `.', `_' and `-', no leading `.' and no number behind a `.'";
            report.error(path, at, message);
        } else if !taken.insert(name) {
            report.error(path, at, format!("file `{name}' is already written to"));
        }
    }
}

fn excluded(exclude: &LogExclude, report: &mut Report) {
    let path = format!("{PATH} cache exclude {}", exclude.name);
    let only_named = LogExclude { name: exclude.name.clone(), at: exclude.at, ..LogExclude::default() };
    if *exclude == only_named {
        report.error(&path, exclude.at, "needs a condition");
    }
    if exclude.success && exclude.failure {
        report.error(&path, exclude.at, "`success' and `failure' together match nothing");
    }
}

fn plain_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}
