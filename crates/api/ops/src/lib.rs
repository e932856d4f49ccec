//! Operational commands: table, typed requests and answers.
