use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::support::http::Answer;
use crate::support::plane::Plane;

fn assert_correlation(answer: &Answer) {
    let vector = answer.header("MS-CV").unwrap_or_else(|| panic!("no MS-CV: {answer:?}"));
    let base = vector.strip_suffix(".0").expect("a fresh vector");
    assert_eq!(STANDARD_NO_PAD.decode(base).expect("base64 without padding").len(), 16, "{vector}");
    assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));
}

#[tokio::test]
async fn every_response_of_the_api_has_the_headers_of_the_original() {
    let plane = Plane::start().await;
    let body = r#"{"maxLeaseTimeMinutes":4,"size":"Standard"}"#;
    let answers = [
        plane.call("PUT", "/sessions/one", body).await,
        plane.call("PUT", "/sessions/one", body).await,
        plane.call("PATCH", "/sessions/one", r#"{"maxLeaseTimeMinutes":5}"#).await,
        plane.call("PUT", "/sessions/one", "{").await,
        plane.call("GET", "/sessions/none", "").await,
        plane.call("POST", "/sessions/one/:stop", "").await,
        plane.send("GET", &plane.path("/sessions"), &[], "").await,
        plane.send("DELETE", &plane.path("/sessions/one"), &[], "").await,
        plane.call("GET", "/nothing", "").await,
    ];
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [201, 200, 200, 400, 404, 204, 401, 405, 404]);
    let mut vectors = Vec::new();
    for answer in &answers {
        assert_correlation(answer);
        vectors.push(answer.header("MS-CV"));
        assert_eq!(
            answer.header("api-supported-versions"),
            Some("2021-01-01-preview, 2021-01-01, 2021-08-01-preview"),
            "{answer:?}"
        );
        assert_eq!(answer.header("Cache-Control"), None, "{answer:?}");
        if !answer.body.is_empty() {
            assert_eq!(answer.header("Content-Type"), Some("application/json; charset=utf-8"), "{answer:?}");
        }
    }
    vectors.sort();
    vectors.dedup();
    assert_eq!(vectors.len(), answers.len(), "each response has a different vector");
}

#[tokio::test]
async fn properties_and_lists_are_not_cached() {
    let plane = Plane::start().await;
    plane.create("one", 4).await;
    for target in ["/sessions/one", "/sessions"] {
        let answer = plane.call("GET", target, "").await;
        assert_eq!(answer.header("Cache-Control"), Some("no-store, no-cache"), "{target}");
        assert_eq!(answer.header("Pragma"), Some("no-cache"), "{target}");
    }
}

#[tokio::test]
async fn unknown_paths_are_answered_with_404() {
    let plane = Plane::start().await;
    for target in ["/nothing", "/sessions", "/v2/accounts", "/portal/sign-in"] {
        let answer = plane.send("GET", target, &[], "").await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "NotFound"), "{target}");
        assert_correlation(&answer);
    }
}
