//! What libFuzzer calls (tests/fuzz/run).

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| crate::healthcheck::fuzz(bytes));
