//! `remora`: everything that Remora does, as subcommands of one executable.

mod host;
mod pages;
mod up;

use std::{io::IsTerminal, process::ExitCode};

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Remote rendering that you host yourself.
#[derive(Debug, Parser)]
#[command(name = "remora", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything on this machine: control plane, render hosts, portal
    Up(up::Arguments),
    /// Run one render host; started by `up`, which writes what it shall be to its standard input
    Host(host::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let default_filter = match arguments.command {
        Command::Up(_) => "warn",
        Command::Host(_) => "info",
    };
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_env("REMORA_LOG").unwrap_or_else(|_| EnvFilter::new(default_filter)))
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let outcome = match arguments.command {
        Command::Up(arguments) => up::run(arguments),
        Command::Host(arguments) => host::run(arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("remora: {message}");
            ExitCode::from(2)
        }
    }
}
