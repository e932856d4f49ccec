//! Answers as Junos text and JSON.
