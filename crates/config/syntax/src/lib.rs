//! Junos text to a lossless tree and back: braces, set lines, edits, diff.
