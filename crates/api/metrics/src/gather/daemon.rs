//! What the daemon knows by itself: the security log, commits, what changes without them, its own process.

use ravelin_ops::{LogMemory, LogStatistics, LogStreamLine};
use ravelin_telemetry::Tag;

use super::{Commits, Source};
use crate::exposition::Exposition;
use crate::process::Process;
use crate::table::Family;

/// The stream that event mode is told as, beside `(event file)`.
const EVENT: &str = "(event mode)";

pub(super) fn gather(source: &Source<'_>, out: &mut Exposition) {
    log(source.log, out);
    commits(&source.commits, out);
    dynamic(source, out);
    out.add(Family::Routes, [], source.routes);
    out.add(Family::BuildInfo, [source.version], 1);
    if let Some(process) = &source.process {
        about(process, out);
    }
}

fn log(log: &LogStatistics, out: &mut Exposition) {
    let LogStatistics { streams, memory, events_lost, messages } = log;
    for tag in Tag::ALL {
        let tag = tag.message().tag;
        let events = messages.iter().find(|(told, _)| told == tag).map_or(0, |(_, events)| *events);
        out.add(Family::SecurityEvents, [tag], events);
    }
    out.add(Family::LogEventsLost, [], *events_lost);
    for line in streams {
        let LogStreamLine { name, destination: _, connections, trouble: _, .. } = line;
        let LogStreamLine { produced, sent, waiting, lost, failed, limited, .. } = line;
        out.add(Family::LogProduced, [name], *produced);
        out.add(Family::LogSent, [name], *sent);
        out.add(Family::LogWaiting, [name], *waiting);
        out.add(Family::LogLost, [name], *lost);
        out.add(Family::LogFailed, [name], *failed);
        out.add(Family::LogLimited, [name], *limited);
        out.add(Family::LogConnected, [name], (*connections).into());
    }
    if let Some(LogMemory { produced, limited, kept, refused }) = memory {
        out.add(Family::LogProduced, [EVENT], *produced);
        out.add(Family::LogLimited, [EVENT], *limited);
        out.add(Family::LogKept, [], *kept);
        out.add(Family::LogRefused, [], *refused);
    }
}

fn commits(commits: &Commits, out: &mut Exposition) {
    let Commits { serial, time_s, kept, unconfirmed, owed, editors } = *commits;
    out.add(Family::Commits, [], serial);
    if serial > 0 {
        out.add(Family::CommitTime, [], time_s);
    }
    out.add(Family::CommitsKept, [], kept);
    out.add(Family::CommitUnconfirmed, [], unconfirmed.into());
    out.add(Family::CommitOwed, [], owed);
    out.add(Family::Editors, [], editors);
}

fn dynamic(source: &Source<'_>, out: &mut Exposition) {
    for line in source.dynamic.schedules() {
        out.add(Family::ScheduleOpen, [&line.name], line.open.into());
    }
    for line in source.dynamic.names() {
        out.add(Family::NameAddresses, [&line.name], line.addresses.len() as u64);
        out.add(Family::NameFailed, [&line.name], line.failed.into());
    }
    for line in source.dynamic.feeds() {
        let labels = [line.server.as_str(), &line.feed];
        out.add(Family::FeedEntries, labels, line.entries.unwrap_or(0));
        out.add(Family::FeedUnread, labels, line.unread);
        out.add(Family::FeedFailed, labels, line.error.is_some().into());
        if let Some(age_s) = line.age_s {
            out.add(Family::FeedAge, labels, age_s);
        }
    }
}

fn about(process: &Process, out: &mut Exposition) {
    let Process { cpu_s, start_s, resident, virtual_size, threads, files, files_max } = *process;
    out.add_real(Family::ProcessCpu, [], cpu_s);
    out.add_real(Family::ProcessStart, [], start_s);
    out.add(Family::ProcessMemory, [], resident);
    out.add(Family::ProcessVirtual, [], virtual_size);
    out.add(Family::ProcessThreads, [], threads);
    out.add(Family::ProcessFiles, [], files);
    if let Some(files_max) = files_max {
        out.add(Family::ProcessFilesMax, [], files_max);
    }
}
