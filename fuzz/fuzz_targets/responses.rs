//! Fuzzes `tests::targets::responses`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests::targets::run("responses", input));
