//! `show system commit`, and who is editing the configuration.

use std::fmt::Write as _;

use jiff::Timestamp;
use ravelin_ops::{
    CommitEntry, CommitHistory, ConfigureKind, EditorEntry, EditorList, ScheduledEntry, ScheduledTime,
};

use crate::element::Element;

pub(crate) fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .map_or_else(|_| "unknown time".to_owned(), |t| t.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

fn scheduled_time(when: ScheduledTime) -> String {
    match when {
        ScheduledTime::At(seconds) => time(seconds),
        ScheduledTime::Reboot => "reboot".to_owned(),
    }
}

fn confirmed(minutes: u16) -> String {
    format!("commit confirmed, rollback in {minutes}mins")
}

pub(crate) fn history(history: &CommitHistory) -> String {
    let CommitHistory { entries, scheduled, rescue } = history;
    let mut out = String::new();
    if let Some(ScheduledEntry { user, client, time }) = scheduled {
        let _ = writeln!(out, "commit requested by {user} via {client} at {}", scheduled_time(*time));
    }
    for CommitEntry { number, time_s, user, client, comment, confirmed_min, pending } in entries {
        let note = confirmed_min.map_or_else(String::new, |minutes| format!(" {}", confirmed(minutes)));
        let _ = writeln!(out, "{number:<4}{} by {user} via {client}{note}", time(*time_s));
        if let Some(comment) = comment {
            let _ = writeln!(out, "    {comment}");
        }
        if *pending {
            out.push_str("    rollback pending\n");
        }
    }
    if let Some(CommitEntry { time_s, user, client, .. }) = rescue {
        let _ = writeln!(out, "rescue  {} by {user} via {client}", time(*time_s));
    }
    out
}

pub(crate) fn history_element(history: &CommitHistory) -> Element {
    let CommitHistory { entries, scheduled, rescue } = history;
    let entries = entries.iter().map(|entry| {
        let CommitEntry { number, time_s, user, client, comment, confirmed_min, pending } = entry;
        Element::new("commit-history")
            .leaf("sequence-number", number)
            .leaf("user", user)
            .leaf("client", client)
            .leaf("date-time", time(*time_s))
            .maybe("comment", confirmed_min.map(confirmed))
            .maybe("log", comment.as_ref())
            .maybe("commit-confirmed", pending.then_some("rollback pending"))
    });
    let scheduled = scheduled.iter().map(|ScheduledEntry { user, client, time }| {
        Element::new("commit-at")
            .leaf("user", user)
            .leaf("client", client)
            .leaf("date-time", scheduled_time(*time))
    });
    let rescue = rescue.iter().map(|CommitEntry { time_s, user, client, .. }| {
        Element::new("rescue").leaf("user", user).leaf("client", client).leaf("date-time", time(*time_s))
    });
    Element::new("commit-information").children(scheduled).children(entries).children(rescue)
}

pub(crate) fn scheduled(when: ScheduledTime) -> String {
    format!("commit at will be executed at {}\n", scheduled_time(when))
}

pub(crate) fn scheduled_element(when: ScheduledTime) -> Element {
    Element::new("commit-at").leaf("date-time", scheduled_time(when))
}

const fn kind(mode: ConfigureKind) -> &'static str {
    match mode {
        ConfigureKind::Shared => "",
        ConfigureKind::Exclusive => "exclusive ",
        ConfigureKind::Private => "private ",
    }
}

pub(crate) fn editors(list: &EditorList) -> String {
    let EditorList { locked, editors } = list;
    let heading = if *locked {
        "configuration database locked by:"
    } else {
        "Users currently editing the configuration:"
    };
    let mut out = format!("{heading}\n");
    for EditorEntry { user, terminal, pid, since_s, idle_s, mode, path } in editors {
        let terminal = terminal.as_ref().map_or_else(String::new, |name| format!(" terminal {name}"));
        let pid = pid.map_or_else(String::new, |pid| format!(" (pid {pid})"));
        let _ = write!(out, "  {user}{terminal}{pid} on since {}", time(*since_s));
        if *idle_s > 0 {
            let (hours, minutes, seconds) = (idle_s / 3600, idle_s / 60 % 60, idle_s % 60);
            let _ = write!(out, ", idle {hours:02}:{minutes:02}:{seconds:02}");
        }
        let at = if path.is_empty() { String::new() } else { format!(" {}", path.join(" ")) };
        let _ = writeln!(out, "\n      {}[edit{at}]", kind(*mode));
    }
    out
}

pub(crate) fn editors_element(list: &EditorList) -> Element {
    let users = list.editors.iter().map(|editor| {
        let EditorEntry { user, terminal, pid, since_s, idle_s, mode, path } = editor;
        Element::new("database-status")
            .leaf("user", user)
            .maybe("terminal", terminal.as_ref())
            .maybe("pid", *pid)
            .leaf("start-time", time(*since_s))
            .leaf("idle-time", idle_s)
            .maybe("exclusive", (*mode == ConfigureKind::Exclusive).then_some(""))
            .leaf("edit-path", format!("[edit {}]", path.join(" ")))
    });
    Element::new("database-status-information").children(users)
}
