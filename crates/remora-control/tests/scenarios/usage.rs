use std::time::Duration;

use remora_session::{HostId, Phase, Session, SessionKey, Size, Timestamp};

use crate::support::plane::{Plane, START};

async fn usage(plane: &Plane, query: &str) -> serde_json::Value {
    let answer = asked(plane, query).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

async fn asked(plane: &Plane, query: &str) -> crate::support::http::Answer {
    let authorization = format!("Bearer {}", plane.token);
    let target = format!("/accounts/{}/usage{query}", plane.account);
    plane.send("GET", &target, &[("Authorization", &authorization)], "").await
}

#[tokio::test]
async fn time_in_ready_is_billed() {
    let plane = Plane::start().await;
    plane.create("never-ready", 4).await;
    let host = plane.create_ready("one", 60).await;
    plane.pass_with_reports(&host, Duration::from_millis(90_500)).await;
    let running = usage(&plane, "").await;
    assert_eq!(running["from"], "2024-05-01T00:00:00Z");
    assert_eq!(running["to"], "2024-06-01T00:00:00Z");
    assert_eq!(
        running["records"],
        serde_json::json!([{
            "id": "one", "size": "Standard", "readyTime": "2024-05-02T11:24:13.847Z", "endTime": null,
            "billedSeconds": 90, "owner": {"name": "account key"},
        }])
    );
    assert_eq!(running["totals"][0], serde_json::json!({"size": "Standard", "sessions": 1, "billedSeconds": 90}));
    assert_eq!(running["totals"][1], serde_json::json!({"size": "Premium", "sessions": 0, "billedSeconds": 0}));
    assert_eq!(running.get("@nextLink"), None);

    plane.call("POST", "/sessions/one/:stop", "").await;
    plane.hand.advance(Duration::from_secs(1_000));
    let stopped = usage(&plane, "?api-version=2021-01-01").await;
    assert_eq!(stopped["records"][0]["endTime"], "2024-05-02T11:25:44.347Z");
    assert_eq!(stopped["records"][0]["billedSeconds"], 90);
    let part = usage(&plane, "?from=2024-05-02T11:25:13.847Z&to=2024-05-02T11:25:23.847Z").await;
    assert_eq!(part["records"][0]["billedSeconds"], 10);
    let before = usage(&plane, "?from=2024-05-01&to=2024-05-02").await;
    assert_eq!(before["records"], serde_json::json!([]));
}

#[tokio::test]
async fn long_lists_continue_under_their_link_and_miss_nothing() {
    const SESSIONS: u64 = 1_002;
    let plane = Plane::start().await;
    for index in 0..SESSIONS {
        let key = SessionKey { account: plane.account.clone(), session: format!("s{index}").parse().unwrap() };
        store_ready(&plane, key, START + Duration::from_millis(index / 2)).await;
    }
    plane.hand.advance(Duration::from_secs(5));
    let first = usage(&plane, "?from=2024-05-02&to=2024-05-03").await;
    let link = first["@nextLink"].as_str().expect("there are more");
    let target = link.strip_prefix(&format!("https://{}", plane.host())).expect("the host that was asked");
    let authorization = format!("Bearer {}", plane.token);
    let second = plane.send("GET", target, &[("Authorization", &authorization)], "").await.json();
    assert_eq!(second.get("@nextLink"), None);
    let ids = [&first, &second].map(|page| page["records"].as_array().unwrap().clone()).concat();
    let ids: std::collections::BTreeSet<&str> = ids.iter().map(|record| record["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len() as u64, SESSIONS);
}

/// Stores a session whose host has reported Ready at that time.
async fn store_ready(plane: &Plane, key: SessionKey, since: Timestamp) {
    let host: HostId = format!("host-{}", key.session).parse().unwrap();
    let lease = 60.try_into().unwrap();
    let mut session = Session::create(key, Size::Premium, lease, vec![], host.clone(), since);
    let address =
        remora_session::Address { hostname: "localhost".into(), handshake_port: 50_000, inspector_port: 50_001 };
    let insert = remora_control::Insert {
        session: &session.clone(),
        wake_at: None,
        quota: Default::default(),
        claims_host: false,
    };
    assert_eq!(plane.store.insert_session(insert).await.unwrap(), remora_control::Inserted::Done);
    session.phase = Phase::Ready { host, address, since, heard_at: since };
    let stored = plane.store.session(&session.key).await.unwrap().unwrap();
    assert!(plane.store.replace_session(stored.generation, &session, None).await.unwrap());
}

#[tokio::test]
async fn unauthorised_and_malformed_requests_are_refused() {
    let plane = Plane::start().await;
    let target = format!("/accounts/{}/usage", plane.account);
    let unknown = plane.send("GET", &target, &[], "").await;
    assert_eq!((unknown.status, unknown.body.as_str()), (401, ""));
    let authorization = format!("Bearer {}", plane.token);
    let foreign = target.replace(plane.account.as_str(), "11111111-2222-3333-4444-555555555555");
    let refused = plane.send("GET", &foreign, &[("Authorization", &authorization)], "").await;
    assert_eq!((refused.status, refused.body.as_str()), (403, ""));
    for (query, named) in [
        ("?from=yesterday", "from parameter 'yesterday'"),
        ("?to=2024-05-99", "to parameter '2024-05-99'"),
        ("?from=2024-05-03&to=2024-05-02", "from must be before to"),
        ("?continuation=x", "continuation"),
    ] {
        let answer = asked(&plane, query).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "BadRequest"), "{query}");
        assert!(answer.body.contains(named), "{}", answer.body);
    }
    assert_eq!(plane.send("DELETE", &target, &[("Authorization", &authorization)], "").await.status, 405);
}
