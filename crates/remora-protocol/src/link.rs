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
    /// PEM, for TLS on the handshake port. On a loopback address the port takes plain HTTP too.
    pub certificate_pem: String,
    pub certificate_key_pem: String,
    /// PEM of the public key that access tokens are verified with.
    pub token_public_key_pem: String,
    /// Origins whose pages may connect ("http://localhost:8080"); requests without Origin are not from a page.
    pub allowed_origins: Vec<String>,
    /// Files that the operator offers as models; `file://` of nothing else is opened.
    pub model_files: Vec<String>,
    /// Only a graphics adapter whose name contains this is used.
    pub adapter: Option<String>,
    /// Triangles that the scene may have; `None` is any number.
    pub primitives_max: Option<u64>,
    pub exclusive: Exclusive,
    /// A host that is not Ready by then has failed.
    pub start_milliseconds_max: u64,
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
