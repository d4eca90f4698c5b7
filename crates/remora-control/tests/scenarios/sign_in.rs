//! Signing in from the page: which issuers it offers, and which of their tokens are accepted.

use jsonwebtoken::Algorithm;
use remora_control::{ATTEMPT_PAUSE, Clock, Config, Identities};
use remora_protocol::token::Role;
use remora_session::Owner;
use serde_json::{Value, json};

use crate::support::http::Answer;
use crate::support::issuer::{self, Issuer, Key};
use crate::support::plane::{Plane, START};

const CLIENT: &str = "remora-portal";

fn configuration(issuer: &Issuer, more: &str) -> Config {
    let config = Config::parse(&format!(
        "[[identity]]\nissuer = '{}'\naudience = 'api://remora'\naccounts = ['*']\nclient_id = '{CLIENT}'\n\
         roles = {{ 'use' = 'client' }}\n{more}",
        issuer.url
    ))
    .unwrap();
    config.check().unwrap();
    config
}

fn id_token(issuer: &Issuer) -> Value {
    let now = START.as_seconds();
    json!({
        "iss": issuer.url, "aud": CLIENT, "azp": CLIENT, "exp": now + 300, "iat": now, "nonce": "n",
        "sub": "248289761001",
        "name": "Ann Müller", "roles": ["use"],
    })
}

async fn ask(plane: &Plane, token: &str) -> Answer {
    let target = format!("/accounts/{}/token", plane.account);
    plane.send("GET", &target, &[("Authorization", &format!("Bearer {token}"))], "").await
}

/// Returns the owner of the access token that this token is exchanged for.
async fn owner(plane: &Plane, token: &str) -> Owner {
    let answer = ask(plane, token).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let token = answer.json()["AccessToken"].as_str().unwrap().to_owned();
    let bearer = plane.tokens.verify(&token, plane.clock.now()).unwrap();
    assert_eq!(bearer.role, Role::Client);
    bearer.owner.expect("a token of this release names its owner")
}

#[tokio::test]
async fn an_id_token_of_the_page_names_the_person() {
    let key = Key::ec("key", Algorithm::ES256);
    let issuer = Issuer::start(&[&key]).await;
    let plane = Plane::start_with(configuration(&issuer, "")).await;
    let found = owner(&plane, &key.sign(&id_token(&issuer))).await;
    let person = found.person().unwrap();
    assert_eq!((person.issuer(), person.subject(), found.name()), (&*issuer.url, "248289761001", "Ann Müller"));
    for (names, expected) in [
        (json!({ "name": " ", "preferred_username": "ann", "email": "ann@example.com" }), "ann"),
        (json!({ "email": "ann@example.com\u{1b}[2J" }), "ann@example.com[2J"),
        (json!({ "name": ["Ann"] }), "248289761001"),
        (json!({ "name": "ä".repeat(300) }), &*"ä".repeat(128)),
    ] {
        let mut claims = id_token(&issuer);
        claims.as_object_mut().unwrap().remove("name");
        claims.as_object_mut().unwrap().extend(names.as_object().unwrap().clone());
        let found = owner(&plane, &key.sign(&claims)).await;
        assert_eq!((found.name(), found.person()), (expected, Some(person)), "{names}");
    }
    // The session that they create belongs to this person.
    let token = ask(&plane, &key.sign(&id_token(&issuer))).await.json()["AccessToken"].as_str().unwrap().to_owned();
    let body = r#"{"maxLeaseTimeMinutes":4,"size":"Standard"}"#;
    let created = plane.call_with(&token, "PUT", "/sessions/one", body).await;
    let expected = json!({ "issuer": issuer.url, "subject": "248289761001", "name": "Ann Müller" });
    assert_eq!((created.status, &created.json()["owner"]), (201, &expected));
}

#[tokio::test]
async fn the_subject_claim_is_configurable() {
    let key = Key::ec("key", Algorithm::ES256);
    let issuer = Issuer::start(&[&key]).await;
    let plane = Plane::start_with(configuration(&issuer, "subject_claim = 'oid'")).await;
    let mut claims = id_token(&issuer);
    assert!(ask(&plane, &key.sign(&claims)).await.body.contains("no subject"));
    claims["oid"] = json!("same-for-every-client");
    // An access token and an ID token identify the same person.
    let by_id_token = owner(&plane, &key.sign(&claims)).await;
    (claims["aud"], claims["sub"]) = (json!("api://remora"), json!("another"));
    assert_eq!(owner(&plane, &key.sign(&claims)).await, by_id_token);
    assert_eq!(by_id_token.person().unwrap().subject(), "same-for-every-client");
}

#[tokio::test]
async fn tokens_of_other_clients_are_refused() {
    let key = Key::ec("key", Algorithm::ES256);
    let issuer = Issuer::start(&[&key]).await;
    let plane = Plane::start_with(configuration(&issuer, "")).await;
    let with = |changes: Value| {
        let mut claims = id_token(&issuer);
        for (claim, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(claim)),
                value => claims[claim] = value.clone(),
            }
        }
        key.sign(&claims)
    };
    for (changes, why) in [
        (json!({ "aud": "other", "azp": "other" }), "another client's"),
        (json!({ "aud": "other" }), "another client's, although issued by this one"),
        (json!({ "azp": "other" }), "issued to another client"),
        (json!({ "aud": [CLIENT, "other"], "azp": null }), "several audiences without an authorised party"),
        (json!({ "aud": [CLIENT, "other"], "azp": "other" }), "issued to another client"),
        (json!({ "aud": [], "azp": CLIENT }), "of no audience"),
        (json!({ "azp": [CLIENT] }), "not one party"),
        (json!({ "aud": CLIENT.to_uppercase(), "azp": null }), "almost the client"),
        (json!({ "aud": format!("{CLIENT} "), "azp": null }), "almost the client"),
        (json!({ "iat": null }), "without the time of its making"),
        (json!({ "events": { "http://schemas.openid.net/event/backchannel-logout": {} } }), "a logout token"),
    ] {
        let answer = ask(&plane, &with(changes.clone())).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "InvalidToken"), "{why}: {answer:?}");
        assert!(answer.body.contains("another application"), "{why}: {answer:?}");
    }
    for good in [json!({}), json!({ "azp": null }), json!({ "aud": [CLIENT] }), json!({ "aud": ["other", CLIENT] })] {
        owner(&plane, &with(good)).await;
    }
    let typed = key.sign_typed("logout+jwt", &id_token(&issuer));
    assert_eq!(ask(&plane, &typed).await.status, 401, "typed as another kind of token");
    let expired = with(json!({ "exp": START.as_seconds() - 61 }));
    let answer = ask(&plane, &expired).await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "TokenExpired"));
    // Without a client id the page is not an audience.
    let text = format!(
        "[[identity]]\nissuer = '{}'\naudience = 'api://remora'\naccounts = ['*']\nroles = {{ 'use' = 'client' }}",
        issuer.url
    );
    let plane = Plane::start_with(Config::parse(&text).unwrap()).await;
    assert_eq!(ask(&plane, &with(json!({}))).await.status, 401);
}

#[tokio::test]
async fn the_page_is_told_where_people_can_sign_in() {
    let issuer = Issuer::start(&[]).await;
    let more = "display_name = 'Example Ltd'\nscopes = ['openid', 'offline_access']";
    let config = configuration(&issuer, more);
    let identities = Identities::new(&config.identities, &Clock::manual(START).0).unwrap();
    let providers = identities.providers().await;
    assert_eq!(
        serde_json::to_value(&providers).unwrap(),
        json!([{
            "name": "Example Ltd", "issuer": issuer.url, "clientId": CLIENT, "scopes": ["openid", "offline_access"],
            "authorizationEndpoint": format!("{}/authorize", issuer.url),
            "tokenEndpoint": format!("{}/oauth/token?tenant=1", issuer.url), "accounts": ["*"],
        }])
    );
    assert_eq!(providers[0].token_origin, issuer.url);
    let config = configuration(&issuer, "");
    let identities = Identities::new(&config.identities, &Clock::manual(START).0).unwrap();
    let provider = &identities.providers().await[0];
    assert_eq!(provider.name, issuer.url["http://".len()..]);
    assert_eq!(provider.scopes, ["openid", "profile", "email"]);
    let mut without = configuration(&issuer, "");
    without.identities[0].client_id = None;
    let identities = Identities::new(&without.identities, &Clock::manual(START).0).unwrap();
    assert_eq!(identities.providers().await, []);
}

#[tokio::test]
async fn an_unreachable_issuer_is_left_out_and_asked_again_later() {
    let (issuer, silent) = (Issuer::start(&[]).await, Issuer::start(&[]).await);
    let mut config = configuration(&issuer, "");
    config.identities.extend(configuration(&silent, "").identities);
    let (clock, hand) = Clock::manual(START);
    let identities = Identities::new(&config.identities, &clock).unwrap();
    silent.configure(issuer::Answer::Silence);
    let names = async || identities.providers().await.into_iter().map(|found| found.issuer).collect::<Vec<_>>();
    assert_eq!(names().await, std::slice::from_ref(&issuer.url));
    silent.configure(issuer::Answer::Status(500));
    for answer in [
        issuer::Answer::Body("<html>".into()),
        issuer::Answer::Body(json!({ "issuer": silent.url, "jwks_uri": silent.url }).to_string()),
        issuer::Answer::Body(silent.configuration_with("issuer", "https://other.example")),
        issuer::Answer::Body(silent.configuration_with("token_endpoint", "http://login.example/token")),
        issuer::Answer::Body(silent.configuration_with("token_endpoint", "https://a.example;script-src/token")),
        issuer::Answer::Body(silent.configuration_with("authorization_endpoint", "javascript:alert(1)")),
        issuer::Answer::Redirect(issuer.url.clone()),
    ] {
        silent.configure(answer);
        hand.advance(ATTEMPT_PAUSE);
        assert_eq!(names().await, std::slice::from_ref(&issuer.url));
    }
    silent.configure(issuer::Answer::Body(silent.configuration_with("issuer", &silent.url)));
    assert_eq!(names().await, std::slice::from_ref(&issuer.url), "it has been asked a moment ago");
    hand.advance(ATTEMPT_PAUSE);
    assert_eq!(names().await, [issuer.url.clone(), silent.url.clone()]);
    // The documents stay cached while the issuer is down.
    silent.configure(issuer::Answer::Status(503));
    hand.advance(std::time::Duration::from_hours(12));
    assert_eq!(names().await.len(), 2);
}

#[tokio::test]
async fn the_page_may_connect_to_the_issuer_and_loads_without_it() {
    let issuer = Issuer::start(&[]).await;
    let down = Issuer::start(&[]).await;
    down.configure(issuer::Answer::Status(503));
    for (asked, there) in [(&issuer, true), (&down, false)] {
        let plane = Plane::start_with(configuration(asked, "")).await;
        let answer = plane.send("GET", "/portal/configuration", &[], "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let sign_in = &answer.json()["signIn"];
        let clients: Vec<&Value> =
            sign_in["identityProviders"].as_array().unwrap().iter().map(|provider| &provider["clientId"]).collect();
        assert_eq!((clients.contains(&&json!(CLIENT)), &sign_in["accountKey"]), (there, &json!(true)));
        let page = plane.send("GET", "/", &[], "").await;
        assert_eq!(page.status, 200, "{page:?}");
        let policy = page.header("Content-Security-Policy").unwrap();
        let connect = policy.split(';').find(|directive| directive.trim().starts_with("connect-src")).unwrap();
        assert_eq!(connect.split(' ').any(|source| source == asked.url), there, "{policy}");
    }
}
