use remora_control::Config;

use crate::support::plane::Plane;

#[tokio::test]
async fn other_machines_get_the_pages_with_security_headers() {
    let plane = Plane::start().await;
    let page = plane.send("GET", "/", &[], "").await;
    assert_eq!((page.status, page.body.as_str()), (200, "<!doctype html>"));
    assert_eq!(page.header("Referrer-Policy"), Some("no-referrer"));
    assert_eq!(page.header("X-Content-Type-Options"), Some("nosniff"));
    assert_eq!(page.header("Cross-Origin-Opener-Policy"), Some("same-origin"));
    let policy = page.header("Content-Security-Policy").unwrap();
    assert!(policy.contains("https://localhost:*") && !policy.contains(" https: "), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    // A content security policy cannot contain the IPv6 address under which a page was opened.
    let page = plane.send("GET", "/", &[("Host", "[2001:db8::1]:8443")], "").await;
    let policy = page.header("Content-Security-Policy").unwrap();
    assert!(policy.split([' ', ';']).any(|source| source == "https:"), "{policy}");
    assert_eq!(plane.send("GET", "/assets/app-1234.js", &[], "").await.body, "start()");
    assert_eq!(plane.send("GET", "/metrics", &[], "").await.status, 404);
}

#[tokio::test]
async fn the_secret_of_the_start_works_on_the_loopback_listener_only() {
    let plane = Plane::start().await;
    let answer = plane.send("GET", "/portal/configuration", &[("Host", "remora.example:8443")], "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("Cache-Control"), Some("no-store"));
    let configuration = answer.json();
    assert_eq!(configuration["endpoint"], "https://remora.example:8443");
    assert_eq!(configuration["signIn"]["secret"], false);
    assert_eq!(configuration["signIn"]["accountKey"], true);
    assert_eq!(configuration["signIn"]["identityProviders"], serde_json::json!([]));
    assert_eq!(configuration["certificate"]["local"], true);
    let host = format!("localhost:{}", plane.loopback_port());
    let configuration = plane.send_to_loopback("GET", "/portal/configuration", &[("Host", &host)], "").await.json();
    assert_eq!(configuration["endpoint"], format!("http://{host}"));
    assert_eq!(configuration["signIn"]["secret"], true);
    assert_eq!(configuration["certificate"]["local"], false, "plain HTTP has no certificate");
}

#[tokio::test]
async fn models_need_a_token() {
    let plane = Plane::start().await;
    let authorization = format!("Bearer {}", plane.token);
    let answer = plane.send("GET", "/portal/models", &[("Authorization", &authorization)], "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let model = serde_json::json!({ "uri": "builtin://Engine", "label": "Engine", "triangles": 5 });
    assert_eq!(answer.json(), serde_json::json!({ "defaultModel": "builtin://Engine", "models": [model] }));
    for headers in [&[][..], &[("Authorization", "Bearer forged")]] {
        let answer = plane.send("GET", "/portal/models", headers, "").await;
        assert_eq!((answer.status, answer.body.as_str()), (401, ""));
    }
}

#[tokio::test]
async fn without_the_portal_only_the_api_and_the_ca_certificate_are_served() {
    let plane = Plane::start_with(Config::parse("[listen]\nportal = false\n").unwrap()).await;
    for path in ["/", "/index.html", "/portal/configuration", "/portal/models", "/assets/app-1234.js"] {
        assert_eq!(plane.send("GET", path, &[], "").await.status, 404, "{path}");
    }
    let answer = plane.send("GET", "/ca.pem", &[], "").await;
    assert_eq!((answer.status, answer.header("Content-Type")), (200, Some("application/x-x509-ca-cert")));
    let on_disk = std::fs::read_to_string(plane.directory().join("ca.pem")).unwrap();
    assert_eq!(answer.body, on_disk);
    let host = format!("localhost:{}", plane.loopback_port());
    assert_eq!(plane.send_to_loopback("GET", "/", &[("Host", &host)], "").await.status, 200);
}
