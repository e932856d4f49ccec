//! A sheet's text: requirements and how far each is met.
//!
//! An entry is `- **rfc4787-9** (REQ-9, must) What it demands. **by configuration**: why.`, over as many lines as it takes.

use std::fmt;

/// A sheet as docs/spec has it.
#[derive(Debug)]
pub struct Sheet<'a> {
    pub name: &'a str,
    pub title: &'a str,
    pub requirements: Vec<Requirement<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Requirement<'a> {
    pub id: &'a str,
    pub text: String,
    pub status: Status,
    /// Empty: nothing is to be said.
    pub reason: String,
}

/// How far a requirement is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Met,
    ByConfiguration,
    /// It could be met and is not, on purpose.
    DeliberatelyNot,
    NotApplicable,
}

/// What is no entry of a sheet.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SheetError {
    #[error("{sheet}: no title")]
    NoTitle { sheet: String },
    #[error("{sheet}: `{id}` says nothing of how far it is met")]
    NoStatus { sheet: String, id: String },
    #[error("{sheet}: `{id}` is not one of its requirements")]
    Stranger { sheet: String, id: String },
}

impl Status {
    pub const ALL: [Self; 4] = [Self::Met, Self::ByConfiguration, Self::DeliberatelyNot, Self::NotApplicable];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::ByConfiguration => "by configuration",
            Self::DeliberatelyNot => "deliberately not",
            Self::NotApplicable => "not applicable",
        }
    }
}

impl<'a> Sheet<'a> {
    pub fn read(name: &'a str, text: &'a str) -> Result<Self, SheetError> {
        let sheet = || name.to_owned();
        let title = text.lines().find_map(|line| line.strip_prefix("# "));
        let title = title.ok_or_else(|| SheetError::NoTitle { sheet: sheet() })?;
        let mut entries: Vec<(&str, String)> = Vec::new();
        let mut is_open = false;
        for line in text.lines() {
            let head = line.strip_prefix("- **").and_then(|rest| rest.split_once("** "));
            match (head, line.strip_prefix("  ")) {
                (Some((id, rest)), _) => entries.push((id, rest.to_owned())),
                (None, Some(more)) if is_open => {
                    if let Some((_, body)) = entries.last_mut() {
                        body.push(' ');
                        body.push_str(more.trim());
                    }
                }
                (None, _) => {}
            }
            is_open = head.is_some() || (is_open && line.starts_with("  "));
        }
        let requirement = |(id, body): (&'a str, String)| {
            if id.rsplit_once('-').is_none_or(|(of, _)| of != name) {
                return Err(SheetError::Stranger { sheet: sheet(), id: id.to_owned() });
            }
            Requirement::read(id, &body)
                .ok_or_else(|| SheetError::NoStatus { sheet: sheet(), id: id.to_owned() })
        };
        let requirements = entries.into_iter().map(requirement).collect::<Result<_, _>>()?;
        Ok(Self { name, title, requirements })
    }
}

impl<'a> Requirement<'a> {
    fn read(id: &'a str, body: &str) -> Option<Self> {
        let (before, reason) = body.rsplit_once("**")?;
        let (text, status) = before.rsplit_once("**")?;
        let status = Status::ALL.into_iter().find(|known| known.name() == status)?;
        let reason = reason.trim_start_matches([':', ' ']).trim_end_matches('.').to_owned();
        Some(Self { id, text: text.trim().to_owned(), status, reason })
    }
}

impl fmt::Display for Requirement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, text, status, reason } = self;
        let because = if reason.is_empty() { "" } else { ": " };
        write!(f, "  {id:<12} {text}\n               {}{because}{reason}", status.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_may_take_several_lines_and_say_why() {
        let text = "# Title\n\nWords.\n\n- **rfc1-1** (must) One\n  thing. **met**.\n- **rfc1-2** Two. **deliberately not**: too\n  hard.\n\n  no part\n";
        let sheet = Sheet::read("rfc1", text).unwrap();
        let read: Vec<_> =
            sheet.requirements.iter().map(|r| (r.id, &*r.text, r.status, &*r.reason)).collect();
        let expected = [
            ("rfc1-1", "(must) One thing.", Status::Met, ""),
            ("rfc1-2", "Two.", Status::DeliberatelyNot, "too hard"),
        ];
        assert_eq!((sheet.title, &read[..]), ("Title", &expected[..]));
        let silent = Sheet::read("rfc1", "# T\n- **rfc1-1** One. **nearly**.\n").unwrap_err();
        assert_eq!(silent, SheetError::NoStatus { sheet: "rfc1".into(), id: "rfc1-1".into() });
        let strange = Sheet::read("rfc1", "# T\n- **rfc2-1** One. **met**.\n").unwrap_err();
        assert_eq!(strange, SheetError::Stranger { sheet: "rfc1".into(), id: "rfc2-1".into() });
    }
}
