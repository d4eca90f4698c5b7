//! `[sessions]`: timing and number of sessions.

use serde::{Deserialize, Deserializer};

/// Section `[sessions]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionsConfig {
    /// Sessions in one page of a list.
    pub page_size: u32,
    /// Days for which ended sessions are kept.
    pub keep_ended_days: u32,
    /// Time for which a session waits for a free host before it fails.
    pub capacity_wait_seconds: u32,
    /// Time limit from the launch of a host until it is Ready.
    pub start_seconds_max: u32,
    /// Number of hosts that are tried before a session fails.
    pub start_attempts_max: u32,
    /// Limit of live sessions of one account. `None`, written "unlimited", is no limit.
    #[serde(deserialize_with = "live_max")]
    pub live_per_account_max: Option<u32>,
    /// Limit of live sessions of one person in one account, for people whom an issuer identifies. `None`, written
    /// "unlimited", is no limit.
    #[serde(deserialize_with = "live_max")]
    pub live_per_person_max: Option<u32>,
    /// True if Clients may see, stop and connect to only those sessions that they have created.
    pub private: bool,
}

/// Reads a number of sessions or "unlimited". A word is used because a 0 for no limit would be mistaken for none.
pub(super) fn live_max<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a number of sessions, or \"unlimited\"")]
    enum LiveMax {
        Sessions(u32),
        Word(Word),
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Word {
        Unlimited,
    }
    Ok(match LiveMax::deserialize(deserializer)? {
        LiveMax::Sessions(max) => Some(max),
        LiveMax::Word(Word::Unlimited) => None,
    })
}

impl Default for SessionsConfig {
    fn default() -> Self {
        Self {
            page_size: 100,
            keep_ended_days: 30,
            capacity_wait_seconds: 60,
            start_seconds_max: 60,
            start_attempts_max: 3,
            live_per_account_max: Some(20),
            live_per_person_max: None,
            private: false,
        }
    }
}
