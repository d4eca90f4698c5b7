//! How to connect, for people and programs on this machine.

use std::path::{Path, PathBuf};

use remora_session::AccountId;
use serde::{Deserialize, Serialize};

use super::ServerError;
use crate::private_file;

/// The content of `connection.json`. There is a file exactly while everything accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    pub endpoint: String,
    pub sts_endpoint: String,
    pub account_domain: String,
    /// The address to open, sign-in secret included.
    pub portal: String,
    pub account_id: String,
    pub account_key: String,
    pub ca_file: PathBuf,
    /// Addresses to open on other machines, the most promising first; empty if only this machine reaches the service.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
}

pub(super) fn path(data_directory: &Path) -> PathBuf {
    data_directory.join("connection.json")
}

pub(super) fn write(data_directory: &Path, connection: &Connection) -> Result<(), ServerError> {
    let content = serde_json::to_vec(connection).expect("strings are JSON");
    private_file::write(&path(data_directory), &content)
        .map_err(|source| ServerError::DataDirectory { path: data_directory.to_owned(), source })
}

/// Also what an unclean stop has left.
pub(super) fn remove(data_directory: &Path) -> Result<(), ServerError> {
    private_file::remove(&path(data_directory))
        .map_err(|source| ServerError::DataDirectory { path: data_directory.to_owned(), source })
}

/// What running programs read from now on. Nothing is done if there is no file, or one of another account.
pub(crate) fn replace_key(data_directory: &Path, account: &AccountId, key: &str) -> Result<(), ServerError> {
    let path = path(data_directory);
    let unusable = |source| ServerError::DataDirectory { path: data_directory.to_owned(), source };
    let Some(text) = private_file::read(&path).map_err(unusable)? else { return Ok(()) };
    // Whatever it is that somebody has put there, it is not this one's to mend.
    let Ok(connection) = serde_json::from_str::<Connection>(&text) else { return Ok(()) };
    if connection.account_id != account.as_str() {
        return Ok(());
    }
    write(data_directory, &Connection { account_key: key.to_owned(), ..connection })
}
