//! Accounts and their keys.
//!
//! A key is 256 random bits, so a salted SHA-256 is all that the store needs to keep: there is nothing to guess that
//! a slow hash would protect. The key of the account that `remora up` makes for its user must be shown again at every
//! start; it is kept in a file of its own beside the database, which only its owner may read (see
//! [`LocalAccount`](crate::up)), never in the database.

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use remora_session::{AccountId, Timestamp};

use crate::random;

/// Who may lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    /// For people.
    pub name: String,
    pub created_at: Timestamp,
    /// Each opens the account.
    pub keys: Vec<KeyHash>,
}

impl Account {
    /// Takes the same time for every wrong key.
    pub fn opens_with(&self, key: &str) -> bool {
        self.keys.iter().fold(false, |opens, hash| opens | hash.matches(key))
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

    fn matches(&self, key: &str) -> bool {
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
