//! Fuzzes `tests::targets::urls`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests::targets::run("urls", input));
