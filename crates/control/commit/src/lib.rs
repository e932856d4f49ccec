//! Two-phase commit over every consumer of a configuration.
