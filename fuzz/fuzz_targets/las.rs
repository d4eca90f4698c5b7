#![no_main]

// The decoder of LAZ panics on damaged data, and is isolated for it: such a panic is an answer, any other one a find.
libfuzzer_sys::fuzz_target!(
    init: {
        let abort = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !remora_import::is_isolated() {
                abort(panic);
            }
        }));
    },
    |input: &[u8]| remora_import::untrusted::las(input)
);
