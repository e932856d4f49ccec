//! The witness that a configuration passed every check.

use crate::Config;

/// A configuration whose references resolve and whose rules are whole. [`crate::check`] alone builds one;
/// `compile` takes nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidConfig(Config);

impl ValidConfig {
    pub(crate) fn new(config: Config) -> Self {
        Self(config)
    }

    #[must_use]
    pub fn get(&self) -> &Config {
        &self.0
    }
}
