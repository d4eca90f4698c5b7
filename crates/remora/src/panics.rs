//! A panic is a bug. A program that has lost one of its threads or tasks to one is of no use to anybody, and one that is
//! gone is noticed at once: so it ends, whichever it is.

/// From now on every panic of this program is reported and ends it, but for what decoders make of damaged files: that
/// is told as an error by whoever called them.
pub fn end_the_program() {
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
