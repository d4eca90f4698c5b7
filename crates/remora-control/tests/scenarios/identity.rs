use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use remora_control::{ATTEMPT_PAUSE, Authority, Clock, Config, Identities, new_account_id};
use remora_protocol::token::Role;
use serde_json::{Value, json};

use crate::support::http::Answer;
use crate::support::issuer::{self, Issuer, Key, key_set};
use crate::support::plane::{Plane, START};

const AUDIENCE: &str = "api://remora";

async fn start(issuer: &Issuer) -> Plane {
    start_for(issuer, "\"*\"").await
}

async fn start_for(issuer: &Issuer, accounts: &str) -> Plane {
    start_with(issuer, accounts, "").await
}

async fn start_with(issuer: &Issuer, accounts: &str, more: &str) -> Plane {
    let config = format!(
        "[[identity]]\nissuer = '{}'\naudience = '{AUDIENCE}'\naccounts = [{accounts}]\n{more}\n\
         roles = {{ 'remora.admin' = 'administrator', 'remora.use' = 'client' }}",
        issuer.url
    );
    let config = Config::parse(&config).unwrap();
    config.check().unwrap();
    Plane::start_with(config).await
}

fn claims(issuer: &Issuer) -> Value {
    let now = START.as_seconds();
    json!({ "iss": issuer.url, "aud": AUDIENCE, "exp": now + 3_600, "nbf": now, "sub": "x", "roles": ["remora.admin"] })
}

async fn ask(plane: &Plane, token: &str) -> Answer {
    let target = format!("/accounts/{}/token", plane.account);
    plane.send("GET", &target, &[("Authorization", &format!("Bearer {token}"))], "").await
}

/// Returns the role in the access token that this token is exchanged for.
async fn role(plane: &Plane, token: &str) -> Role {
    let answer = ask(plane, token).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let token = answer.json()["AccessToken"].as_str().unwrap().to_owned();
    let bearer = plane.tokens.verify(&token, plane.clock.now()).unwrap();
    assert_eq!(bearer.account, plane.account);
    bearer.role
}

/// Returns the message of the 401 for this token.
async fn unauthorized(plane: &Plane, token: &str, why: &str) -> String {
    let answer = ask(plane, token).await;
    assert_eq!(answer.status, 401, "{why}: {answer:?}");
    assert_eq!(answer.header("WWW-Authenticate"), None, "{why}");
    assert!(["InvalidToken", "TokenExpired"].contains(&answer.code().as_str()), "{why}: {answer:?}");
    answer.json()["error"]["message"].as_str().unwrap().to_owned()
}

async fn assert_unauthorized(plane: &Plane, token: &str, why: &str) {
    assert!(unauthorized(plane, token, why).await.ends_with('.'), "{why}");
}

fn assert_forbidden(answer: &Answer, says: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (403, "Forbidden"), "{answer:?}");
    assert!(answer.json()["error"]["message"].as_str().unwrap().contains(says), "{answer:?}");
}

#[tokio::test]
async fn every_signature_algorithm_with_a_private_key_is_accepted() {
    let keys = [
        Key::rsa("rs256", Algorithm::RS256),
        Key::rsa("rs384", Algorithm::RS384),
        Key::rsa("rs512", Algorithm::RS512),
        Key::rsa("ps256", Algorithm::PS256),
        Key::ec("es256", Algorithm::ES256),
        Key::ec("es384", Algorithm::ES384),
    ];
    let issuer = Issuer::start(&keys.each_ref()).await;
    let mut plane = start(&issuer).await;
    for key in &keys {
        assert_eq!(role(&plane, &key.sign(&claims(&issuer))).await, Role::Administrator, "{}", key.id);
    }
    assert_eq!(issuer.fetched(), 1, "one key set contains all of them");
    // The access token is accepted by the API.
    plane.token = ask(&plane, &keys[0].sign(&claims(&issuer))).await.json()["AccessToken"].as_str().unwrap().to_owned();
    assert_eq!(plane.call("GET", "/sessions", "").await.status, 200);
}

#[tokio::test]
async fn the_role_claim_decides_about_access() {
    let key = Key::ec("key", Algorithm::ES256);
    let issuer = Issuer::start(&[&key]).await;
    let plane = start(&issuer).await;
    let with = |roles: Value| {
        let mut claims = claims(&issuer);
        claims["roles"] = roles;
        key.sign(&claims)
    };
    assert_eq!(role(&plane, &with(json!("remora.use"))).await, Role::Client);
    assert_eq!(role(&plane, &with(json!(["remora.use", "remora.admin"]))).await, Role::Administrator);
    for none in [json!([]), json!("remora.Admin"), Value::Null] {
        assert_forbidden(&ask(&plane, &with(none)).await, "no role");
    }
}

#[tokio::test]
async fn an_issuer_opens_only_its_configured_accounts() {
    let key = Key::ec("key", Algorithm::ES256);
    let issuer = Issuer::start(&[&key]).await;
    let plane = start_for(&issuer, "\"11111111-2222-3333-4444-555555555555\"").await;
    let another = ask(&plane, &key.sign(&claims(&issuer))).await;
    assert_forbidden(&another, "does not speak for this account");
    let plane = start(&issuer).await;
    let target = format!("/accounts/{}/token", new_account_id());
    let authorization = format!("Bearer {}", key.sign(&claims(&issuer)));
    let answer = plane.send("GET", &target, &[("Authorization", &authorization)], "").await;
    assert_eq!((answer.status, &answer.body), (403, &another.body), "a missing account has the same response");
}

#[tokio::test]
async fn expired_early_and_foreign_tokens_are_refused() {
    let key = Key::ec("key", Algorithm::ES256);
    let issuer = Issuer::start(&[&key]).await;
    let plane = start(&issuer).await;
    let now = START.as_seconds();
    let (expired, other_application) = ("The token has expired. Sign in again.", "issued for another application");
    let (other_provider, no_subject) = ("an identity provider that this service does not trust", "no subject");
    for (claim, value, says) in [
        ("exp", json!(now - 61), expired),
        ("exp", Value::Null, expired),
        ("exp", json!("soon"), expired),
        ("nbf", json!(now + 120), "not valid yet"),
        ("aud", json!("api://other"), other_application),
        ("aud", json!(["api://other"]), other_application),
        ("aud", json!(format!("{AUDIENCE}/")), other_application),
        ("aud", json!(AUDIENCE.to_uppercase()), other_application),
        ("aud", json!(&AUDIENCE[..AUDIENCE.len() - 1]), other_application),
        ("aud", Value::Null, other_application),
        ("iss", json!("http://127.0.0.1:1"), other_provider),
        ("iss", json!(format!("{}/", issuer.url)), other_provider),
        ("iss", json!(issuer.url.replace("localhost", "LOCALHOST")), other_provider),
        ("iss", json!(issuer.url.replace("localhost", "localhost.")), other_provider),
        ("iss", Value::Null, other_provider),
        ("sub", Value::Null, no_subject),
        ("sub", json!(""), no_subject),
        ("sub", json!(5), no_subject),
        ("sub", json!("x".repeat(256)), no_subject),
        ("sub", json!("a\nb"), no_subject),
    ] {
        let mut claims = claims(&issuer);
        claims[claim] = value.clone();
        let said = unauthorized(&plane, &key.sign(&claims), &format!("{claim} {value}")).await;
        assert!(said.contains(says), "{claim} {value}: {said}");
    }
    let mut several = claims(&issuer);
    several["aud"] = json!(["api://other", AUDIENCE]);
    assert_eq!(role(&plane, &key.sign(&several)).await, Role::Administrator);
    plane.hand.advance(Duration::from_mins(61));
    assert_unauthorized(&plane, &key.sign(&claims(&issuer)), "expired by now").await;
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let key = Key::rsa("key", Algorithm::RS256);
    let issuer = Issuer::start(&[&key]).await;
    let plane = start(&issuer).await;
    let claims = claims(&issuer);
    let good = key.sign(&claims);
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };

    let unsigned = |header: Value| format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(header.to_string()));
    // The public key as the secret of an HMAC: the token would verify if the algorithm were taken from it.
    let public = key.public();
    let modulus = URL_SAFE_NO_PAD.decode(public["n"].as_str().unwrap()).unwrap();
    let hmac = |secret: &[u8]| {
        let header = Header { kid: Some("key".into()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret).unwrap()).unwrap()
    };
    let other_claims = Key::rsa("key", Algorithm::RS256).sign(&json!({ "iss": issuer.url, "aud": AUDIENCE }));
    let other_payload = other_claims.split('.').nth(1).unwrap();
    // The token contains the address of its key, which is not fetched.
    let mut own_key = Header { kid: Some("key".into()), ..Header::new(Algorithm::RS256) };
    own_key.jku = Some(format!("{}/keys", issuer.url));
    let own_header = URL_SAFE_NO_PAD.encode(serde_json::to_string(&own_key).unwrap());
    let forgeries = [
        ("another key", Key::other_rsa("key").sign(&claims)),
        ("another algorithm of the same key", Key::rsa("key", Algorithm::PS256).sign(&claims)),
        ("no algorithm", unsigned(json!({ "alg": "none", "kid": "key" }))),
        ("no algorithm, in other letters", unsigned(json!({ "alg": "None", "kid": "key" }))),
        ("no signature", unsigned(json!({ "alg": "RS256", "kid": "key" }))),
        ("the public key as a secret", hmac(public.to_string().as_bytes())),
        ("the modulus as a secret", hmac(&modulus)),
        ("no key id", unsigned(json!({ "alg": "RS256" }))),
        ("other claims", format!("{header}.{other_payload}.{signature}")),
        ("another header", format!("{own_header}.{payload}.{signature}")),
        ("a critical extension", unsigned(json!({ "alg": "RS256", "kid": "key", "crit": ["b64"] }))),
        ("half a token", format!("{header}.{payload}")),
        ("not a token", "a.b.c".to_owned()),
        ("too long", format!("{good}{}", "A".repeat(20_000))),
    ];
    for (why, token) in forgeries {
        assert_unauthorized(&plane, &token, why).await;
    }
    assert_eq!(role(&plane, &good).await, Role::Administrator);
}

#[tokio::test]
async fn a_new_key_is_fetched_when_needed_but_not_more_often_than_allowed() {
    let (first, second) = (Key::ec("first", Algorithm::ES256), Key::ec("second", Algorithm::ES256));
    let issuer = Issuer::start(&[&first]).await;
    let plane = start(&issuer).await;
    role(&plane, &first.sign(&claims(&issuer))).await;
    issuer.publish(key_set(&[&second]));
    for _ in 0..20 {
        assert_unauthorized(&plane, &second.sign(&claims(&issuer)), "not known yet").await;
    }
    assert_eq!(issuer.fetched(), 1);
    plane.hand.advance(ATTEMPT_PAUSE);
    role(&plane, &second.sign(&claims(&issuer))).await;
    assert_eq!(issuer.fetched(), 2);
    assert_unauthorized(&plane, &first.sign(&claims(&issuer)), "withdrawn").await;
}

#[tokio::test]
async fn known_keys_stay_usable_while_the_issuer_is_down() {
    let (known, new) = (Key::ec("known", Algorithm::ES256), Key::ec("new", Algorithm::ES256));
    let issuer = Issuer::start(&[&known]).await;
    let plane = start(&issuer).await;
    let lasting = |key: &Key| {
        let mut claims = claims(&issuer);
        claims["exp"] = json!(START.as_seconds() + 1_000_000);
        key.sign(&claims)
    };
    role(&plane, &lasting(&known)).await;
    issuer.publish(issuer::Answer::Status(503));
    plane.hand.advance(Duration::from_hours(23));
    role(&plane, &lasting(&known)).await;
    plane.hand.advance(ATTEMPT_PAUSE);
    let answer = ask(&plane, &lasting(&new)).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "IssuerUnavailable"));
    assert!(answer.body.contains("does not publish its keys at the moment"), "{answer:?}");
    assert_eq!(answer.header("Retry-After"), Some("10"));
    // After a day it is unknown which keys have been withdrawn.
    plane.hand.advance(Duration::from_hours(1));
    assert_eq!(ask(&plane, &lasting(&known)).await.status, 503);
    issuer.publish(key_set(&[&known]));
    plane.hand.advance(ATTEMPT_PAUSE);
    role(&plane, &lasting(&known)).await;
}

#[tokio::test]
async fn documents_that_an_issuer_may_not_publish_are_refused() {
    let key = Key::ec("key", Algorithm::ES256);
    let elsewhere = Issuer::start(&[&key]).await;
    let issuer = Issuer::start(&[]).await;
    let plane = start(&issuer).await;
    let mut padded = json!({ "keys": [key.public()] });
    padded["padding"] = json!("x".repeat(300_000));
    for (why, answer) in [
        ("huge", issuer::Answer::Body(padded.to_string())),
        ("not JSON", issuer::Answer::Body("<html>".into())),
        ("nothing in it", issuer::Answer::Body(r#"{"keys":[]}"#.into())),
        ("somewhere else", issuer::Answer::Redirect(format!("{}/keys", elsewhere.url))),
        ("failing", issuer::Answer::Status(500)),
        ("too slow", issuer::Answer::Silence),
    ] {
        issuer.publish(answer);
        plane.hand.advance(ATTEMPT_PAUSE);
        assert_eq!(ask(&plane, &key.sign(&claims(&issuer))).await.status, 503, "{why}");
    }
    assert_eq!(elsewhere.fetched(), 0);
    issuer.publish(key_set(&[&key]));
    plane.hand.advance(ATTEMPT_PAUSE);
    role(&plane, &key.sign(&claims(&issuer))).await;
}

#[tokio::test]
async fn without_configured_issuers_only_account_keys_are_accepted() {
    let key = Key::ec("key", Algorithm::ES256);
    let issuer = Issuer::start(&[&key]).await;
    let plane = Plane::start().await;
    let answer = ask(&plane, &key.sign(&claims(&issuer))).await;
    assert_eq!((answer.status, answer.body.as_str()), (401, ""), "only a key can be meant");
    assert_eq!(issuer.fetched(), 0, "addresses in tokens are not visited");
}

#[tokio::test]
async fn an_issuers_server_is_trusted_by_the_configured_authority() {
    let (mine, others) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let now = Clock::system().now();
    let authority = Authority::open(mine.path(), now).unwrap();
    let other = Authority::open(others.path(), now).unwrap();
    let key = Key::ec("key", Algorithm::ES256);
    let issuer = Issuer::start_with_tls(&[&key], &authority).await;
    for (authority, status) in [(&authority, 200), (&other, 503)] {
        let ca_file = format!("ca_file = '{}'", authority.certificate_path().display());
        let plane = start_with(&issuer, "\"*\"", &ca_file).await;
        assert_eq!(ask(&plane, &key.sign(&claims(&issuer))).await.status, status);
    }
    assert_eq!(issuer.fetched(), 1);
}

#[tokio::test]
async fn a_ca_file_without_a_certificate_is_an_error_at_start() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    std::fs::write(&path, "nothing").unwrap();
    for path in [path, directory.path().join("absent.pem")] {
        let config = format!(
            "[[identity]]\nissuer = 'https://login.example'\naudience = 'x'\naccounts = ['*']\n\
             roles = {{ 'x' = 'client' }}\nca_file = '{}'",
            path.display()
        );
        let identities = Config::parse(&config).unwrap().identities;
        let error = Identities::new(&identities, &Clock::system()).err().expect("no authority").to_string();
        assert!(error.contains(path.to_str().unwrap()) && error.contains("PEM"), "{error}");
    }
}
