//! Valid configuration and resolved interfaces to a program.
