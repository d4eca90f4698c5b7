use std::collections::BTreeSet;
use std::path::Path;

use remora_control::{TOKEN_LIFE, Tokens, new_account_id, new_private_key_pem};
use remora_protocol::token::Role;
use remora_session::AccountId;

use crate::support::http::Answer;
use crate::support::plane::{Plane, START};

/// Every path of an account with its methods. New paths are added here, otherwise `every_path_is_in_the_table` and
/// `only_methods_of_the_table_are_accepted` fail.
const ENDPOINTS: [(&str, &[&str]); 12] = [
    ("/accounts/{account}/sessions", &["GET"]),
    ("/accounts/{account}/sessions/{session}", &["GET", "PUT", "PATCH"]),
    ("/accounts/{account}/sessions/{session}/:stop", &["POST"]),
    ("/accounts/{account}/sessions/{session}/ice-servers", &["GET"]),
    ("/accounts/{account}/usage", &["GET"]),
    ("/accounts/{account}/conversions", &METHODS),
    ("/accounts/{account}/conversions/{*rest}", &METHODS),
    ("/v1/accounts/{account}/sessions", &["GET"]),
    ("/v1/accounts/{account}/sessions/create", &["POST", "PATCH", "DELETE"]),
    ("/v1/accounts/{account}/sessions/{session}", &["PATCH", "DELETE"]),
    ("/v1/accounts/{account}/sessions/{session}/properties", &["GET"]),
    ("/v1/accounts/{account}/conversions", &METHODS),
];

/// Paths that share a handler with one of the above.
const SAME: [&str; 2] = ["/v1/accounts/{account}/conversions/", "/v1/accounts/{account}/conversions/{*rest}"];

/// Paths without an account, and paths with other authentication, which have their own scenarios.
const OTHERS: [&str; 10] = [
    "/accounts/{account}/token",
    "/hosts/{host}/report",
    "/portal/sign-in",
    "/portal/configuration",
    "/portal/models",
    "/ca.pem",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi",
];

const METHODS: [&str; 5] = ["GET", "PUT", "PATCH", "POST", "DELETE"];

/// Returns every method of every path. Paths of v1 occur with and without a slash at the end.
fn requests(account: &AccountId, session: &str) -> Vec<(&'static str, String)> {
    let mut requests = Vec::new();
    for (template, methods) in ENDPOINTS {
        for method in methods {
            requests.push((*method, target(template, account, session)));
            if template.starts_with("/v1/") {
                requests.push((*method, target(&format!("{template}/"), account, session)));
            }
        }
    }
    requests
}

fn target(template: &str, account: &AccountId, session: &str) -> String {
    let path = template.replace("{account}", account.as_str()).replace("{session}", session).replace("{*rest}", "c");
    format!("{path}?api-version=2021-01-01")
}

async fn ask(plane: &Plane, method: &str, target: &str, authorization: &str) -> Answer {
    let body = r#"{"maxLeaseTimeMinutes":9,"maxLeaseTime":"0:9:0","size":"Standard"}"#;
    plane.send(method, target, &[("Authorization", authorization)], body).await
}

async fn assert_untouched(plane: &Plane) {
    let session = plane.call("GET", "/sessions/one", "").await.json();
    assert_eq!((session["status"].as_str(), session["maxLeaseTimeMinutes"].as_u64()), (Some("Starting"), Some(4)));
}

#[tokio::test]
async fn requests_without_a_valid_token_learn_nothing() {
    let plane = Plane::start().await;
    plane.create("one", 4).await;
    let stranger = Tokens::new(&new_private_key_pem().unwrap()).unwrap();
    let forged = format!("Bearer {}", stranger.issue(&plane.account, Role::Administrator, START));
    let good = format!("Bearer {}", plane.token);
    let cut = good[..good.len() - 2].to_owned();
    let key = format!("Bearer {}:{}", plane.account, plane.key);
    let basic = format!("Basic {}", plane.token);
    let bad = ["", "Bearer", "Bearer ", "Bearer x", &plane.token, &forged, &cut, &key, &basic];
    for (method, target) in requests(&plane.account, "one") {
        for authorization in bad {
            let answer = ask(&plane, method, &target, authorization).await;
            let said = (answer.status, answer.reason.as_str(), answer.body.as_str());
            assert_eq!(said, (401, "Unauthorized", ""), "{method} {target} {authorization}");
            assert_eq!(answer.header("WWW-Authenticate"), Some(r#"Bearer error="invalid_token""#));
        }
        assert_eq!(plane.send(method, &target, &[], "").await.status, 401, "{method} {target}");
    }
    assert_untouched(&plane).await;
}

#[tokio::test]
async fn a_token_expires_after_a_day() {
    let plane = Plane::start().await;
    plane.hand.advance(TOKEN_LIFE - std::time::Duration::from_secs(1));
    assert_eq!(plane.call("GET", "/sessions", "").await.status, 200);
    plane.hand.advance(std::time::Duration::from_secs(1));
    let authorization = format!("Bearer {}", plane.token);
    for (method, target) in requests(&plane.account, "one") {
        let answer = ask(&plane, method, &target, &authorization).await;
        assert_eq!((answer.status, answer.body.as_str()), (401, ""), "{method} {target}");
    }
}

#[tokio::test]
async fn sessions_of_other_accounts_are_neither_visible_nor_changed() {
    let plane = Plane::start().await;
    plane.create("one", 4).await;
    for role in [Role::Administrator, Role::Client] {
        let authorization = format!("Bearer {}", plane.tokens.issue(&new_account_id(), role, START));
        // Existing and missing sessions and accounts have the same response.
        for (account, session) in [(&plane.account, "one"), (&plane.account, "unknown"), (&new_account_id(), "one")] {
            for (method, target) in requests(account, session) {
                let answer = ask(&plane, method, &target, &authorization).await;
                assert_eq!((answer.status, answer.body.as_str()), (403, ""), "{method} {target}");
                assert_eq!(answer.header("content-type"), None, "{method} {target}");
            }
        }
    }
    assert_untouched(&plane).await;
}

#[tokio::test]
async fn a_client_has_sessions_but_no_conversions() {
    let mut plane = Plane::start().await;
    plane.token = plane.tokens.issue(&plane.account, Role::Client, START);
    plane.create("one", 4).await;
    assert_eq!(plane.call("GET", "/sessions", "").await.status, 200);
    assert_eq!(plane.call("PATCH", "/sessions/one", r#"{"maxLeaseTimeMinutes":5}"#).await.status, 200);
    assert_eq!(plane.call("POST", "/sessions/one/:stop", "").await.status, 204);
    let client = format!("Bearer {}", plane.token);
    let administrator = format!("Bearer {}", plane.tokens.issue(&plane.account, Role::Administrator, START));
    let conversions = requests(&plane.account, "one").into_iter().filter(|(_, target)| target.contains("/conversions"));
    for (method, target) in conversions {
        let answer = ask(&plane, method, &target, &client).await;
        assert_eq!((answer.status, answer.body.as_str()), (403, ""), "{method} {target}");
        let answer = ask(&plane, method, &target, &administrator).await;
        assert_eq!(answer.status, 404, "{method} {target}");
        assert!(answer.body.contains("converts no models"), "{answer:?}");
        assert_eq!(answer.json()["error"].is_string(), target.starts_with("/v1/"), "{answer:?}");
    }
}

#[tokio::test]
async fn account_ids_are_accepted_in_any_case() {
    let plane = Plane::start().await;
    let authorization = format!("bearer {}", plane.token);
    for account in [plane.account.as_str().to_uppercase(), plane.account.to_string()] {
        let target = format!("/accounts/{account}/sessions?api-version=2021-01-01");
        assert_eq!(plane.send("GET", &target, &[("Authorization", &authorization)], "").await.status, 200);
    }
}

#[tokio::test]
async fn only_methods_of_the_table_are_accepted() {
    let plane = Plane::start().await;
    let authorization = format!("Bearer {}", plane.token);
    for (template, methods) in ENDPOINTS {
        for method in METHODS.into_iter().filter(|method| !methods.contains(method)) {
            let answer = ask(&plane, method, &target(template, &plane.account, "one"), &authorization).await;
            assert_eq!(answer.status, 405, "{method} {template} is not in the table");
        }
    }
}

/// Reads the sources, so that a new path fails here until it is in the table.
#[test]
fn every_path_is_in_the_table() {
    let mut sources = String::new();
    read_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut sources);
    let literals =
        sources.split('"').filter(|text| text.starts_with("/accounts/{") || text.starts_with("/v1/accounts/{"));
    let routed =
        sources.split(".route(").skip(1).filter_map(|call| call.trim_start().strip_prefix('"')?.split('"').next());
    let found: BTreeSet<&str> = literals.filter(|text| !text.contains('?')).chain(routed).collect();
    let endpoints = ENDPOINTS.map(|(template, _)| template);
    let missing: Vec<_> =
        found.iter().filter(|path| !endpoints.iter().chain(&SAME).chain(&OTHERS).any(|known| known == *path)).collect();
    assert!(missing.is_empty(), "not in the table: {missing:?}");
    let gone: Vec<_> = endpoints.iter().filter(|template| !found.contains(*template)).collect();
    assert!(gone.is_empty(), "no longer a path: {gone:?}");
}

fn read_below(directory: &Path, sources: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_below(&path, sources);
        } else if !path.ends_with("tests.rs") {
            sources.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}
