//! The keys that an issuer publishes: the entries of a JSON Web Key Set that can verify signatures.

use std::collections::HashMap;
use std::sync::Arc;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

const KEYS_MAX: usize = 64;

/// Verifying keys by key id.
#[derive(Default)]
pub(super) struct KeySet(HashMap<String, Arc<VerifyingKey>>);

/// A public key and the algorithms that it may be used with.
pub(super) struct VerifyingKey {
    pub key: DecodingKey,
    /// Never contains an algorithm with a shared or public secret.
    pub algorithms: &'static [Algorithm],
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidKeySet {
    #[error("it is not a JSON Web Key Set")]
    NotAKeySet,
    #[error("it has more than {KEYS_MAX} keys")]
    TooMany,
    #[error("it has no key that can verify a signature: RSA, or EC on P-256 or P-384, with a key id")]
    NoneUsable,
}

#[derive(Deserialize)]
struct KeySetDocument {
    keys: Vec<Value>,
}

impl KeySet {
    /// Parses a key set. Keys of unknown kinds are ignored, as RFC 7517 requires.
    pub(super) fn parse(json: &[u8]) -> Result<Self, InvalidKeySet> {
        let document: KeySetDocument = serde_json::from_slice(json).map_err(|_| InvalidKeySet::NotAKeySet)?;
        if document.keys.len() > KEYS_MAX {
            return Err(InvalidKeySet::TooMany);
        }
        let keys: HashMap<_, _> = document.keys.into_iter().filter_map(usable).collect();
        if keys.is_empty() { Err(InvalidKeySet::NoneUsable) } else { Ok(Self(keys)) }
    }

    pub(super) fn get(&self, key_id: &str) -> Option<Arc<VerifyingKey>> {
        self.0.get(key_id).cloned()
    }
}

fn usable(key: Value) -> Option<(String, Arc<VerifyingKey>)> {
    let jwk: Jwk = serde_json::from_value(key).ok()?;
    let common = &jwk.common;
    let signs = common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature)
        && common.key_operations.as_ref().is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    if !signs {
        return None;
    }
    let algorithms = algorithms(&jwk.algorithm, common.key_algorithm)?;
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some((jwk.common.key_id?, Arc::new(VerifyingKey { key, algorithms })))
}

/// Returns the algorithm that the key declares, or all that its kind allows.
fn algorithms(parameters: &AlgorithmParameters, said: Option<KeyAlgorithm>) -> Option<&'static [Algorithm]> {
    use Algorithm::{ES256, ES384, PS256, RS256, RS384, RS512};
    let possible: &'static [Algorithm] = match parameters {
        AlgorithmParameters::RSA(_) => &[RS256, RS384, RS512, PS256],
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => &[ES256],
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P384 => &[ES384],
        _ => return None,
    };
    match said {
        None => Some(possible),
        Some(said) => {
            let one = possible.iter().position(|possible| KeyAlgorithm::from(*possible) == said)?;
            Some(&possible[one..=one])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINT: &str =
        r#""x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM""#;

    fn set(keys: &str) -> Result<KeySet, InvalidKeySet> {
        KeySet::parse(format!(r#"{{"keys":[{keys}]}}"#).as_bytes())
    }

    #[test]
    fn a_key_allows_its_declared_algorithm_or_those_of_its_kind() {
        let found = set(&format!(
            r#"{{"kty":"RSA","kid":"any","n":"AQAB","e":"AQAB"}},
               {{"kty":"RSA","kid":"one","alg":"PS256","use":"sig","n":"AQAB","e":"AQAB"}},
               {{"kty":"EC","kid":"curve","crv":"P-256",{POINT}}}"#
        ))
        .unwrap();
        let of = |key_id| found.get(key_id).unwrap().algorithms;
        assert_eq!(of("any"), [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256]);
        assert_eq!(of("one"), [Algorithm::PS256]);
        assert_eq!(of("curve"), [Algorithm::ES256]);
    }

    #[test]
    fn symmetric_keys_and_keys_for_other_purposes_are_ignored() {
        let good = r#"{"kty":"RSA","kid":"good","n":"AQAB","e":"AQAB"}"#;
        for other in [
            r#"{"kty":"oct","kid":"x","k":"c2VjcmV0"}"#,
            r#"{"kty":"RSA","kid":"x","alg":"HS256","n":"AQAB","e":"AQAB"}"#,
            r#"{"kty":"RSA","kid":"x","alg":"ES256","n":"AQAB","e":"AQAB"}"#,
            r#"{"kty":"RSA","kid":"x","alg":"RSA-OAEP","n":"AQAB","e":"AQAB"}"#,
            r#"{"kty":"RSA","kid":"x","use":"enc","n":"AQAB","e":"AQAB"}"#,
            r#"{"kty":"RSA","kid":"x","key_ops":["encrypt"],"n":"AQAB","e":"AQAB"}"#,
            r#"{"kty":"OKP","kid":"x","crv":"Ed25519","x":"AQAB"}"#,
            r#"{"kty":"new","kid":"x"}"#,
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#,
            "5",
        ] {
            let found = set(&format!("{other},{good}")).unwrap();
            assert!(found.get("x").is_none() && found.get("good").is_some(), "{other}");
            assert_eq!(set(other).err(), Some(InvalidKeySet::NoneUsable), "{other}");
        }
    }

    #[test]
    fn anything_but_a_small_key_set_is_refused() {
        for bad in ["", "[]", "{}", r#"{"keys":{}}"#, "<html>"] {
            assert_eq!(KeySet::parse(bad.as_bytes()).err(), Some(InvalidKeySet::NotAKeySet), "{bad}");
        }
        let many = vec![r#"{"kty":"RSA","kid":"x","n":"AQAB","e":"AQAB"}"#; KEYS_MAX + 1].join(",");
        assert_eq!(set(&many).err(), Some(InvalidKeySet::TooMany));
    }
}
