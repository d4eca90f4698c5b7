//! Host and control plane: the host reports what it is, the answer is what it shall be.
//!
//! ```text
//!   control plane ──starts──▶ host          HostSpec as one JSON line on standard input
//!   host ──POST {control_url}/hosts/{host_id}/report──▶ control plane     HostReport, every REPORT_INTERVAL
//!        ◀──────────────────────────────── HostOrder
//! ```
//!
//! `Authorization: Bearer {secret of the HostSpec}`. 401 or 404 tells the host that nobody knows it: it ends.
//! A control plane that does not answer changes nothing: the host works on until the lease it was last told is over.

use serde::{Deserialize, Serialize};

/// A host reports at once when its state changes, and this often otherwise.
pub const REPORT_INTERVAL_MILLISECONDS: u64 = 1_000;
/// A host that the control plane has not heard of for this long counts as dead.
pub const SILENCE_MILLISECONDS_MAX: u64 = 10_000;
/// Ports that sessions may be given, both ends included: the original service's range.
pub const PORTS: std::ops::RangeInclusive<u16> = 49_152..=65_534;

/// All that a host is told at its start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostSpec {
    pub host_id: String,
    /// Authenticates the host to the control plane; never logged.
    pub secret: String,
    /// `https://localhost:8443`
    pub control_url: String,
    /// PEM of the CA that signed the control plane's certificate.
    pub control_ca_pem: String,
    pub session_id: String,
    pub account_id: String,
    /// "Standard" or "Premium".
    pub size: String,
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
    /// The lease counts from Ready; until the host is told otherwise it may live this long.
    pub lease_milliseconds: u64,
    /// A host that is not Ready by then has failed.
    pub start_milliseconds_max: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct HostReport {
    /// Increases with every report of this host; an older one that arrives late is ignored.
    pub sequence: u64,
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

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(tag = "order")]
pub enum HostOrder {
    /// The host ends itself when this much time has passed since the answer came.
    Run {
        lease_remaining_milliseconds: u64,
    },
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
