//! How a client connects: `POST http(s)://{hostname}:{handshakePort}/connection` with
//! `Authorization: Bearer <access token>`, `Content-Type: application/sdp` and the SDP offer as body.
//!
//! | status | body | meaning |
//! |---|---|---|
//! | 201 | the SDP answer, `application/sdp` | connected as soon as ICE and DTLS are through |
//! | 400 | [`ErrorBody`] `BadOffer` | the offer is not SDP, or offers no H.264 video or data channel |
//! | 401 | [`ErrorBody`] `Unauthorized` | no token, or a forged or expired one |
//! | 403 | [`ErrorBody`] `Forbidden` | the token of another account, or a page of another origin |
//! | 409 | [`ErrorBody`] `SessionInUse` | another client holds the session, connected or not |
//! | 413 | [`ErrorBody`] `TooLarge` | an offer of more than [`OFFER_BYTES_MAX`] |
//! | 503 | [`ErrorBody`] `Unavailable` | not now; ask again |
//!
//! Where a session is its first client's until it is stopped, the 201 has a [`RESUME_HEADER`]: a secret that the client
//! keeps and sends with every later offer, by which the host knows it again.

use serde::{Deserialize, Serialize};

/// Path on the handshake port.
pub const CONNECTION_PATH: &str = "/connection";
/// Lower case, as HTTP libraries want it.
pub const RESUME_HEADER: &str = "remora-resume";
/// An SDP offer of a browser has 2 to 8 kB.
pub const OFFER_BYTES_MAX: usize = 64 * 1024;
/// Label of the reliable, ordered data channel.
pub const CONTROL_CHANNEL: &str = "control";
/// Label of the unreliable, unordered data channel.
pub const POSE_CHANNEL: &str = "pose";

/// The same shape as the REST API's errors.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct ErrorBody {
    pub error: ErrorDetail,
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct ErrorDetail {
    pub code: String,
    pub message: String,
}

impl ErrorBody {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { error: ErrorDetail { code: code.to_owned(), message: message.into() } }
    }
}
