//! `remora up` as a library call: real processes, real TLS, the real clock.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use remora_control::{Config, Connection, HostCommand, ServerError, UpOptions, up};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::http::{self, Answer};
use super::{fake_host, look_again, within};

pub(crate) struct Installation {
    pub connection: Connection,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), ServerError>>,
}

pub(crate) fn options(data_directory: &Path) -> UpOptions {
    let any_port: SocketAddr = ([127, 0, 0, 1], 0).into();
    UpOptions {
        data_directory: data_directory.to_owned(),
        https: any_port,
        http: any_port,
        engine_triangles: 200_000,
        models: vec![],
        assets: Arc::new(|_| None),
        host_command: fake_host::command(),
        config: Config::default(),
    }
}

impl Installation {
    pub(crate) async fn start(data_directory: &Path) -> Self {
        Self::start_with_hosts(data_directory, fake_host::command()).await
    }

    pub(crate) async fn start_with_hosts(data_directory: &Path, host_command: HostCommand) -> Self {
        Self::start_with(UpOptions { host_command, ..options(data_directory) }).await
    }

    pub(crate) async fn start_with(options: UpOptions) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = oneshot::channel();
        let running = tokio::spawn(up(
            options,
            |connection: &Connection| ready.send(connection.clone()).expect("the scenario waits"),
            async {
                let _ = stopped.await;
            },
        ));
        let connection = within("everything accepting", is_ready).await.expect("up is running");
        Self { connection, stop, running }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).expect("up is running");
        within("a clean stop", self.running).await.unwrap().unwrap();
    }

    /// Behaves as if the process was killed and started again: nothing is cleaned up, and the addresses stay the same.
    pub(crate) async fn crash_and_restart(self, data_directory: &Path) -> Self {
        let https = self.address();
        self.running.abort();
        let _ = self.running.await;
        within("the port being free", async {
            while std::net::TcpListener::bind(https).is_err() {
                look_again().await;
            }
        })
        .await;
        Self::start_with(UpOptions { https, ..options(data_directory) }).await
    }

    pub(crate) async fn token(&self) -> String {
        let authorization = format!("Bearer {}:{}", self.connection.account_id, self.connection.account_key);
        let target = format!("/accounts/{}/token", self.connection.account_id);
        let answer = self.send("GET", &target, &[("Authorization", &authorization)], "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["AccessToken"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn call(&self, token: &str, method: &str, target: &str, body: &str) -> Answer {
        let target = format!("/accounts/{}{target}?api-version=2021-01-01", self.connection.account_id);
        self.send(method, &target, &[("Authorization", &format!("Bearer {token}"))], body).await
    }

    pub(crate) async fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let ca_pem = std::fs::read_to_string(&self.connection.ca_file).unwrap();
        let stream = http::tls(self.address(), "localhost", &ca_pem).await;
        http::send(stream, &self.connection.account_domain, method, target, headers, body).await
    }

    pub(crate) fn address(&self) -> SocketAddr {
        let port = self.connection.account_domain.rsplit(':').next().unwrap().parse().unwrap();
        ([127, 0, 0, 1], port).into()
    }

    pub(crate) async fn becomes(&self, token: &str, id: &str, status: &str) -> serde_json::Value {
        within(&format!("{id} becoming {status}"), async {
            loop {
                let answer = self.call(token, "GET", &format!("/sessions/{id}"), "").await;
                assert_eq!(answer.status, 200, "{answer:?}");
                if answer.json()["status"] == status {
                    return answer.json();
                }
                look_again().await;
            }
        })
        .await
    }
}

/// Returns the process ids of all hosts that have a pid file.
pub(crate) fn host_pids(data_directory: &Path) -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir(data_directory.join("hosts")) else {
        return vec![];
    };
    let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    let files = paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    files
        .filter_map(|path| {
            let file: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).ok()?).unwrap();
            Some(i32::try_from(file["pid"].as_i64().unwrap()).unwrap())
        })
        .collect()
}

/// Returns whether the process runs. An ended one that its parent has not waited for does not.
pub(crate) fn is_alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

pub(crate) fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}
