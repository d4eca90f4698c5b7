use std::time::Duration;

use remora_control::Config;
use remora_protocol::token::Role;
use serde_json::Value;

use crate::support::http::Answer;
use crate::support::plane::{Plane, ready};

const BODY: &str = r#"{"maxLeaseTimeMinutes":60,"size":"Standard"}"#;

async fn start() -> Plane {
    Plane::start_with(Config::parse("[sessions]\nprivate = true").unwrap()).await
}

async fn create(plane: &Plane, token: &str, id: &str) -> Answer {
    plane.call_with(token, "PUT", &format!("/sessions/{id}"), BODY).await
}

/// Returns the ids of all pages and the number of pages.
async fn listed(plane: &Plane, token: &str) -> (Vec<String>, usize) {
    let authorization = format!("Bearer {token}");
    let (mut ids, mut pages) = (Vec::new(), 1);
    let mut page = plane.call_with(token, "GET", "/sessions", "").await.json();
    loop {
        let sessions = page["sessions"].as_array().unwrap();
        ids.extend(sessions.iter().map(|session| session["id"].as_str().unwrap().to_owned()));
        let Some(link) = page.get("@nextLink").and_then(Value::as_str) else { return (ids, pages) };
        let target = link.strip_prefix(&format!("https://{}", plane.host())).unwrap().to_owned();
        page = plane.send("GET", &target, &[("Authorization", &authorization)], "").await.json();
        pages += 1;
    }
}

#[tokio::test]
async fn a_session_of_another_person_looks_missing() {
    let plane = start().await;
    let (ann, bob) = (plane.token_of("ann", Role::Client), plane.token_of("bob", Role::Client));
    assert_eq!(create(&plane, &ann, "one").await.status, 201);
    for (method, target, body) in [
        ("GET", "/sessions/one", ""),
        ("PATCH", "/sessions/one", r#"{"maxLeaseTimeMinutes":90}"#),
        ("POST", "/sessions/one/:stop", ""),
        ("GET", "/sessions/one/ice-servers", ""),
    ] {
        let absent = target.replace("one", "none");
        let expected = plane.call_with(&bob, method, &absent, body).await;
        let answer = plane.call_with(&bob, method, target, body).await;
        assert_eq!((answer.status, &answer.body), (404, &expected.body), "{method} {target}");
    }
    for (method, target, body) in [
        ("GET", "/sessions/one/properties", ""),
        ("PATCH", "/sessions/one", r#"{"maxLeaseTime":"1:30:00"}"#),
        ("DELETE", "/sessions/one", ""),
    ] {
        let target = format!("/v1/accounts/{}{target}", plane.account);
        let answer = plane.send(method, &target, &[("Authorization", &format!("Bearer {bob}"))], body).await;
        assert_eq!(answer.status, 404, "{method} {target}: {answer:?}");
    }
    // Ids are unique in the account: this one is taken. The response says nothing about its owner.
    let taken = create(&plane, &bob, "one").await;
    assert_eq!((taken.status, taken.code().as_str()), (409, "Conflict"));
    assert!(!taken.body.contains("ann"), "{}", taken.body);
    assert_eq!(create(&plane, &ann, "one").await.status, 200, "a retry of the same person");
    assert_eq!(plane.call_with(&ann, "POST", "/sessions/one/:stop", "").await.status, 204);
}

#[tokio::test]
async fn lists_contain_only_own_sessions_and_miss_none_between_pages() {
    let plane = start().await;
    let (ann, bob) = (plane.token_of("ann", Role::Client), plane.token_of("bob", Role::Client));
    for number in 0..5 {
        for (name, token) in [("a", &ann), ("b", &bob), ("k", &plane.token)] {
            assert_eq!(create(&plane, token, &format!("{name}{number}")).await.status, 201);
        }
        plane.hand.advance(Duration::from_millis(1));
    }
    assert_eq!(listed(&plane, &ann).await, (["a0", "a1", "a2", "a3", "a4"].map(str::to_owned).to_vec(), 3));
    assert_eq!(listed(&plane, &bob).await.0, ["b0", "b1", "b2", "b3", "b4"]);
    for everything in [&plane.token, &plane.token_of("carol", Role::Administrator)] {
        assert_eq!(listed(&plane, everything).await.0.len(), 15);
    }
    // A continuation of another person's list reveals none of their sessions.
    let page = plane.call("GET", "/sessions", "").await.json();
    let link = page["@nextLink"].as_str().unwrap();
    let target = link.strip_prefix(&format!("https://{}", plane.host())).unwrap();
    let answer = plane.send("GET", target, &[("Authorization", &format!("Bearer {bob}"))], "").await.json();
    assert_eq!((&answer["sessions"][0]["id"], &answer["sessions"][1]["id"]), (&"b1".into(), &"b2".into()));
    let v1 = format!("/v1/accounts/{}/sessions", plane.account);
    let answer = plane.send("GET", &v1, &[("Authorization", &format!("Bearer {ann}"))], "").await.json();
    assert_eq!(answer["sessions"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn administrators_see_and_can_stop_all_sessions() {
    let plane = start().await;
    for (id, administrator) in [("one", plane.token.clone()), ("two", plane.token_of("carol", Role::Administrator))] {
        assert_eq!(create(&plane, &plane.token_of("ann", Role::Client), id).await.status, 201);
        let target = format!("/sessions/{id}");
        assert_eq!(plane.call_with(&administrator, "GET", &target, "").await.json()["owner"]["subject"], "ann");
        assert_eq!(plane.call_with(&administrator, "POST", &format!("{target}/:stop"), "").await.status, 204);
    }
}

#[tokio::test]
async fn a_client_whose_token_names_no_person_sees_nothing() {
    let plane = start().await;
    let client = plane.tokens.issue(&plane.account, Role::Client, plane.clock.now());
    assert_eq!(create(&plane, &plane.token, "by-key").await.status, 201);
    assert_eq!(listed(&plane, &client).await.0, [""; 0]);
    assert_eq!(plane.call_with(&client, "GET", "/sessions/by-key", "").await.status, 404);
    let usage = format!("/accounts/{}/usage", plane.account);
    let answer = plane.send("GET", &usage, &[("Authorization", &format!("Bearer {client}"))], "").await;
    assert_eq!((answer.status, &answer.json()["records"]), (200, &serde_json::json!([])));
}

#[tokio::test]
async fn usage_contains_only_own_sessions() {
    let plane = start().await.without_loop().await;
    let (ann, bob) = (plane.token_of("ann", Role::Client), plane.token_of("bob", Role::Client));
    for (id, token) in [("of-ann", &ann), ("of-bob", &bob)] {
        assert_eq!(create(&plane, token, id).await.status, 201);
        assert_eq!(plane.report(&plane.host_of(id).await, ready()).await.status, 200);
    }
    plane.hand.advance(Duration::from_secs(5));
    let used = async |token: &str| {
        let target = format!("/accounts/{}/usage", plane.account);
        let usage = plane.send("GET", &target, &[("Authorization", &format!("Bearer {token}"))], "").await.json();
        let records = usage["records"].as_array().unwrap().clone();
        let ids: Vec<String> = records.iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect();
        (ids, usage["totals"][0]["sessions"].as_u64().unwrap())
    };
    assert_eq!(used(&ann).await, (vec!["of-ann".to_owned()], 1));
    plane.call_with(&bob, "POST", "/sessions/of-bob/:stop", "").await;
    assert_eq!(used(&bob).await, (vec!["of-bob".to_owned()], 1));
    assert_eq!(used(&plane.token).await.1, 2);
}

#[tokio::test]
async fn without_the_setting_everyone_in_the_account_sees_all_sessions() {
    let plane = Plane::start().await;
    assert_eq!(create(&plane, &plane.token_of("ann", Role::Client), "one").await.status, 201);
    let bob = plane.token_of("bob", Role::Client);
    assert_eq!(plane.call_with(&bob, "GET", "/sessions/one", "").await.status, 200);
    assert_eq!(plane.call_with(&bob, "POST", "/sessions/one/:stop", "").await.status, 204);
}
