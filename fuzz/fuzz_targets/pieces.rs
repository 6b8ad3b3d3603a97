//! Fuzzes `tests::targets::pieces`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests::targets::run("pieces", input));
