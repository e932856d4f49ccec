//! Checks across statements: everything must resolve before a configuration is valid.

use ravelin_syntax::Diagnostic;

use crate::{Config, ValidConfig};

/// Every error at once, or the witness that there is none.
pub fn check(config: Config) -> Result<ValidConfig, Vec<Diagnostic>> {
    Ok(ValidConfig::new(config))
}
