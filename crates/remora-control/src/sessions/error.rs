//! The reasons why a change of a session fails, by audience.

use remora_session::{ExtendRefused, Refused};

use crate::store::{Share, StoreError};

/// Reason why a client's call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    /// The session does not exist or the caller may not see it.
    #[error("the account has no session of that id")]
    NotFound,
    #[error("the account has, or had, a session of that id with other settings")]
    Taken,
    #[error("there is no such account any more")]
    NoAccount,
    #[error("there are {max} live sessions, and there may be no more")]
    OverQuota { max: u32, share: Share },
    #[error(transparent)]
    Refused(#[from] ExtendRefused),
    #[error("the session is being changed by too many at once")]
    Contended,
    #[error("the store does not answer")]
    Store(#[from] StoreError),
}

/// Reason why an event of a host, or of the control plane itself, was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The session does not exist.
    #[error("there is no such session")]
    NotFound,
    /// The state machine refuses the event.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Other writers were quicker too many times.
    #[error("the session is being changed by too many at once")]
    Contended,
    /// The store failed.
    #[error("the store does not answer")]
    Store(#[from] StoreError),
}

/// The failures that every change of a session has in common.
pub(super) enum SwapError {
    NotFound,
    Contended,
    Store(StoreError),
}

impl From<SwapError> for SessionError {
    fn from(error: SwapError) -> Self {
        match error {
            SwapError::NotFound => SessionError::NotFound,
            SwapError::Contended => SessionError::Contended,
            SwapError::Store(error) => SessionError::Store(error),
        }
    }
}

impl From<SwapError> for RecordError {
    fn from(error: SwapError) -> Self {
        match error {
            SwapError::NotFound => RecordError::NotFound,
            SwapError::Contended => RecordError::Contended,
            SwapError::Store(error) => RecordError::Store(error),
        }
    }
}
