//! `show security nat source persistent-nat-table`.

use std::fmt::Write as _;

use ravelin_ops::{MappingLine, MappingLines, MappingSummary};

use crate::element::Element;

const COLUMNS: usize = 10;

/// Two lines of titles, each column as wide as the widest of what stands in it.
pub(crate) fn text(list: &MappingLines) -> String {
    let mut rows: Vec<[String; COLUMNS]> = TITLES.iter().map(|row| row.map(str::to_owned)).collect();
    rows.extend(list.lines.iter().map(cells));
    let mut widths = [0; COLUMNS];
    for row in &rows {
        widths.iter_mut().zip(row).for_each(|(width, cell)| *width = (*width).max(cell.len()));
    }
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            let _ = write!(line, "{cell:<width$} ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    if list.more > 0 {
        let _ = writeln!(out, "and {} more", list.more);
    }
    out
}

const TITLES: [[&str; COLUMNS]; 2] = [
    ["Internal", "", "", "Reflective", "", "", "Source", "Type", "Left_time/", "Curr_Sess_Num/ Source"],
    [
        "In_IP",
        "In_Port",
        "I_Proto",
        "Ref_IP",
        "Ref_Port",
        "R_Proto",
        "NAT Pool",
        "",
        "Conf_time",
        "Max_Sess_Num   NAT Rule",
    ],
];

fn cells(line: &MappingLine) -> [String; COLUMNS] {
    let port = |port: Option<u16>| port.map_or_else(|| "-".to_owned(), |port| port.to_string());
    let protocol = line.protocol.clone().unwrap_or_else(|| "-".to_owned());
    let left = line.left_s.map_or_else(|| "-".to_owned(), |left| left.to_string());
    let sessions = format!("{}/{}", line.sessions, line.sessions_max);
    [
        line.internal.to_string(),
        port(line.internal_port),
        protocol.clone(),
        line.external.to_string(),
        port(line.external_port),
        protocol,
        line.pool.clone(),
        line.permit.clone(),
        format!("{left}/{}", line.timeout_s),
        format!("{sessions:<14} {}", line.rule.as_deref().unwrap_or("-")),
    ]
}

pub(crate) fn summary(summary: &MappingSummary) -> String {
    let MappingSummary { total, in_use } = summary;
    format!("Persistent NAT Table Statistics:\nbinding total : {total}\nbinding in use : {in_use}\n")
}

pub(crate) fn element(list: &MappingLines) -> Element {
    let entry = |line: &MappingLine| {
        Element::new("persist-nat-table-entry")
            .leaf("persist-nat-internal-ip", line.internal)
            .maybe("persist-nat-internal-port", line.internal_port)
            .maybe("persist-nat-internal-protocol", line.protocol.as_ref())
            .leaf("persist-nat-reflective-ip", line.external)
            .maybe("persist-nat-reflective-port", line.external_port)
            .maybe("persist-nat-reflective-protocol", line.protocol.as_ref())
            .leaf("persist-nat-pool-name", &line.pool)
            .leaf("persist-nat-type", &line.permit)
            .maybe("persist-nat-left-time", line.left_s)
            .leaf("persist-nat-config-time", line.timeout_s)
            .leaf("persist-nat-current-session-num", line.sessions)
            .leaf("persist-nat-max-session-num", line.sessions_max)
            .maybe("persist-nat-rule-name", line.rule.as_ref())
    };
    Element::new("persist-nat-table").children(list.lines.iter().map(entry))
}

pub(crate) fn summary_element(summary: &MappingSummary) -> Element {
    let MappingSummary { total, in_use } = summary;
    Element::new("persist-nat-table-statistic")
        .leaf("persist-nat-binding-total", total)
        .leaf("persist-nat-binding-in-use", in_use)
}
