//! Who may connect: verifies an access token with the control plane's public key, without asking it.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, errors::ErrorKind};
use remora_protocol::token::{AUDIENCE, AccessClaims, ISSUER};
use thiserror::Error;

#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
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
    #[error("this host has not been given a session yet; ask again in a moment")]
    NoSession,
}

pub struct TokenVerifier {
    key: DecodingKey,
}

impl TokenVerifier {
    /// `None` if the key is not the PEM of an RSA public key.
    pub fn new(public_key_pem: &str) -> Option<Self> {
        let key = DecodingKey::from_rsa_pem(public_key_pem.as_bytes()).ok()?;
        Some(Self { key })
    }

    /// Whether the token is one of this service at all. `authorization` is the header's value, `now` seconds since
    /// 1970.
    pub fn verify(&self, authorization: Option<&str>, now: u64) -> Result<AccessClaims, Refusal> {
        let token = authorization
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or(Refusal::Missing)?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        // Expiry is checked below against the given time.
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

/// Whether the token is that of the account.
pub fn must_be_of(claims: &AccessClaims, account_id: &str) -> Result<(), Refusal> {
    if claims.sub.eq_ignore_ascii_case(account_id) { Ok(()) } else { Err(Refusal::Foreign) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use aws_lc_rs::{
        encoding::AsDer,
        rsa::{KeyPair, KeySize},
        signature::KeyPair as _,
    };
    use jsonwebtoken::{EncodingKey, Header, encode};
    use remora_protocol::token::Role;

    pub const ACCOUNT: &str = "11111111-2222-3333-4444-555555555555";

    /// A key pair such as the control plane makes.
    pub struct Signer {
        key: EncodingKey,
        pub public_key_pem: String,
    }

    impl Signer {
        pub fn new() -> Self {
            let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key is generated");
            let private: aws_lc_rs::encoding::Pkcs8V1Der = pair.as_der().expect("a key can be written");
            let public: aws_lc_rs::encoding::PublicKeyX509Der =
                pair.public_key().as_der().expect("a key can be written");
            Self {
                key: EncodingKey::from_rsa_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes()).expect("its own PEM"),
                public_key_pem: pem("PUBLIC KEY", public.as_ref()),
            }
        }

        pub fn token(&self, account: &str, exp: u64) -> String {
            let claims = AccessClaims {
                iss: ISSUER.into(),
                aud: AUDIENCE.into(),
                sub: account.into(),
                iat: 0,
                exp,
                role: Role::Administrator,
            };
            encode(&Header::new(Algorithm::RS256), &claims, &self.key).expect("claims can be signed")
        }
    }

    fn pem(label: &str, der: &[u8]) -> String {
        use base64::Engine;
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("base64 is ASCII")).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }

    #[test]
    fn only_a_living_token_of_the_owner_opens_the_door() {
        let signer = Signer::new();
        let verifier = TokenVerifier::new(&signer.public_key_pem).expect("a good key");
        let bearer = |token: &str| format!("Bearer {token}");
        let good = bearer(&signer.token(ACCOUNT, 100));
        let claims = verifier.verify(Some(&good), 99).expect("a good token");
        assert_eq!(must_be_of(&claims, &ACCOUNT.to_ascii_uppercase()), Ok(()));
        assert_eq!(must_be_of(&claims, "99999999-2222-3333-4444-555555555555"), Err(Refusal::Foreign));
        assert_eq!(verifier.verify(Some(&good), 100), Err(Refusal::Expired));
        assert_eq!(verifier.verify(None, 99), Err(Refusal::Missing));
        assert_eq!(verifier.verify(Some("Basic abc"), 99), Err(Refusal::Missing));
        assert_eq!(verifier.verify(Some(&bearer("a.b.c")), 99), Err(Refusal::Forged));
        let forged = bearer(&Signer::new().token(ACCOUNT, 100));
        assert_eq!(verifier.verify(Some(&forged), 99), Err(Refusal::Forged));
    }

    #[test]
    fn an_unsigned_token_is_forged() {
        let signer = Signer::new();
        let verifier = TokenVerifier::new(&signer.public_key_pem).expect("a good key");
        let token = signer.token(ACCOUNT, 100);
        let payload = token.split('.').nth(1).expect("three parts");
        // {"alg":"none"}
        let unsigned = format!("Bearer eyJhbGciOiJub25lIn0.{payload}.");
        assert_eq!(verifier.verify(Some(&unsigned), 99), Err(Refusal::Forged));
    }
}
