//! What an operator decides, in one TOML file. Everything has a default that suits one machine.
//!
//! Unknown keys are refused: a misspelt limit is no limit. [`Config::parse`] says line and key of what it cannot read,
//! [`Config::check`] the key of what cannot be used.

mod check;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use remora_protocol::hosts::AllowedHosts;
pub use remora_protocol::link::Fence;
use remora_protocol::link::{Exclusive, SILENCE_MILLISECONDS_MAX};
use remora_protocol::origins::Origins;
pub use remora_session::Size;
use remora_session::{AccountId, Policy, Timestamp};
use serde::{Deserialize, Deserializer};

pub use check::{InvalidConfig, is_host_name};
pub(crate) use check::{is_loopback_address, is_safe_address};

use crate::store::Quota;

/// In the place of an account id.
const EVERY_ACCOUNT: &str = "*";

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

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// REST API, token service and portal, with TLS.
    pub https: Option<SocketAddr>,
    /// Portal and API for browsers on this machine; loopback only.
    pub http: Option<SocketAddr>,
    /// `/metrics`, `/healthz`, `/readyz` in plain HTTP; nowhere if left out.
    pub metrics: Option<SocketAddr>,
    /// The name under which others reach this machine.
    pub name: Option<String>,
    /// Where clients of hosts reach this machine, if a 1:1 NAT stands before it.
    pub external_address: Option<IpAddr>,
    /// First and last of the ports on which hosts take video and data, each by UDP and TCP; 49152 to 65534 if left out.
    pub media_ports: Option<(u16, u16)>,
    /// Addresses of the other control planes on the same database, as hosts on this machine reach them: hosts report
    /// to those when this one does not answer.
    pub peers: Vec<String>,
    /// PEM files of the operator's own certificate; without them one is signed by the local CA.
    pub certificate: Option<PathBuf>,
    pub certificate_key: Option<PathBuf>,
    /// Web pages that may call REST API, token service and render hosts, beside the service's own.
    pub origins: Origins,
    /// Whether the portal is served over HTTPS.
    pub portal: bool,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            https: None,
            http: None,
            metrics: None,
            name: None,
            external_address: None,
            media_ports: None,
            peers: Vec::new(),
            certificate: None,
            certificate_key: None,
            origins: Origins::default(),
            portal: true,
        }
    }
}

/// A certificate of a public authority, obtained and renewed by this service.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Acme {
    /// Where the authority's directory is; without it no certificate is asked for.
    pub directory_url: Option<String>,
    /// The operator agrees to the authority's terms of service.
    pub terms_agreed: bool,
    /// Names of the certificate; `listen.name` if there are none.
    domains: Vec<String>,
    /// Addresses such as `mailto:admin@example.com`, for messages of the authority.
    pub contact: Vec<String>,
    /// PEM certificates that the authority's own server is trusted by; those of the operating system if left out.
    pub ca_file: Option<PathBuf>,
}

impl Acme {
    pub fn domains(&self, name: Option<&str>) -> Vec<String> {
        let named = || name.map(str::to_owned).into_iter().collect();
        let domains: Vec<String> = if self.domains.is_empty() { named() } else { self.domains.clone() };
        domains.iter().map(|domain| domain.to_ascii_lowercase()).collect()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// `postgres://user:password@machine/database`; without it an SQLite file in the data directory.
    pub url: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionsConfig {
    /// Sessions in one page of a list.
    pub page_size: u32,
    pub keep_ended_days: u32,
    /// For how long a session waits for room before it fails.
    pub capacity_wait_seconds: u32,
    /// From launch to Ready.
    pub start_seconds_max: u32,
    /// Hosts that are tried before a session fails.
    pub start_attempts_max: u32,
    /// Most live sessions of one account; `None`, which is written "unlimited", is any number.
    #[serde(deserialize_with = "live_max")]
    pub live_per_account_max: Option<u32>,
    /// Most live sessions of one person in one account, where an issuer says who that is; likewise.
    #[serde(deserialize_with = "live_max")]
    pub live_per_person_max: Option<u32>,
    /// Clients see, stop and connect to only those sessions that they have created themselves.
    pub private: bool,
}

/// How many sessions there may be, or "unlimited": a 0 that meant any number would be taken for none.
fn live_max<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
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

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    standard: SizeConfig,
    premium: SizeConfig,
}

/// What a session of one size gets.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SizeConfig {
    /// Hosts of this size at once; any number if left out.
    pub capacity: Option<u32>,
    /// Idle hosts that are kept ready for new sessions.
    pub warm: u32,
    /// Use only a graphics adapter whose name contains this.
    pub adapter: Option<String>,
    teraflops: Option<f64>,
    primitives_max: Option<u64>,
    /// What rendering a picture that moves aims at, 5 to 200; by the adapter if left out.
    pub frame_time_milliseconds: Option<u64>,
    /// What the geometry of one host may take of the graphics adapter's memory, at least 1; 2 if left out.
    pub graphics_memory_gibibytes: Option<u32>,
    /// What pages of geometry that were read may take of the machine's memory, at least 1; 1 if left out.
    pub page_memory_gibibytes: Option<u32>,
    /// What importing one model may take of the machine's memory, at least 1; by what is free if left out.
    pub memory_gibibytes: Option<u32>,
    /// Most live sessions of this size of one account; `None`, which is written "unlimited", is any number.
    #[serde(deserialize_with = "live_max")]
    pub live_per_account_max: Option<u32>,
}

impl Sizes {
    pub fn of(&self, size: Size) -> &SizeConfig {
        match size {
            Size::Standard => &self.standard,
            Size::Premium => &self.premium,
        }
    }

    /// What owners see. The original service showed 8.1 for Standard; Premium had four such devices.
    pub fn teraflops(&self, size: Size) -> f64 {
        let usual = match size {
            Size::Standard => 8.1,
            Size::Premium => 32.4,
        };
        self.of(size).teraflops.unwrap_or(usual)
    }

    /// Triangles and points that one picture may take, as drawn, after levels of detail; a session may load any
    /// number. `None` is no limit, as in the original's Premium.
    pub fn primitives_max(&self, size: Size) -> Option<u64> {
        let usual = match size {
            Size::Standard => Some(20_000_000),
            Size::Premium => None,
        };
        self.of(size).primitives_max.or(usual)
    }
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

/// Requests by class: of one account, and of one person whom an issuer knows. A client that polls 50 sessions every two
/// seconds needs 25 reads per second.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    pub reads: Rate,
    pub writes: Rate,
    pub tokens: Rate,
    pub person_reads: Rate,
    pub person_writes: Rate,
    pub person_tokens: Rate,
    /// Token requests from one network address, for accounts that it has had no token of lately.
    pub stranger_tokens: Rate,
}

impl Default for Limits {
    fn default() -> Self {
        let rate = |per_second, burst| Rate { per_second, burst };
        Self {
            reads: rate(500, 1_000),
            writes: rate(200, 1_000),
            tokens: rate(50, 200),
            person_reads: rate(100, 500),
            person_writes: rate(50, 200),
            person_tokens: rate(5, 50),
            stranger_tokens: rate(10, 200),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// At least 1.
    pub per_second: u32,
    /// At once, after a pause; at least 1.
    pub burst: u32,
}

/// An OpenID Connect issuer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// `iss` of its tokens.
    pub issuer: String,
    /// `aud` of tokens that are meant for this service.
    pub audience: String,
    /// Where its keys are; found through the issuer's `/.well-known/openid-configuration` if left out.
    pub jwks_url: Option<String>,
    /// PEM file of the CA that signed the issuer's certificate, if the operating system does not trust it.
    pub ca_file: Option<PathBuf>,
    /// The claim that holds a role, several in one string, or a list: `roles`, `scp`, `realm_access.roles`.
    #[serde(default = "Identity::default_role_claim")]
    pub role_claim: String,
    /// Which values of the claim make an Administrator or a Client.
    #[serde(default)]
    pub roles: BTreeMap<String, RoleName>,
    /// Accounts that holders of its tokens may use; `"*"` is every account.
    pub accounts: Vec<String>,
    /// The claim that identifies a person, always and for every client of the issuer.
    #[serde(default = "Identity::default_subject_claim")]
    pub subject_claim: String,
    /// The page as the issuer knows it, a public client; without it people cannot sign in there from the page.
    pub client_id: Option<String>,
    /// The scopes that the page requests.
    #[serde(default = "Identity::default_scopes")]
    pub scopes: Vec<String>,
    /// The issuer's name on the page; the name of its machine if left out.
    pub display_name: Option<String>,
}

impl Identity {
    fn default_role_claim() -> String {
        "roles".into()
    }

    fn default_subject_claim() -> String {
        "sub".into()
    }

    fn default_scopes() -> Vec<String> {
        ["openid", "profile", "email"].map(str::to_owned).to_vec()
    }

    /// Returns the issuer's name for people.
    pub fn shown_name(&self) -> &str {
        let (_, place) = self.issuer.split_once("://").unwrap_or(("", &self.issuer));
        self.display_name.as_deref().unwrap_or_else(|| place.split('/').next().unwrap_or(place))
    }

    /// Whether holders of its tokens may use the account.
    pub fn opens(&self, account: &AccountId) -> bool {
        let same = |id: &str| id.parse().as_ref() == Ok(account);
        self.accounts.iter().any(|id| id == EVERY_ACCOUNT || same(id))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleName {
    Administrator,
    Client,
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
    fn live_sessions_are_limited_unless_the_operator_says_otherwise() {
        let quota = |text: &str| Config::parse(text).unwrap().quota(Size::Premium);
        assert_eq!(quota("").live_max, Some(20));
        assert_eq!((quota("").live_of_size_max, quota("").live_of_person_max), (None, None));
        let lifted = quota("[sessions]\nlive_per_account_max = 'unlimited'\nlive_per_person_max = 0\n");
        assert_eq!((lifted.live_max, lifted.live_of_person_max), (None, Some(0)));
        assert_eq!(quota("[sizes.premium]\nlive_per_account_max = 2\n").live_of_size_max, Some(2));
        for wrong in ["-1", "'many'", "4294967296", "true"] {
            let error = Config::parse(&format!("[sessions]\nlive_per_account_max = {wrong}\n")).unwrap_err();
            assert!(error.to_string().contains(r#"a number of sessions, or "unlimited""#), "{error}");
        }
    }

    #[test]
    fn origins_are_checked_where_they_are_read() {
        let config = Config::parse("[listen]\norigins = ['http://localhost:3000', 'https://*.example.com']\n").unwrap();
        assert!(config.listen.origins.allows("https://app.example.com") && config.listen.portal);
        for almost in ["https://app.example.com/", "app.example.com", "https://*.com", "null"] {
            let error = Config::parse(&format!("[listen]\norigins = ['{almost}']\n")).expect_err(almost).to_string();
            assert!(error.contains("line 2") && error.contains("accepted are"), "{error}");
        }
    }

    #[test]
    fn sizes_keep_their_own_defaults() {
        let config = Config::parse("[sizes.premium]\nwarm = 2\n").unwrap();
        let sizes = &config.sizes;
        assert_eq!((sizes.teraflops(Size::Standard), sizes.of(Size::Standard).warm), (8.1, 0));
        assert_eq!((sizes.teraflops(Size::Premium), sizes.of(Size::Premium).warm), (32.4, 2));
        assert_eq!(sizes.primitives_max(Size::Premium), None);
    }

    #[test]
    fn rendering_is_said_by_size_and_otherwise_left_to_the_host() {
        let text = "[sizes.premium]\nframe_time_milliseconds = 8\ngraphics_memory_gibibytes = 40\n\
                    memory_gibibytes = 64\npage_memory_gibibytes = 3\n";
        let config = Config::parse(text).unwrap();
        let said = |size: Size| {
            let of = config.sizes.of(size);
            let memory = [of.graphics_memory_gibibytes, of.page_memory_gibibytes, of.memory_gibibytes];
            (of.frame_time_milliseconds, memory)
        };
        assert_eq!(said(Size::Premium), (Some(8), [Some(40), Some(3), Some(64)]));
        assert_eq!(said(Size::Standard), (None, [None; 3]));
    }

    #[test]
    fn memory_is_told_in_whole_gibibytes() {
        for wrong in ["1.5", "-1", "\"2 GiB\"", "4294967296"] {
            for key in ["sizes.premium.memory_gibibytes", "sizes.premium.graphics_memory_gibibytes", "cache.gibibytes"]
            {
                let error = Config::parse(&format!("{key} = {wrong}\n")).expect_err(wrong).to_string();
                assert!(error.contains("line 1") && error.contains("u32"), "{error}");
            }
        }
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
