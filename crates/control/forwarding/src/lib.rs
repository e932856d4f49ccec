//! Kernel routes, neighbours and links as forwarding updates.
