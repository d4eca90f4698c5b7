//! A token of an issuer, before and after its signature has been verified.
//!
//! - An access token has `audience` among its audiences.
//! - An ID token, which is accepted if a `client_id` is configured, has `client_id` among its audiences. `azp`, if
//!   present, is `client_id`, and it is present if there are several audiences. `iat` is present. The token is neither
//!   typed as another kind of token nor a security event, as logout tokens are.
//!
//! A token that was issued to another client of the same issuer is therefore not accepted as an ID token, whatever
//! audiences it lists. The page compares the `nonce` of an ID token with the one that it sent, which this service does
//! not know.

use jsonwebtoken::{Algorithm, Header, Validation};
use remora_session::Timestamp;
use serde_json::{Map, Value};

use super::error::Rejected;
use super::keys::VerifyingKey;
use crate::config::Identity;

/// Longest token. Real tokens list some groups and have a few kilobytes.
const TOKEN_BYTES_MAX: usize = 16 * 1_024;
/// Tolerated difference between the clocks of this service and an issuer.
const LEEWAY_SECONDS: f64 = 60.0;
/// The optional type in the header of an ID token.
const ID_TOKEN_TYPE: &str = "JWT";

/// A token whose signature has not been verified.
pub(super) struct Unverified<'a> {
    token: &'a str,
    header: Header,
    key_id: String,
    claims: Map<String, Value>,
}

/// The accepted kinds of token, each with its audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    AccessToken { audience: &'a str },
    IdToken { client_id: &'a str },
}

impl<'a> Unverified<'a> {
    /// Decodes a token. Returns `None` if it is not a JWT or does not name its key.
    pub(super) fn read(token: &'a str) -> Option<Self> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let header = jsonwebtoken::decode_header(token).ok()?;
        // RFC 7515: a token with a critical header parameter that is not understood must be rejected.
        if header.crit.is_some() {
            return None;
        }
        let claims = jsonwebtoken::dangerous::insecure_decode_claims(token).ok()?;
        Some(Self { token, key_id: header.kid.clone()?, header, claims })
    }

    pub(super) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Returns whether the token claims to be from that issuer.
    pub(super) fn is_of(&self, issuer: &str) -> bool {
        self.text("iss") == Some(issuer)
    }

    /// Returns the kind of token that the configuration accepts this one as, by its unverified claims, or `None` if it
    /// is not accepted at all.
    pub(super) fn kind<'b>(&self, identity: &'b Identity) -> Option<Kind<'b>> {
        let client_id = identity.client_id.as_deref();
        if client_id != Some(&*identity.audience) && self.is_for(&identity.audience) {
            return Some(Kind::AccessToken { audience: &identity.audience });
        }
        client_id.filter(|client_id| self.is_id_token_of(client_id)).map(|client_id| Kind::IdToken { client_id })
    }

    fn is_for(&self, audience: &str) -> bool {
        match self.claims.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(audience)),
            _ => false,
        }
    }

    /// Checks the rules of OpenID Connect Core 1.0, section 3.1.3.7, and RFC 8725, section 3.11.
    fn is_id_token_of(&self, client_id: &str) -> bool {
        let several = matches!(self.claims.get("aud"), Some(Value::Array(audiences)) if audiences.len() > 1);
        let issued_to_client = match self.claims.get("azp") {
            None => !several,
            Some(party) => party.as_str() == Some(client_id),
        };
        let typed = self.header.typ.as_deref().is_none_or(|typ| typ.eq_ignore_ascii_case(ID_TOKEN_TYPE));
        let dated = self.claims.get("iat").is_some_and(Value::is_number);
        self.is_for(client_id) && issued_to_client && typed && dated && !self.claims.contains_key("events")
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }

    /// Verifies signature, issuer, audience and time, and returns the claims.
    pub(super) fn verify(
        &self,
        key: &VerifyingKey,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<Map<String, Value>, Rejected> {
        let (Kind::AccessToken { audience } | Kind::IdToken { client_id: audience }) =
            self.kind(identity).ok_or(Rejected::ForeignAudience)?;
        let algorithm: Algorithm = self.header.alg;
        if !key.algorithms.contains(&algorithm) {
            return Err(Rejected::Forged);
        }
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&identity.issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["iss", "aud"]);
        // The library would read the system clock; `must_be_current` takes the time as an argument.
        validation.validate_exp = false;
        let verified = jsonwebtoken::decode::<Map<String, Value>>(self.token, &key.key, &validation);
        let claims = verified.map_err(|_| Rejected::Forged)?.claims;
        must_be_current(&claims, now)?;
        Ok(claims)
    }
}

fn must_be_current(claims: &Map<String, Value>, now: Timestamp) -> Result<(), Rejected> {
    let now = now.as_seconds() as f64;
    let lasts = claims.get("exp").and_then(Value::as_f64).is_some_and(|expiry| now < expiry + LEEWAY_SECONDS);
    if !lasts {
        return Err(Rejected::Expired);
    }
    let begun = match claims.get("nbf") {
        None => true,
        Some(begin) => begin.as_f64().is_some_and(|begin| begin <= now + LEEWAY_SECONDS),
    };
    if begun { Ok(()) } else { Err(Rejected::NotYetValid) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_valid_for_its_time_and_a_minute_on_either_side() {
        let now = Timestamp::from_milliseconds(1_000_000);
        for (claims, expected) in [
            (r#"{"exp":1000}"#, Ok(())),
            (r#"{"exp":941}"#, Ok(())),
            (r#"{"exp":940}"#, Err(Rejected::Expired)),
            (r#"{"exp":941.5,"nbf":1060}"#, Ok(())),
            (r#"{"exp":2000,"nbf":1061}"#, Err(Rejected::NotYetValid)),
            (r#"{"exp":2000,"nbf":"1000"}"#, Err(Rejected::NotYetValid)),
            (r#"{"exp":"2000"}"#, Err(Rejected::Expired)),
            (r#"{"exp":null}"#, Err(Rejected::Expired)),
            ("{}", Err(Rejected::Expired)),
        ] {
            assert_eq!(must_be_current(&serde_json::from_str(claims).unwrap(), now), expected, "{claims}");
        }
    }
}
