//! A panic is a bug. A program without one of its threads or tasks is useless, while a program that has ended is
//! noticed and restarted. A panic on any thread therefore ends the program.

/// Makes every panic end the program after reporting it, except for panics of decoders on damaged files, which their
/// callers turn into errors.
pub(crate) fn end_the_program() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        #[cfg(feature = "host")]
        if remora_host::is_isolated() {
            return tracing::debug!(%panic, "a decoder gave up");
        }
        report(panic);
        std::process::abort();
    }));
}
