//! People and services that others vouch for: tokens of OpenID Connect issuers, in the place of an account key.
//!
//! ```text
//!   token ─▶ whose is it? (issuer, audience) ─▶ key by its id ─▶ signature, issuer, audience, time ─▶ person ─▶ role
//!                                                 │
//!                                                 └─ cache ◀─ JWKS ◀─ /.well-known/openid-configuration
//! ```
//!
//! Two kinds of token are accepted: access tokens whose audience is the issuer's `audience`, which services and
//! applications bring, and, where a `client_id` is configured, ID tokens that were issued to exactly that client, which
//! the page brings after it has signed a person in ([`token`] has the rules).
//!
//! Nothing in a token counts before its signature has been verified, but for finding out which configured issuer to
//! ask: addresses, algorithms and keys are never taken from it. Only signatures that need the issuer's private key are
//! accepted, so nothing that anybody can know makes a token.

mod fetch;
mod issuer;
mod keys;
mod person;
mod published;
mod role;
mod sign_in;
mod token;

use std::path::PathBuf;
use std::sync::Arc;

use remora_protocol::token::Role;
use remora_session::{AccountId, Person};

use crate::clock::Clock;
use crate::config;
use issuer::Issuer;
use published::Absent;
use token::Unverified;

pub use published::ATTEMPT_PAUSE;
pub use sign_in::Provider;

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

/// The holder of a good token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    pub person: Person,
    pub role: Role,
}

/// Why a token of an issuer opens nothing. The texts are for the caller, and repeat nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Nothing but an account key can be meant.
    #[error("This service trusts no identity provider; it takes account keys.")]
    NoIssuers,
    #[error("This is not a token of an identity provider: a signed JWT that names its key.")]
    NotAToken,
    #[error("The token is from an identity provider that this service does not trust.")]
    ForeignIssuer,
    #[error("The token was issued for another application than this service.")]
    ForeignAudience,
    #[error("The token is not signed with a key that its issuer publishes.")]
    Forged,
    #[error("The token has expired. Sign in again.")]
    Expired,
    #[error("The token is not valid yet. The clocks of this service and of the identity provider differ.")]
    NotYetValid,
    #[error("The token does not say whom it was issued to: it has no subject of at most 255 characters.")]
    NoSubject,
    #[error("The token gives its holder no role in this service.")]
    NoRole,
    #[error("The identity provider of the token does not speak for this account.")]
    ForeignAccount,
    #[error("The token's issuer does not publish its keys at the moment, so it cannot be verified.")]
    Undecided,
}

impl Identities {
    pub fn new(identities: &[config::Identity], clock: &Clock) -> Result<Self, IdentityError> {
        let issuer = |identity: &config::Identity| Issuer::new(identity.clone(), clock).map(Arc::new);
        let issuers = identities.iter().map(issuer).collect::<Result<_, _>>()?;
        Ok(Self { issuers, clock: clock.clone() })
    }

    /// Returns the holder of the token and their role in the account. The caller checks that the account exists.
    pub async fn recognise(&self, token: &str, account: &AccountId) -> Result<Recognised, Rejected> {
        if self.issuers.is_empty() {
            return Err(Rejected::NoIssuers);
        }
        let unverified = Unverified::read(token).ok_or(Rejected::NotAToken)?;
        let issuer = self.addressed(&unverified)?;
        let key = issuer.key(unverified.key_id()).await.map_err(|absent| match absent {
            Absent::Unknown => Rejected::Forged,
            Absent::Unreachable => Rejected::Undecided,
        })?;
        let identity = &issuer.identity;
        let claims = unverified.verify(&key, identity, self.clock.now())?;
        let person = person::of(&claims, identity).ok_or(Rejected::NoSubject)?;
        let role = role::strongest(&claims, &identity.role_claim, &identity.roles).ok_or(Rejected::NoRole)?;
        if identity.opens(account) { Ok(Recognised { person, role }) } else { Err(Rejected::ForeignAccount) }
    }

    /// The issuer that the token claims to be of, for the audience that it claims to be for.
    fn addressed(&self, unverified: &Unverified<'_>) -> Result<&Issuer, Rejected> {
        let mut named = self.issuers.iter().filter(|issuer| unverified.is_of(&issuer.identity.issuer)).peekable();
        if named.peek().is_none() {
            return Err(Rejected::ForeignIssuer);
        }
        let found = named.find(|issuer| unverified.kind(&issuer.identity).is_some());
        found.map(|issuer| &**issuer).ok_or(Rejected::ForeignAudience)
    }
}
