//! Bodies of responses. Every property is always present, and null or zero if it has no value.

use remora_session::{Ending, Phase};
use serde::Serialize;

use super::time_span::TimeSpan;
use crate::api::host_name::HostName;
use crate::sessions::SessionView;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreatedBody {
    pub session_id: String,
}

#[derive(Debug, Serialize)]
pub(super) struct ListBody {
    pub sessions: Vec<PropertiesBody>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PropertiesBody {
    /// Reason of an error, or that the lease has ended.
    message: Option<String>,
    session_elapsed_time: String,
    session_hostname: Option<String>,
    session_id: String,
    session_max_lease_time: String,
    session_size: &'static str,
    session_status: &'static str,
    #[serde(flatten)]
    ports: Ports,
    /// The ports in an older place. Since December 2020 the original service also had them at the top level.
    connection_properties: Ports,
}

/// Ports of the render host. Both are zero unless the session is Ready.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Ports {
    arr_inspector_port: u16,
    handshake_port: u16,
}

impl PropertiesBody {
    pub(super) fn new(view: &SessionView, host_name: &HostName) -> Self {
        let session = &view.session;
        let lease = TimeSpan::from(session.lease);
        let (session_status, address, message) = match &session.phase {
            Phase::Starting { .. } | Phase::Restarting { .. } => ("Starting", None, None),
            Phase::Ready { address, .. } => ("Ready", Some(address), None),
            Phase::Ended { how: Ending::Stopped, .. } => ("Stopped", None, None),
            Phase::Ended { how: Ending::Expired, .. } => {
                ("Expired", None, Some(format!("The session has been Ready for its maximum lease time of {lease}.")))
            }
            Phase::Ended { how: Ending::NoCapacity { why } | Ending::Failed { why }, .. } => {
                ("Error", None, Some(why.clone()))
            }
        };
        let ports = address.map_or(Ports::default(), |address| Ports {
            arr_inspector_port: address.inspector_port,
            handshake_port: address.handshake_port,
        });
        Self {
            message,
            session_elapsed_time: TimeSpan::from_seconds(session.elapsed(view.at).as_secs()).to_string(),
            session_hostname: address.map(|address| host_name.of(address.hostname.clone())),
            session_id: session.key.session.to_string(),
            session_max_lease_time: lease.to_string(),
            session_size: session.size.as_str(),
            session_status,
            ports,
            connection_properties: ports,
        }
    }
}
