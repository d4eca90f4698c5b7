use remora_control::account::new_account_id;
use remora_control::token::{LIFE, Tokens, new_private_key_pem};
use remora_protocol::token::Role;

use crate::support::plane::{Plane, START};

/// Every endpoint of the API. Whoever adds one adds it here.
const ENDPOINTS: [(&str, &str); 5] = [
    ("PUT", "/sessions/one"),
    ("GET", "/sessions/one"),
    ("PATCH", "/sessions/one"),
    ("POST", "/sessions/one/:stop"),
    ("GET", "/sessions"),
];

#[tokio::test]
async fn without_a_good_token_nothing_is_told() {
    let plane = Plane::start().await;
    plane.create("one", 4).await;
    let stranger = Tokens::new(&new_private_key_pem().unwrap()).unwrap();
    let forged = format!("Bearer {}", stranger.issue(&plane.account, Role::Administrator, START));
    let good = format!("Bearer {}", plane.token);
    let cut = good[..good.len() - 2].to_owned();
    let key = format!("Bearer {}:{}", plane.account, plane.key);
    let basic = format!("Basic {}", plane.token);
    let bad = ["", "Bearer", "Bearer ", "Bearer x", &plane.token, &forged, &cut, &key, &basic];
    for (method, target) in ENDPOINTS {
        for authorization in bad {
            let answer = plane.send(method, &plane.path(target), &[("Authorization", authorization)], "").await;
            assert_eq!((answer.status, answer.reason.as_str()), (401, "Unauthorized"), "{method} {authorization}");
            assert_eq!(answer.body, "");
            assert_eq!(answer.header("WWW-Authenticate"), Some(r#"Bearer error="invalid_token""#));
        }
        assert_eq!(plane.send(method, &plane.path(target), &[], "").await.status, 401);
    }
    assert_eq!(plane.status("one").await, "Starting");
}

#[tokio::test]
async fn a_token_ends_after_a_day() {
    let plane = Plane::start().await;
    plane.hand.advance(LIFE - std::time::Duration::from_secs(1));
    assert_eq!(plane.call("GET", "/sessions", "").await.status, 200);
    plane.hand.advance(std::time::Duration::from_secs(1));
    assert_eq!(plane.call("GET", "/sessions", "").await.status, 401);
}

#[tokio::test]
async fn another_accounts_sessions_are_neither_seen_nor_changed() {
    let plane = Plane::start().await;
    plane.create("one", 4).await;
    let other = plane.tokens.issue(&new_account_id(), Role::Administrator, START);
    let authorization = format!("Bearer {other}");
    for (method, target) in ENDPOINTS {
        for target in [plane.path(target), plane.path(target).replace("/one", "/unknown")] {
            let body = r#"{"maxLeaseTimeMinutes":9,"size":"Standard"}"#;
            let answer = plane.send(method, &target, &[("Authorization", &authorization)], body).await;
            assert_eq!((answer.status, answer.body.as_str()), (403, ""), "{method} {target}");
        }
    }
    let session = plane.call("GET", "/sessions/one", "").await.json();
    assert_eq!((session["status"].as_str(), session["maxLeaseTimeMinutes"].as_u64()), (Some("Starting"), Some(4)));
}

#[tokio::test]
async fn the_account_is_written_in_any_case() {
    let plane = Plane::start().await;
    let target = plane.path("/sessions").replace(plane.account.as_str(), &plane.account.as_str().to_uppercase());
    let authorization = format!("bearer {}", plane.token);
    assert_eq!(plane.send("GET", &target, &[("Authorization", &authorization)], "").await.status, 200);
}
