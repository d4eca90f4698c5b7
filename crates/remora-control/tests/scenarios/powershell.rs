//! The calls of the original service's PowerShell scripts, byte for byte.

use serde_json::json;

use crate::support::http::Answer;
use crate::support::plane::{Plane, ready};
use crate::support::within;

const VERSION: &str = "api-version=2021-01-01-preview";

/// Sends the headers of `Invoke-WebRequest`: a user agent, and a content type even without a body.
async fn invoke(plane: &Plane, method: &str, target: &str, token: &str, body: &str) -> Answer {
    let headers = [
        ("User-Agent", "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.1682"),
        ("Content-Type", "application/json"),
        ("Authorization", token),
    ];
    plane.send(method, target, &headers, body).await
}

async fn token(plane: &Plane) -> String {
    let authorization = format!("Bearer {}:{}", plane.account, plane.key);
    let answer = invoke(plane, "GET", &format!("/accounts/{}/token", plane.account), &authorization, "").await;
    assert_eq!(answer.status, 200);
    format!("Bearer {}", answer.json()["AccessToken"].as_str().unwrap())
}

#[tokio::test]
async fn the_scripts_of_2021_to_2024_work() {
    let plane = Plane::start().await;
    let token = token(&plane).await;
    let sessions = format!("/accounts/{}/sessions", plane.account);
    let id = "Sample-Session-0b4b0a3e-8a5e-4a73-a3ab-6c8ed1f20e0c";
    let session = format!("{sessions}/{id}?{VERSION}");

    // ConvertTo-Json of Windows PowerShell writes several lines, two blanks after a colon, and carriage returns.
    let body = "{\r\n    \"size\":  \"standard\",\r\n    \"maxLeaseTimeMinutes\":  240\r\n}";
    assert_eq!(invoke(&plane, "PUT", &session, &token, body).await.status, 201);
    let host = within("the launch of a host", plane.fleet.launched()).await;
    let starting = invoke(&plane, "GET", &session, &token, "").await.json();
    // The scripts use Set-StrictMode: these properties must be present, the others may be missing.
    for name in ["id", "elapsedTimeMinutes", "maxLeaseTimeMinutes", "size", "status"] {
        assert!(starting.get(name).is_some(), "{name}");
    }
    assert_eq!((&starting["status"], &starting["size"]), (&json!("Starting"), &json!("Standard")));
    for name in ["hostname", "arrInspectorPort", "handshakePort", "error"] {
        assert!(starting.get(name).is_none(), "{name}");
    }
    plane.report(&host, ready()).await;
    let running = invoke(&plane, "GET", &session, &token, "").await.json();
    assert_eq!((&running["status"], &running["hostname"]), (&json!("Ready"), &json!("localhost")));

    let updated = invoke(&plane, "PATCH", &session, &token, "{\r\n    \"maxLeaseTimeMinutes\":  300\r\n}").await;
    assert_eq!((updated.status, &updated.json()["maxLeaseTimeMinutes"]), (200, &json!(300)));
    let listed = invoke(&plane, "GET", &format!("{sessions}?{VERSION}"), &token, "").await;
    assert_eq!((listed.status, &listed.json()["sessions"][0]["id"]), (200, &json!(id)));
    let stopped = invoke(&plane, "POST", &format!("{sessions}/{id}/:stop?{VERSION}"), &token, "").await;
    assert_eq!((stopped.status, stopped.body.as_str()), (204, ""));
    assert_eq!(invoke(&plane, "GET", &session, &token, "").await.json()["status"], "Stopped");
}

#[tokio::test]
async fn the_scripts_of_2019_and_2020_work() {
    let plane = Plane::start().await;
    let token = token(&plane).await;
    let sessions = format!("/v1/accounts/{}/sessions", plane.account);
    for body in [
        r#"{"maxLeaseTime":"4:0:0","size":"standard"}"#,
        "{\r\n    \"maxLeaseTime\":  \"4:0:0\",\r\n    \"size\":  \"standard\"\r\n}",
        r#"{"maxLeaseTime":"4:0:0","size":"standard","directConnectionSession":"false"}"#,
    ] {
        let created = invoke(&plane, "POST", &format!("{sessions}/create/"), &token, body).await;
        assert_eq!(created.status, 202, "{body}");
        let id = created.json()["sessionId"].as_str().unwrap().to_owned();
        let host = within("the launch of a host", plane.fleet.launched()).await;
        plane.report(&host, ready()).await;
        let properties = invoke(&plane, "GET", &format!("{sessions}/{id}/properties/"), &token, "").await.json();
        assert_eq!(properties["sessionStatus"].as_str().unwrap().to_lowercase(), "ready");
        assert_eq!((&properties["sessionHostname"], &properties["message"]), (&json!("localhost"), &json!(null)));
        let listed = invoke(&plane, "GET", &format!("{sessions}/"), &token, "").await.json();
        assert_eq!(listed["sessions"][0]["sessionId"], id);
        let extended =
            invoke(&plane, "PATCH", &format!("{sessions}/{id}"), &token, r#"{"maxLeaseTime":"5:0:0"}"#).await;
        assert_eq!(extended.status, 200);
        assert_eq!(invoke(&plane, "DELETE", &format!("{sessions}/{id}"), &token, "").await.status, 204);
    }
}

/// Windows PowerShell sends `Expect: 100-continue` and waits before it sends the body.
#[tokio::test]
async fn a_client_that_waits_for_100_continue_gets_it() {
    let plane = Plane::start().await;
    let body = r#"{"maxLeaseTimeMinutes":240,"size":"standard"}"#;
    let request = format!(
        "PUT {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Expect: 100-continue\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        plane.path("/sessions/one"),
        plane.host(),
        plane.token,
        body.len()
    );
    let answer = plane.send_raw(request.as_bytes()).await;
    assert_eq!(answer.status, 100);
    assert!(answer.body.starts_with("HTTP/1.1 201 Created\r\n"), "{answer:?}");
}
