//! Text of any kind through the configuration reader: see `ravelin_conformance::properties::configuration`.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| ravelin_conformance::properties::configuration(text));
