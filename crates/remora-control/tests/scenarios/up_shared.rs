//! An installation that other machines reach. They are this machine under its other names and addresses.

use std::net::SocketAddr;
use std::path::Path;

use remora_control::{Config, Connection, UpOptions};

use crate::support::fake_host;
use crate::support::http::{self, Answer};
use crate::support::installation::{Installation, options};

const BODY: &str = r#"{"maxLeaseTimeMinutes":4,"size":"Standard"}"#;

fn shared(data_directory: &Path, name: Option<&str>) -> UpOptions {
    let mut config = Config::default();
    config.listen.name = name.map(str::to_owned);
    UpOptions { https: ([0, 0, 0, 0], 0).into(), config, ..options(data_directory) }
}

/// A request over TLS to `name`, which the certificate has to be for.
async fn ask(connection: &Connection, name: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
    let ca_pem = std::fs::read_to_string(&connection.ca_file).unwrap();
    let port = connection.account_domain.rsplit(':').next().unwrap();
    let address: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
    let stream = http::tls(address, name, &ca_pem).await;
    http::send(stream, &format!("{name}:{port}"), "GET", target, headers, "").await
}

#[tokio::test]
async fn a_shared_installation_is_opened_by_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let installation = Installation::start_with(shared(directory.path(), Some("workstation.example"))).await;
    let connection = &installation.connection;
    let port = connection.account_domain.rsplit(':').next().unwrap();
    assert_eq!(connection.addresses[0], format!("https://workstation.example:{port}"));
    let configuration = ask(connection, "workstation.example", "/portal/configuration", &[]).await;
    assert_eq!(configuration.json()["endpoint"], connection.addresses[0]);
    assert_eq!(configuration.json()["signIn"]["secret"], false);
    assert_eq!(configuration.json()["certificate"]["local"], true);
    let authority = ask(connection, "workstation.example", "/ca.pem", &[]).await;
    assert_eq!(authority.body, std::fs::read_to_string(&connection.ca_file).unwrap());
    let own_page = [("Origin", connection.addresses[0].as_str())];
    let answer = ask(connection, "workstation.example", "/origin", &own_page).await;
    assert_eq!(answer.json()["allowed"], true);
    installation.stop().await;
}

#[tokio::test]
async fn without_a_name_a_client_reaches_hosts_by_the_address_that_it_has_opened() {
    let directory = tempfile::tempdir().unwrap();
    let told = directory.path().join("told.json");
    let mut options = shared(&directory.path().join("data"), None);
    options.host_command = fake_host::command_that_keeps_its_start(&told);
    let installation = Installation::start_with(options).await;
    let connection = installation.connection.clone();
    let token = installation.token().await;
    assert_eq!(installation.call(&token, "PUT", "/sessions/one", BODY).await.status, 201);
    let reported = installation.becomes(&token, "one", "Ready").await["hostname"].as_str().unwrap().to_owned();
    let start = fake_host::kept_start(&told).await;
    assert_eq!(reported, start.placement.hostname);

    let authorization = format!("Bearer {token}");
    let headers = [("Authorization", authorization.as_str())];
    let target = format!("/accounts/{}/sessions/one?api-version=2021-01-01", connection.account_id);
    for address in &connection.addresses {
        let name = address.trim_start_matches("https://").rsplit_once(':').unwrap().0;
        let session = ask(&connection, name, &target, &headers).await.json();
        assert_eq!(session["hostname"], name, "{session}");
        assert!(start.spec.allowed_origins.allows(address), "{address}");
    }
    let v1 = format!("/v1/accounts/{}/sessions/one/properties", connection.account_id);
    for name in ["localhost", "127.0.0.1"] {
        assert_eq!(ask(&connection, name, &target, &headers).await.json()["hostname"], reported, "{name}");
        assert_eq!(ask(&connection, name, &v1, &headers).await.json()["sessionHostname"], reported, "{name}");
    }
    // The origin of a page on this machine, over plain HTTP.
    let (authority, _) = connection.portal.trim_start_matches("http://").split_once('/').unwrap();
    let stream = http::tcp(([127, 0, 0, 1], authority.rsplit(':').next().unwrap().parse().unwrap()).into()).await;
    let session = http::send(stream, authority, "GET", &target, &headers, "").await.json();
    assert_eq!(session["hostname"], "localhost", "{session}");
    installation.stop().await;
}

#[tokio::test]
async fn on_loopback_no_other_machine_is_promised_anything() {
    let directory = tempfile::tempdir().unwrap();
    let installation = Installation::start(directory.path()).await;
    assert_eq!(installation.connection.addresses, [""; 0]);
    assert_eq!(installation.send("GET", "/portal/configuration", &[], "").await.status, 200, "the portal is there");
    installation.stop().await;
}
