//! A token from outside: what it says of itself, and what is left of that once it has been verified.

use jsonwebtoken::{Algorithm, Header, Validation};
use remora_session::Timestamp;
use serde_json::{Map, Value};

use super::keys::VerifyingKey;
use crate::config::Identity;

/// The longest that issuers make have some groups and a few kilobytes.
const TOKEN_BYTES_MAX: usize = 16 * 1_024;
/// By how much clocks of issuers may be off.
const LEEWAY_SECONDS: f64 = 60.0;

pub(super) struct Unverified<'a> {
    token: &'a str,
    algorithm: Algorithm,
    key_id: String,
    claims: Map<String, Value>,
}

impl<'a> Unverified<'a> {
    /// `None` if it is no token, or one whose key nobody could find.
    pub fn read(token: &'a str) -> Option<Self> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let Header { alg: algorithm, kid, crit, .. } = jsonwebtoken::decode_header(token).ok()?;
        // What must be understood and is not makes a token unusable.
        if crit.is_some() {
            return None;
        }
        let claims = jsonwebtoken::dangerous::insecure_decode_claims(token).ok()?;
        Some(Self { token, algorithm, key_id: kid?, claims })
    }

    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Whether it claims to be of that issuer, for that audience.
    pub fn is_for(&self, issuer: &str, audience: &str) -> bool {
        let addressed = match self.claims.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(audience)),
            _ => false,
        };
        addressed && self.claims.get("iss").and_then(Value::as_str) == Some(issuer)
    }

    /// The claims of a good token.
    pub fn verify(&self, key: &VerifyingKey, identity: &Identity, now: Timestamp) -> Option<Map<String, Value>> {
        if !key.algorithms.contains(&self.algorithm) {
            return None;
        }
        let mut validation = Validation::new(self.algorithm);
        validation.set_issuer(&[&identity.issuer]);
        validation.set_audience(&[&identity.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        // The library would read the system clock.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Map<String, Value>>(self.token, &key.key, &validation).ok()?.claims;
        is_current(&claims, now).then_some(claims)
    }
}

fn is_current(claims: &Map<String, Value>, now: Timestamp) -> bool {
    let now = now.as_seconds() as f64;
    let lasts = claims.get("exp").and_then(Value::as_f64).is_some_and(|expiry| now < expiry + LEEWAY_SECONDS);
    let begun = match claims.get("nbf") {
        None => true,
        Some(begin) => begin.as_f64().is_some_and(|begin| begin <= now + LEEWAY_SECONDS),
    };
    lasts && begun
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_its_time_and_a_minute_on_either_side() {
        let now = Timestamp::from_milliseconds(1_000_000);
        for (claims, expected) in [
            (r#"{"exp":1000}"#, true),
            (r#"{"exp":941}"#, true),
            (r#"{"exp":940}"#, false),
            (r#"{"exp":941.5,"nbf":1060}"#, true),
            (r#"{"exp":2000,"nbf":1061}"#, false),
            (r#"{"exp":2000,"nbf":"1000"}"#, false),
            (r#"{"exp":"2000"}"#, false),
            (r#"{"exp":null}"#, false),
            ("{}", false),
        ] {
            assert_eq!(is_current(&serde_json::from_str(claims).unwrap(), now), expected, "{claims}");
        }
    }
}
