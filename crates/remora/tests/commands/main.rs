//! Runs the subcommands as a person or a script does.

mod sessions;
mod support;
mod traces;
