//! `remora`: the executable. Each subcommand has a module of its own.

mod account;
mod authorities;
mod client;
mod clock;
mod configuration;
#[cfg(feature = "host")]
mod convert;
mod doctor;
mod duration;
mod failure;
#[cfg(feature = "host")]
mod host;
#[cfg(feature = "host")]
mod inspect;
mod output;
mod owner;
mod pages;
mod panics;
mod process;
mod serve;
mod session;
mod shaders;
mod telemetry;
mod token;
mod trace_ids;
#[cfg(feature = "host")]
mod up;
mod usage;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use failure::{Failure, Status};
use remora_control::Telemetry;

/// Remote rendering that you host yourself.
#[derive(Debug, Parser)]
#[command(name = "remora", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything on this machine: control plane, render hosts and web page
    #[cfg(feature = "host")]
    Up(up::Arguments),
    /// Start only a control plane; several can share one PostgreSQL database
    Serve(serve::Arguments),
    /// Create, list and delete accounts, and rotate their keys
    Account(account::Arguments),
    /// Run one render host; `up` and `serve` start it and write its specification to its standard input
    #[cfg(feature = "host")]
    Host(host::Arguments),
    /// Convert a model into an .arrAsset, which loads at once and has every level of detail
    #[cfg(feature = "host")]
    Convert(convert::Arguments),
    /// Describe the contents of a model or an .arrAsset, and draw a thumbnail
    #[cfg(feature = "host")]
    Inspect(inspect::Arguments),
    /// Check this machine and the configuration, and advise on every problem
    Doctor(doctor::Arguments),
    /// Create, list, extend and stop sessions
    Session(session::Arguments),
    /// Print an access token
    Token(token::Arguments),
    /// Show the usage of an account
    Usage(usage::Arguments),
}

fn main() -> ExitCode {
    panics::end_the_program();
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { status, message }) => {
            if status != Status::Done {
                output::notice(format_args!("remora: {message}"));
            }
            status.into()
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        #[cfg(feature = "host")]
        Command::Up(arguments) => Ok(up::run(arguments)?),
        Command::Serve(arguments) => Ok(serve::run(arguments)?),
        #[cfg(feature = "host")]
        Command::Host(arguments) => Ok(host::run(arguments)?),
        #[cfg(feature = "host")]
        Command::Convert(arguments) => logged(|| convert::run(arguments)),
        #[cfg(feature = "host")]
        Command::Inspect(arguments) => logged(|| inspect::run(arguments)),
        Command::Account(arguments) => logged(|| account::run(arguments)),
        Command::Doctor(arguments) => logged(|| doctor::run(arguments)),
        Command::Session(arguments) => logged(|| session::run(arguments)),
        Command::Token(arguments) => logged(|| token::run(arguments)),
        Command::Usage(arguments) => logged(|| usage::run(arguments)),
    }
}

/// Runs a short command, which logs only warnings.
fn logged(command: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    let _telemetry = telemetry::start("warn", &Telemetry::default())?;
    command()
}
