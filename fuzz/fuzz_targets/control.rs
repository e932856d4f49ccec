//! Messages of the control side, right but for some bytes: see `ravelin_conformance::properties::control`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ravelin_conformance::properties::control(bytes));
