//! The operator's configuration: one TOML file, in which every key has a default that suits a single machine.
//!
//! Unknown keys are refused, because a misspelt limit would have no effect. [`Config::parse`] reports the line and key
//! of text that cannot be read, [`Config::check`] the key of a value that cannot be used.

mod address;
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

pub use address::is_host_name;
pub(crate) use address::{is_loopback_address, is_safe_address};
pub(crate) use identity::{Identity, RoleName};
pub(crate) use limits::Limits;
pub use limits::Rate;
pub(crate) use listen::{Acme, Listen};
pub(crate) use sessions::SessionsConfig;
pub(crate) use sizes::Sizes;

/// The whole file. Sections that are left out have their defaults.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Addresses of the service.
    pub listen: Listen,
    /// Certificate of a public authority.
    pub acme: Acme,
    /// Database.
    pub store: StoreConfig,
    /// Timing and number of sessions.
    pub sessions: SessionsConfig,
    /// Settings for `standard` and `premium`.
    pub sizes: Sizes,
    /// Sources of models.
    pub models: ModelsConfig,
    /// Cache of converted models.
    pub cache: Cache,
    /// Processes of hosts.
    pub hosts: HostsConfig,
    /// Connections of clients to hosts.
    pub connection: ConnectionConfig,
    /// TURN servers.
    pub turn: Turn,
    /// Rate limits.
    pub limits: Limits,
    /// Issuers whose tokens the token service accepts besides account keys.
    #[serde(rename = "identity")]
    pub identities: Vec<Identity>,
    /// Traces and logs.
    pub telemetry: Telemetry,
}

/// Section `[store]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// `postgres://user:password@machine/database`. Without it the store is an SQLite file in the data directory.
    pub url: Option<String>,
}

/// Section `[models]`: where hosts may fetch models from.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelsConfig {
    /// Hosts from which models may be fetched although their addresses are not public.
    pub allowed_hosts: AllowedHosts,
}

/// Section `[cache]`: converted models, which all hosts of a machine share.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    /// Directory of the cache. A relative path is in the data directory.
    directory: PathBuf,
    /// Limit of its size. The models that were used least recently are removed first. 0 disables the cache.
    pub gibibytes: u32,
}

impl Default for Cache {
    fn default() -> Self {
        Self { directory: "cache".into(), gibibytes: 20 }
    }
}

impl Cache {
    /// Returns the directory of the cache, or `None` if there is no cache.
    pub fn directory(&self, data_directory: &Path) -> Option<PathBuf> {
        (self.gibibytes > 0).then(|| data_directory.join(&self.directory))
    }
}

/// Section `[hosts]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostsConfig {
    /// How hosts are sandboxed.
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

/// Section `[connection]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectionConfig {
    /// Policy for connections after the first client has left.
    pub exclusive: Exclusive,
}

/// Section `[turn]`: servers that relay video and data for clients that cannot reach hosts directly.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Turn {
    /// URLs such as `turn:turn.example.com:3478?transport=udp`, `turns:turn.example.com:443` or `stun:…`.
    pub urls: Vec<String>,
    /// Secret shared with the servers, from which credentials of limited lifetime are derived.
    pub secret: Option<String>,
    /// Username for every client, instead of a secret.
    pub username: Option<String>,
    /// Credential for every client.
    pub credential: Option<String>,
    /// Lifetime of credentials derived from the secret.
    pub lifetime_seconds: u32,
}

impl Default for Turn {
    fn default() -> Self {
        Self { urls: Vec::new(), secret: None, username: None, credential: None, lifetime_seconds: 24 * 60 * 60 }
    }
}

/// Section `[telemetry]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// Base URL of a collector for traces, with OTLP over HTTP. No traces if left out.
    pub otlp_endpoint: Option<String>,
    /// True for logs as one JSON object per line, false for text.
    pub json_logs: bool,
}

impl Config {
    /// Parses the text of the file.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Returns the timing rules of a control plane that starts listening at this time.
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_has_the_defaults() {
        assert_eq!(Config::parse("").unwrap(), Config::default());
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = Config::parse("[sessions]\npage_sise = 5\n").unwrap_err().to_string();
        assert!(error.contains("page_sise") && error.contains("line 2"), "{error}");
    }

    #[test]
    fn an_invalid_host_is_named_with_its_line() {
        let text = "[models]\nallowed_hosts = ['models.example.com', 'http://10.1.2.3']\n";
        let error = Config::parse(text).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("\"http://10.1.2.3\" is not a host"), "{error}");
        let hosts = Config::parse(&text.replace("http://", "")).unwrap().models.allowed_hosts;
        assert!(hosts.allows_name("models.example.com") && hosts.allows_address([10, 1, 2, 3].into()));
    }

    #[test]
    fn the_cache_is_in_the_data_directory_unless_configured_elsewhere() {
        let directory = |text: &str| Config::parse(text).unwrap().cache.directory(Path::new("/data"));
        assert_eq!(directory(""), Some("/data/cache".into()));
        assert_eq!(directory("[cache]\ndirectory = 'a/b'"), Some("/data/a/b".into()));
        assert_eq!(directory("[cache]\ndirectory = '/fast/models'\ngibibytes = 1"), Some("/fast/models".into()));
        assert_eq!(directory("[cache]\ndirectory = '/fast/models'\ngibibytes = 0"), None);
    }
}
