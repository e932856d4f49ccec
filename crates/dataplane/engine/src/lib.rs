//! The functional core: a pure step from packets to verdicts.
