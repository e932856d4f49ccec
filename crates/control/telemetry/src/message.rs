//! A message of the log: its name, severity and words. One table serves every form, as Junos' own does: the structured
//! form lists the fields in the order in which the text names them. Spec: log-5, log-8.

use ravelin_model::{LogKind, LogSeverity};

/// One message of the catalogue.
#[derive(Debug)]
pub struct Message {
    /// In the binary form; never given to another message.
    pub number: u16,
    pub tag: &'static str,
    /// What wrote it.
    pub process: &'static str,
    pub severity: LogSeverity,
    pub kind: LogKind,
    /// When it is written.
    pub help: &'static str,
    /// Each field with the text before it.
    pub pieces: &'static [(&'static str, &'static str)],
    pub end: &'static str,
}

/// The metric that counts messages; its label `event` is the message's tag.
pub const METRIC: &str = "ravelin_security_events_total";

macro_rules! messages {
    ($(
        #[doc = $help:literal]
        $name:ident = $number:literal, $tag:literal of $process:literal, $severity:ident, $kind:ident:
        [$($before:literal $field:literal,)*] $end:literal,
    )+) => {
        /// Every message.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Tag {
            $(#[doc = $help] $name,)+
        }

        static MESSAGES: &[Message] = &[$(Message {
            number: $number,
            tag: $tag,
            process: $process,
            severity: LogSeverity::$severity,
            kind: LogKind::$kind,
            help: $help,
            pieces: &[$(($before, $field),)*],
            end: $end,
        },)+];

        impl Tag {
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];
            pub const COUNT: usize = Self::ALL.len();

            /// Its row.
            #[must_use]
            pub fn message(self) -> &'static Message {
                &MESSAGES[self as usize]
            }

            /// The message of a number of the binary form.
            #[must_use]
            pub fn from_number(number: u16) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use messages;

/// The page of every message: docs/manual/events.md.
#[must_use]
pub fn reference() -> String {
    use std::fmt::Write as _;
    let mut out = String::from(
        "# Security events\n\n\
         What the security log tells, by `security log` and in `show security log`. Generated from the table of messages.\n\
         `show ravelin log` counts each; as a metric it is `ravelin_security_events_total{event=\"TAG\"}`.\n",
    );
    for tag in crate::Tag::ALL {
        let Message { number, tag, process, severity, kind, help, pieces, end } = tag.message();
        let categories: Vec<_> = ravelin_model::LogCategory::ALL
            .iter()
            .filter(|category| category.kinds().contains(kind))
            .map(|category| format!("`{}`", category.as_str()))
            .collect();
        let text: String = pieces.iter().map(|(before, field)| format!("{before}<{field}>")).collect();
        let _ = write!(
            out,
            "\n## {tag}\n\n{} Process {process}, severity {}, categories {}, binary number {number}.\n\n    {text}{end}\n",
            help.trim(),
            severity.as_str(),
            categories.join(", "),
        );
    }
    out
}
