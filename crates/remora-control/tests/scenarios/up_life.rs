use std::time::{Duration, Instant};

use remora_protocol::link::{Rendering, SILENCE_MILLISECONDS_MAX};

use crate::support::installation::{Installation, host_pids, is_alive, kill};
use crate::support::{fake_host, http, look_again, within};

const BODY: &str = r#"{"maxLeaseTimeMinutes":4,"size":"Standard"}"#;

#[tokio::test]
async fn connection_json_is_there_exactly_while_everything_accepts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("connection.json");
    std::fs::write(&path, "left by an unclean stop").unwrap();
    let installation = Installation::start(directory.path()).await;
    let text = std::fs::read_to_string(&path).unwrap();
    let connection: serde_json::Value = serde_json::from_str(&text).unwrap();
    let names: Vec<&str> = text.split('"').skip(1).step_by(4).collect();
    assert_eq!(names, ["endpoint", "stsEndpoint", "accountDomain", "portal", "accountId", "accountKey", "caFile"]);
    let domain = connection["accountDomain"].as_str().unwrap();
    assert_eq!(connection["endpoint"], format!("https://{domain}"));
    assert_eq!(connection["stsEndpoint"], connection["endpoint"]);
    assert!(domain.starts_with("localhost:"), "{domain}");
    assert!(std::path::Path::new(connection["caFile"].as_str().unwrap()).is_absolute());
    let (portal, secret) = connection["portal"].as_str().unwrap().split_once("/#secret=").unwrap();
    assert!(secret.len() >= 43, "256 bits: {secret}");
    let authority = portal.strip_prefix("http://").unwrap();
    let port: u16 = authority.strip_prefix("localhost:").unwrap().parse().unwrap();
    let body = serde_json::json!({ "secret": secret }).to_string();
    let stream = http::tcp(([127, 0, 0, 1], port).into()).await;
    let answer = http::send(stream, authority, "POST", "/portal/sign-in", &[], &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    installation.stop().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_session_lives_and_a_clean_stop_leaves_no_process() {
    let directory = tempfile::tempdir().unwrap();
    let installation = Installation::start(directory.path()).await;
    let token = installation.token().await;
    assert_eq!(installation.call(&token, "PUT", "/sessions/one", BODY).await.status, 201);
    let session = installation.becomes(&token, "one", "Ready").await;
    assert_eq!((session["handshakePort"].as_u64(), session["hostname"].as_str()), (Some(50_000), Some("localhost")));
    assert_eq!(installation.call(&token, "PUT", "/sessions/two", BODY).await.status, 201);
    installation.becomes(&token, "two", "Ready").await;
    let pids = host_pids(directory.path());
    assert_eq!(pids.len(), 2);
    installation.stop().await;
    assert!(!pids.iter().any(|pid| is_alive(*pid)));
    assert!(host_pids(directory.path()).is_empty());
}

#[tokio::test]
async fn account_and_history_survive_a_restart_and_the_secret_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let first = Installation::start(directory.path()).await;
    let token = first.token().await;
    first.call(&token, "PUT", "/sessions/one", BODY).await;
    first.becomes(&token, "one", "Ready").await;
    let before = first.connection.clone();
    let authority = std::fs::read(&before.ca_file).unwrap();
    first.stop().await;
    let second = Installation::start(directory.path()).await;
    let after = &second.connection;
    assert_eq!((&after.account_id, &after.account_key), (&before.account_id, &before.account_key));
    assert_eq!(std::fs::read(&after.ca_file).unwrap(), authority);
    assert_ne!(after.portal.split_once('#').unwrap().1, before.portal.split_once('#').unwrap().1);
    second.becomes(&token, "one", "Stopped").await;
    second.stop().await;
}

#[tokio::test]
async fn a_host_that_is_killed_turns_its_session_to_error_long_before_it_counts_as_silent() {
    let directory = tempfile::tempdir().unwrap();
    let installation = Installation::start(directory.path()).await;
    let token = installation.token().await;
    installation.call(&token, "PUT", "/sessions/one", BODY).await;
    installation.becomes(&token, "one", "Ready").await;
    let begun = Instant::now();
    kill(host_pids(directory.path())[0]);
    let session = installation.becomes(&token, "one", "Error").await;
    assert!(begun.elapsed() < Duration::from_millis(SILENCE_MILLISECONDS_MAX), "{:?}", begun.elapsed());
    assert_eq!(session["error"]["message"], "The render host was ended by signal 9.");
    within("its pid file being removed", async {
        while !host_pids(directory.path()).is_empty() {
            look_again().await;
        }
    })
    .await;
    installation.stop().await;
}

#[tokio::test]
async fn a_host_that_cannot_start_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let installation = Installation::start_with_hosts(directory.path(), fake_host::failing_command()).await;
    let token = installation.token().await;
    installation.call(&token, "PUT", "/sessions/one", BODY).await;
    let session = installation.becomes(&token, "one", "Error").await;
    assert_eq!(session["error"]["message"], "no Vulkan driver; install mesa-vulkan-drivers");
    installation.stop().await;
}

#[tokio::test]
async fn a_host_is_told_of_a_cache_in_the_data_directory() {
    let directory = tempfile::tempdir().unwrap();
    let told = directory.path().join("told.json");
    let host_command = fake_host::command_that_keeps_its_start(&told);
    let installation = Installation::start_with_hosts(&directory.path().join("data"), host_command).await;
    let token = installation.token().await;
    assert_eq!(installation.call(&token, "PUT", "/sessions/one", BODY).await.status, 201);
    let start = fake_host::kept_start(&told).await;
    let cache = directory.path().canonicalize().unwrap().join("data/cache");
    assert_eq!(start.placement.cache_directory.as_deref(), cache.to_str());
    assert_eq!(start.spec.rendering, Rendering { cache_bytes_max: 20 << 30, ..Rendering::default() });
    installation.stop().await;
}

#[tokio::test]
async fn hosts_outlive_a_crash_of_the_control_plane_and_are_adopted() {
    let directory = tempfile::tempdir().unwrap();
    let first = Installation::start(directory.path()).await;
    let token = first.token().await;
    first.call(&token, "PUT", "/sessions/one", BODY).await;
    first.becomes(&token, "one", "Ready").await;
    let pids = host_pids(directory.path());
    let second = first.crash_and_restart(directory.path()).await;
    second.becomes(&token, "one", "Ready").await;
    assert_eq!(host_pids(directory.path()), pids);
    assert!(is_alive(pids[0]));
    assert_eq!(second.call(&token, "POST", "/sessions/one/:stop", "").await.status, 204);
    within("the adopted host ending", async {
        while is_alive(pids[0]) {
            look_again().await;
        }
    })
    .await;
    second.stop().await;
}

/// The shortest lease, by the real clock and without a client: the timer of the reconcile loop ends it.
#[tokio::test]
async fn a_lease_of_one_minute_ends_by_itself_and_takes_its_host_along() {
    let directory = tempfile::tempdir().unwrap();
    let installation = Installation::start(directory.path()).await;
    let token = installation.token().await;
    installation.call(&token, "PUT", "/sessions/one", r#"{"maxLeaseTimeMinutes":1,"size":"Standard"}"#).await;
    installation.becomes(&token, "one", "Ready").await;
    let ready_seen = Instant::now();
    let pid = host_pids(directory.path())[0];
    tokio::time::timeout(Duration::from_secs(90), async {
        while is_alive(pid) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("the host has ended long before");
    assert!(ready_seen.elapsed() > Duration::from_secs(58), "ended early: {:?}", ready_seen.elapsed());
    let session = installation.becomes(&token, "one", "Expired").await;
    assert_eq!(session["elapsedTimeMinutes"], 1);
    let usage = installation.call(&token, "GET", "/usage", "").await.json();
    assert_eq!(usage["records"][0]["billedSeconds"], 60, "{usage}");
}
