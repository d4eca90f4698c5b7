//! The file that tells people and programs on this machine how to connect.

use std::path::{Path, PathBuf};

use remora_session::AccountId;
use serde::{Deserialize, Serialize};

use super::ServerError;
use crate::private_file;

/// The content of `connection.json`. The file exists exactly while all listeners accept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// Base URL of the REST API.
    pub endpoint: String,
    /// Base URL of the token service.
    pub sts_endpoint: String,
    /// Domain of the account, as the clients of the original service call it.
    pub account_domain: String,
    /// URL of the portal, including the secret that signs the user in.
    pub portal: String,
    /// Id of the local account.
    pub account_id: String,
    /// Primary key of that account.
    pub account_key: String,
    /// Path of the CA certificate that clients must trust.
    pub ca_file: PathBuf,
    /// URLs for other machines, the most likely one first; empty if only this machine reaches the service.
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

/// Removes the file, if there is one. An unclean stop leaves it behind.
pub(super) fn remove(data_directory: &Path) -> Result<(), ServerError> {
    private_file::remove(&path(data_directory))
        .map_err(|source| ServerError::DataDirectory { path: data_directory.to_owned(), source })
}

/// Replaces the key in the file. Does nothing if the file does not exist or is of another account.
pub(crate) fn replace_key(data_directory: &Path, account: &AccountId, key: &str) -> Result<(), ServerError> {
    let path = path(data_directory);
    let unusable = |source| ServerError::DataDirectory { path: data_directory.to_owned(), source };
    let Some(text) = private_file::read(&path).map_err(unusable)? else { return Ok(()) };
    // A file that this program has not written is left alone.
    let Ok(connection) = serde_json::from_str::<Connection>(&text) else { return Ok(()) };
    if connection.account_id != account.as_str() {
        return Ok(());
    }
    write(data_directory, &Connection { account_key: key.to_owned(), ..connection })
}
