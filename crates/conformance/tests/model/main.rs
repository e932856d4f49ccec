//! Engine and reference model agree on generated configurations and packet sequences.

mod filters;
mod floods;
mod flow;
mod fragments;
mod frames;
mod headers;
mod host;
mod kit;
mod nat;
mod pieces;
mod policies;
mod said;
mod screens;
mod seen;
mod strangers;
mod translated;
mod translated_config;
mod world;
