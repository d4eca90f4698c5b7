use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use remora_control::{Account, KeyHash, new_account_id, new_key};

use crate::support::plane::{Plane, START};

#[tokio::test]
async fn an_account_key_is_exchanged_for_a_token_of_the_api() {
    let mut plane = Plane::start().await;
    let authorization = format!("Bearer {}:{}", plane.account, plane.key);
    for target in [
        format!("/accounts/{}/token", plane.account),
        format!("/Accounts/{}/token?api-version=2019-02-28-preview", plane.account),
        format!("/ACCOUNTS/{}/TOKEN", plane.account.as_str().to_uppercase()),
    ] {
        let answer = plane.send("GET", &target, &[("Authorization", &authorization)], "").await;
        assert_eq!(answer.status, 200, "{target}");
        assert!(answer.body.starts_with(r#"{"AccessToken":"eyJhbGciOiJSUzI1"#), "{}", answer.body);
        assert_eq!(answer.header("Cache-Control"), Some("no-store, no-cache"));
        assert_eq!(answer.header("Pragma"), Some("no-cache"));
        assert_eq!(answer.header("Content-Type"), Some("application/json; charset=utf-8"));
        plane.token = answer.json()["AccessToken"].as_str().unwrap().to_owned();
        assert_eq!(plane.call("GET", "/sessions", "").await.status, 200);
    }
}

#[tokio::test]
async fn all_four_sdks_can_read_the_expiry() {
    let plane = Plane::start().await;
    let authorization = format!("Bearer {}:{}", plane.account, plane.key);
    let target = format!("/accounts/{}/token", plane.account);
    let answer = plane.send("GET", &target, &[("Authorization", &authorization)], "").await.json();
    let parts: Vec<&str> = answer["AccessToken"].as_str().unwrap().split('.').collect();
    assert_eq!(parts.len(), 3);
    for decoded in [URL_SAFE_NO_PAD.decode(parts[1]).unwrap(), STANDARD_NO_PAD.decode(parts[1]).unwrap()] {
        let claims: serde_json::Value = serde_json::from_slice(&decoded).unwrap();
        assert_eq!(claims["exp"], START.as_seconds() + 24 * 60 * 60);
        assert_eq!(claims["sub"], plane.account.as_str());
        assert_eq!(claims["role"], "Administrator");
    }
}

#[tokio::test]
async fn a_wrong_key_is_answered_with_a_bare_401() {
    let plane = Plane::start().await;
    let (other, other_key) = (new_account_id(), new_key());
    let account =
        Account { id: other.clone(), name: "other".into(), created_at: START, keys: vec![KeyHash::of(&other_key)] };
    assert!(plane.store.insert_account(&account).await.unwrap());
    let target = format!("/accounts/{}/token", plane.account);
    for authorization in [
        String::new(),
        format!("Bearer {}", plane.key),
        format!("Bearer {}:", plane.account),
        format!("Bearer {}:{}", plane.account, &plane.key[1..]),
        format!("Bearer {}:{other_key}", plane.account),
        // A valid key of another account.
        format!("Bearer {other}:{other_key}"),
        format!("Bearer {}:{}", new_account_id(), plane.key),
        format!("Bearer {}", plane.token),
    ] {
        let answer = plane.send("GET", &target, &[("Authorization", &authorization)], "").await;
        assert_eq!((answer.status, answer.body.as_str()), (401, ""), "{authorization}");
        assert_eq!(answer.header("content-length"), Some("0"));
        assert_eq!(answer.header("content-type"), None);
        assert!(answer.header("MS-CV").is_some());
    }
    assert_eq!(plane.send("POST", &target, &[], "").await.status, 405);
}
