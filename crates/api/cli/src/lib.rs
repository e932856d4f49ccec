//! The operator's shell.
