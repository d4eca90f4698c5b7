#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| remora_import::untrusted::gltf(input));
