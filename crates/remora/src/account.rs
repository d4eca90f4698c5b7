//! `remora account`: who may lease, kept on the database itself, whether or not a control plane runs on it.

use clap::{Args, Subcommand, ValueEnum};
use comfy_table::{Table, presets::NOTHING};
use remora_control::{Account, KeySlot, NewAccount, Register, RegisterError};
use serde_json::json;

use crate::{
    configuration::ConfigurationArguments,
    failure::{Failure, Status},
    output, process,
};

#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 done; 1 refused, or there is no such account; 2 the command, the configuration \
                        or the database cannot be used"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make an account and show its keys, this once
    Create {
        /// For people; need not be unique
        #[arg(long, value_name = "TEXT", default_value = "")]
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Show all accounts
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Replace one of an account's two keys and show the new one, this once; the other goes on opening the account
    RotateKey {
        /// The account's id
        account: String,
        /// Which key
        #[arg(long, value_enum, default_value_t = Key::Primary)]
        key: Key,
        #[command(flatten)]
        place: Place,
    },
    /// Delete an account; its sessions are ended by the control plane within ten seconds
    Delete {
        /// The account's id
        account: String,
        #[command(flatten)]
        place: Place,
    },
}

/// Where the accounts are, and how they are shown.
#[derive(Debug, Args)]
struct Place {
    #[command(flatten)]
    configuration: ConfigurationArguments,
    /// A PostgreSQL, instead of the one in the configuration or the database of the data directory
    #[arg(long, value_name = "URL", env = "REMORA_STORE", hide_env_values = true)]
    store: Option<String>,
    /// One JSON document instead of text for people
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Key {
    Primary,
    Secondary,
}

/// What is printed.
struct Report {
    text: String,
    json: serde_json::Value,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    let (Command::Create { place, .. }
    | Command::List { place }
    | Command::RotateKey { place, .. }
    | Command::Delete { place, .. }) = &arguments.command;
    let Report { text, json } = process::run(execute(&arguments.command, place))??;
    output::line(if place.json { json.to_string() } else { text })
}

async fn execute(command: &Command, place: &Place) -> Result<Report, Failure> {
    let (directory, mut config) = place.configuration.load()?;
    if place.store.is_some() {
        config.store.url = place.store.clone();
        config
            .check()
            .map_err(|_| Failure::unusable("--store takes an address such as postgres://user@machine/database"))?;
    }
    let mut register = Register::open(&config.store, &directory).await?;
    let report = match command {
        Command::Create { name, .. } => created(&register.create(name).await?),
        Command::List { .. } => listed(&register.list().await?),
        Command::RotateKey { account, key, .. } => {
            let slot = KeySlot::from(*key);
            rotated(account, slot, &register.rotate_key(&id(account)?, slot).await?)
        }
        Command::Delete { account, .. } => {
            register.delete(&id(account)?).await?;
            Report { text: format!("Account {account} is deleted."), json: json!({ "accountId": account }) }
        }
    };
    register.close().await;
    Ok(report)
}

fn created(NewAccount { account, primary_key, secondary_key }: &NewAccount) -> Report {
    let Account { id, name, .. } = account;
    Report {
        text: format!(
            "account        {id}\nname           {name}\nprimary key    {primary_key}\nsecondary key  \
             {secondary_key}\n\nEither key opens the account. They are shown this once."
        ),
        json: json!({
            "accountId": id.as_str(),
            "name": name,
            "created": account.created(),
            "primaryKey": primary_key,
            "secondaryKey": secondary_key,
        }),
    }
}

fn listed(accounts: &[Account]) -> Report {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["ACCOUNT", "CREATED", "NAME"]);
    for account in accounts {
        table.add_row([account.id.to_string(), account.created(), account.name.clone()]);
    }
    let json = accounts
        .iter()
        .map(|account| json!({ "accountId": account.id.as_str(), "name": account.name, "created": account.created() }));
    Report { text: table.trim_fmt(), json: json.collect() }
}

fn rotated(account: &str, slot: KeySlot, key: &str) -> Report {
    let slot = slot.as_str();
    Report {
        text: format!("{slot} key  {key}\n\nIt is shown this once. The one before opens nothing any more."),
        json: json!({ "accountId": account, "key": slot, "accountKey": key }),
    }
}

fn id<Id: std::str::FromStr>(account: &str) -> Result<Id, Failure>
where
    Id::Err: std::fmt::Display,
{
    account.parse().map_err(|error: Id::Err| Failure::unusable(format!("{account}: {error}")))
}

impl From<Key> for KeySlot {
    fn from(key: Key) -> Self {
        match key {
            Key::Primary => KeySlot::Primary,
            Key::Secondary => KeySlot::Secondary,
        }
    }
}

impl From<RegisterError> for Failure {
    fn from(error: RegisterError) -> Self {
        let status = if error.is_refusal() { Status::Refused } else { Status::Unusable };
        Self::new(status, error.to_string())
    }
}
