//! Fuzzes `tests::targets::decoding`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests::targets::run("decoding", input));
