#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| remora_assets::untrusted::asset(input));
