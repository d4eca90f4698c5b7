use remora_control::{Config, Rate};

use crate::support::http::Answer;
use crate::support::plane::{Plane, SECRET};

const APP: &str = "https://app.example.com";
const DEVELOPERS: &str = "http://localhost:3000";

async fn plane() -> Plane {
    let text = format!("[listen]\norigins = ['{APP}', '{DEVELOPERS}', 'https://*.apps.example.com:8443']\n");
    Plane::start_with(Config::parse(&text).unwrap()).await
}

fn allowed(answer: &Answer) -> Option<&str> {
    assert!(answer.header("Vary").is_some_and(|vary| vary.contains("Origin")), "{answer:?}");
    assert_eq!(answer.header("Access-Control-Allow-Credentials"), None, "{answer:?}");
    answer.header("Access-Control-Allow-Origin")
}

/// Returns one path of each handler.
fn paths(plane: &Plane) -> Vec<String> {
    let account = &plane.account;
    vec![
        plane.path("/sessions"),
        plane.path("/sessions/one"),
        plane.path("/usage"),
        plane.path("/conversions/one"),
        format!("/v1/accounts/{account}/sessions"),
        format!("/v1/accounts/{account}/sessions/create"),
        format!("/v1/accounts/{account}/conversions"),
        format!("/accounts/{account}/token"),
        "/openapi".into(),
        "/openapi/v1.json".into(),
        "/portal/configuration".into(),
        "/nothing".into(),
    ]
}

#[tokio::test]
async fn only_preflights_of_allowed_pages_are_answered() {
    let plane = plane().await;
    for path in paths(&plane) {
        let preflight = |origin| {
            let headers = [
                ("Origin", origin),
                ("Access-Control-Request-Method", "PUT"),
                ("Access-Control-Request-Headers", "authorization,content-type,x-ms-client-request-id"),
                ("Access-Control-Request-Private-Network", "true"),
            ];
            let (plane, path) = (&plane, &path);
            async move { plane.send_unchecked("OPTIONS", path, &headers).await }
        };
        let answer = preflight(APP).await;
        assert_eq!((answer.status, allowed(&answer)), (204, Some(APP)), "{path}");
        let methods = answer.header("Access-Control-Allow-Methods").unwrap();
        assert!(["GET", "PUT", "POST", "PATCH", "DELETE"].iter().all(|method| methods.contains(method)), "{methods}");
        let headers = answer.header("Access-Control-Allow-Headers").unwrap();
        for header in ["authorization", "content-type", "ms-cv", "x-ms-client-request-id", "remora-resume"] {
            assert!(headers.split(", ").any(|allowed| allowed == header), "{headers}");
        }
        assert_eq!(answer.header("Access-Control-Max-Age"), Some("600"));
        assert_eq!(answer.header("Access-Control-Allow-Private-Network"), Some("true"));
        let answer = preflight("https://evil.example.com").await;
        assert_eq!((answer.status, allowed(&answer)), (403, None), "{path}");
        assert_eq!(answer.header("Access-Control-Allow-Methods"), None, "{path}");
    }
}

#[tokio::test]
async fn an_allowed_page_can_read_responses_of_every_status() {
    let mut config = Config::parse(&format!("[listen]\norigins = ['{APP}']\n")).unwrap();
    config.limits.reads = Rate { per_second: 1, burst: 1 };
    let plane = Plane::start_with(config).await;
    let authorization = format!("Bearer {}", plane.token);
    let headers = [("Origin", APP), ("Authorization", authorization.as_str())];
    let sessions = plane.path("/sessions");
    let account = &plane.account;
    let key = format!("Bearer {account}:{}", plane.key);
    for (status, method, path, headers, body) in [
        (201, "PUT", plane.path("/sessions/one"), &headers[..], r#"{"maxLeaseTimeMinutes":4,"size":"Standard"}"#),
        (400, "PUT", plane.path("/sessions/two"), &headers, "{}"),
        (200, "GET", sessions.clone(), &headers, ""),
        (429, "GET", sessions.clone(), &headers, ""),
        (401, "GET", sessions.clone(), &headers[..1], ""),
        (405, "PATCH", sessions.clone(), &headers, ""),
        (200, "GET", format!("/accounts/{account}/token"), &[("Origin", APP), ("Authorization", &key)], ""),
        (401, "GET", format!("/accounts/{account}/token"), &headers[..1], ""),
        (404, "GET", "/nothing".into(), &headers[..1], ""),
        (200, "GET", "/openapi".into(), &headers[..1], ""),
    ] {
        let answer = plane.send(method, &path, headers, body).await;
        assert_eq!((answer.status, allowed(&answer)), (status, Some(APP)), "{method} {path}");
        let exposed = answer.header("Access-Control-Expose-Headers").unwrap();
        for header in ["location", "ms-cv", "retry-after", "operation-location", "api-supported-versions"] {
            assert!(exposed.split(", ").any(|name| name == header), "{exposed}");
        }
    }
}

#[tokio::test]
async fn a_nearly_matching_origin_is_refused() {
    let plane = plane().await;
    let authorization = format!("Bearer {}", plane.token);
    let path = plane.path("/sessions");
    let good = ["https://a.apps.example.com:8443", APP, DEVELOPERS, "http://localhost:8080"];
    for origin in good {
        let answer = plane.send("GET", &path, &[("Origin", origin), ("Authorization", &authorization)], "").await;
        assert_eq!((answer.status, allowed(&answer)), (200, Some(origin)));
    }
    for origin in [
        "null",
        "",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.",
        "https://APP.example.com",
        "https://app.example.com.evil.com",
        "https://user@app.example.com",
        "https://apps.example.com:8443",
        "https://a.apps.example.com",
        "https://a.apps.example.com.evil.com:8443",
        "http://localhost:3001",
        "https://localhost:3000",
        "http://127.0.0.1:3000",
    ] {
        for path in [&path, "/", "/ca.pem", "/portal/configuration"] {
            let headers = [("Origin", origin), ("Authorization", authorization.as_str())];
            let answer = plane.send_unchecked("GET", path, &headers).await;
            assert_eq!((answer.status, allowed(&answer)), (403, None), "{origin} {path}");
            assert_eq!(answer.code(), "OriginNotAllowed");
            assert!(answer.body.contains("listen.origins"), "{}", answer.body);
        }
    }
    let two = [("Origin", APP), ("Origin", "null"), ("Authorization", authorization.as_str())];
    let answer = plane.send_unchecked("GET", &path, &two).await;
    assert_eq!(answer.status, 403, "one of the two origins is not allowed");
    let answer = plane.send("GET", &path, &[("Authorization", &authorization)], "").await;
    assert_eq!((answer.status, allowed(&answer)), (200, None), "not from a page");
}

#[tokio::test]
async fn every_page_can_ask_whether_its_origin_is_allowed() {
    let plane = plane().await;
    for (origin, is_allowed) in [(APP, true), ("https://evil.example.com", false), ("null", false)] {
        let loopback_host = format!("localhost:{}", plane.loopback_port());
        let answers = [
            plane.send("GET", "/origin", &[("Origin", origin)], "").await,
            plane.send_to_loopback("GET", "/origin", &[("Origin", origin), ("Host", &loopback_host)], "").await,
        ];
        for answer in answers {
            assert_eq!((answer.status, answer.header("Access-Control-Allow-Origin")), (200, Some("*")));
            assert_eq!(answer.json(), serde_json::json!({ "origin": origin, "allowed": is_allowed }));
            assert_eq!(answer.header("Cache-Control"), Some("no-store"));
        }
        let preflight = [("Origin", origin), ("Access-Control-Request-Method", "GET")];
        let answer = plane.send_unchecked("OPTIONS", "/origin", &preflight).await;
        assert_eq!((answer.status, answer.header("Access-Control-Allow-Origin")), (204, Some("*")));
    }
    let answer = plane.send("GET", "/origin", &[], "").await;
    assert_eq!(answer.json(), serde_json::json!({ "origin": null, "allowed": true }));
}

#[tokio::test]
async fn an_allowed_page_can_use_the_loopback_listener_and_hosts() {
    let plane = plane().await;
    let host = format!("localhost:{}", plane.loopback_port());
    let body = format!(r#"{{"secret":"{SECRET}"}}"#);
    let headers = [("Host", host.as_str()), ("Origin", DEVELOPERS)];
    let answer = plane.send_to_loopback("POST", "/portal/sign-in", &headers, &body).await;
    assert_eq!((answer.status, allowed(&answer)), (200, Some(DEVELOPERS)));
    let spec = plane.create("one", 4).await;
    for origin in [APP, DEVELOPERS, "http://localhost:8080"] {
        assert!(spec.allowed_origins.allows(origin), "{origin}");
    }
    assert!(!spec.allowed_origins.allows("https://evil.example.com"));
}
