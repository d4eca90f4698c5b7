//! Claims of the access token: a JWT that the control plane signs with RS256 and hosts verify with its public key, so
//! that a handshake needs no further request.

use serde::{Deserialize, Serialize};

/// The `iss` claim of every access token.
pub const ISSUER: &str = "remora";
/// The `aud` claim. As in the original service, sessions, conversions and hosts accept the same audience.
pub const AUDIENCE: &str = "remora-rendering";

/// The claims of an access token.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct AccessClaims {
    /// Issuer: [`ISSUER`].
    pub iss: String,
    /// Audience: [`AUDIENCE`].
    pub aud: String,
    /// Subject: the account id, a lower-case GUID.
    pub sub: String,
    /// Time of issue, in seconds since 1970.
    pub iat: u64,
    /// Time of expiry, in seconds since 1970.
    pub exp: u64,
    /// Role of the holder in the account.
    pub role: Role,
    /// The holder of the token. Tokens of releases without owners have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

/// The creator of a session: a person whom an identity provider vouches for, or the holder of an account key.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Owner {
    /// `None` for an account key.
    #[serde(flatten)]
    pub person: Option<PersonId>,
    /// Name to show to people.
    #[serde(with = "encoded")]
    pub name: String,
}

/// Identifies a person by issuer and subject together.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct PersonId {
    /// Issuer of the identity provider.
    #[serde(with = "encoded")]
    pub issuer: String,
    /// Subject that the issuer gives the person.
    #[serde(with = "encoded")]
    pub subject: String,
}

/// Rights of the holder of a token in the account.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Administrator,
    /// Everything but converting assets.
    Client,
}

/// Serialises text in percent-encoding. Some clients decode a token with the wrong one of the two base64 alphabets,
/// which works only for ASCII without `>`, `?`, `~` and DEL, whereas names and subjects may be any text.
mod encoded {
    use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    /// Characters to encode besides everything that is not ASCII.
    const ENCODED: &AsciiSet = &CONTROLS.add(b'%').add(b'>').add(b'?').add(b'~');

    pub(super) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&utf8_percent_encode(text, ENCODED))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        let text = String::deserialize(deserializer)?;
        percent_decode_str(&text).decode_utf8().map(String::from).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(owner: Option<Owner>) -> AccessClaims {
        let (iss, aud, sub) = (ISSUER.into(), AUDIENCE.into(), "account".into());
        AccessClaims { iss, aud, sub, iat: 1, exp: 2, role: Role::Client, owner }
    }

    #[test]
    fn owners_are_encoded_in_ascii_that_every_client_decodes() {
        let person = PersonId { issuer: "https://login.example/a~b".into(), subject: "100%? >\u{7f}\"\\".into() };
        let owners = [
            Some(Owner { person: Some(person), name: "Anna Müller 🦊".into() }),
            Some(Owner { person: None, name: "account key".into() }),
            None,
        ];
        for owner in owners {
            let claims = claims(owner);
            let text = serde_json::to_string(&claims).unwrap();
            assert!(text.bytes().all(|byte| (0x20..0x7e).contains(&byte) && byte != b'>' && byte != b'?'), "{text}");
            assert_eq!(serde_json::from_str::<AccessClaims>(&text).unwrap(), claims);
        }
    }

    #[test]
    fn tokens_of_releases_without_owners_stay_readable() {
        let text = serde_json::to_string(&claims(None)).unwrap();
        assert!(!text.contains("owner"), "{text}");
        assert_eq!(serde_json::from_str::<AccessClaims>(&text).unwrap(), claims(None));
    }
}
