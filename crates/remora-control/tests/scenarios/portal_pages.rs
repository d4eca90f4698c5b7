use crate::support::plane::{Plane, SECRET};

#[tokio::test]
async fn the_secret_of_this_start_signs_in() {
    let plane = Plane::start().await;
    let body = format!(r#"{{"secret":"{SECRET}"}}"#);
    let answer = plane.send_to_loopback("POST", "/portal/sign-in", &[], &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("Cache-Control"), Some("no-store"));
    let signed_in = answer.json();
    assert_eq!(signed_in["accountId"], plane.account.as_str());
    assert_eq!(signed_in["expiresInSeconds"], 86_400);
    assert_eq!(signed_in["defaultModel"], "builtin://Engine");
    let model = serde_json::json!({ "uri": "builtin://Engine", "label": "Engine", "triangles": 5 });
    assert_eq!(signed_in["models"], serde_json::json!([model]));
    let authorization = format!("Bearer {}", signed_in["accessToken"].as_str().unwrap());
    let headers = [("Authorization", authorization.as_str())];
    let answer = plane.send_to_loopback("GET", &plane.path("/sessions"), &headers, "").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn any_other_secret_is_refused() {
    let plane = Plane::start().await;
    for secret in ["", "the secret of this star", "the secret of this start "] {
        let body = serde_json::json!({ "secret": secret }).to_string();
        let answer = plane.send_to_loopback("POST", "/portal/sign-in", &[], &body).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "Unauthorized"), "{secret}");
    }
    for body in ["", "{}", r#"{"secret":1}"#] {
        assert_eq!(plane.send_to_loopback("POST", "/portal/sign-in", &[], body).await.status, 400, "{body}");
    }
    assert_eq!(plane.send("POST", "/portal/sign-in", &[], "").await.status, 404, "not on the public listener");
}

#[tokio::test]
async fn pages_have_security_headers() {
    let plane = Plane::start().await;
    for target in ["/", "/index.html"] {
        let page = plane.send_to_loopback("GET", target, &[], "").await;
        assert_eq!((page.status, page.body.as_str()), (200, "<!doctype html>"));
        assert_eq!(page.header("Content-Type"), Some("text/html"));
        assert_eq!(page.header("Cache-Control"), Some("no-cache"));
        assert_eq!(page.header("Referrer-Policy"), Some("no-referrer"));
        assert_eq!(page.header("X-Content-Type-Options"), Some("nosniff"));
        let policy = page.header("Content-Security-Policy").unwrap();
        assert!(
            policy.starts_with("default-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self' ")
                && policy.contains(" http://localhost:* "),
            "{policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    }
    let script = plane.send_to_loopback("GET", "/assets/app-1234.js", &[], "").await;
    assert_eq!(script.header("Cache-Control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(script.header("Cross-Origin-Resource-Policy"), Some("same-origin"));
    for target in ["/nothing", "/../etc/passwd", "/assets/", "/assets/app-1234.js.br", "/assets/app-1234.js.gz"] {
        assert_eq!(plane.send_to_loopback("GET", target, &[], "").await.status, 404, "{target}");
    }
    assert_eq!(plane.send_to_loopback("DELETE", "/", &[], "").await.status, 405);
}

#[tokio::test]
async fn files_are_sent_in_the_best_encoding_that_the_browser_accepts() {
    let plane = Plane::start().await;
    let mut tags = Vec::new();
    for (accept, coding, body) in [
        ("gzip, deflate, br, zstd", Some("br"), "start() in Brotli"),
        ("gzip", Some("gzip"), "start() in gzip"),
        ("gzip;q=0, identity", None, "start()"),
    ] {
        let script = plane.send("GET", "/assets/app-1234.js", &[("Accept-Encoding", accept)], "").await;
        assert_eq!((script.status, script.body.as_str(), script.header("Content-Encoding")), (200, body, coding));
        assert_eq!(script.header("Content-Type"), Some("text/javascript"));
        assert_eq!(script.header("Vary"), Some("Accept-Encoding"));
        tags.push(script.header("ETag").unwrap().to_owned());
    }
    tags.dedup();
    assert_eq!(tags.len(), 3, "each form has a different tag: {tags:?}");
    // This file has no compressed form.
    let page = plane.send("GET", "/", &[("Accept-Encoding", "br")], "").await;
    assert_eq!((page.body.as_str(), page.header("Content-Encoding")), ("<!doctype html>", None));
}

#[tokio::test]
async fn a_cached_page_is_not_sent_again() {
    let plane = Plane::start().await;
    let tag = plane.send("GET", "/", &[], "").await.header("ETag").unwrap().to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}")] {
        let page = plane.send("GET", "/", &[("If-None-Match", &known)], "").await;
        assert_eq!((page.status, page.body.as_str()), (304, ""), "{known}");
        assert_eq!((page.header("ETag"), page.header("Cache-Control")), (Some(tag.as_str()), Some("no-cache")));
        assert!(page.header("Content-Security-Policy").is_some());
    }
    assert_eq!(plane.send("GET", "/", &[("If-None-Match", "\"other\"")], "").await.status, 200);
}
