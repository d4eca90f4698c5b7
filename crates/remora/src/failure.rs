//! Why a subcommand ends early: one line for people, and an exit status for scripts.

use std::process::ExitCode;

/// What `--help` says of them.
pub const EXIT_STATUSES: &str = "Exit status: 0 done; 1 the service has refused, or the session has failed; 2 the \
                                 command or the configuration cannot be used; 3 the service cannot be reached; 4 not \
                                 in time; 5 there is no such session";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub status: Status,
    pub message: String,
}

/// The numbers are promised to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    Done = 0,
    /// The service has answered no, or a session has ended in an error.
    Refused = 1,
    /// The command line, the configuration or this machine is not as it must be.
    Unusable = 2,
    Unreachable = 3,
    TimedOut = 4,
    NotFound = 5,
    /// Somebody has asked it to end; what shells make of an end by SIGINT.
    #[cfg(feature = "host")]
    Interrupted = 130,
}

impl Failure {
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// The reader of standard output wants no more, so the command is done.
    pub fn reader_gone() -> Self {
        Self::new(Status::Done, "")
    }

    pub fn unusable(message: impl Into<String>) -> Self {
        Self::new(Status::Unusable, message)
    }
}

/// An error and its causes in one line that can be shown on a terminal, whatever names a file has put into it.
#[cfg(feature = "host")]
pub fn in_words(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

/// What the programs that stay end with is a matter of their set-up.
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
