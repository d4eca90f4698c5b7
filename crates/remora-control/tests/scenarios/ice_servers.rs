use remora_control::Config;

use crate::support::plane::{Plane, START};

const PATH: &str = "/sessions/one/ice-servers";

fn config(turn: &str) -> Config {
    let config = Config::parse(&format!("[turn]\n{turn}")).unwrap();
    config.check().unwrap();
    config
}

#[tokio::test]
async fn without_servers_the_list_is_empty() {
    let plane = Plane::start().await;
    plane.create("one", 4).await;
    let answer = plane.call("GET", PATH, "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, r#"{"iceServers":[],"expiresInSeconds":86400}"#);
    assert!(answer.header("Cache-Control").is_some_and(|value| value.contains("no-store")), "{answer:?}");
}

#[tokio::test]
async fn credentials_belong_to_the_session_and_expire() {
    let turn = "urls = ['turn:turn.example.com:3478?transport=udp', 'turns:turn.example.com', \
                'stun:stun.example.com']\n\
                secret = 'north'\nlifetime_seconds = 600";
    let plane = Plane::start_with(config(turn)).await;
    plane.create("one", 4).await;
    let told = plane.call("GET", PATH, "").await.json();
    assert_eq!(told["expiresInSeconds"], 600);
    let [stun, turn] = &told["iceServers"].as_array().unwrap()[..] else { panic!("{told}") };
    assert_eq!(stun, &serde_json::json!({"urls": ["stun:stun.example.com"]}));
    assert_eq!(turn["urls"].as_array().unwrap().len(), 2);
    let username = turn["username"].as_str().unwrap().to_owned();
    assert_eq!(username, format!("{}:one", START.as_milliseconds() / 1_000 + 600));
    assert!(turn["credential"].is_string());

    plane.hand.advance(std::time::Duration::from_mins(1));
    let later = plane.call("GET", PATH, "").await.json();
    assert_eq!(later["iceServers"][1]["username"], format!("{}:one", START.as_milliseconds() / 1_000 + 660));
    assert_ne!(later["iceServers"][1]["credential"], turn["credential"]);
}

#[tokio::test]
async fn static_credentials_are_returned_unchanged() {
    let turn = "urls = ['turn:turn.example.com']\nusername = 'all'\ncredential = 'the same'";
    let plane = Plane::start_with(config(turn)).await;
    plane.create("one", 4).await;
    let told = plane.call("GET", PATH, "").await.json();
    let expected =
        serde_json::json!([{"urls": ["turn:turn.example.com"], "username": "all", "credential": "the same"}]);
    assert_eq!(told["iceServers"], expected);
}

#[tokio::test]
async fn a_missing_session_has_no_servers() {
    let plane = Plane::start().await;
    for id in ["unknown", "no%20id", "%ff"] {
        let answer = plane.call("GET", &format!("/sessions/{id}/ice-servers"), "").await;
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (404, Some("SessionNotFound")), "{id}");
    }
}
