//! Claims of the access token: a JWT signed with RS256 by the control plane, verified by hosts with its public key,
//! so that a handshake needs no round trip.

use serde::{Deserialize, Serialize};

pub const ISSUER: &str = "remora";
/// Sessions, conversions and hosts all accept the same audience, as the original service's tokens did.
pub const AUDIENCE: &str = "remora-rendering";

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct AccessClaims {
    pub iss: String,
    pub aud: String,
    /// Account id, a lower-case GUID.
    pub sub: String,
    /// Seconds since 1970.
    pub iat: u64,
    pub exp: u64,
    pub role: Role,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub enum Role {
    Administrator,
    /// May not convert assets.
    Client,
}
