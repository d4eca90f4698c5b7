//! The link between host and control plane: the host reports its state, and the response is an order.
//!
//! ```text
//!   control plane ──starts──▶ host          HostStart as one JSON line on standard input
//!   host ──POST {control url}/hosts/{host_id}/report──▶ control plane     HostReport, every REPORT_INTERVAL
//!        ◀──────────────────────────────── HostOrder
//! ```
//!
//! A host is started for a session, or to wait for one. A waiting host gets ready like any other and is ordered to
//! wait, until it is ordered to run for a session. It never returns to waiting.
//!
//! Requests carry `Authorization: Bearer {secret of the HostSpec}`. A host that receives 401 or 404 is unknown to the
//! control plane and ends itself. If no control plane answers, the host continues until the last lease it was told
//! ends.

use serde::{Deserialize, Serialize};

use crate::hosts::AllowedHosts;
use crate::origins::Origins;
use crate::token::Owner;

/// Interval of a host's reports. A change of state is reported at once.
pub const REPORT_INTERVAL_MILLISECONDS: u64 = 1_000;
/// A host that has not reported for this long counts as dead.
pub const SILENCE_MILLISECONDS_MAX: u64 = 30_000;
/// A waiting host has no lease that would end it, so it ends itself after this long without an order.
pub const IDLE_MILLISECONDS_MAX: u64 = 600_000;
/// Longest order: it holds the addresses of all models that one request to the REST API may name.
pub const ORDER_BYTES_MAX: u64 = 1 << 20;
/// Ports that sessions may be given, both ends included. The range is the original service's.
pub const PORTS: std::ops::RangeInclusive<u16> = 49_152..=65_534;

/// Everything that a host is told at its start, as one JSON object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostStart {
    /// The host's task, made by the control plane.
    #[serde(flatten)]
    pub spec: HostSpec,
    /// The host's surroundings, made by the provisioner that starts it.
    #[serde(flatten)]
    pub placement: Placement,
}

/// The specification of a host: what it has to be, wherever it runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostSpec {
    /// Id of the host, a part of the path of its reports.
    pub host_id: String,
    /// Authenticates the host to the control plane. Never logged.
    pub secret: String,
    /// PEM certificate of the CA that signed the control plane's certificate.
    pub control_ca_pem: String,
    /// `Standard` or `Premium`.
    pub size: String,
    /// The session that the host is started for. Without it the host waits for a session.
    pub assignment: Option<Assignment>,
    /// PEM public key with which access tokens are verified.
    pub token_public_key_pem: String,
    /// Origins of pages that may connect, the service's own included. Requests without an `Origin` are not from a page.
    pub allowed_origins: Origins,
    /// Sources of models.
    #[serde(default)]
    pub remote_models: RemoteModels,
    /// If given, only a graphics adapter whose name contains this text is used.
    pub adapter: Option<String>,
    /// Triangles and points that a frame may draw after selection of levels of detail; `None` is unlimited. A scene
    /// may have any number of them. While a frame needs more, the client is told, and a checkerboard covers the
    /// background.
    pub primitives_max: Option<u64>,
    /// Resources that rendering may use.
    #[serde(default)]
    pub rendering: Rendering,
    /// Policy for connections after the first client has left.
    pub exclusive: Exclusive,
    /// How the host is sandboxed.
    #[serde(default)]
    pub fence: Fence,
    /// The host writes its log as JSON, one object per line.
    #[serde(default)]
    pub json_logs: bool,
    /// Time from the start until Ready, after which the host counts as failed.
    pub start_milliseconds_max: u64,
}

/// Where a host runs, how it is reached there, and what it finds on the machine.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Placement {
    /// Base URLs of the control planes, such as `https://localhost:8443`; at least one. The host tries the next one if
    /// one does not answer.
    pub control_urls: Vec<String>,
    /// Name under which clients reach this host.
    pub hostname: String,
    /// Address on which the handshake and inspector ports listen.
    pub listen_address: std::net::IpAddr,
    /// PEM certificate for TLS on the handshake port. The port also takes plain HTTP from its own machine.
    pub certificate_pem: String,
    /// PEM private key of that certificate.
    pub certificate_key_pem: String,
    /// Addresses and ports of the media connection.
    #[serde(default)]
    pub media: Media,
    /// Files that the operator offers as models. No other `file://` address is opened.
    pub model_files: Vec<String>,
    /// Directory in which all hosts of the machine cache converted models: an absolute path, created if missing. Any
    /// file in it may be deleted at any time. `None` is no cache.
    #[serde(default)]
    pub cache_directory: Option<String>,
    /// A directory for this host alone, for instance for files of its graphics driver. It is removed with the host.
    #[serde(default)]
    pub scratch_directory: Option<String>,
}

/// Sources of models besides public addresses. The default allows no others.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct RemoteModels {
    /// Addresses that the operator offers as models. Each allows the host and port that it names, for that model only.
    pub offered: Vec<String>,
    /// Hosts from which any model may be fetched.
    pub allowed_hosts: AllowedHosts,
}

/// Resources that rendering may use. The default leaves everything to the host, which then has no model cache.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Rendering {
    /// Target time for rendering a frame while something moves; the host adapts the detail to reach it. `None` is 22
    /// on a software adapter and 12 on any other.
    pub frame_time_milliseconds: Option<u64>,
    /// Limit of the graphics memory for geometry. Geometry that does not fit is shown coarser. `None` is 2 GiB.
    pub graphics_memory_bytes_max: Option<u64>,
    /// Limit of the main memory for the page cache: pages of geometry that were read from files, kept for when the
    /// graphics adapter needs them again. `None` is 1 GiB.
    pub page_memory_bytes_max: Option<u64>,
    /// Limit of the memory for importing one model; a model that needs more is refused. `None` is a share of the free
    /// memory at the start of the import, by the number of hosts that are importing.
    pub memory_bytes_max: Option<u64>,
    /// Limit of the size of the [cache](Placement::cache_directory). The files that were used least recently are
    /// deleted first.
    pub cache_bytes_max: u64,
}

/// How clients reach the host for video and data. The default is this machine's own addresses and any port.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Media {
    /// Address under which clients reach this machine, if it is behind a 1:1 NAT.
    pub external_address: Option<std::net::IpAddr>,
    /// First and last of the ports that the host may use, each for UDP and TCP; [`PORTS`] if left out.
    pub ports: Option<(u16, u16)>,
}

/// Everything that a host is told about its session.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Assignment {
    /// Id of the session, unique in its account.
    pub session_id: String,
    /// Id of the account.
    pub account_id: String,
    /// Remaining time of the lease. It counts from Ready; the host may live this long until it is told otherwise.
    pub lease_milliseconds: u64,
    /// Addresses of models to load as soon as a client connects.
    pub models: Vec<String>,
    /// The creator of the session; `None` if it has not been recorded.
    #[serde(default)]
    pub owner: Option<Owner>,
    /// True if Clients may connect only to sessions that they have created. Administrators may connect to any.
    #[serde(default)]
    pub private: bool,
}

/// Policy for connections to a session after its first client has left.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Exclusive {
    /// Anyone, once the previous client has left. The next client finds an empty scene.
    #[default]
    UntilDisconnect,
    /// Only the first client.
    UntilStop,
}

/// Sandbox of a host, which keeps it from files, programs and system calls that it does not need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fence {
    /// Sandboxed as far as the kernel supports it.
    #[default]
    BestEffort,
    /// A host that cannot be sandboxed completely fails.
    Required,
    /// Not sandboxed.
    Off,
}

/// A report of a host. States only advance, from Starting to Ready to Failed, so that a late report is recognised.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct HostReport {
    /// State of the host.
    pub state: HostState,
    /// Number of clients that are connected.
    pub connected_clients: u32,
    /// The session that the host knows to be its own. Its assignment need not be told again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
}
/// State of a host.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(tag = "state")]
pub enum HostState {
    /// Getting ready.
    Starting,
    /// Accepts clients at this address.
    Ready(HostAddress),
    /// Cannot serve a session any more.
    Failed {
        /// Text for the owner of the session: what went wrong and what to do.
        why: String,
    },
}

/// Host name and ports under which clients reach a host.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct HostAddress {
    /// Name of the machine as clients resolve it.
    pub hostname: String,
    /// Port of the handshake.
    pub handshake_port: u16,
    /// Second port, which the original service's inspector used.
    pub inspector_port: u16,
}

/// The response to a report; at most [`ORDER_BYTES_MAX`] as JSON.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(tag = "order")]
pub enum HostOrder {
    /// Wait: the host has no session yet.
    Wait,
    /// Run for this session. The host ends itself when the remaining lease has passed since the order arrived. An
    /// assignment never changes except for its lease.
    Run(Assignment),
    /// Like [`HostOrder::Run`], for a host that has reported the session as its own: only the lease is told again.
    Extend {
        /// Remaining time of the lease.
        lease_milliseconds: u64,
    },
    /// End now.
    Stop {
        /// Why the host has to end.
        reason: StopReason,
    },
}

impl HostOrder {
    /// Returns the order for a host that has reported this session: without the assignment, if it is the host's own.
    #[must_use]
    pub fn for_host_of(self, session_id: Option<&str>) -> Self {
        match self {
            Self::Run(assignment) if session_id == Some(assignment.session_id.as_str()) => {
                Self::Extend { lease_milliseconds: assignment.lease_milliseconds }
            }
            order => order,
        }
    }
}

/// Why a host has to end.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub enum StopReason {
    /// The session was stopped.
    Stopped,
    /// The lease of the session is over.
    LeaseExpired,
    /// The control plane has another host for the session, or none.
    NotNeeded,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_assignment_is_told_once_and_then_only_the_lease() {
        let assignment = Assignment {
            session_id: "one".into(),
            account_id: "a".into(),
            lease_milliseconds: 5_000,
            models: vec!["builtin://Engine".into()],
            owner: None,
            private: false,
        };
        let run = HostOrder::Run(assignment);
        for unaware in [None, Some("another")] {
            assert_eq!(run.clone().for_host_of(unaware), run);
        }
        assert_eq!(run.for_host_of(Some("one")), HostOrder::Extend { lease_milliseconds: 5_000 });
        let stop = HostOrder::Stop { reason: StopReason::Stopped };
        assert_eq!(stop.clone().for_host_of(Some("one")), stop);
        let report: HostReport =
            serde_json::from_str(r#"{"state":{"state":"Starting"},"connected_clients":0}"#).unwrap();
        assert_eq!(report.session_id, None, "hosts of earlier versions report no session");
    }

    const SPEC: &str = r#"{"host_id":"one","secret":"s","control_urls":["https://localhost:8443"],"control_ca_pem":"",
        "size":"Standard","assignment":null,"hostname":"localhost","listen_address":"127.0.0.1","certificate_pem":"",
        "certificate_key_pem":"","token_public_key_pem":"","allowed_origins":[],"model_files":[],"adapter":null,
        "primitives_max":20000000,"exclusive":"until-disconnect","start_milliseconds_max":60000}"#;

    #[test]
    fn a_spec_without_optional_sections_has_their_defaults() {
        let HostStart { spec, placement } = serde_json::from_str(SPEC).unwrap();
        assert_eq!(spec.rendering, Rendering::default());
        assert_eq!((placement.cache_directory, spec.rendering.cache_bytes_max), (None, 0));
        assert_eq!(placement.media, Media::default());
        assert_eq!(spec.remote_models, RemoteModels::default());
    }

    #[test]
    fn rendering_and_media_arrive_whole_or_in_part() {
        let mut start: HostStart = serde_json::from_str(SPEC).unwrap();
        start.spec.rendering = Rendering {
            frame_time_milliseconds: Some(16),
            graphics_memory_bytes_max: Some(u64::MAX),
            page_memory_bytes_max: Some(3 << 30),
            memory_bytes_max: Some(1 << 30),
            cache_bytes_max: 20 << 30,
        };
        start.placement.cache_directory = Some("/var/lib/remora/cache".into());
        start.placement.media =
            Media { external_address: Some([203, 0, 113, 7].into()), ports: Some((50_000, 50_999)) };
        let arrived: HostStart = serde_json::from_str(&serde_json::to_string(&start).unwrap()).unwrap();
        assert_eq!((arrived.spec.rendering, arrived.placement), (start.spec.rendering, start.placement));
        let part: Rendering = serde_json::from_str(r#"{"frame_time_milliseconds":16}"#).unwrap();
        assert_eq!(part, Rendering { frame_time_milliseconds: Some(16), ..Rendering::default() });
    }
}
