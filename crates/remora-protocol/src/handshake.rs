//! The handshake with which a client connects to a render host: `POST http(s)://{hostname}:{handshakePort}/connection`
//! with `Authorization: Bearer <access token>`, `Content-Type: application/sdp` and the SDP offer as body.
//!
//! | status | body | meaning |
//! |---|---|---|
//! | 201 | the SDP answer, `application/sdp` | accepted; connected once ICE and DTLS have completed |
//! | 400 | [`ErrorBody`] `BadOffer` | the offer is not SDP, or offers no H.264 video or data channel |
//! | 401 | [`ErrorBody`] `Unauthorized` | the token is missing, forged or expired |
//! | 403 | [`ErrorBody`] `Forbidden` | the token is for another account, or the page has another origin |
//! | 409 | [`ErrorBody`] `SessionInUse` | another client holds the session, connected or not |
//! | 413 | [`ErrorBody`] `TooLarge` | the offer is longer than [`OFFER_BYTES_MAX`] |
//! | 503 | [`ErrorBody`] `Unavailable` | the host cannot connect the client at the moment; try again |
//!
//! If a session belongs to its first client until it is stopped ([`Exclusive::UntilStop`](crate::link::Exclusive)), the
//! 201 has a [`RESUME_HEADER`]: a secret that the client keeps and sends with every later offer, so that the host
//! recognises it.

use serde::{Deserialize, Serialize};

/// Path on the handshake port.
pub const CONNECTION_PATH: &str = "/connection";
/// Name of the header with the client's resume secret, in lower case as HTTP libraries expect.
pub const RESUME_HEADER: &str = "remora-resume";
/// Longest accepted SDP offer. Offers of browsers have 2 to 8 kB.
pub const OFFER_BYTES_MAX: usize = 64 * 1024;
/// Label of the reliable, ordered data channel.
pub const CONTROL_CHANNEL: &str = "control";
/// Label of the unreliable, unordered data channel.
pub const POSE_CHANNEL: &str = "pose";

/// Body of an error response, in the form that the REST API uses.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorDetail,
}

/// Code and message of an error.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct ErrorDetail {
    /// Code for programs, such as `SessionInUse`.
    pub code: String,
    /// Text for people.
    pub message: String,
}

impl ErrorBody {
    /// Makes the body from its code and message.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { error: ErrorDetail { code: code.to_owned(), message: message.into() } }
    }
}
