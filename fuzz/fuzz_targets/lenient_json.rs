#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| remora_control::untrusted::lenient_json(input));
