use crate::support::plane::Plane;

#[tokio::test]
async fn errors_of_a_create_say_what_is_wrong_and_what_is_accepted() {
    let plane = Plane::start().await;
    let deep = "[".repeat(10_000);
    for (body, target, message, accepted) in [
        (
            r#"{"maxLeaseTimeMinutes":-4,"size":"Standard"}"#,
            "maxLeaseTimeMinutes",
            "The maxLeaseTimeMinutes value cannot be negative.",
            "from 0 to 1440",
        ),
        (
            r#"{"maxLeaseTimeMinutes":1441,"size":"Standard"}"#,
            "maxLeaseTimeMinutes",
            "The maxLeaseTimeMinutes value cannot be larger than 1440.",
            "from 0 to 1440",
        ),
        (
            r#"{"maxLeaseTimeMinutes":4.5,"size":"Standard"}"#,
            "maxLeaseTimeMinutes",
            "The maxLeaseTimeMinutes value is not a whole number.",
            "whole minutes",
        ),
        (r#"{"size":"Standard"}"#, "maxLeaseTimeMinutes", "The maxLeaseTimeMinutes property is required.", "1440"),
        (r#"{"maxLeaseTimeMinutes":4}"#, "size", "The size property is required.", "Standard or Premium"),
        (
            r#"{"maxLeaseTimeMinutes":4,"size":"Tiny"}"#,
            "size",
            "Can't specify this VM size: Tiny",
            "Standard or Premium",
        ),
        (r#"{"maxLeaseTimeMinutes":4,"size":7}"#, "size", "The size value is not a string.", "Standard or Premium"),
        ("", "body", "The request was malformed.", "JSON object"),
        ("4", "body", "The request was malformed.", "JSON object"),
        (deep.as_str(), "body", "The request was malformed.", "JSON object"),
        ("{'maxLeaseTimeMinutes':4}", "body", "The request was malformed.", "JSON object"),
    ] {
        let answer = plane.call("PUT", "/sessions/one", body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "BadRequest"), "{body}");
        let error = &answer.json()["error"];
        assert_eq!((error["target"].as_str(), error["message"].as_str()), (Some(target), Some(message)));
        assert!(error["details"][0]["message"].as_str().unwrap().contains(accepted), "{}", answer.body);
    }
    assert_eq!(plane.call("GET", "/sessions", "").await.body, r#"{"sessions":[]}"#);
}

#[tokio::test]
async fn malformed_ids_are_refused() {
    let plane = Plane::start().await;
    let long = "x".repeat(257);
    for id in ["a%20b", "a.b", "%C3%A4", "a%2Fb", "%F0%9F%92%A9", long.as_str()] {
        let body = r#"{"maxLeaseTimeMinutes":4,"size":"Standard"}"#;
        let answer = plane.call("PUT", &format!("/sessions/{id}"), body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "BadRequest"), "{id}");
        assert!(answer.body.contains("1 to 256 letters, digits, hyphens and underscores"), "{}", answer.body);
        assert_eq!(answer.json()["error"]["target"], "session_id");
    }
}

#[tokio::test]
async fn a_known_version_is_required() {
    let plane = Plane::start().await;
    let authorization = format!("Bearer {}", plane.token);
    for (query, code) in [
        ("", "ApiVersionUnspecified"),
        ("?version=2021-01-01", "ApiVersionUnspecified"),
        ("?api-version=", "UnsupportedApiVersion"),
        ("?api-version=2019-12-12", "UnsupportedApiVersion"),
        ("?api-version=2021-01-01&api-version=2021-01-01-preview", "AmbiguousApiVersion"),
    ] {
        let target = format!("/accounts/{}/sessions{query}", plane.account);
        let answer = plane.send("GET", &target, &[("Authorization", &authorization)], "").await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{query}");
        assert!(answer.body.contains("2021-01-01-preview or 2021-01-01"), "{}", answer.body);
        assert!(answer.header("api-supported-versions").is_some());
    }
}

#[tokio::test]
async fn a_request_that_never_completes_times_out() {
    let plane = Plane::start().await;
    let body = format!(r#"{{"maxLeaseTimeMinutes":4,"size":"Standard","x":"{}"}}"#, "x".repeat(64 * 1_024));
    let answer = plane.call("PUT", "/sessions/one", &body).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "PayloadTooLarge"));
    let header = "x".repeat(64 * 1_024);
    assert_eq!(plane.send("GET", "/", &[("X", &header)], "").await.status, 431);
    let many = "X: 1\r\n".repeat(100);
    let answer = plane.send_raw(format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n").as_bytes()).await;
    assert_eq!(answer.status, 431);
    assert_eq!(plane.send_raw(b"GARBAGE\r\n\r\n").await.status, 400);
    assert_eq!(plane.call("GET", "/sessions", "").await.body, r#"{"sessions":[]}"#);
}
