//! Frames of any bytes through parse and the whole step: see `ravelin_conformance::properties::packets`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ravelin_conformance::properties::packets(bytes));
