//! `remora`: everything that Remora does, as subcommands of one executable.

mod configuration;
#[cfg(feature = "host")]
mod host;
#[cfg(feature = "host")]
mod pages;
mod process;
mod serve;
#[cfg(feature = "host")]
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
    #[cfg(feature = "host")]
    Up(up::Arguments),
    /// Start a control plane alone; any number of them work side by side on one PostgreSQL
    Serve(serve::Arguments),
    /// Run one render host; started by `up` or `serve`, which write what it shall be to its standard input
    #[cfg(feature = "host")]
    Host(host::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let default_filter = match arguments.command {
        #[cfg(feature = "host")]
        Command::Up(_) => "warn",
        #[cfg(feature = "host")]
        Command::Host(_) => "info",
        Command::Serve(_) => "info",
    };
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_env("REMORA_LOG").unwrap_or_else(|_| EnvFilter::new(default_filter)))
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let outcome = match arguments.command {
        #[cfg(feature = "host")]
        Command::Up(arguments) => up::run(arguments),
        Command::Serve(arguments) => serve::run(arguments),
        #[cfg(feature = "host")]
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
