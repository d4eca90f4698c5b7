use std::time::Duration;

use remora_control::{Account, Config, KeyHash, new_account_id, new_key};
use remora_protocol::token::Role;

use crate::support::http::Answer;
use crate::support::plane::{Plane, START};

async fn start(config: &str) -> Plane {
    Plane::start_with(Config::parse(config).unwrap()).await
}

async fn create(plane: &Plane, id: &str, size: &str) -> Answer {
    let body = format!(r#"{{"maxLeaseTimeMinutes":1,"size":"{size}"}}"#);
    plane.call("PUT", &format!("/sessions/{id}"), &body).await
}

fn assert_refused(answer: &Answer, says: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (429, "QuotaExceeded"), "{answer:?}");
    assert!(answer.header("Retry-After").unwrap().parse::<u32>().unwrap() >= 1, "{answer:?}");
    assert!(answer.json()["error"]["message"].as_str().unwrap().contains(says), "{answer:?}");
}

#[tokio::test]
async fn an_account_has_so_many_live_sessions_of_any_size() {
    let plane = start("[sessions]\nlive_per_account_max = 2").await;
    assert_eq!(create(&plane, "one", "Standard").await.status, 201);
    assert_eq!(create(&plane, "two", "Premium").await.status, 201);
    assert_refused(&create(&plane, "three", "Standard").await, "2 live sessions");
    assert_refused(&create(&plane, "three", "Premium").await, "2 live sessions");
    assert_eq!(plane.call("GET", "/sessions/three", "").await.status, 404, "nothing was stored");
    // The retry of an answered create does not count twice.
    assert_eq!(create(&plane, "one", "Standard").await.status, 200);

    let (other, key) = (new_account_id(), new_key());
    let account = Account { id: other.clone(), name: "other".into(), created_at: START, keys: vec![KeyHash::of(&key)] };
    assert!(plane.store.insert_account(&account).await.unwrap());
    let authorization = format!("Bearer {}", plane.tokens.issue(&other, Role::Administrator, START));
    let target = format!("/accounts/{other}/sessions/one?api-version=2021-01-01");
    let body = r#"{"maxLeaseTimeMinutes":1,"size":"Standard"}"#;
    assert_eq!(plane.send("PUT", &target, &[("Authorization", &authorization)], body).await.status, 201);
}

#[tokio::test]
async fn sizes_have_quotas_of_their_own() {
    let plane = start("[sessions]\nlive_per_account_max = 3\n[sizes.premium]\nlive_per_account_max = 1").await;
    assert_eq!(create(&plane, "one", "Premium").await.status, 201);
    assert_refused(&create(&plane, "two", "Premium").await, "1 live sessions of size Premium");
    for id in ["two", "three"] {
        assert_eq!(create(&plane, id, "Standard").await.status, 201);
    }
    assert_refused(&create(&plane, "four", "Standard").await, "3 live sessions;");
}

#[tokio::test]
async fn a_place_is_free_again_after_a_stop_and_after_an_expiry() {
    let plane = start("[sessions]\nlive_per_account_max = 1").await;
    plane.create("one", 1).await;
    assert_refused(&create(&plane, "two", "Standard").await, "1 live");
    assert_eq!(plane.call("POST", "/sessions/one/:stop", "").await.status, 204);
    let host = plane.create_ready("two", 1).await;
    assert_refused(&create(&plane, "three", "Standard").await, "1 live");
    plane.pass_with_reports(&host, Duration::from_mins(1)).await;
    plane.becomes("two", "Expired").await;
    assert_eq!(create(&plane, "three", "Standard").await.status, 201);
}

#[tokio::test]
async fn a_restart_forgets_no_place_that_is_taken() {
    let plane = start("[sessions]\nlive_per_account_max = 1").await;
    plane.create("one", 1).await;
    let plane = plane.crash_and_restart().await;
    assert_refused(&create(&plane, "two", "Standard").await, "1 live");
    assert_eq!(create(&plane, "one", "Standard").await.status, 200);
}

#[tokio::test]
async fn many_at_once_get_no_more_than_there_is() {
    let plane = std::sync::Arc::new(start("[sessions]\nlive_per_account_max = 5").await);
    let creating: Vec<_> = (0..20)
        .map(|number| {
            let plane = plane.clone();
            tokio::spawn(async move { create(&plane, &format!("s{number}"), "Standard").await.status })
        })
        .collect();
    let mut statuses = Vec::new();
    for created in creating {
        statuses.push(created.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [[201; 5].as_slice(), &[429; 15]].concat());
}

#[tokio::test]
async fn an_account_has_twenty_live_sessions_unless_the_operator_says_otherwise() {
    let plane = Plane::start().await;
    for number in 0..20 {
        assert_eq!(create(&plane, &format!("s{number}"), "Standard").await.status, 201);
    }
    assert_refused(&create(&plane, "s20", "Standard").await, "20 live sessions;");
    let plane = plane.crash_and_restart_with(Config::parse("[sessions]\nlive_per_account_max = 'unlimited'").unwrap());
    assert_eq!(create(&plane.await, "s20", "Standard").await.status, 201);
}

#[tokio::test]
async fn a_person_has_so_many_live_sessions_and_takes_no_others_place() {
    let plane = start("[sessions]\nlive_per_person_max = 1\nlive_per_account_max = 3").await;
    let create_as = async |subject: &str, id: &str| {
        let token = plane.token_of(subject, Role::Client);
        let body = r#"{"maxLeaseTimeMinutes":1,"size":"Standard"}"#;
        plane.call_with(&token, "PUT", &format!("/sessions/{id}"), body).await
    };
    assert_eq!(create_as("ann", "a1").await.status, 201);
    assert_refused(&create_as("ann", "a2").await, "You have your 1 live sessions in this account");
    let v1 = format!("/v1/accounts/{}/sessions/create", plane.account);
    let authorization = format!("Bearer {}", plane.token_of("ann", Role::Client));
    let body = r#"{"maxLeaseTime":"0:1:0","models":[],"size":"Standard"}"#;
    let answer = plane.send("POST", &v1, &[("Authorization", &authorization)], body).await;
    assert_eq!(answer.status, 429, "{answer:?}");
    assert_eq!(create_as("ann", "a1").await.status, 200, "the same once more");
    assert_eq!(create_as("bob", "b1").await.status, 201);
    assert_eq!(create(&plane, "k1", "Standard").await.status, 201);
    assert_refused(&create(&plane, "k2", "Standard").await, "The account has its 3 live sessions");
}
