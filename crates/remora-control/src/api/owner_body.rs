//! The owner of a session in responses of all APIs.

use remora_session::Owner;
use serde::Serialize;

/// JSON form of an owner.
#[derive(Debug, Serialize)]
pub(super) struct OwnerBody {
    /// Issuer and subject identify a person; both are absent for an account key.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    name: String,
}

impl OwnerBody {
    pub(super) fn new(owner: &Owner) -> Self {
        let person = owner.person();
        Self {
            issuer: person.map(|id| id.issuer().to_owned()),
            subject: person.map(|id| id.subject().to_owned()),
            name: owner.name().to_owned(),
        }
    }
}
