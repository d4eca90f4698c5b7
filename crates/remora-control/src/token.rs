//! Access tokens: signed here, and verified here and by the hosts.
//!
//! The four SDKs of the original service read the expiry out of the token, each with its own decoder. Python's decoder
//! does not know `-` and `_`. Encoded ASCII contains those only for `>`, `~`, `?` and DEL, so the claims must be ASCII
//! without these four characters. Issuer, audience, GUID, numbers and role are; owners are percent-encoded.

use std::time::Duration;

use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use quick_cache::sync::Cache;
use remora_protocol::token::{AUDIENCE, AccessClaims, ISSUER, Role};
use remora_session::{AccountId, Owner, Timestamp};

use crate::{owner, pem};

/// Lifetime of a token, as in the original service.
pub const LIFE: Duration = Duration::from_hours(24);
/// Number of verified tokens that are cached. A client sends the same token for a day.
const VERIFIED_MAX: usize = 8_192;

/// Why there is no key for signing tokens.
#[derive(Debug, thiserror::Error)]
pub enum TokenKeyError {
    /// The key could not be generated.
    #[error("cannot make an RSA key")]
    Generation,
    /// The stored key is unusable.
    #[error("the token key is not an RSA private key in PKCS#8 PEM")]
    Unreadable,
}

/// Signs and verifies access tokens with one RSA key.
pub struct Tokens {
    signing: EncodingKey,
    verifying: DecodingKey,
    public_key_pem: String,
    validation: Validation,
    /// Verified tokens by their SHA-256, so that no token is kept in memory.
    verified: Cache<[u8; 32], Verified>,
}

#[derive(Clone)]
struct Verified {
    bearer: Bearer,
    /// Time of expiry, in seconds since 1970.
    expires: u64,
}

/// The holder of a valid token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// Account of the token.
    pub account: AccountId,
    /// Role of the holder.
    pub role: Role,
    /// The holder. `None` in tokens of releases without owners.
    pub owner: Option<Owner>,
}

/// The error for a token that is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token is forged, expired or not a token")]
pub struct InvalidToken;

/// Makes a new RSA key of 2048 bits, in PKCS#8 PEM.
pub fn new_private_key_pem() -> Result<String, TokenKeyError> {
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| TokenKeyError::Generation)?;
    let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| TokenKeyError::Generation)?;
    Ok(pem::encode("PRIVATE KEY", der.as_ref()))
}

impl Tokens {
    /// Reads the RSA key.
    pub fn new(private_key_pem: &str) -> Result<Self, TokenKeyError> {
        let der = pem::decode("PRIVATE KEY", private_key_pem).ok_or(TokenKeyError::Unreadable)?;
        let pair = KeyPair::from_pkcs8(&der).map_err(|_| TokenKeyError::Unreadable)?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| TokenKeyError::Unreadable)?;
        let public_key_pem = pem::encode("PUBLIC KEY", public.as_ref());
        let signing = EncodingKey::from_rsa_pem(private_key_pem.as_bytes()).map_err(|_| TokenKeyError::Unreadable)?;
        let verifying = DecodingKey::from_rsa_pem(public_key_pem.as_bytes()).map_err(|_| TokenKeyError::Unreadable)?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library would read the system clock; `verify` takes the time as an argument.
        validation.validate_exp = false;
        Ok(Self { signing, verifying, public_key_pem, validation, verified: Cache::new(VERIFIED_MAX) })
    }

    /// Returns the public key, with which hosts verify tokens.
    pub fn public_key_pem(&self) -> &str {
        &self.public_key_pem
    }

    /// Issues a token to the holder of an account key.
    pub fn issue(&self, account: &AccountId, role: Role, now: Timestamp) -> String {
        self.issue_to(&Owner::AccountKey, account, role, now)
    }

    /// Issues a token to an owner.
    pub fn issue_to(&self, owner: &Owner, account: &AccountId, role: Role, now: Timestamp) -> String {
        let claims = AccessClaims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: account.to_string(),
            iat: now.as_seconds(),
            exp: now.as_seconds() + LIFE.as_secs(),
            role,
            owner: Some(owner::to_wire(owner)),
        };
        let mut header = Header::new(Algorithm::RS256);
        header.typ = None;
        jsonwebtoken::encode(&header, &claims, &self.signing).expect("the key has signed before and claims are JSON")
    }

    /// Verifies signature, claims and expiry of a token.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Bearer, InvalidToken> {
        let digest = digest::digest(&SHA256, token.as_bytes()).as_ref().try_into().expect("SHA-256 has 32 bytes");
        let (verified, is_new) = match self.verified.get(&digest) {
            Some(verified) => (verified, false),
            None => (self.verify_signature(token)?, true),
        };
        if verified.expires <= now.as_seconds() {
            return Err(InvalidToken);
        }
        let bearer = verified.bearer.clone();
        if is_new {
            self.verified.insert(digest, verified);
        }
        Ok(bearer)
    }

    fn verify_signature(&self, token: &str) -> Result<Verified, InvalidToken> {
        let claims = jsonwebtoken::decode::<AccessClaims>(token, &self.verifying, &self.validation)
            .map_err(|_| InvalidToken)?
            .claims;
        let account = claims.sub.parse().map_err(|_| InvalidToken)?;
        let owner = claims.owner.map(|claim| owner::from_wire(&claim).ok_or(InvalidToken)).transpose()?;
        Ok(Verified { bearer: Bearer { account, role: claims.role, owner }, expires: claims.exp })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use remora_session::{Person, PersonId};

    use super::*;
    use crate::account::new_account_id;

    fn tokens() -> Tokens {
        Tokens::new(&new_private_key_pem().unwrap()).unwrap()
    }

    #[test]
    fn a_token_is_valid_for_a_day_and_no_second_longer() {
        let (tokens, account) = (tokens(), new_account_id());
        let now = Timestamp::from_milliseconds(1_700_000_000_000);
        let token = tokens.issue(&account, Role::Client, now);
        let last = now + (LIFE - Duration::from_secs(1));
        let bearer = Bearer { account, role: Role::Client, owner: Some(Owner::AccountKey) };
        assert_eq!(tokens.verify(&token, last), Ok(bearer));
        assert_eq!(tokens.verify(&token, now + LIFE), Err(InvalidToken), "although it has been verified before");
    }

    #[test]
    fn tokens_of_other_keys_and_changed_tokens_are_refused() {
        let (mine, other, account) = (tokens(), tokens(), new_account_id());
        let now = Timestamp::from_milliseconds(1_700_000_000_000);
        let token = mine.issue(&account, Role::Administrator, now);
        assert_eq!(other.verify(&token, now), Err(InvalidToken));
        let foreign = mine.issue(&new_account_id(), Role::Administrator, now);
        let parts: Vec<&str> = token.split('.').collect();
        let foreign_parts: Vec<&str> = foreign.split('.').collect();
        let mixed = format!("{}.{}.{}", parts[0], foreign_parts[1], parts[2]);
        let unsigned = format!("{}.{}.", parts[0], parts[1]);
        // {"alg":"none"}
        let none = format!("eyJhbGciOiJub25lIn0.{}.", parts[1]);
        for forged in [mixed, unsigned, none, String::new(), "a.b.c".into()] {
            assert_eq!(mine.verify(&forged, now), Err(InvalidToken), "{forged}");
        }
    }

    #[test]
    fn the_header_begins_like_that_of_the_original_service() {
        assert!(tokens().issue(&new_account_id(), Role::Client, Timestamp::default()).starts_with("eyJhbGciOiJSUzI1"));
    }

    proptest! {
        #[test]
        fn every_client_can_decode_the_payload(
            account: [u8; 16],
            seconds in 0..u64::from(u32::MAX),
            subject in "[^\\p{C}\\s]{1,255}",
            name: String,
        ) {
            // One key for all cases: making one takes a second.
            static TOKENS: std::sync::LazyLock<Tokens> = std::sync::LazyLock::new(tokens);
            let account = uuid::Builder::from_random_bytes(account).into_uuid().to_string().parse().unwrap();
            let now = Timestamp::from_milliseconds(seconds * 1_000);
            let id = PersonId::new("https://login.example", &subject).unwrap();
            let owner = Owner::Person(Person::new(id, &name));
            let token = TOKENS.issue_to(&owner, &account, Role::Administrator, now);
            prop_assert_eq!(TOKENS.verify(&token, now).unwrap().owner, Some(owner));
            let payload = token.split('.').nth(1).unwrap();
            prop_assert!(payload.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{}", payload);
        }
    }
}
