//! Runs the subcommands as a person or a script does.

#[cfg(feature = "host")]
mod host;
mod sessions;
mod support;
mod traces;
