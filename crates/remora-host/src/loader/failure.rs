//! The reasons why a model is not loaded, in the words that its client reads.

use remora_asset::AssetError;
use remora_build::BuildError;
use remora_convert::ConvertError;
use remora_protocol::codes::ErrorCode;
use thiserror::Error;

/// The reason why a model is not loaded.
#[derive(Debug, Error)]
pub(crate) enum LoadFailure {
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    NotFound(String),
    /// Clients are told the operator's limit, but not how much memory the host has.
    #[error("{model} needs more memory than importing one model may take{}", accepted_text(*.configured_bytes_max))]
    TooLarge { model: String, configured_bytes_max: Option<u64> },
    #[error("{0}")]
    Invalid(String),
    #[error("the client that wanted it has left")]
    Abandoned,
}

impl LoadFailure {
    pub(super) fn too_large(model: impl Into<String>) -> Self {
        Self::TooLarge { model: model.into(), configured_bytes_max: None }
    }

    /// Returns the code of the reply.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(_) => ErrorCode::UriRefused,
            Self::NotFound(_) => ErrorCode::ModelNotFound,
            Self::TooLarge { .. } => ErrorCode::ModelTooLarge,
            Self::Invalid(_) | Self::Abandoned => ErrorCode::ModelInvalid,
        }
    }
}

impl From<ConvertError> for LoadFailure {
    fn from(error: ConvertError) -> Self {
        match error {
            ConvertError::Build(error) => error.into(),
            ConvertError::Read { .. } => Self::NotFound(with_source(&error)),
            // The source names bytes of this host's memory.
            error if error.is_too_large() => Self::too_large(error.to_string()),
            error => Self::Invalid(with_source(&error)),
        }
    }
}

impl From<AssetError> for LoadFailure {
    fn from(error: AssetError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl From<BuildError> for LoadFailure {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Cancelled(_) => Self::Abandoned,
            other => Self::Invalid(with_source(&other)),
        }
    }
}

/// Returns the text of an error and of its sources.
pub(super) fn with_source(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

fn accepted_text(configured_bytes_max: Option<u64>) -> String {
    match configured_bytes_max {
        Some(bytes) => format!("; accepted are models that need at most {} MiB", bytes >> 20),
        None => " on this host; accepted are smaller models, and models that were converted to .arrAsset".to_owned(),
    }
}
