//! Derive that lowers a configuration tree into typed structs.
