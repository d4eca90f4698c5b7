//! What an operator decides, in one TOML file. Everything has a default that suits one machine.
//!
//! Unknown keys are refused: a misspelt limit is no limit. [`Config::parse`] says line and key of what it cannot read,
//! [`Config::check`] the key of what cannot be used.

mod check;
mod identity;
mod limits;
mod listen;
mod sessions;
mod sizes;

use std::path::{Path, PathBuf};
use std::time::Duration;

use remora_protocol::hosts::AllowedHosts;
pub use remora_protocol::link::Fence;
use remora_protocol::link::{Exclusive, SILENCE_MILLISECONDS_MAX};
pub use remora_session::Size;
use remora_session::{Policy, Timestamp};
use serde::Deserialize;

pub use check::is_host_name;
pub(crate) use check::{is_loopback_address, is_safe_address};
pub use identity::{Identity, RoleName};
pub use limits::{Limits, Rate};
pub use listen::{Acme, Listen};
pub use sessions::SessionsConfig;
pub use sizes::Sizes;

use crate::store::Quota;

/// The whole file; a section that is left out is at its defaults.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub listen: Listen,
    pub acme: Acme,
    pub store: StoreConfig,
    pub sessions: SessionsConfig,
    /// By size, `standard` and `premium`.
    pub sizes: Sizes,
    pub models: ModelsConfig,
    pub cache: Cache,
    pub hosts: HostsConfig,
    pub connection: ConnectionConfig,
    pub turn: Turn,
    pub limits: Limits,
    /// Issuers whose access tokens the token service takes instead of an account key.
    #[serde(rename = "identity")]
    pub identities: Vec<Identity>,
    pub telemetry: Telemetry,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// `postgres://user:password@machine/database`; without it an SQLite file in the data directory.
    pub url: Option<String>,
}

/// Where hosts may fetch models from.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelsConfig {
    /// Hosts whose addresses need not be public.
    pub allowed_hosts: AllowedHosts,
}

/// Converted models, which all hosts of a machine share.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    /// One that is not absolute is in the data directory.
    directory: PathBuf,
    /// What is kept, of that which was used last; 0 is no cache.
    pub gibibytes: u32,
}

impl Default for Cache {
    fn default() -> Self {
        Self { directory: "cache".into(), gibibytes: 20 }
    }
}

impl Cache {
    /// `None` if there shall be none.
    pub fn directory(&self, data_directory: &Path) -> Option<PathBuf> {
        (self.gibibytes > 0).then(|| data_directory.join(&self.directory))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostsConfig {
    pub fence: Fence,
    /// Where hosts are started.
    pub provisioner: ProvisionerKind,
}

/// The kind of fleet that hosts are started in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProvisionerKind {
    /// Each host is a process on the control plane's machine.
    #[default]
    Processes,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectionConfig {
    pub exclusive: Exclusive,
}

/// TURN servers, which relay video and data for clients that cannot reach hosts themselves.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Turn {
    /// `turn:turn.example.com:3478?transport=udp`, `turns:turn.example.com:443`; also `stun:…`. None if empty.
    pub urls: Vec<String>,
    /// Shared with the servers, for credentials that end by themselves.
    pub secret: Option<String>,
    /// Instead of a secret: credentials that every client is given.
    pub username: Option<String>,
    pub credential: Option<String>,
    /// How long credentials made of the secret are good for.
    pub lifetime_seconds: u32,
}

impl Default for Turn {
    fn default() -> Self {
        Self { urls: Vec::new(), secret: None, username: None, credential: None, lifetime_seconds: 24 * 60 * 60 }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// Where traces go with OTLP over HTTP; nowhere if left out.
    pub otlp_endpoint: Option<String>,
    /// One JSON object per line instead of text for people.
    pub json_logs: bool,
}

impl Config {
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// How patient a control plane is that begins to listen now.
    pub fn policy(&self, listening_since: Timestamp) -> Policy {
        let sessions = &self.sessions;
        Policy {
            start_max: Duration::from_secs(sessions.start_seconds_max.into()),
            attempts_max: sessions.start_attempts_max.max(1),
            retry_pause: Duration::from_millis(500),
            silence_max: Duration::from_millis(SILENCE_MILLISECONDS_MAX),
            farewell: Duration::from_millis(1_500),
            lease_tolerance: Duration::from_secs(1),
            capacity_wait: Duration::from_secs(sessions.capacity_wait_seconds.into()),
            keep_ended: Duration::from_secs(24 * 60 * 60 * u64::from(sessions.keep_ended_days)),
            listening_since,
        }
    }

    /// How many live sessions there may be when one of that size is created.
    pub fn quota(&self, size: Size) -> Quota {
        Quota {
            live_max: self.sessions.live_per_account_max,
            live_of_size_max: self.sizes.of(size).live_per_account_max,
            live_of_person_max: self.sessions.live_per_person_max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_is_the_default() {
        assert_eq!(Config::parse("").unwrap(), Config::default());
    }

    #[test]
    fn what_is_misspelt_is_named() {
        let error = Config::parse("[sessions]\npage_sise = 5\n").unwrap_err().to_string();
        assert!(error.contains("page_sise") && error.contains("line 2"), "{error}");
    }

    #[test]
    fn a_host_that_cannot_be_one_is_named_with_its_line() {
        let text = "[models]\nallowed_hosts = ['models.example.com', 'http://10.1.2.3']\n";
        let error = Config::parse(text).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("\"http://10.1.2.3\" is not a host"), "{error}");
        let hosts = Config::parse(&text.replace("http://", "")).unwrap().models.allowed_hosts;
        assert!(hosts.allows_name("models.example.com") && hosts.allows_address([10, 1, 2, 3].into()));
    }

    #[test]
    fn the_cache_is_in_the_data_directory_or_where_it_is_said_to_be() {
        let directory = |text: &str| Config::parse(text).unwrap().cache.directory(Path::new("/data"));
        assert_eq!(directory(""), Some("/data/cache".into()));
        assert_eq!(directory("[cache]\ndirectory = 'a/b'"), Some("/data/a/b".into()));
        assert_eq!(directory("[cache]\ndirectory = '/fast/models'\ngibibytes = 1"), Some("/fast/models".into()));
        assert_eq!(directory("[cache]\ndirectory = '/fast/models'\ngibibytes = 0"), None);
    }
}
