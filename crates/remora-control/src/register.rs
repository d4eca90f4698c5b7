//! The operator's register of accounts. It works on the database directly, whether or not a control plane runs on it at
//! the same time.
//!
//! Keys are made here and shown once. A deleted account gets no more tokens and sessions. The control plane ends the
//! sessions that it still has, because only the control plane writes sessions.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use remora_session::AccountId;

use crate::account::{Account, KeyHash, KeySlot, new_account_id, new_key};
use crate::clock::Clock;
use crate::config::StoreConfig;
use crate::server::ServerError;
use crate::server::connection;
use crate::server::local_account::LocalAccount;
use crate::store::{Store, StoreError};

/// Longest name of an account.
pub(crate) const NAME_CHARACTERS_MAX: usize = 128;
/// Accounts read in one query.
const BATCH_MAX: u32 = 256;

/// An open register. Close it with [`Register::close`].
pub struct Register {
    store: Arc<Store>,
    clock: Clock,
    directory: PathBuf,
    local: Option<LocalAccount>,
}

/// A new account with its keys in clear text, which are stored nowhere.
pub struct NewAccount {
    /// The account as it is stored.
    pub account: Account,
    /// First key.
    pub primary_key: String,
    /// Second key.
    pub secondary_key: String,
}

/// Why an operation on the register failed.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The directory has no database.
    #[error(
        "there is no database in {directory}; start `remora up` or `remora serve` there once, or name another \
         directory with --data-dir or a PostgreSQL with --store"
    )]
    NoDatabase {
        /// The data directory.
        directory: PathBuf,
    },
    /// The name cannot be used.
    #[error("a name has at most {NAME_CHARACTERS_MAX} characters, none of them a control character")]
    Name,
    /// The account does not exist.
    #[error("there is no account {id}; `remora account list` shows the existing ones")]
    NotFound {
        /// The id that was given.
        id: AccountId,
    },
    /// The local account cannot be deleted.
    #[error(
        "{id} is the account of `remora up` on this machine, which would create it again; remove account.json first"
    )]
    Local {
        /// Id of the local account.
        id: AccountId,
    },
    /// A file of the data directory cannot be used.
    #[error(transparent)]
    Directory(#[from] ServerError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RegisterError {
    /// Returns true if the request was refused because of the account, and false if the register cannot be used.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Name | Self::NotFound { .. } | Self::Local { .. } => true,
            Self::NoDatabase { .. } | Self::Directory(_) | Self::Store(_) => false,
        }
    }
}

impl Register {
    /// Opens the register in the database that the configuration names, or in that of the data directory. A database of
    /// an older release is refused, because an older service may be running on it.
    pub async fn open(config: &StoreConfig, directory: &Path) -> Result<Self, RegisterError> {
        let file = directory.join("remora.db");
        if config.url.is_none() && !file.exists() {
            return Err(RegisterError::NoDatabase { directory: directory.to_owned() });
        }
        let local = LocalAccount::read(directory)?;
        let store = Arc::new(Store::open_current(config, directory).await?);
        Ok(Self { store, clock: Clock::system(), directory: directory.to_owned(), local })
    }

    /// Creates an account with two new keys.
    pub async fn create(&self, name: &str) -> Result<NewAccount, RegisterError> {
        if name.chars().count() > NAME_CHARACTERS_MAX || name.chars().any(char::is_control) {
            return Err(RegisterError::Name);
        }
        let (primary_key, secondary_key) = (new_key(), new_key());
        let account = Account {
            id: new_account_id(),
            name: name.to_owned(),
            created_at: self.clock.now(),
            keys: vec![KeyHash::of(&primary_key), KeyHash::of(&secondary_key)],
        };
        let inserted = self.store.insert_account(&account).await?;
        assert!(inserted, "an id of 122 random bits has been used before");
        Ok(NewAccount { account, primary_key, secondary_key })
    }

    /// Returns all accounts, oldest first.
    pub async fn list(&self) -> Result<Vec<Account>, RegisterError> {
        let mut accounts: Vec<Account> = Vec::new();
        loop {
            let after = accounts.last().map(|last| (last.created_at, &last.id));
            let batch = self.store.accounts(after, BATCH_MAX).await?;
            if batch.is_empty() {
                return Ok(accounts);
            }
            accounts.extend(batch);
        }
    }

    /// Replaces a key and returns the new one. The other key stays valid.
    pub async fn rotate_key(&mut self, id: &AccountId, slot: KeySlot) -> Result<String, RegisterError> {
        let key = new_key();
        if self.store.account(id).await?.is_none() {
            return Err(RegisterError::NotFound { id: id.clone() });
        }
        // The file is written before the database: a start between the two takes the key from the file.
        if let Some(local) = self.local.as_mut().filter(|local| local.id == *id) {
            local.set_key(slot, key.clone());
            local.write(&self.directory)?;
        }
        if !self.store.set_account_key(id, slot.index(), &KeyHash::of(&key)).await? {
            return Err(RegisterError::NotFound { id: id.clone() });
        }
        if slot == KeySlot::Primary && self.is_local(id) {
            connection::replace_key(&self.directory, id, &key)?;
        }
        Ok(key)
    }

    /// Deletes an account.
    pub async fn delete(&self, id: &AccountId) -> Result<(), RegisterError> {
        if self.is_local(id) {
            return Err(RegisterError::Local { id: id.clone() });
        }
        if self.store.delete_account(id).await? { Ok(()) } else { Err(RegisterError::NotFound { id: id.clone() }) }
    }

    /// Finishes pending writes and closes the database.
    pub async fn close(self) {
        self.store.close().await;
    }

    fn is_local(&self, id: &AccountId) -> bool {
        self.local.as_ref().is_some_and(|local| local.id == *id)
    }
}
