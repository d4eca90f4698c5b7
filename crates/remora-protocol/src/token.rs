//! Claims of the access token: a JWT signed with RS256 by the control plane, verified by hosts with its public key,
//! so that a handshake needs no round trip.

use serde::{Deserialize, Serialize};

pub const ISSUER: &str = "remora";
/// Sessions, conversions and hosts all accept the same audience, as the original service's tokens did.
pub const AUDIENCE: &str = "remora-rendering";

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct AccessClaims {
    pub iss: String,
    pub aud: String,
    /// Account id, a lower-case GUID.
    pub sub: String,
    /// Seconds since 1970.
    pub iat: u64,
    pub exp: u64,
    pub role: Role,
    /// Whom the token was issued to. Tokens of releases before there were owners have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

/// A person whom an identity provider vouches for, or the holder of an account key.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Owner {
    /// `None` for an account key.
    #[serde(flatten)]
    pub person: Option<PersonId>,
    /// For people to read.
    #[serde(with = "encoded")]
    pub name: String,
}

/// Issuer and subject together identify a person.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct PersonId {
    #[serde(with = "encoded")]
    pub issuer: String,
    #[serde(with = "encoded")]
    pub subject: String,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub enum Role {
    Administrator,
    /// May not convert assets.
    Client,
}

/// Text in percent-encoding. Some clients decode a token with the wrong one of the two base64 alphabets, which works
/// for ASCII without `>`, `?`, `~` and DEL only; names and subjects are any text.
mod encoded {
    use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    /// Besides everything that is not ASCII.
    const ENCODED: &AsciiSet = &CONTROLS.add(b'%').add(b'>').add(b'?').add(b'~');

    pub fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&utf8_percent_encode(text, ENCODED))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
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
    fn owners_travel_in_ascii_that_every_decoder_takes_and_arrive_as_they_were() {
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
