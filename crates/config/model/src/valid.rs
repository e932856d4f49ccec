//! The witness that a configuration passed every check.

use std::sync::Arc;

use crate::{AddressNames, Config, Mentions};

/// A configuration whose references resolve and whose rules are whole. [`crate::check`] alone builds one;
/// `compile` takes nothing else. A clone costs nothing.
#[derive(Clone, Debug)]
pub struct ValidConfig(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    config: Config,
    addresses: Arc<AddressNames>,
    mentions: Mentions,
    one_book: bool,
}

/// Equal when they say the same.
impl PartialEq for ValidConfig {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.config == other.0.config
    }
}

impl ValidConfig {
    pub(crate) fn new(
        config: Config,
        addresses: Arc<AddressNames>,
        mentions: Mentions,
        one_book: bool,
    ) -> Self {
        Self(Arc::new(Parts { config, addresses, mentions, one_book }))
    }

    /// Whether no zone has an address book of its own.
    pub(crate) fn has_one_book(&self) -> bool {
        self.0.one_book
    }

    #[must_use]
    pub fn get(&self) -> &Config {
        &self.0.config
    }

    /// The names of its address books.
    #[must_use]
    pub fn addresses(&self) -> &Arc<AddressNames> {
        &self.0.addresses
    }

    /// Which runs of its policies may name which addresses.
    #[must_use]
    pub fn mentions(&self) -> &Mentions {
        &self.0.mentions
    }
}
