//! The output of the subcommands. A reader that closes its end early, such as `head`, is not an error.

use std::{
    fmt::Display,
    io::{ErrorKind, Write as _},
};

use crate::failure::Failure;

/// Prints a text and the end of a line to standard output.
///
/// # Errors
///
/// Ends the command: quietly and with status 0 if the reader is gone, with an explanation otherwise.
pub(crate) fn line(text: impl Display) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    let written = writeln!(output, "{text}").and_then(|()| output.flush());
    written.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::reader_gone(),
        _ => Failure::unusable(format!("standard output cannot be written: {error}")),
    })
}

/// Prints a line to standard error. A failure to write is ignored because no other channel is left.
pub(crate) fn notice(text: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
