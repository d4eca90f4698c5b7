//! Starts the threads of a host.

use std::thread;

/// Starts a thread in the current span, so that its log lines carry the host's correlation vector.
///
/// # Panics
///
/// If the operating system starts no thread. A host starts its threads at its own start, when this ends nothing yet.
pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) {
    let span = tracing::Span::current();
    let body = move || span.in_scope(body);
    thread::Builder::new().name(name.to_owned()).spawn(body).expect("a thread can be started at the host's start");
}
