#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| remora_host::untrusted::commands(input));
