//! Fuzzes `tests::targets::verbs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests::targets::run("verbs", input));
