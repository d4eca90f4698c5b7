//! Accounts and their keys.
//!
//! An account has two keys, so that one can be replaced while the other is in use. A key is 256 random bits and cannot
//! be guessed, so the store needs only a salted SHA-256 of it and no slow hash. The keys of the account that
//! `remora up` makes for its user have to be shown at every start. They are never in the database but in a file beside
//! it, which only its owner may read (see [`server`](crate::server)).

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use remora_session::{AccountId, Timestamp};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::random;

/// An account: the tenant to whom sessions belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Id of the account.
    pub id: AccountId,
    /// Name for people to read.
    pub name: String,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Hashes of the keys, indexed by [`KeySlot`]. Each key opens the account.
    pub keys: Vec<KeyHash>,
}

/// The two keys of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySlot {
    /// The first key.
    Primary,
    /// The second key.
    Secondary,
}

impl KeySlot {
    /// Both slots, in the order of [`Account::keys`].
    pub const ALL: [KeySlot; 2] = [KeySlot::Primary, KeySlot::Secondary];

    /// Returns the index into [`Account::keys`].
    pub fn index(self) -> usize {
        match self {
            KeySlot::Primary => 0,
            KeySlot::Secondary => 1,
        }
    }

    /// Returns the name of the slot in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            KeySlot::Primary => "primary",
            KeySlot::Secondary => "secondary",
        }
    }
}

impl Account {
    /// Returns whether one of the keys is `key`. Takes the same time for every wrong key.
    pub fn opens_with(&self, key: &str) -> bool {
        self.keys.iter().fold(false, |opens, hash| opens | hash.matches(key))
    }

    /// Returns the time of creation as RFC 3339, in whole seconds of UTC.
    pub fn created(&self) -> String {
        let seconds = i64::try_from(self.created_at.as_seconds()).unwrap_or(i64::MAX);
        let date = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        date.format(&Rfc3339).expect("years since 1970 have four digits")
    }
}

/// A salted hash of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHash {
    /// Random bytes that are hashed before the key.
    pub salt: [u8; 16],
    /// SHA-256 of salt and key.
    pub digest: [u8; 32],
}

impl KeyHash {
    /// Hashes a key with a new salt.
    pub fn of(key: &str) -> Self {
        let salt = random::bytes();
        Self { salt, digest: salted(&salt, key) }
    }

    /// Returns whether this is the hash of `key`, in constant time.
    pub fn matches(&self, key: &str) -> bool {
        constant_time::verify_slices_are_equal(&salted(&self.salt, key), &self.digest).is_ok()
    }
}

/// Makes a new key: 256 random bits in base64.
pub fn new_key() -> String {
    STANDARD.encode(random::bytes::<32>())
}

/// Makes a new random account id.
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
    fn only_the_two_keys_open_an_account() {
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
    fn equal_keys_have_different_digests() {
        assert_ne!(KeyHash::of("k").digest, KeyHash::of("k").digest);
    }
}
