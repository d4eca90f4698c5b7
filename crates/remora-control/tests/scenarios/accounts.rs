use std::path::Path;
use std::time::Duration;

use remora_control::{KeySlot, NewAccount, Register, RegisterError, StoreConfig};
use remora_session::AccountId;

use crate::support::http::Answer;
use crate::support::installation::Installation;
use crate::support::plane::Plane;
use crate::support::within;

async fn ask(plane: &Plane, account: &AccountId, key: &str) -> Answer {
    let authorization = format!("Bearer {account}:{key}");
    plane.send("GET", &format!("/accounts/{account}/token"), &[("Authorization", &authorization)], "").await
}

#[tokio::test]
async fn either_key_opens_and_can_be_replaced_while_the_other_is_in_use() {
    let plane = Plane::start().await;
    let mut register = plane.register().await;
    let NewAccount { account, primary_key, secondary_key } = register.create("studio").await.unwrap();
    let id = &account.id;
    for key in [&primary_key, &secondary_key] {
        assert_eq!(ask(&plane, id, key).await.status, 200);
    }
    let token = ask(&plane, id, &primary_key).await.json()["AccessToken"].as_str().unwrap().to_owned();

    let new_primary = register.rotate_key(id, KeySlot::Primary).await.unwrap();
    assert_eq!(ask(&plane, id, &primary_key).await.status, 401);
    assert_eq!(ask(&plane, id, &new_primary).await.status, 200);
    assert_eq!(ask(&plane, id, &secondary_key).await.status, 200);
    let new_secondary = register.rotate_key(id, KeySlot::Secondary).await.unwrap();
    assert_eq!(ask(&plane, id, &secondary_key).await.status, 401);
    assert_eq!(ask(&plane, id, &new_primary).await.status, 200);
    assert_eq!(ask(&plane, id, &new_secondary).await.status, 200);
    // Tokens stay valid for their day even if the key is replaced.
    let target = format!("/accounts/{id}/sessions?api-version=2021-01-01");
    let authorization = format!("Bearer {token}");
    assert_eq!(plane.send("GET", &target, &[("Authorization", &authorization)], "").await.status, 200);
}

#[tokio::test]
async fn accounts_are_listed_by_age_and_without_keys() {
    let plane = Plane::start().await;
    let register = plane.register().await;
    let first = register.create("first").await.unwrap().account;
    let second = register.create("second").await.unwrap().account;
    let listed: Vec<_> = register.list().await.unwrap().into_iter().map(|account| (account.id, account.name)).collect();
    let expected = [(&plane.account, "test"), (&first.id, "first"), (&second.id, "second")];
    assert_eq!(listed, expected.map(|(id, name)| (id.clone(), name.to_owned())));
}

#[tokio::test]
async fn a_deleted_account_gets_nothing_and_its_sessions_end() {
    let plane = Plane::start().await;
    let host = plane.create_ready("one", 60).await;
    plane.register().await.delete(&plane.account).await.unwrap();

    assert_eq!(ask(&plane, &plane.account, &plane.key).await.status, 401);
    let answer = plane.call("PUT", "/sessions/three", r#"{"maxLeaseTimeMinutes":4,"size":"Standard"}"#).await;
    assert_eq!((answer.status, answer.body.as_str()), (403, ""));
    plane.pass_with_reports(&host, Duration::from_secs(10)).await;
    plane.becomes("one", "Stopped").await;
    within("every host being gone", plane.fleet.emptied()).await;
    // An earlier token can still read until it expires.
    assert_eq!(plane.call("GET", "/sessions", "").await.json()["sessions"], serde_json::json!([]));
    let answer = plane.call("PATCH", "/sessions/one", r#"{"maxLeaseTimeMinutes":90}"#).await;
    assert_eq!(answer.status, 422);
}

#[tokio::test]
async fn sessions_of_other_accounts_continue() {
    let plane = Plane::start().await;
    let host = plane.create_ready("one", 60).await;
    let register = plane.register().await;
    let other = register.create("other").await.unwrap().account;
    register.delete(&other.id).await.unwrap();
    plane.pass_with_reports(&host, Duration::from_secs(20)).await;
    assert_eq!(plane.status("one").await, "Ready");
}

#[tokio::test]
async fn missing_accounts_and_databases_are_reported() {
    let plane = Plane::start().await;
    let mut register = plane.register().await;
    let unknown: AccountId = "11111111-2222-3333-4444-555555555555".parse().unwrap();
    let rotated = register.rotate_key(&unknown, KeySlot::Primary).await;
    assert!(matches!(rotated, Err(RegisterError::NotFound { id }) if id == unknown));
    assert!(matches!(register.delete(&unknown).await, Err(RegisterError::NotFound { .. })));
    for name in ["a\nb".to_owned(), "x".repeat(129)] {
        assert!(matches!(register.create(&name).await, Err(RegisterError::Name)), "{name:?}");
    }
    let empty = tempfile::tempdir().unwrap();
    let opened = Register::open(&StoreConfig::default(), empty.path()).await;
    assert!(matches!(opened, Err(RegisterError::NoDatabase { .. })));
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0, "nothing is made");
}

async fn token_status(installation: &Installation, key: &str) -> u16 {
    let id = &installation.connection.account_id;
    let authorization = format!("Bearer {id}:{key}");
    installation.send("GET", &format!("/accounts/{id}/token"), &[("Authorization", &authorization)], "").await.status
}

fn file(directory: &Path, name: &str) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(directory.join(name)).unwrap()).unwrap()
}

#[tokio::test]
async fn rotating_a_key_of_the_local_account_updates_its_files() {
    let directory = tempfile::tempdir().unwrap();
    let installation = Installation::start(directory.path()).await;
    let id: AccountId = installation.connection.account_id.parse().unwrap();
    let old = installation.connection.account_key.clone();
    let secondary = file(directory.path(), "account.json")["secondaryKey"].as_str().unwrap().to_owned();
    let mut register = Register::open(&StoreConfig::default(), directory.path()).await.unwrap();
    let new = register.rotate_key(&id, KeySlot::Primary).await.unwrap();
    assert_eq!(file(directory.path(), "account.json")["accountKey"], new.as_str());
    assert_eq!(file(directory.path(), "connection.json")["accountKey"], new.as_str());
    for (key, status) in [(&old, 401), (&new, 200), (&secondary, 200)] {
        assert_eq!(token_status(&installation, key).await, status);
    }
    assert!(matches!(register.delete(&id).await, Err(RegisterError::Local { .. })));
    register.close().await;
    installation.stop().await;

    // A key that is in the file but not in the database, as a crash between the two leaves it.
    let mut account = file(directory.path(), "account.json");
    account["secondaryKey"] = "another".into();
    std::fs::write(directory.path().join("account.json"), account.to_string()).unwrap();
    let installation = Installation::start(directory.path()).await;
    assert_eq!(installation.connection.account_key, new);
    for (key, status) in [(new.as_str(), 200), ("another", 200), (&secondary, 401)] {
        assert_eq!(token_status(&installation, key).await, status);
    }
    installation.stop().await;
}

#[tokio::test]
async fn a_local_account_without_a_second_key_gets_one() {
    let directory = tempfile::tempdir().unwrap();
    let id = "11111111-2222-3333-4444-555555555555";
    let content = format!(r#"{{"accountId":"{id}","accountKey":"first"}}"#);
    std::fs::write(directory.path().join("account.json"), content).unwrap();
    let installation = Installation::start(directory.path()).await;
    let secondary = file(directory.path(), "account.json")["secondaryKey"].as_str().unwrap().to_owned();
    for key in ["first", &secondary] {
        assert_eq!(token_status(&installation, key).await, 200);
    }
    installation.stop().await;
}
