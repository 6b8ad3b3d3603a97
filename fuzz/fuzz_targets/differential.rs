//! Fuzzes `tests::targets::differential`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests::targets::run("differential", input));
