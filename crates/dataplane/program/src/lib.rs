//! Compiled immutable program: flattened rules in content-hashed chunks and their wire form.
