use remora_control::{Config, ServeOptions, serve};
use tokio::sync::oneshot;

use crate::support::plane::{Plane, ready};
use crate::support::{fake_host, http, within};

/// Returns the value of the sample that begins with this text.
fn sample(metrics: &str, beginning: &str) -> f64 {
    let line = metrics.lines().find(|line| line.starts_with(beginning));
    let line = line.unwrap_or_else(|| panic!("there is no {beginning} in\n{metrics}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

async fn metrics(plane: &Plane) -> String {
    let answer = plane.send_to_loopback("GET", "/metrics", &[], "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    answer.body
}

#[tokio::test]
async fn live_sessions_are_counted_by_size_and_state() {
    let plane = Plane::start().await;
    let one = plane.create("one", 10).await;
    let before = metrics(&plane).await;
    assert_eq!(sample(&before, r#"ActiveRenderingSessions{size="Standard",state="Starting"}"#), 1.0);
    assert_eq!(sample(&before, r#"ActiveRenderingSessions{size="Standard",state="Ready"}"#), 0.0);
    plane.report(&one, ready()).await;
    let after = metrics(&plane).await;
    assert_eq!(sample(&after, r#"ActiveRenderingSessions{size="Standard",state="Starting"}"#), 0.0);
    assert_eq!(sample(&after, r#"ActiveRenderingSessions{size="Standard",state="Ready"}"#), 1.0);
    assert_eq!(sample(&after, r#"ActiveRenderingSessions{size="Premium",state="Ready"}"#), 0.0);
    assert_eq!(sample(&after, r#"remora_session_start_seconds_count{size="Standard"}"#), 1.0);
}

#[tokio::test]
async fn requests_are_counted_by_route_and_labels_contain_no_customer_data() {
    let plane = Plane::start().await;
    plane.call("GET", "/sessions/unknown-to-all", "").await;
    plane.send("GET", &format!("/Accounts/{}/token", plane.account), &[], "").await;
    plane.send("BREW", "/coffee/for/one", &[], "").await;
    let text = metrics(&plane).await;
    let session =
        r#"remora_http_requests_total{route="/accounts/{account}/sessions/{session}",method="GET",status="404"}"#;
    assert_eq!(sample(&text, session), 1.0);
    let token = r#"remora_http_requests_total{route="/accounts/{account}/token",method="GET",status="401"}"#;
    assert_eq!(sample(&text, token), 1.0);
    assert_eq!(sample(&text, r#"remora_http_requests_total{route="unmatched",method="other",status="404"}"#), 1.0);
    for secret in [&*plane.account.to_string(), "unknown-to-all", "coffee", "BREW"] {
        assert!(!text.contains(secret), "{secret} is in\n{text}");
    }
}

#[tokio::test]
async fn ended_leases_and_failed_hosts_are_counted() {
    let plane = Plane::start().await;
    let host = plane.create_ready("one", 1).await;
    plane.pass_with_reports(&host, std::time::Duration::from_secs(61)).await;
    plane.becomes("one", "Expired").await;
    let text = metrics(&plane).await;
    assert_eq!(sample(&text, r#"remora_sessions_ended_total{size="Standard",status="Expired"}"#), 1.0);
    assert!(!text.contains("remora_host_failures_total{"), "{text}");
}

#[tokio::test]
async fn the_public_listener_has_health_but_no_metrics() {
    let plane = Plane::start().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(plane.send("GET", path, &[], "").await.status, 200, "{path}");
        assert_eq!(plane.send_to_loopback("GET", path, &[], "").await.status, 200, "{path}");
    }
    assert_eq!(plane.send("GET", "/metrics", &[], "").await.status, 404);
    plane.store.close().await;
    let answer = plane.send("GET", "/readyz", &[], "").await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.starts_with("The store "), "{answer:?}");
    assert_eq!(plane.send("GET", "/healthz", &[], "").await.status, 200);
}

#[tokio::test]
async fn a_correlation_vector_is_continued() {
    let plane = Plane::start().await;
    let base = "ZuyAfqDYD0i4xphbpH16SQ";
    for (header, value) in [("MS-CV", format!("{base}.1.2")), ("X-MRC-CV", base.to_owned())] {
        let answer = plane.send("GET", "/healthz", &[(header, &value)], "").await;
        assert_eq!(answer.header("ms-cv"), Some(&*format!("{base}.0")));
    }
    let answer = plane.send("GET", "/healthz", &[("MS-CV", "not one\u{7f}")], "").await;
    assert_ne!(answer.header("ms-cv"), Some(&*format!("{base}.0")));
}

#[tokio::test]
async fn metrics_can_have_a_separate_listener() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.listen.metrics = Some(([127, 0, 0, 1], 0).into());
    let options = ServeOptions {
        data_directory: directory.path().to_owned(),
        https: ([127, 0, 0, 1], 0).into(),
        host_command: fake_host::command(),
        assets: None,
        config,
    };
    let (ready, is_ready) = oneshot::channel();
    let running = tokio::spawn(serve(
        options,
        |serving: &remora_control::Serving| ready.send(serving.clone()).expect("the scenario waits"),
        std::future::pending(),
    ));
    let address = within("everything accepting", is_ready).await.unwrap().metrics.unwrap();
    for (path, status) in [("/metrics", 200), ("/readyz", 200), ("/accounts/x/sessions", 404)] {
        let answer = http::send(http::tcp(address).await, "any.name", "GET", path, &[], "").await;
        assert_eq!(answer.status, status, "{path}");
    }
    running.abort();
}
