//! Bodies of responses. Properties have the original service's order and are absent where it leaves them out.
//! Additional properties follow.

use remora_session::{Ending, Phase, Timestamp};
use serde::Serialize;
use time::OffsetDateTime;

use super::fault::Detail;
use crate::api::host_name::HostName;
use crate::api::owner_body::OwnerBody;
use crate::config::Sizes;
use crate::sessions::SessionView;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionBody {
    id: String,
    creation_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    arr_inspector_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handshake_port: Option<u16>,
    elapsed_time_minutes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<String>,
    max_lease_time_minutes: u16,
    size: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    teraflops: Option<f64>,
    /// Clients treat a session as failed as soon as this is present, whatever its status.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Detail>,
    /// Not a property of the original service, whose clients ignore unknown properties.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<OwnerBody>,
}

#[derive(Debug, Serialize)]
pub(super) struct ListBody {
    pub sessions: Vec<SessionBody>,
    #[serde(rename = "@nextLink", skip_serializing_if = "Option::is_none")]
    pub next_link: Option<String>,
}

impl SessionBody {
    pub(super) fn new(view: &SessionView, sizes: &Sizes, host_name: &HostName) -> Self {
        let session = &view.session;
        let (status, address, was_ready, error) = match &session.phase {
            Phase::Starting { .. } | Phase::Restarting { .. } => ("Starting", None, false, None),
            Phase::Ready { address, .. } => ("Ready", Some(address), true, None),
            Phase::Ended { how, ready_since, .. } => {
                let (status, error) = match how {
                    Ending::Stopped => ("Stopped", None),
                    Ending::Expired => ("Expired", None),
                    Ending::NoCapacity { why } => ("Error", Some(Detail::new("NoCapacity", why))),
                    Ending::Failed { why } => ("Error", Some(Detail::new("RenderHostFailure", why))),
                };
                (status, None, ready_since.is_some(), error)
            }
        };
        Self {
            id: session.key.session.to_string(),
            creation_time: iso_8601(session.created_at),
            arr_inspector_port: address.map(|address| address.inspector_port),
            handshake_port: address.map(|address| address.handshake_port),
            elapsed_time_minutes: session.elapsed(view.at).as_secs() / 60,
            hostname: address.map(|address| host_name.of(address.hostname.clone())),
            max_lease_time_minutes: session.lease.get(),
            size: session.size.as_str(),
            status,
            teraflops: was_ready.then(|| sizes.teraflops(session.size)),
            error,
            owner: session.owner.as_ref().map(OwnerBody::new),
        }
    }
}

/// Formats a time as the original service did: with an offset instead of Z, and without trailing zeros.
fn iso_8601(time: Timestamp) -> String {
    let milliseconds = time.as_milliseconds();
    let seconds = i64::try_from(milliseconds / 1_000).unwrap_or(i64::MAX);
    let date = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let fraction = match milliseconds % 1_000 {
        0 => String::new(),
        fraction => format!(".{fraction:03}").trim_end_matches('0').to_owned(),
    };
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{fraction}+00:00",
        date.year(),
        u8::from(date.month()),
        date.day(),
        date.hour(),
        date.minute(),
        date.second(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_an_offset_and_no_trailing_zeros() {
        for (milliseconds, expected) in [
            (1_714_649_053_847, "2024-05-02T11:24:13.847+00:00"),
            (1_714_649_053_840, "2024-05-02T11:24:13.84+00:00"),
            (1_714_649_053_007, "2024-05-02T11:24:13.007+00:00"),
            (1_714_649_053_000, "2024-05-02T11:24:13+00:00"),
            (0, "1970-01-01T00:00:00+00:00"),
        ] {
            assert_eq!(iso_8601(Timestamp::from_milliseconds(milliseconds)), expected);
        }
    }
}
