//! The subcommands as a person or a script uses them.

#[cfg(feature = "host")]
mod host;
mod sessions;
mod support;
mod traces;
