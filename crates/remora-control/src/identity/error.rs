//! Errors of configured issuers and of their tokens.

use std::path::PathBuf;

/// Why the configured issuers cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The configured CA file of an issuer.
    #[error("identity.ca_file {path}: {problem}; it takes a PEM file with certificates of authorities")]
    CaFile {
        /// Path of the file.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// The operating system has no certificate authorities.
    #[error(
        "identity {issuer}: the operating system trusts no certificate authority; install ca-certificates, or name one \
         with ca_file"
    )]
    NoAuthorities {
        /// The issuer that cannot be reached.
        issuer: String,
    },
}

/// Why a token of an issuer is not accepted. The texts are for the caller and repeat nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// No issuer is configured, so only an account key can be meant.
    #[error("This service trusts no identity provider; it takes account keys.")]
    NoIssuers,
    /// The text is not a JWT with a key id.
    #[error("This is not a token of an identity provider: a signed JWT that names its key.")]
    NotAToken,
    /// The `iss` claim names no configured issuer.
    #[error("The token is from an identity provider that this service does not trust.")]
    ForeignIssuer,
    /// The `aud` claim names a different application.
    #[error("The token was issued for another application than this service.")]
    ForeignAudience,
    /// The signature cannot be verified.
    #[error("The token is not signed with a key that its issuer publishes.")]
    Forged,
    /// The `exp` claim is over.
    #[error("The token has expired. Sign in again.")]
    Expired,
    /// The `nbf` claim is in the future.
    #[error("The token is not valid yet. The clocks of this service and of the identity provider differ.")]
    NotYetValid,
    /// There is no usable subject claim.
    #[error("The token does not say whom it was issued to: it has no subject of at most 255 characters.")]
    NoSubject,
    /// No configured role matches the role claim.
    #[error("The token gives its holder no role in this service.")]
    NoRole,
    /// The issuer is not configured for the account.
    #[error("The identity provider of the token does not speak for this account.")]
    ForeignAccount,
    /// The issuer's keys cannot be fetched.
    #[error("The token's issuer does not publish its keys at the moment, so it cannot be verified.")]
    Undecided,
}
