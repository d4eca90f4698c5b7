//! The error for an unusable value.

/// A key whose value cannot be used. The caller adds the name of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} = {found}: {accepted}")]
pub struct InvalidConfig {
    /// The key as in the file, such as `limits.reads.burst` or `identity[1].issuer` (counted from 0).
    pub key: String,
    /// The value in the file.
    pub found: String,
    /// Accepted values.
    pub accepted: &'static str,
}

/// Returns an error that names the key unless the condition holds.
pub(super) fn demand(
    holds: bool,
    key: &str,
    found: impl std::fmt::Debug,
    accepted: &'static str,
) -> Result<(), InvalidConfig> {
    if holds { Ok(()) } else { Err(InvalidConfig { key: key.to_owned(), found: format!("{found:?}"), accepted }) }
}
