use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;

use remora_control::{ServerError, UpOptions, up};

use crate::support::installation::{Installation, options};

/// The error of a start that must fail.
async fn refusal(options: UpOptions) -> ServerError {
    let ready = |_: &remora_control::Connection| panic!("it started");
    up(options, ready, std::future::pending()).await.unwrap_err()
}

#[tokio::test]
async fn a_taken_port_is_named_and_nothing_is_left_behind() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for (option, options) in [
        ("--https", UpOptions { https: address, ..options(&data) }),
        ("--http", UpOptions { http: address, ..options(&data) }),
    ] {
        let text = refusal(options).await.to_string();
        assert!(text.starts_with(&format!("{option} {address}: the port is taken; ")), "{text}");
        assert!(!text.contains('\n'));
        assert!(!data.exists());
    }
}

#[tokio::test]
async fn plain_http_stays_on_this_machine() {
    let directory = tempfile::tempdir().unwrap();
    let options = UpOptions { http: "0.0.0.0:0".parse().unwrap(), ..options(&directory.path().join("data")) };
    let text = refusal(options).await.to_string();
    assert!(text.contains("loopback"), "{text}");
    assert!(!directory.path().join("data").exists());
}

#[tokio::test]
async fn a_directory_that_cannot_be_used_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let text = refusal(options(&file)).await.to_string();
    assert!(text.contains(&file.display().to_string()) && text.contains("--data-dir"), "{text}");
    let below = refusal(options(&file.join("below"))).await.to_string();
    assert!(below.contains("--data-dir"), "{below}");
}

#[tokio::test]
async fn a_cache_whose_path_is_not_text_is_refused_with_advice() {
    let directory = tempfile::tempdir().unwrap();
    let text = refusal(options(&directory.path().join(OsStr::from_bytes(b"data\xff")))).await.to_string();
    assert!(text.contains("not UTF-8") && text.contains("cache.directory"), "{text}");
}

#[tokio::test]
async fn a_model_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let options = UpOptions { models: vec!["/nowhere/x.glb".into()], ..options(&directory.path().join("data")) };
    let text = refusal(options).await.to_string();
    assert!(text.starts_with("--model /nowhere/x.glb: "), "{text}");
    assert!(!directory.path().join("data").exists());
}

#[tokio::test]
async fn a_directory_is_used_by_one_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let first = Installation::start(directory.path()).await;
    assert!(matches!(refusal(options(directory.path())).await, ServerError::DataDirectoryInUse { .. }));
    let same_port = UpOptions { https: first.address(), ..options(directory.path()) };
    assert!(matches!(refusal(same_port).await, ServerError::DataDirectoryInUse { .. }), "and says so, not the port");
    assert!(directory.path().join("connection.json").exists(), "the first is not disturbed");
    first.stop().await;
    Installation::start(directory.path()).await.stop().await;
}

#[tokio::test]
async fn damaged_files_are_named_and_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    Installation::start(directory.path()).await.stop().await;
    for name in ["remora.db", "token.key", "hosts.key", "account.json", "ca.key"] {
        let path = directory.path().join(name);
        let good = std::fs::read(&path).unwrap();
        let damaged = vec![b'x'; 2_000];
        std::fs::write(&path, &damaged).unwrap();
        std::fs::write(directory.path().join("connection.json"), "left by an unclean stop").unwrap();
        let text = refusal(options(directory.path())).await.to_string();
        assert!(text.contains(name), "{name}: {text}");
        assert!(!text.contains('\n'), "{text}");
        assert_eq!(std::fs::read(&path).unwrap(), damaged, "{name}");
        assert!(!directory.path().join("connection.json").exists(), "nothing accepts");
        std::fs::write(&path, good).unwrap();
    }
    Installation::start(directory.path()).await.stop().await;
}

#[tokio::test]
async fn secrets_are_for_their_owner_only() {
    let directory = tempfile::tempdir().unwrap();
    let installation = Installation::start(directory.path()).await;
    for name in ["connection.json", "account.json", "token.key", "hosts.key", "ca.key"] {
        let mode = std::fs::metadata(directory.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let database = std::fs::read(directory.path().join("remora.db")).unwrap();
    let key = installation.connection.account_key.as_bytes();
    assert!(!database.windows(key.len()).any(|window| window == key), "the key is in the database");
    installation.stop().await;
}

#[tokio::test]
async fn a_start_that_is_called_off_leaves_nothing_running() {
    let directory = tempfile::tempdir().unwrap();
    let ready = |_: &remora_control::Connection| panic!("it started");
    up(options(directory.path()), ready, std::future::ready(())).await.unwrap();
    assert!(!directory.path().join("connection.json").exists());
    Installation::start(directory.path()).await.stop().await;
}
