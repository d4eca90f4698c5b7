use std::time::Duration;

use remora_control::{Insert, Inserted, Quota};
use remora_session::{LeaseMinutes, Session, SessionKey, Size};
use serde_json::json;

use crate::support::http::Answer;
use crate::support::plane::{Plane, START, ready};
use crate::support::within;

const GUID_PATTERN: [usize; 5] = [8, 4, 4, 4, 12];

/// Sends an authorised request of this generation. `target` is relative to the account's path.
async fn call(plane: &Plane, method: &str, target: &str, body: &str) -> Answer {
    let authorization = format!("Bearer {}", plane.token);
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
    plane.send(method, &format!("/v1/accounts/{}{target}", plane.account), &headers, body).await
}

async fn create(plane: &Plane, body: &str) -> String {
    let answer = call(plane, "POST", "/sessions/create", body).await;
    assert_eq!(answer.status, 202, "{body}: {answer:?}");
    answer.json()["sessionId"].as_str().unwrap().to_owned()
}

fn error(answer: &Answer) -> String {
    answer.json()["error"].as_str().unwrap_or_else(|| panic!("no text: {answer:?}")).to_owned()
}

#[tokio::test]
async fn the_documented_commands_have_the_documented_responses() {
    let plane = Plane::start().await;
    let none = call(&plane, "GET", "/sessions", "").await;
    assert_eq!((none.status, none.body.as_str()), (200, r#"{"sessions":[]}"#));

    let body = "{ 'maxLeaseTime': '4:0:0', 'models': [], 'size': 'small' }";
    let created = call(&plane, "POST", "/sessions/create", body).await;
    assert_eq!((created.status, created.reason.as_str()), (202, "Accepted"));
    let id = created.json()["sessionId"].as_str().unwrap().to_owned();
    assert_eq!(created.body, format!(r#"{{"sessionId":"{id}"}}"#));
    assert_eq!(created.header("Content-Length"), Some("52"));
    assert_eq!(created.header("Content-Type"), Some("application/json; charset=utf-8"));
    assert_eq!(created.header("Location"), Some(format!("accounts/{}/sessions/{id}", plane.account).as_str()));
    assert!(created.header("MS-CV").is_some_and(|vector| vector.ends_with(".0")));
    assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), GUID_PATTERN);

    let host = within("the launch of a host", plane.fleet.launched()).await;
    plane.report(&host, ready()).await;
    plane.hand.advance(Duration::from_millis(1_900));
    let updated = call(&plane, "PATCH", &format!("/sessions/{id}"), "{ 'maxLeaseTime': '5:0:0' }").await;
    assert_eq!((updated.status, updated.body.as_str()), (200, ""));
    assert_eq!(updated.header("Content-Length"), Some("0"));

    let got = call(&plane, "GET", &format!("/sessions/{id}/properties"), "").await;
    let properties = format!(
        concat!(
            r#"{{"message":null,"sessionElapsedTime":"00:00:01","sessionHostname":"localhost","sessionId":"{}","#,
            r#""sessionMaxLeaseTime":"05:00:00","sessionSize":"Standard","sessionStatus":"Ready","#,
            r#""arrInspectorPort":50001,"handshakePort":50000,"#,
            r#""connectionProperties":{{"arrInspectorPort":50001,"handshakePort":50000}}}}"#
        ),
        id
    );
    assert_eq!((got.status, got.body.as_str()), (200, properties.as_str()));
    let listed = call(&plane, "GET", "/sessions", "").await;
    assert_eq!(listed.body, format!(r#"{{"sessions":[{properties}]}}"#));

    let stopped = call(&plane, "DELETE", &format!("/sessions/{id}"), "").await;
    assert_eq!((stopped.status, stopped.reason.as_str(), stopped.body.as_str()), (204, "No Content", ""));
    let properties = call(&plane, "GET", &format!("/sessions/{id}/properties"), "").await.json();
    assert_eq!((&properties["sessionStatus"], &properties["sessionHostname"]), (&json!("Stopped"), &json!(null)));
    assert_eq!(properties["connectionProperties"], json!({"arrInspectorPort": 0, "handshakePort": 0}));
    assert_eq!(call(&plane, "DELETE", &format!("/sessions/{id}"), "").await.status, 204);
}

#[tokio::test]
async fn every_path_may_end_with_a_slash() {
    let plane = Plane::start().await;
    let body = r#"{"maxLeaseTime":"4:0:0","size":"standard"}"#;
    let created = call(&plane, "POST", "/sessions/create/", body).await;
    assert_eq!(created.status, 202, "{created:?}");
    let id = created.json()["sessionId"].as_str().unwrap().to_owned();
    for (method, target, body, status) in [
        ("GET", format!("/sessions/{id}/properties/"), "", 200),
        ("GET", "/sessions/".into(), "", 200),
        ("PATCH", format!("/sessions/{id}/"), "{'maxLeaseTime':'5:0:0'}", 200),
        ("DELETE", format!("/sessions/{id}/"), "", 204),
    ] {
        assert_eq!(call(&plane, method, &target, body).await.status, status, "{method} {target}");
    }
}

#[tokio::test]
async fn bodies_in_the_notation_of_the_time_are_read() {
    let plane = Plane::start().await;
    for (body, size, lease) in [
        ("{ 'maxLeaseTime': '4:0:0', 'models': [], 'size': 'standard' }", "Standard", "04:00:00"),
        ("{ 'maxLeaseTime': '4:0:0', 'models': [], 'size': 'big' }", "Premium", "04:00:00"),
        (r#"{"maxLeaseTime":"4:0:0","size":"standard"}"#, "Standard", "04:00:00"),
        (r#"{"maxLeaseTime":"4:0:0","size":"premium","directConnectionSession":"false"}"#, "Premium", "04:00:00"),
        ("{MAXLEASETIME:'1',Size:'Small',debug:{a:[1,{}]},}", "Standard", "1.00:00:00"),
        ("{maxLeaseTime:'0:0:20.5',size:'small'}", "Standard", "00:01:00"),
    ] {
        let id = create(&plane, body).await;
        let properties = call(&plane, "GET", &format!("/sessions/{id}/properties"), "").await.json();
        assert_eq!(properties["sessionSize"], size, "{body}");
        assert_eq!(properties["sessionMaxLeaseTime"], lease, "{body}");
        assert_eq!(properties["sessionStatus"], "Starting", "{body}");
    }
}

#[tokio::test]
async fn models_are_stored() {
    let plane = Plane::start().await;
    let id = create(&plane, "{maxLeaseTime:'1:0',size:'small',models:['https://example.com/a.glb']}").await;
    let key = SessionKey { account: plane.account.clone(), session: id.parse().unwrap() };
    let session = plane.store.session(&key).await.unwrap().unwrap().session;
    assert_eq!(session.models, ["https://example.com/a.glb"]);
}

#[tokio::test]
async fn a_session_is_the_same_in_both_generations() {
    let plane = Plane::start().await;
    let id = create(&plane, "{maxLeaseTime:'0:4',size:'small'}").await;
    let seen = plane.call("GET", &format!("/sessions/{id}"), "").await.json();
    assert_eq!((&seen["maxLeaseTimeMinutes"], &seen["size"]), (&json!(4), &json!("Standard")));
    plane.call("PATCH", &format!("/sessions/{id}"), r#"{"maxLeaseTimeMinutes":9}"#).await;
    let properties = call(&plane, "GET", &format!("/sessions/{id}/properties"), "").await.json();
    assert_eq!(properties["sessionMaxLeaseTime"], "00:09:00");
    assert_eq!(plane.call("POST", &format!("/sessions/{id}/:stop"), "").await.status, 204);

    // `create` and `properties` are words in paths of v1, but can also be ids of sessions.
    for id in ["My_Session-1", "create", "properties"] {
        let target = format!("/sessions/{id}");
        plane.call("PUT", &target, r#"{"maxLeaseTimeMinutes":4,"size":"Premium"}"#).await;
        let properties = call(&plane, "GET", &format!("{target}/properties"), "").await.json();
        assert_eq!((&properties["sessionId"], &properties["sessionSize"]), (&json!(id), &json!("Premium")));
        assert_eq!(call(&plane, "PATCH", &target, "{maxLeaseTime:'0:5'}").await.status, 200, "{id}");
        assert_eq!(plane.call("GET", &target, "").await.json()["maxLeaseTimeMinutes"], 5);
        assert_eq!(call(&plane, "DELETE", &target, "").await.status, 204, "{id}");
        assert_eq!(plane.status(id).await, "Stopped");
    }
}

#[tokio::test]
async fn ended_sessions_have_a_message() {
    let plane = Plane::start().await;
    let expired = create(&plane, "{maxLeaseTime:'0:1',size:'small'}").await;
    let host = within("the launch of a host", plane.fleet.launched()).await;
    plane.report(&host, ready()).await;
    plane.pass_with_reports(&host, Duration::from_mins(1)).await;
    let properties = call(&plane, "GET", &format!("/sessions/{expired}/properties"), "").await.json();
    assert_eq!(
        (&properties["sessionStatus"], &properties["sessionElapsedTime"]),
        (&json!("Expired"), &json!("00:01:00"))
    );
    assert!(properties["message"].as_str().unwrap().contains("maximum lease time of 00:01:00"), "{properties}");

    let failed = create(&plane, "{maxLeaseTime:'0:1',size:'small'}").await;
    let host = within("the launch of a host", plane.fleet.launched()).await;
    plane.report(&host, ready()).await;
    let why = "the graphics device was lost";
    plane.report(&host, remora_protocol::link::HostState::Failed { why: why.into() }).await;
    let properties = call(&plane, "GET", &format!("/sessions/{failed}/properties"), "").await.json();
    assert_eq!((&properties["sessionStatus"], &properties["message"]), (&json!("Error"), &json!(why)));
}

#[tokio::test]
async fn every_live_session_is_listed_at_once() {
    let plane = Plane::start().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(create(&plane, "{maxLeaseTime:'0:1',size:'small'}").await);
        plane.hand.advance(Duration::from_millis(1));
    }
    let listed = call(&plane, "GET", "/sessions", "").await.json();
    let listed: Vec<&str> =
        listed["sessions"].as_array().unwrap().iter().map(|session| session["sessionId"].as_str().unwrap()).collect();
    assert_eq!(listed, ids);
}

/// The list has no pages, so it must be complete however many sessions there are.
#[tokio::test]
async fn a_list_of_more_than_ten_thousand_sessions_is_complete() {
    const SESSIONS: usize = 10_001;
    let plane = Plane::start().await.without_loop().await;
    let inserts = (0..SESSIONS).map(|number| {
        let key = SessionKey { account: plane.account.clone(), session: format!("s{number:05}").parse().unwrap() };
        let (lease, host) = (LeaseMinutes::try_from(60).unwrap(), format!("h{number}").parse().unwrap());
        let session = Session::create(key, Size::Standard, lease, vec![], host, START);
        let plane = &plane;
        async move {
            let insert = Insert { session: &session, wake_at: None, quota: Quota::default(), claims_host: false };
            assert_eq!(plane.store.insert_session(insert).await.unwrap(), Inserted::Done);
        }
    });
    futures_util::future::join_all(inserts).await;
    let answer = call(&plane, "GET", "/sessions", "").await;
    assert_eq!(answer.header("Content-Type"), Some("application/json; charset=utf-8"));
    assert_eq!(answer.header("Cache-Control"), Some("no-store, no-cache"));
    let listed = answer.json();
    let listed = listed["sessions"].as_array().unwrap().iter().map(|session| session["sessionId"].as_str().unwrap());
    assert!(listed.eq((0..SESSIONS).map(|number| format!("s{number:05}"))));
}

#[tokio::test]
async fn invalid_requests_are_refused_with_a_message() {
    let plane = Plane::start().await;
    let id = create(&plane, "{maxLeaseTime:'0:4',size:'small'}").await;
    let session = format!("/sessions/{id}");
    for (method, target, body, status, named) in [
        ("POST", "/sessions/create", "", 400, "JSON object"),
        ("POST", "/sessions/create", "{'size':'small'}", 400, "maxLeaseTime property is required"),
        ("POST", "/sessions/create", "{maxLeaseTime:'-1:0',size:'small'}", 400, "cannot be negative"),
        ("POST", "/sessions/create", "{maxLeaseTime:'24:0:0',size:'small'}", 400, "at most 1.00:00:00"),
        ("POST", "/sessions/create", "{maxLeaseTime:'1:0',size:'tiny'}", 400, "'tiny' is not a size"),
        ("POST", "/sessions/create", "{maxLeaseTime:'1:0',size:'small',models:[1]}", 400, "models"),
        ("PATCH", &session, "{'maxLeaseTime':'0:4:0'}", 422, "longer than the current 00:04:00"),
        ("PATCH", &session, "{'maxLeaseTime':'2'}", 422, "at most 1.00:00:00"),
        ("PATCH", &session, "{'maxLeaseTime':'soon'}", 400, "'soon' is not valid"),
        ("PATCH", &session, "nothing", 400, "JSON object"),
        ("PATCH", "/sessions/none", "{'maxLeaseTime':'0:5'}", 404, "id 'none'"),
        ("DELETE", "/sessions/none", "", 404, "id 'none'"),
        ("GET", "/sessions/none/properties", "", 404, "id 'none'"),
        ("GET", "/sessions/a%20b/properties", "", 404, "id 'a b'"),
        ("GET", &session, "", 405, "Allow header"),
        ("GET", "/nothing", "", 404, "/v1/accounts/{id}/sessions"),
    ] {
        let answer = call(&plane, method, target, body).await;
        assert_eq!(answer.status, status, "{method} {target} {body}: {answer:?}");
        assert!(error(&answer).contains(named), "{method} {target} {body}: {}", answer.body);
    }
    let large = format!("{{maxLeaseTime:'1:0',size:'small',x:'{}'}}", "x".repeat(64 * 1_024));
    assert_eq!(call(&plane, "POST", "/sessions/create", &large).await.status, 413);
    assert_eq!(call(&plane, "GET", "/sessions", "").await.json()["sessions"].as_array().unwrap().len(), 1);
    call(&plane, "DELETE", &session, "").await;
    let late = call(&plane, "PATCH", &session, "{'maxLeaseTime':'0:5'}").await;
    assert_eq!(late.status, 422);
    assert!(error(&late).contains("has ended"), "{}", late.body);
}
