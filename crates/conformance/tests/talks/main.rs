//! Whole conversations over the simulator, their segments written and read byte by byte.

mod alg;
mod children;
mod gates;
mod handshake;
mod kit;
mod mss;
mod options;
mod quoted;
mod spliced;
