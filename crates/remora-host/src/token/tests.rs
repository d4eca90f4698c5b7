//! Tokens of a key pair of the tests.

use super::*;
use aws_lc_rs::{
    encoding::AsDer,
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use jsonwebtoken::{EncodingKey, Header, encode};
use remora_protocol::token::{Owner, PersonId};

pub(crate) const ACCOUNT: &str = "11111111-2222-3333-4444-555555555555";

/// A key pair like the control plane's.
pub(crate) struct Signer {
    key: EncodingKey,
    pub(crate) public_key_pem: String,
}

impl Signer {
    pub(crate) fn new() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key is generated");
        let private: aws_lc_rs::encoding::Pkcs8V1Der = pair.as_der().expect("a key can be written");
        let public: aws_lc_rs::encoding::PublicKeyX509Der = pair.public_key().as_der().expect("a key can be written");
        Self {
            key: EncodingKey::from_rsa_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes()).expect("its own PEM"),
            public_key_pem: pem("PUBLIC KEY", public.as_ref()),
        }
    }

    pub(crate) fn token(&self, account: &str, exp: u64) -> String {
        self.sign(&claims(account, exp, Role::Administrator, None))
    }

    /// Returns the token of a person who is a Client.
    pub(crate) fn token_of(&self, subject: &str, account: &str, exp: u64) -> String {
        self.sign(&claims(account, exp, Role::Client, Some(subject)))
    }

    fn sign(&self, claims: &AccessClaims) -> String {
        encode(&Header::new(Algorithm::RS256), claims, &self.key).expect("claims can be signed")
    }
}

fn claims(account: &str, exp: u64, role: Role, subject: Option<&str>) -> AccessClaims {
    AccessClaims {
        iss: ISSUER.into(),
        aud: AUDIENCE.into(),
        sub: account.into(),
        iat: 0,
        exp,
        role,
        owner: subject.map(person),
    }
}

pub(crate) fn person(subject: &str) -> Owner {
    let id = PersonId { issuer: "https://login.example".into(), subject: subject.into() };
    Owner { person: Some(id), name: "Ann".into() }
}

fn session(private: bool, owner: Option<Owner>) -> Assignment {
    let (session_id, account_id) = ("one".into(), ACCOUNT.to_ascii_uppercase());
    Assignment { session_id, account_id, lease_milliseconds: 1_000, models: vec![], owner, private }
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("base64 is ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[test]
fn only_an_unexpired_token_of_the_owner_is_accepted() {
    let signer = Signer::new();
    let verifier = TokenVerifier::new(&signer.public_key_pem).expect("a good key");
    let bearer = |token: &str| format!("Bearer {token}");
    let good = bearer(&signer.token(ACCOUNT, 100));
    let claims = verifier.verify(Some(&good), 99).expect("a good token");
    assert_eq!(check_admission(&claims, &session(false, None)), Ok(()));
    let foreign = Assignment { account_id: "99999999-2222-3333-4444-555555555555".into(), ..session(false, None) };
    assert_eq!(check_admission(&claims, &foreign), Err(Refusal::Foreign));
    assert_eq!(verifier.verify(Some(&good), 100), Err(Refusal::Expired));
    assert_eq!(verifier.verify(None, 99), Err(Refusal::Missing));
    assert_eq!(verifier.verify(Some("Basic abc"), 99), Err(Refusal::Missing));
    assert_eq!(verifier.verify(Some(&bearer("a.b.c")), 99), Err(Refusal::Forged));
    let forged = bearer(&Signer::new().token(ACCOUNT, 100));
    assert_eq!(verifier.verify(Some(&forged), 99), Err(Refusal::Forged));
}

#[test]
fn a_private_session_admits_its_creator_and_administrators() {
    let admitted = |role, subject: Option<&str>, session: &Assignment| {
        check_admission(&claims(ACCOUNT, 1, role, subject), session)
    };
    let of_ann = session(true, Some(person("ann")));
    assert_eq!(admitted(Role::Client, Some("ann"), &of_ann), Ok(()));
    assert_eq!(admitted(Role::Client, Some("bob"), &of_ann), Err(Refusal::Private));
    assert_eq!(admitted(Role::Client, None, &of_ann), Err(Refusal::Private));
    assert_eq!(admitted(Role::Administrator, Some("bob"), &of_ann), Ok(()));
    let of_another_issuer = PersonId { issuer: "https://other.example".into(), subject: "ann".into() };
    let namesake = session(true, Some(Owner { person: Some(of_another_issuer), name: "Ann".into() }));
    assert_eq!(admitted(Role::Client, Some("ann"), &namesake), Err(Refusal::Private));
    let unowned = [None, Some(Owner { person: None, name: "account key".into() })];
    for owner in unowned {
        for subject in [None, Some("ann")] {
            assert_eq!(admitted(Role::Client, subject, &session(true, owner.clone())), Err(Refusal::Private));
        }
    }
    assert_eq!(admitted(Role::Client, Some("bob"), &session(false, Some(person("ann")))), Ok(()));
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
