//! `remora token`: prints an access token of an account, for scripts that call the API directly.

use clap::Args;
use serde::Deserialize;

use crate::{
    client::{Client, ConnectionArguments},
    failure::{EXIT_STATUSES, Failure},
    output,
};

#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUSES)]
pub(crate) struct Arguments {
    /// Print the JSON answer of the token service instead of the bare token
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArguments,
}

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "AccessToken")]
    access_token: String,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let answer = Client::new(&arguments.connection)?.token_answer()?;
    let Body { access_token } = answer.json()?;
    output::line(if arguments.json { &answer.body } else { &access_token })
}
