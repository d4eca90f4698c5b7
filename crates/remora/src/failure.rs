//! The error of a subcommand: a line of text for people and an exit status for scripts.

use std::process::ExitCode;

/// Explanation of the exit statuses in `--help`.
pub(crate) const EXIT_STATUSES: &str = "Exit status: 0 success; 1 the service refused, or the session failed; 2 the \
                                 command or the configuration cannot be used; 3 the service cannot be reached; 4 \
                                 timed out; 5 the session does not exist";

/// The error that ends a subcommand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: Status,
    pub(crate) message: String,
}

/// Exit statuses. Scripts rely on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    Done = 0,
    /// The service refused the request, or a session ended in an error.
    Refused = 1,
    /// The command line, the configuration or this machine is not usable.
    Unusable = 2,
    Unreachable = 3,
    TimedOut = 4,
    NotFound = 5,
    /// Ended by a signal; shells report 130 for an end by SIGINT.
    #[cfg(feature = "host")]
    Interrupted = 130,
}

impl Failure {
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// Ends the command successfully because the reader of standard output closed its end.
    pub(crate) fn reader_gone() -> Self {
        Self::new(Status::Done, "")
    }

    pub(crate) fn unusable(message: impl Into<String>) -> Self {
        Self::new(Status::Unusable, message)
    }
}

/// Returns an error and its causes in one line. Control characters, which names in a file may contain, become blanks.
#[cfg(feature = "host")]
pub(crate) fn in_words(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

/// The long-running subcommands report errors as text; all of them are errors of their set-up.
impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::unusable(message)
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        ExitCode::from(status as u8)
    }
}
