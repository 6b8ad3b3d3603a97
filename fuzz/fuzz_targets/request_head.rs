//! Fuzzes `tests::targets::request_head`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests::targets::run("request_head", input));
