//! Accounts and their keys.
//!
//! An account has two keys, so that one can be replaced while the other is in use. A key is 256 random bits, so a
//! salted SHA-256 is all that the store needs to keep: there is nothing to guess that a slow hash would protect. The
//! keys of the account that `remora up` makes for its user must be shown again at every start; they are kept in a file
//! of their own beside the database, which only its owner may read (see [`server`](crate::server)), never in the database.

mod register;

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use remora_session::{AccountId, Timestamp};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub use register::{NewAccount, Register, RegisterError};

use crate::random;

/// Who may lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    /// For people.
    pub name: String,
    pub created_at: Timestamp,
    /// Each opens the account; by [`KeySlot`].
    pub keys: Vec<KeyHash>,
}

/// Which of an account's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySlot {
    Primary,
    Secondary,
}

impl KeySlot {
    pub const ALL: [KeySlot; 2] = [KeySlot::Primary, KeySlot::Secondary];

    pub fn index(self) -> usize {
        match self {
            KeySlot::Primary => 0,
            KeySlot::Secondary => 1,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            KeySlot::Primary => "primary",
            KeySlot::Secondary => "secondary",
        }
    }
}

impl Account {
    /// Takes the same time for every wrong key.
    pub fn opens_with(&self, key: &str) -> bool {
        self.keys.iter().fold(false, |opens, hash| opens | hash.matches(key))
    }

    /// RFC 3339, in whole seconds of UTC.
    pub fn created(&self) -> String {
        let seconds = i64::try_from(self.created_at.as_seconds()).unwrap_or(i64::MAX);
        let date = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        date.format(&Rfc3339).expect("years since 1970 have four digits")
    }
}

/// What is kept of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHash {
    pub salt: [u8; 16],
    pub digest: [u8; 32],
}

impl KeyHash {
    pub fn of(key: &str) -> Self {
        let salt = random::bytes();
        Self { salt, digest: salted(&salt, key) }
    }

    pub fn matches(&self, key: &str) -> bool {
        constant_time::verify_slices_are_equal(&salted(&self.salt, key), &self.digest).is_ok()
    }
}

/// A new key: the base64 form of 256 bits.
pub fn new_key() -> String {
    STANDARD.encode(random::bytes::<32>())
}

pub fn new_account_id() -> AccountId {
    uuid::Builder::from_random_bytes(random::bytes())
        .into_uuid()
        .to_string()
        .parse()
        .expect("a UUID is a GUID in lower case with hyphens")
}

fn salted(salt: &[u8], key: &str) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(salt);
    context.update(key.as_bytes());
    context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_key_opens_and_nothing_else_does() {
        let (first, second) = (new_key(), new_key());
        let keys = vec![KeyHash::of(&first), KeyHash::of(&second)];
        let account = Account { id: new_account_id(), name: String::new(), created_at: Timestamp::default(), keys };
        assert!(account.opens_with(&first) && account.opens_with(&second));
        for wrong in ["", &first[1..], &format!("{first} "), &new_key()] {
            assert!(!account.opens_with(wrong));
        }
        assert!(!Account { keys: vec![], ..account }.opens_with(&first));
    }

    #[test]
    fn equal_keys_are_not_stored_alike() {
        assert_ne!(KeyHash::of("k").digest, KeyHash::of("k").digest);
    }
}
