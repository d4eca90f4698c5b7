//! People and services that an identity provider vouches for: tokens of OpenID Connect issuers instead of account keys.
//!
//! ```text
//!   token ─▶ configured issuer (iss, aud) ─▶ key by its id ─▶ signature, issuer, audience, time ─▶ person ─▶ role
//!                                                 │
//!                                                 └─ cache ◀─ JWKS ◀─ /.well-known/openid-configuration
//! ```
//!
//! Two kinds of token are accepted. Services and applications bring access tokens whose audience is the issuer's
//! `audience`. If a `client_id` is configured, the page brings ID tokens that were issued to exactly that client, after
//! it has signed a person in. [`token`] has the rules.
//!
//! Before the signature has been verified, the content of a token is used for one purpose only: to find the configured
//! issuer. Addresses, algorithms and keys are never taken from a token. Only signatures with the issuer's private key
//! are accepted, so no public knowledge is enough to forge a token.

mod error;
mod fetch;
mod issuer;
mod keys;
mod person;
mod published;
mod role;
mod sign_in;
mod token;

use std::sync::Arc;

use remora_protocol::token::Role;
use remora_session::{AccountId, Person};

use crate::clock::Clock;
use crate::config;
use issuer::Issuer;
use published::Absent;
use token::Unverified;

pub(crate) use error::{IdentityError, Rejected};
pub use published::ATTEMPT_PAUSE;
pub(crate) use sign_in::Provider;

/// The issuers of the configuration.
pub struct Identities {
    issuers: Vec<Arc<Issuer>>,
    clock: Clock,
}

/// The holder of a valid token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// The person that the token names.
    pub person: Person,
    /// Their role by the issuer's configuration.
    pub role: Role,
}

impl Identities {
    /// Prepares the configured issuers. Nothing is fetched yet.
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

    /// Returns the configured issuer for the issuer and audience that the token claims.
    fn addressed(&self, unverified: &Unverified<'_>) -> Result<&Issuer, Rejected> {
        let mut named = self.issuers.iter().filter(|issuer| unverified.is_of(&issuer.identity.issuer)).peekable();
        if named.peek().is_none() {
            return Err(Rejected::ForeignIssuer);
        }
        let found = named.find(|issuer| unverified.kind(&issuer.identity).is_some());
        found.map(|issuer| &**issuer).ok_or(Rejected::ForeignAudience)
    }
}
