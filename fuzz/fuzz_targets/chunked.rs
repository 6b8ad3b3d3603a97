//! Fuzzes `tests::targets::chunked`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests::targets::run("chunked", input));
