//! Verifies access tokens with the control plane's public key, and decides whether their holders may connect.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, errors::ErrorKind};
use remora_protocol::{
    link::Assignment,
    token::{AUDIENCE, AccessClaims, ISSUER, Role},
};
use thiserror::Error;

/// The reason why a request is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum Refusal {
    #[error(
        "no access token; send `Authorization: Bearer <token>` with the token of the account that owns the session"
    )]
    Missing,
    #[error("the access token has expired; fetch a new one from the token service")]
    Expired,
    #[error("the access token is not one of this service")]
    Forged,
    #[error("the access token is that of another account than the one that owns this session")]
    Foreign,
    #[error("this session is private: only the person who created it and administrators of the account may connect")]
    Private,
    #[error("this host has not been given a session yet; ask again in a moment")]
    NoSession,
}

/// Verifies access tokens.
pub(crate) struct TokenVerifier {
    key: DecodingKey,
}

impl TokenVerifier {
    /// Returns `None` if the key is not the PEM of an RSA public key.
    pub(crate) fn new(public_key_pem: &str) -> Option<Self> {
        let key = DecodingKey::from_rsa_pem(public_key_pem.as_bytes()).ok()?;
        Some(Self { key })
    }

    /// Returns the claims of a token of this service. `authorization` is the header's value, `now` is in seconds since
    /// 1970.
    pub(crate) fn verify(&self, authorization: Option<&str>, now: u64) -> Result<AccessClaims, Refusal> {
        let token = authorization
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or(Refusal::Missing)?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        // Expiry is checked below, against the given time.
        validation.validate_exp = false;
        let claims = decode::<AccessClaims>(token, &self.key, &validation)
            .map_err(|error| match error.kind() {
                ErrorKind::ExpiredSignature => Refusal::Expired,
                _ => Refusal::Forged,
            })?
            .claims;
        if claims.exp <= now {
            return Err(Refusal::Expired);
        }
        Ok(claims)
    }
}

/// Checks that the holder of the token may connect to the session.
pub(crate) fn check_admission(claims: &AccessClaims, session: &Assignment) -> Result<(), Refusal> {
    if !claims.sub.eq_ignore_ascii_case(&session.account_id) {
        return Err(Refusal::Foreign);
    }
    if !session.private || claims.role == Role::Administrator {
        return Ok(());
    }
    let person = claims.owner.as_ref().and_then(|owner| owner.person.as_ref());
    let creator = session.owner.as_ref().and_then(|owner| owner.person.as_ref());
    if person.is_some() && person == creator { Ok(()) } else { Err(Refusal::Private) }
}

#[cfg(test)]
pub(crate) mod tests;
