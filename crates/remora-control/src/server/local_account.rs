//! The account of `remora up`, which the first start creates in `account.json`.
//!
//! Every start shows the keys, so they are stored in clear in a file that only its owner may read. The database
//! contains salted hashes of them, as for any other account. If the two differ, the next start writes those of the file
//! to the database.

use std::io;
use std::path::{Path, PathBuf};

use remora_session::AccountId;
use serde::{Deserialize, Serialize};

use super::ServerError;
use crate::account::{Account, KeyHash, KeySlot, new_account_id, new_key};
use crate::clock::Clock;
use crate::private_file;
use crate::store::{Store, StoreError};

/// The local account with its keys in clear.
#[derive(Clone)]
pub(crate) struct LocalAccount {
    pub id: AccountId,
    pub primary_key: String,
    pub secondary_key: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LocalAccountFile {
    account_id: String,
    account_key: String,
    /// `None` in files that are older than secondary keys.
    secondary_key: Option<String>,
}

impl LocalAccount {
    /// Returns the account of the directory, creating it if it is missing.
    pub(crate) fn open(directory: &Path) -> Result<Self, ServerError> {
        if let Some(account) = Self::read(directory)? {
            return Ok(account);
        }
        let account = Self { id: new_account_id(), primary_key: new_key(), secondary_key: new_key() };
        account.write(directory)?;
        Ok(account)
    }

    /// Returns the account of the directory, if there is one.
    pub(crate) fn read(directory: &Path) -> Result<Option<Self>, ServerError> {
        let path = path(directory);
        let Some(text) = private_file::read(&path).map_err(|source| unusable(directory, source))? else {
            return Ok(None);
        };
        let damaged = |problem: String| ServerError::Damaged { path: path.clone(), problem };
        let file: LocalAccountFile = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        let LocalAccountFile { account_id, account_key: primary_key, secondary_key } = file;
        let is_complete = secondary_key.is_some();
        let secondary_key = secondary_key.unwrap_or_else(new_key);
        let id = account_id.parse().map_err(|error: remora_session::InvalidAccountId| damaged(error.to_string()))?;
        let account = Self { id, primary_key, secondary_key };
        if !is_complete {
            account.write(directory)?;
        }
        Ok(Some(account))
    }

    pub(crate) fn write(&self, directory: &Path) -> Result<(), ServerError> {
        let Self { id, primary_key, secondary_key } = self.clone();
        let (account_id, account_key) = (id.to_string(), primary_key);
        let file = LocalAccountFile { account_id, account_key, secondary_key: Some(secondary_key) };
        let content = serde_json::to_vec(&file).expect("strings are JSON");
        private_file::write(&path(directory), &content).map_err(|source| unusable(directory, source))
    }

    pub(crate) fn key(&self, slot: KeySlot) -> &str {
        match slot {
            KeySlot::Primary => &self.primary_key,
            KeySlot::Secondary => &self.secondary_key,
        }
    }

    pub(crate) fn set_key(&mut self, slot: KeySlot, key: String) {
        match slot {
            KeySlot::Primary => self.primary_key = key,
            KeySlot::Secondary => self.secondary_key = key,
        }
    }

    /// Makes sure that the database contains the account with these keys, even if the database is new or restored.
    pub(crate) async fn admit(&self, store: &Store, clock: &Clock) -> Result<(), StoreError> {
        let keys = KeySlot::ALL.map(|slot| KeyHash::of(self.key(slot))).to_vec();
        let account = Account { id: self.id.clone(), name: "local".into(), created_at: clock.now(), keys };
        if store.insert_account(&account).await? {
            return Ok(());
        }
        let stored = store.account(&self.id).await?;
        for slot in KeySlot::ALL {
            let known = stored.as_ref().and_then(|account| account.keys.get(slot.index()));
            if !known.is_some_and(|hash| hash.matches(self.key(slot))) {
                store.set_account_key(&self.id, slot.index(), &KeyHash::of(self.key(slot))).await?;
            }
        }
        Ok(())
    }
}

fn path(directory: &Path) -> PathBuf {
    directory.join("account.json")
}

fn unusable(directory: &Path, source: io::Error) -> ServerError {
    ServerError::DataDirectory { path: directory.to_owned(), source }
}
