//! `remora account`: manages accounts directly in the database, whether or not a control plane is running.

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
    after_help = "Exit status: 0 success; 1 refused, or the account does not exist; 2 the command, the configuration \
                        or the database cannot be used"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: AccountCommand,
}

#[derive(Debug, Subcommand)]
enum AccountCommand {
    /// Create an account and show its keys, which cannot be shown again
    Create {
        /// Name for display; need not be unique
        #[arg(long, value_name = "TEXT", default_value = "")]
        name: String,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Show all accounts
    List {
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Replace one of an account's two keys and show the new one, which cannot be shown again; the other stays valid
    RotateKey {
        /// The account's id
        account: String,
        /// Which key
        #[arg(long, value_enum, default_value_t = Key::Primary)]
        key: Key,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Delete an account; the control plane ends its sessions within ten seconds
    Delete {
        /// The account's id
        account: String,
        #[command(flatten)]
        store: StoreArguments,
    },
}

/// Location of the accounts, and the form of the output.
#[derive(Debug, Args)]
struct StoreArguments {
    #[command(flatten)]
    configuration: ConfigurationArguments,
    /// URL of a PostgreSQL database [default: store.url of the configuration, or SQLite in the data directory]
    #[arg(long = "store", value_name = "URL", env = "REMORA_STORE", hide_env_values = true)]
    url: Option<String>,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Key {
    Primary,
    Secondary,
}

/// The output in both forms.
struct Report {
    text: String,
    json: serde_json::Value,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let (AccountCommand::Create { store, .. }
    | AccountCommand::List { store }
    | AccountCommand::RotateKey { store, .. }
    | AccountCommand::Delete { store, .. }) = &arguments.command;
    let Report { text, json } = process::run(execute(&arguments.command, store))??;
    output::line(if store.json { json.to_string() } else { text })
}

async fn execute(command: &AccountCommand, store: &StoreArguments) -> Result<Report, Failure> {
    let (directory, mut config) = store.configuration.load()?;
    if store.url.is_some() {
        config.store.url = store.url.clone();
        config
            .check()
            .map_err(|_| Failure::unusable("--store takes an address such as postgres://user@machine/database"))?;
    }
    let mut register = Register::open(&config.store, &directory).await?;
    let report = match command {
        AccountCommand::Create { name, .. } => created(&register.create(name).await?),
        AccountCommand::List { .. } => listed(&register.list().await?),
        AccountCommand::RotateKey { account, key, .. } => {
            let slot = KeySlot::from(*key);
            rotated(account, slot, &register.rotate_key(&id(account)?, slot).await?)
        }
        AccountCommand::Delete { account, .. } => {
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
             {secondary_key}\n\nEither key opens the account. The keys cannot be shown again."
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
        text: format!("{slot} key  {key}\n\nThis key cannot be shown again. The previous key is no longer valid."),
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
