//! Whom others vouch for: access tokens of OpenID Connect issuers, in the place of an account key.
//!
//! ```text
//!   token ─▶ whose is it? (issuer, audience) ─▶ key by its id ─▶ signature, issuer, audience, time ─▶ account ─▶ role
//!                                                 │
//!                                                 └─ cache ◀─ JWKS ◀─ /.well-known/openid-configuration
//! ```
//!
//! Nothing in a token counts before its signature has been verified, but for finding out which configured issuer to
//! ask: addresses, algorithms and keys are never taken from it. Only signatures that need the issuer's private key are
//! accepted, so nothing that anybody can know makes a token.

mod fetch;
mod issuer;
mod keys;
mod role;
mod token;

use std::path::PathBuf;
use std::sync::Arc;

use remora_protocol::token::Role;
use remora_session::AccountId;

use crate::clock::Clock;
use crate::config;
use fetch::Fetcher;
use issuer::{Issuer, NoKey};
use token::Unverified;

pub use issuer::ATTEMPT_PAUSE;

/// The issuers of the configuration.
pub struct Identities {
    issuers: Vec<Arc<Issuer>>,
    clock: Clock,
}

#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("identity.ca_file {path}: {problem}; it takes a PEM file with certificates of authorities")]
    CaFile { path: PathBuf, problem: String },
    #[error(
        "identity {issuer}: the operating system trusts no certificate authority; install ca-certificates, or name one \
         with ca_file"
    )]
    NoAuthorities { issuer: String },
}

/// Why a token of an issuer opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    #[error("the token is forged, expired, not for this service, or not a token")]
    Invalid,
    #[error("the token is good, but gives no role in this account")]
    Forbidden,
    #[error("the issuer's keys cannot be fetched, so nobody can tell whether the token is good")]
    Undecided,
}

impl Identities {
    pub fn new(identities: &[config::Identity], clock: &Clock) -> Result<Self, IdentityError> {
        let issuer = |identity: &config::Identity| {
            let fetcher = Fetcher::new(identity)?;
            Ok(Arc::new(Issuer::new(identity.clone(), fetcher, clock.clone())))
        };
        let issuers = identities.iter().map(issuer).collect::<Result<_, _>>()?;
        Ok(Self { issuers, clock: clock.clone() })
    }

    /// What the holder of the token may do in the account. Whether there is such an account is the caller's affair.
    pub async fn role(&self, token: &str, account: &AccountId) -> Result<Role, Rejected> {
        let unverified = Unverified::read(token).ok_or(Rejected::Invalid)?;
        let addressed = |issuer: &&Arc<Issuer>| unverified.is_for(&issuer.identity.issuer, &issuer.identity.audience);
        let issuer = self.issuers.iter().find(addressed).ok_or(Rejected::Invalid)?;
        let key = issuer.key(unverified.key_id()).await.map_err(|no_key| match no_key {
            NoKey::Unknown => Rejected::Invalid,
            NoKey::Unreachable => Rejected::Undecided,
        })?;
        let claims = unverified.verify(&key, &issuer.identity, self.clock.now()).ok_or(Rejected::Invalid)?;
        let identity = &issuer.identity;
        if !identity.opens(account) {
            return Err(Rejected::Forbidden);
        }
        role::strongest(&claims, &identity.role_claim, &identity.roles).ok_or(Rejected::Forbidden)
    }
}
