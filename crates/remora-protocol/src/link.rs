//! Host and control plane: the host reports what it is, the answer is what it shall be.
//!
//! ```text
//!   control plane ──starts──▶ host          HostSpec as one JSON line on standard input
//!   host ──POST {control url}/hosts/{host_id}/report──▶ control plane     HostReport, every REPORT_INTERVAL
//!        ◀──────────────────────────────── HostOrder
//! ```
//!
//! A host is started for a session, or to wait for one: then it gets ready like any other, is ordered to wait, and
//! one day is ordered to run for a session. It never waits again.
//!
//! `Authorization: Bearer {secret of the HostSpec}`. 401 or 404 tells the host that nobody knows it: it ends.
//! A control plane that does not answer changes nothing: the host works on until the lease it was last told is over.

use serde::{Deserialize, Serialize};

use crate::hosts::AllowedHosts;
use crate::origins::Origins;
use crate::token::Owner;

/// A host reports at once when its state changes, and this often otherwise.
pub const REPORT_INTERVAL_MILLISECONDS: u64 = 1_000;
/// A host that the control plane has not heard of for this long counts as dead.
pub const SILENCE_MILLISECONDS_MAX: u64 = 30_000;
/// A waiting host has no lease that would end it; it ends itself when it has heard nothing for this long.
pub const IDLE_MILLISECONDS_MAX: u64 = 600_000;
/// Room for the addresses of models that one request to the REST API may name.
pub const ORDER_BYTES_MAX: u64 = 1 << 20;
/// Ports that sessions may be given, both ends included: the original service's range.
pub const PORTS: std::ops::RangeInclusive<u16> = 49_152..=65_534;

/// All that a host is told at its start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostSpec {
    pub host_id: String,
    /// Authenticates the host to the control plane; never logged.
    pub secret: String,
    /// `https://localhost:8443`; at least one. The host goes on to the next when one does not answer.
    pub control_urls: Vec<String>,
    /// PEM of the CA that signed the control plane's certificate.
    pub control_ca_pem: String,
    /// "Standard" or "Premium".
    pub size: String,
    /// What it is started for; without it the host waits for a session.
    pub assignment: Option<Assignment>,
    /// Name under which clients reach this host.
    pub hostname: String,
    /// Address that the handshake and inspector ports listen on.
    pub listen_address: std::net::IpAddr,
    /// PEM, for TLS on the handshake port. From its own machine the port takes plain HTTP too.
    pub certificate_pem: String,
    pub certificate_key_pem: String,
    /// PEM of the public key that access tokens are verified with.
    pub token_public_key_pem: String,
    /// Pages that may connect, the service's own included; requests without Origin are not from a page.
    pub allowed_origins: Origins,
    /// Files that the operator offers as models; `file://` of nothing else is opened.
    pub model_files: Vec<String>,
    #[serde(default)]
    pub remote_models: RemoteModels,
    /// Only a graphics adapter whose name contains this is used.
    pub adapter: Option<String>,
    /// Triangles and points that a picture may take, as drawn, after levels of detail; `None` is any number. A scene
    /// may have any number of them. While a picture takes more, the client is told, and a checkerboard covers the
    /// background.
    pub primitives_max: Option<u64>,
    #[serde(default)]
    pub rendering: Rendering,
    #[serde(default)]
    pub media: Media,
    pub exclusive: Exclusive,
    #[serde(default)]
    pub fence: Fence,
    /// A directory for this host alone, for instance for what its graphics driver keeps. It goes with the host.
    #[serde(default)]
    pub scratch_directory: Option<String>,
    /// A host that is not Ready by then has failed.
    pub start_milliseconds_max: u64,
}

/// Where models may be fetched from besides public addresses. The default is nowhere.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct RemoteModels {
    /// Addresses that the operator offers as models. Each opens the host and port that it names, for itself only.
    pub offered: Vec<String>,
    pub allowed_hosts: AllowedHosts,
}

/// What rendering may take of the machine. The default leaves everything to the host, which keeps no cache then.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Rendering {
    /// What rendering a picture that moves aims at: its detail is as high as that allows. `None` is 22 on a software
    /// adapter and 12 on any other.
    pub frame_time_milliseconds: Option<u64>,
    /// What geometry may take of the memory of the graphics adapter; what does not fit is shown coarser. `None` is
    /// 2 GiB.
    pub graphics_memory_bytes_max: Option<u64>,
    /// What pages of geometry that were read from files may take of the machine's memory, to be there at once if the
    /// graphics adapter needs them again. `None` is 1 GiB.
    pub page_memory_bytes_max: Option<u64>,
    /// The memory that importing one model may use; a model that needs more is refused. `None` is a share of
    /// what is free when the import begins, by the number of hosts that are importing.
    pub memory_bytes_max: Option<u64>,
    /// Where all hosts of the machine keep converted models: an absolute path, made if it is not there. Everything in
    /// it may be gone at any time. `None` is nowhere.
    pub cache_directory: Option<String>,
    /// Of what is in `cache_directory` so much is kept, of that which was used last.
    pub cache_bytes_max: u64,
}

/// How clients reach the host for video and data. The default is at this machine's own addresses, on any port.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Media {
    /// Where clients reach this machine, if a 1:1 NAT stands before it.
    pub external_address: Option<std::net::IpAddr>,
    /// First and last of the ports that the host may take, each for UDP and TCP; [`PORTS`] if left out.
    pub ports: Option<(u16, u16)>,
}

/// All that a host learns of the session it is for.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Assignment {
    pub session_id: String,
    pub account_id: String,
    /// What is left of the lease. It counts from Ready; until the host is told otherwise it may live this long.
    pub lease_milliseconds: u64,
    /// Addresses of models to load as soon as a client connects.
    pub models: Vec<String>,
    /// The creator of the session; `None` where it has not been recorded.
    #[serde(default)]
    pub owner: Option<Owner>,
    /// Clients connect only to sessions that they have created themselves; Administrators to any.
    #[serde(default)]
    pub private: bool,
}

/// Who may connect to a session that somebody has been connected to.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Exclusive {
    /// Anybody, once the client before has left; finds a clean scene.
    #[default]
    UntilDisconnect,
    /// Only the client that was first.
    UntilStop,
}

/// Whether a host is kept from all that it does not need: files, programs, system calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fence {
    /// As far as the kernel can.
    #[default]
    BestEffort,
    /// A host that cannot be fenced off as a whole fails.
    Required,
    Off,
}

/// A host only ever goes forward, Starting to Ready to Failed, so that a report that arrives late is recognised.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct HostReport {
    pub state: HostState,
    pub connected_clients: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(tag = "state")]
pub enum HostState {
    Starting,
    Ready(HostAddress),
    /// For the owner of the session: what went wrong and what to do.
    Failed {
        why: String,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct HostAddress {
    pub hostname: String,
    pub handshake_port: u16,
    pub inspector_port: u16,
}

/// At most [`ORDER_BYTES_MAX`] as JSON.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(tag = "order")]
pub enum HostOrder {
    /// No session has been given to the host yet.
    Wait,
    /// The host ends itself when what is left of the lease has passed since the answer came. What has been assigned
    /// once stays; only the lease moves.
    Run(Assignment),
    Stop {
        reason: StopReason,
    },
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub enum StopReason {
    Stopped,
    LeaseExpired,
    /// The control plane has another host for the session, or none.
    NotNeeded,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = r#"{"host_id":"one","secret":"s","control_urls":["https://localhost:8443"],"control_ca_pem":"",
        "size":"Standard","assignment":null,"hostname":"localhost","listen_address":"127.0.0.1","certificate_pem":"",
        "certificate_key_pem":"","token_public_key_pem":"","allowed_origins":[],"model_files":[],"adapter":null,
        "primitives_max":20000000,"exclusive":"until-disconnect","start_milliseconds_max":60000}"#;

    #[test]
    fn a_spec_that_says_nothing_of_rendering_and_remote_models_leaves_both_at_their_defaults() {
        let spec: HostSpec = serde_json::from_str(SPEC).unwrap();
        assert_eq!(spec.rendering, Rendering::default());
        assert_eq!((spec.rendering.cache_directory, spec.rendering.cache_bytes_max), (None, 0));
        assert_eq!(spec.media, Media::default());
        assert_eq!(spec.remote_models, RemoteModels::default());
    }

    #[test]
    fn what_a_spec_says_of_rendering_arrives_whole_or_in_part() {
        let mut spec: HostSpec = serde_json::from_str(SPEC).unwrap();
        spec.rendering = Rendering {
            frame_time_milliseconds: Some(16),
            graphics_memory_bytes_max: Some(u64::MAX),
            page_memory_bytes_max: Some(3 << 30),
            memory_bytes_max: Some(1 << 30),
            cache_directory: Some("/var/lib/remora/cache".into()),
            cache_bytes_max: 20 << 30,
        };
        spec.media = Media { external_address: Some([203, 0, 113, 7].into()), ports: Some((50_000, 50_999)) };
        let arrived: HostSpec = serde_json::from_str(&serde_json::to_string(&spec).unwrap()).unwrap();
        assert_eq!((arrived.rendering, arrived.media), (spec.rendering, spec.media));
        let part: Rendering = serde_json::from_str(r#"{"frame_time_milliseconds":16}"#).unwrap();
        assert_eq!(part, Rendering { frame_time_milliseconds: Some(16), ..Rendering::default() });
    }
}
