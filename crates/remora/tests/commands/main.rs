//! The subcommands as a person or a script uses them.

mod sessions;
mod support;
mod traces;
