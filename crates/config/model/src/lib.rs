//! Typed configuration: one struct a hierarchy, and the checks that make it valid.
