//! Screens by their packets: what trips each, and the nearest packet that does not.

mod cookies;
mod kit;
mod queue;
mod queue_model;
mod rates;
mod sessions;
mod stateless;
