use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use remora_control::{Asset, Assets, Config, ServeOptions, ServerError, Serving, Store, UpOptions, serve, up};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::http::Answer;
use crate::support::installation::{self, host_pids, is_alive, kill};
use crate::support::operator::make_account;
use crate::support::postgres::fresh_database;
use crate::support::{fake_host, http, look_again, within};

struct Server {
    serving: Serving,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), ServerError>>,
}

fn options(data_directory: &Path) -> ServeOptions {
    ServeOptions {
        data_directory: data_directory.to_owned(),
        https: ([127, 0, 0, 1], 0).into(),
        host_command: fake_host::command(),
        assets: None,
        config: Config::default(),
    }
}

impl Server {
    async fn start(options: ServeOptions) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = oneshot::channel();
        let running = tokio::spawn(serve(
            options,
            |serving: &Serving| ready.send(serving.clone()).expect("the scenario waits"),
            async {
                let _ = stopped.await;
            },
        ));
        let serving = within("everything accepting", is_ready).await.expect("serve is running");
        Self { serving, stop, running }
    }

    /// Returns the address, for using it again.
    async fn stop(self) -> SocketAddr {
        self.stop.send(()).expect("serve is running");
        within("a clean stop", self.running).await.unwrap().unwrap();
        self.serving.https
    }

    async fn send(&self, method: &str, target: &str, authorization: &str, body: &str) -> Answer {
        let ca_pem = std::fs::read_to_string(&self.serving.ca_file).unwrap();
        let stream = http::tls(self.serving.https, "localhost", &ca_pem).await;
        let domain = self.serving.endpoint.trim_start_matches("https://");
        http::send(stream, domain, method, target, &[("Authorization", authorization)], body).await
    }
}

#[tokio::test]
async fn hosts_and_sessions_outlive_a_clean_stop_and_are_adopted() {
    let directory = tempfile::tempdir().unwrap();
    Server::start(options(directory.path())).await.stop().await;
    let store = Store::open_sqlite(&directory.path().join("remora.db")).await.unwrap();
    let (account, key) = make_account(store).await;
    let first = Server::start(options(directory.path())).await;
    let target = format!("/accounts/{account}/token");
    let answer = first.send("GET", &target, &format!("Bearer {account}:{key}"), "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let token = format!("Bearer {}", answer.json()["AccessToken"].as_str().unwrap());
    let target = format!("/accounts/{account}/sessions/one?api-version=2021-01-01");
    let body = r#"{"maxLeaseTimeMinutes":4,"size":"Standard"}"#;
    assert_eq!(first.send("PUT", &target, &token, body).await.status, 201);
    within("the session being ready", async {
        while first.send("GET", &target, &token, "").await.json()["status"] != "Ready" {
            look_again().await;
        }
    })
    .await;
    let pids = host_pids(directory.path());
    let https = first.stop().await;
    assert_eq!((pids.len(), host_pids(directory.path())), (1, pids.clone()));
    assert!(is_alive(pids[0]), "the host is streaming on");

    let second = Server::start(ServeOptions { https, ..options(directory.path()) }).await;
    let session = second.send("GET", &target, &token, "").await.json();
    assert_eq!(session["status"], "Ready", "{session}");
    assert_eq!(host_pids(directory.path()), pids);
    second.stop().await;
    kill(pids[0]);
}

#[tokio::test]
async fn a_directory_with_its_database_is_used_by_one_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let first = Server::start(options(directory.path())).await;
    let refusal = serve(options(directory.path()), |_| panic!("it started"), std::future::pending()).await;
    assert!(matches!(refusal, Err(ServerError::DataDirectoryInUse { .. })), "{refusal:?}");
    let refusal = up(installation::options(directory.path()), |_| panic!("it started"), std::future::pending()).await;
    assert!(matches!(refusal, Err(ServerError::DataDirectoryInUse { .. })), "{refusal:?}");
    first.stop().await;
}

#[tokio::test]
async fn the_operators_certificate_is_for_those_who_ask_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let now = remora_control::Clock::system().now();
    let authority = remora_control::Authority::open(elsewhere.path(), now).unwrap();
    let life = std::time::Duration::from_hours(1);
    let own = authority.issue(&["remora.example".to_owned()], life, now).unwrap();
    let (certificate, key) = (elsewhere.path().join("own.pem"), elsewhere.path().join("own.key"));
    std::fs::write(&certificate, &own.certificate_pem).unwrap();
    std::fs::write(&key, &own.key_pem).unwrap();
    let mut config = Config::default();
    config.listen.name = Some("remora.example".into());
    config.listen.certificate = Some(certificate.clone());
    config.listen.certificate_key = Some(key);
    let server = Server::start(ServeOptions { config: config.clone(), ..options(directory.path()) }).await;
    let port = server.serving.https.port();
    assert_eq!(server.serving.endpoint, format!("https://remora.example:{port}"));
    // A handshake with a certificate of another authority would panic.
    http::tls(server.serving.https, "remora.example", authority.certificate_pem()).await;
    let local_pem = std::fs::read_to_string(&server.serving.ca_file).unwrap();
    http::tls(server.serving.https, "localhost", &local_pem).await;
    http::tls(server.serving.https, "127.0.0.1", &local_pem).await;
    server.stop().await;

    std::fs::write(&certificate, "not a certificate").unwrap();
    let options = UpOptions { config, ..installation::options(directory.path()) };
    let refusal = up(options, |_| panic!("it started"), std::future::pending()).await.unwrap_err().to_string();
    assert!(refusal.contains("own.pem"), "{refusal}");
}

#[tokio::test]
async fn two_on_one_postgresql_and_one_directory_are_one_service() {
    let Some(url) = fresh_database().await else { return };
    let directory = tempfile::tempdir().unwrap();
    let (account, key) = make_account(Store::open_postgres(&url).await.unwrap()).await;
    let mut config = Config::default();
    config.store.url = Some(url);
    let options = ServeOptions { config, ..options(directory.path()) };
    // Both at once, in an empty directory: they must come to have the same keys.
    let (first, second) = tokio::join!(Server::start(options.clone()), Server::start(options.clone()));
    assert_eq!(first.serving.ca_file, second.serving.ca_file);
    assert!(!directory.path().join("remora.db").exists());
    let target = format!("/accounts/{account}/token");
    let answer = first.send("GET", &target, &format!("Bearer {account}:{key}"), "").await;
    let token = format!("Bearer {}", answer.json()["AccessToken"].as_str().unwrap());
    let target = format!("/accounts/{account}/sessions/one?api-version=2021-01-01");
    let body = r#"{"maxLeaseTimeMinutes":4,"size":"Standard"}"#;
    assert_eq!(first.send("PUT", &target, &token, body).await.status, 201);
    let seen = second.send("GET", &target, &token, "").await;
    assert_eq!((seen.status, seen.json()["id"].as_str()), (200, Some("one")), "{seen:?}");
    first.stop().await;
    let stop = format!("/accounts/{account}/sessions/one/:stop?api-version=2021-01-01");
    assert_eq!(second.send("POST", &stop, &token, "").await.status, 204, "the other continues");
    assert_eq!(second.send("GET", &target, &token, "").await.json()["status"], "Stopped");
    // A directory that is shared is not for one that wants it alone.
    let refusal = up(installation::options(directory.path()), |_| panic!("it started"), std::future::pending()).await;
    assert!(matches!(refusal, Err(ServerError::DataDirectoryInUse { .. })), "{refusal:?}");
    within("the host being gone", async {
        while host_pids(directory.path()).iter().any(|pid| is_alive(*pid)) {
            look_again().await;
        }
    })
    .await;
    second.stop().await;
}

#[tokio::test]
async fn it_serves_the_pages_over_https_where_a_key_signs_in() {
    let directory = tempfile::tempdir().unwrap();
    let page = |name: &str| {
        let index = Asset { content_type: "text/html".into(), bytes: b"<!doctype html>".into() };
        (name == "index.html").then_some(index)
    };
    let assets = Some(Arc::new(page) as Assets);
    let server = Server::start(ServeOptions { assets, ..options(directory.path()) }).await;
    assert_eq!(server.send("GET", "/", "", "").await.body, "<!doctype html>");
    let configuration = server.send("GET", "/portal/configuration", "", "").await.json();
    assert_eq!(configuration["signIn"]["secret"], false, "{configuration}");
    assert_eq!(configuration["signIn"]["accountKey"], true, "{configuration}");
    assert_eq!(server.send("POST", "/portal/sign-in", "", r#"{"secret":"x"}"#).await.status, 404);
    server.stop().await;
    let server = Server::start(options(directory.path())).await;
    assert_eq!(server.send("GET", "/", "", "").await.status, 404, "a program that has no pages");
    server.stop().await;
}
