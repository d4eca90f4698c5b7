use std::time::Duration;

use remora_control::{Account, Config, KeyHash, new_account_id, new_key};
use remora_protocol::token::Role;
use tokio::net::TcpSocket;

use crate::support::http::{self, Answer};
use crate::support::plane::{Plane, START, ready};

async fn start(limits: &str) -> Plane {
    Plane::start_with(Config::parse(&format!("[limits]\n{limits}")).unwrap()).await
}

fn assert_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.reason.as_str(), answer.body.as_str()), (429, "Too Many Requests", ""));
    assert_eq!(answer.header("Retry-After"), Some("1"), "{answer:?}");
    assert_eq!(answer.header("Content-Type"), None, "{answer:?}");
    assert!(answer.header("MS-CV").is_some(), "{answer:?}");
}

#[tokio::test]
async fn reads_and_writes_have_separate_limits_that_recover_with_time() {
    let plane = start("reads = { per_second = 1, burst = 2 }\nwrites = { per_second = 1, burst = 1 }").await;
    let body = r#"{"maxLeaseTimeMinutes":4,"size":"Standard"}"#;
    assert_eq!(plane.call("PUT", "/sessions/one", body).await.status, 201);
    for (method, target) in [("PUT", "/sessions/two"), ("PATCH", "/sessions/one"), ("POST", "/sessions/one/:stop")] {
        assert_refused(&plane.call(method, target, body).await);
    }
    assert_eq!(plane.call("GET", "/sessions/one", "").await.json()["status"], "Starting");
    assert_eq!(plane.call("GET", "/sessions", "").await.status, 200);
    assert_refused(&plane.call("GET", "/sessions/one", "").await);
    plane.hand.advance(Duration::from_secs(1));
    assert_eq!(plane.call("GET", "/sessions/two", "").await.status, 404, "a refused write has done nothing");
    assert_eq!(plane.call("POST", "/sessions/one/:stop", "").await.status, 204);
}

#[tokio::test]
async fn an_account_cannot_use_up_the_share_of_another() {
    let plane = start("reads = { per_second = 1, burst = 1 }").await;
    let authorization = format!("Bearer {}", plane.tokens.issue(&new_account_id(), Role::Administrator, START));
    for (headers, status) in [(&[("Authorization", authorization.as_str())][..], 403), (&[], 401)] {
        assert_eq!(plane.send("GET", &plane.path("/sessions"), headers, "").await.status, status);
    }
    let answer = plane.send("GET", &plane.path("/sessions"), &[("Authorization", &authorization)], "").await;
    assert_refused(&answer);
    assert_eq!(plane.call("GET", "/sessions", "").await.status, 200);
}

#[tokio::test]
async fn conversions_count_like_other_requests() {
    let plane = start("writes = { per_second = 1, burst = 1 }").await;
    assert_eq!(plane.call("PUT", "/conversions/one", "{}").await.status, 404);
    assert_refused(&plane.call("PUT", "/sessions/one", "{}").await);
}

#[tokio::test]
async fn a_429_names_the_supported_versions_like_every_response_of_its_generation() {
    let plane = start("reads = { per_second = 1, burst = 1 }").await;
    assert_eq!(plane.call("GET", "/sessions", "").await.status, 200);
    let versions = Some("2021-01-01-preview, 2021-01-01, 2021-08-01-preview");
    let refused = plane.call("GET", "/sessions", "").await;
    assert_refused(&refused);
    assert_eq!(refused.header("api-supported-versions"), versions, "{refused:?}");
    let authorization = format!("Bearer {}", plane.token);
    let first = format!("/v1/accounts/{}/sessions", plane.account);
    for target in [&first, &plane.path("/usage")] {
        let refused = plane.send("GET", target, &[("Authorization", &authorization)], "").await;
        assert_refused(&refused);
        assert_eq!(refused.header("api-supported-versions"), None, "{target}");
    }
}

#[tokio::test]
async fn hosts_report_without_limit() {
    let plane = start("writes = { per_second = 1, burst = 1 }").await;
    let host = plane.create_ready("one", 4).await;
    for _ in 0..5 {
        assert_eq!(plane.report(&host, ready()).await.status, 200);
    }
}

/// Sends a token request from that address of this machine.
async fn ask_from(plane: &Plane, source: &str, key: &str) -> Answer {
    let authorization = format!("Bearer {}:{key}", plane.account);
    send_from(plane, source, &format!("/accounts/{}/token", plane.account), &authorization).await
}

async fn send_from(plane: &Plane, source: &str, target: &str, authorization: &str) -> Answer {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{source}:0").parse().unwrap()).unwrap();
    let stream = socket.connect(plane.host().parse().unwrap()).await.unwrap();
    http::send(stream, &plane.host(), "GET", target, &[("Authorization", authorization)], "").await
}

#[tokio::test]
async fn guessing_keys_slows_down_only_the_network_of_the_attacker() {
    let plane = start("tokens = { per_second = 1, burst = 2 }").await;
    for _ in 0..2 {
        assert_eq!(ask_from(&plane, "127.0.0.2", &new_key()).await.status, 401);
    }
    assert_refused(&ask_from(&plane, "127.0.0.2", &new_key()).await);
    assert_refused(&ask_from(&plane, "127.0.0.2", &plane.key).await);
    assert_eq!(ask_from(&plane, "127.0.0.3", &plane.key).await.status, 200);
    plane.hand.advance(Duration::from_secs(1));
    assert_eq!(ask_from(&plane, "127.0.0.2", &plane.key).await.status, 200);
}

#[tokio::test]
async fn tokens_of_an_account_are_limited_over_all_addresses() {
    let plane = start("tokens = { per_second = 1, burst = 2 }").await;
    for source in ["127.0.0.2", "127.0.0.3"] {
        assert_eq!(ask_from(&plane, source, &plane.key).await.status, 200);
    }
    assert_refused(&ask_from(&plane, "127.0.0.4", &plane.key).await);
    let (other, key) = (new_account_id(), new_key());
    let account = Account { id: other.clone(), name: "other".into(), created_at: START, keys: vec![KeyHash::of(&key)] };
    assert!(plane.store.insert_account(&account).await.unwrap());
    let authorization = format!("Bearer {other}:{key}");
    let target = format!("/accounts/{other}/token");
    assert_eq!(plane.send("GET", &target, &[("Authorization", &authorization)], "").await.status, 200);
}

#[tokio::test]
async fn a_person_has_separate_limits_within_an_account() {
    let plane = start(
        "reads = { per_second = 1, burst = 3 }\nperson_reads = { per_second = 1, burst = 1 }\n\
         person_writes = { per_second = 1, burst = 1 }",
    )
    .await;
    let (ann, bob) = (plane.token_of("ann", Role::Client), plane.token_of("bob", Role::Client));
    assert_eq!(plane.call_with(&ann, "GET", "/sessions", "").await.status, 200);
    for _ in 0..5 {
        assert_refused(&plane.call_with(&ann, "GET", "/sessions", "").await);
    }
    assert_eq!(plane.call_with(&bob, "GET", "/sessions", "").await.status, 200, "it cost the account nothing");
    assert_eq!(plane.call("GET", "/sessions", "").await.status, 200);
    assert_refused(&plane.call("GET", "/sessions", "").await);
    let body = r#"{"maxLeaseTimeMinutes":4,"size":"Standard"}"#;
    assert_eq!(plane.call_with(&ann, "PUT", "/sessions/one", body).await.status, 201, "writes are counted apart");
    assert_refused(&plane.call_with(&ann, "PUT", "/sessions/two", body).await);
    plane.hand.advance(Duration::from_secs(1));
    assert_eq!(plane.call_with(&ann, "GET", "/sessions/one", "").await.status, 200);
}

#[tokio::test]
async fn trying_unknown_accounts_slows_down_an_address_but_not_its_neighbours() {
    let plane = start("stranger_tokens = { per_second = 1, burst = 3 }").await;
    let ask_for_unknown = async |source: &str| {
        let account = new_account_id();
        let authorization = format!("Bearer {account}:{}", new_key());
        let target = format!("/accounts/{account}/token");
        send_from(&plane, source, &target, &authorization).await
    };
    // Another person at the same address has signed in before.
    assert_eq!(ask_from(&plane, "127.0.0.2", &plane.key).await.status, 200);
    for _ in 0..2 {
        let answer = ask_for_unknown("127.0.0.2").await;
        assert_eq!((answer.status, answer.body.as_str()), (401, ""));
    }
    for _ in 0..3 {
        assert_refused(&ask_for_unknown("127.0.0.2").await);
    }
    assert_eq!(ask_from(&plane, "127.0.0.2", &plane.key).await.status, 200);
    assert_eq!(ask_for_unknown("127.0.0.3").await.status, 401, "another address");
    // Existing and missing accounts have the same response.
    for _ in 0..2 {
        ask_from(&plane, "127.0.0.3", &new_key()).await;
    }
    assert_refused(&ask_from(&plane, "127.0.0.3", &new_key()).await);
    assert_refused(&ask_for_unknown("127.0.0.3").await);
    plane.hand.advance(Duration::from_secs(1));
    assert_eq!(ask_for_unknown("127.0.0.2").await.status, 401);
}
