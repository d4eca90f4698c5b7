use remora_control::Config;
use remora_protocol::token::{self, Role};
use serde_json::{Value, json};

use crate::support::plane::Plane;

const BODY: &str = r#"{"maxLeaseTimeMinutes":60,"size":"Standard"}"#;

fn ann() -> Value {
    json!({ "issuer": "https://login.example", "subject": "ann", "name": "Name of ann" })
}

async fn owner(plane: &Plane, id: &str) -> Value {
    plane.call("GET", &format!("/sessions/{id}"), "").await.json()["owner"].clone()
}

#[tokio::test]
async fn a_session_says_who_created_it_wherever_it_is_told_of() {
    let plane = Plane::start().await;
    let token = plane.token_of("ann", Role::Client);
    assert_eq!(plane.call_with(&token, "PUT", "/sessions/of-ann", BODY).await.json()["owner"], ann());
    let by_key = plane.call("PUT", "/sessions/by-key", BODY).await;
    assert_eq!(by_key.json()["owner"], json!({ "name": "account key" }));
    assert_eq!(owner(&plane, "of-ann").await, ann());
    let listed = plane.call("GET", "/sessions", "").await.json();
    let listed: Vec<&Value> = listed["sessions"].as_array().unwrap().iter().map(|session| &session["owner"]).collect();
    assert_eq!(listed, [&json!({ "name": "account key" }), &ann()], "in the order of creation and id");

    // Extending or stopping a session does not change its owner.
    let other = plane.token_of("bob", Role::Client);
    let extended = plane.call_with(&other, "PATCH", "/sessions/of-ann", r#"{"maxLeaseTimeMinutes":90}"#).await;
    assert_eq!((extended.status, &extended.json()["owner"]), (200, &ann()));
    let plane = plane.crash_and_restart().await;
    assert_eq!(owner(&plane, "of-ann").await, ann());
}

#[tokio::test]
async fn usage_names_the_owner() {
    let plane = Plane::start().await;
    let host = plane.create_ready("by-key", 60).await;
    plane.pass_with_reports(&host, std::time::Duration::from_mins(1)).await;
    let usage = async || {
        let authorization = format!("Bearer {}", plane.token);
        let target = format!("/accounts/{}/usage", plane.account);
        plane.send("GET", &target, &[("Authorization", &authorization)], "").await.json()["records"][0]["owner"].clone()
    };
    assert_eq!(usage().await, json!({ "name": "account key" }));
    plane.call("POST", "/sessions/by-key/:stop", "").await;
    assert_eq!(usage().await, json!({ "name": "account key" }));
}

#[tokio::test]
async fn the_host_learns_whose_session_it_renders() {
    for private in [false, true] {
        let config = Config::parse(&format!("[sessions]\nprivate = {private}")).unwrap();
        let plane = Plane::start_with(config).await.without_loop().await;
        let token = plane.token_of("ann", Role::Client);
        assert_eq!(plane.call_with(&token, "PUT", "/sessions/one", BODY).await.status, 201);
        let assignment = plane.host_of("one").await.assignment.expect("it is for a session");
        let person = token::PersonId { issuer: "https://login.example".into(), subject: "ann".into() };
        assert_eq!(assignment.owner, Some(token::Owner { person: Some(person), name: "Name of ann".into() }));
        assert_eq!(assignment.private, private);
    }
}
