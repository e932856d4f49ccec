//! Text of any kind through every form and load: see `ravelin_conformance::properties::language`.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| ravelin_conformance::properties::language(text));
