//! `remora serve` as a separate process that can be killed. Like the fake host, it is this test executable, told to run
//! one of its ignored tests.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use remora_control::{Config, ServeOptions, serve};

use super::{fake_host, look_again, within};

const DIRECTORY: &str = "REMORA_TEST_SERVE_DIRECTORY";
const ADDRESS: &str = "REMORA_TEST_SERVE_ADDRESS";
const CONFIG: &str = "REMORA_TEST_SERVE_CONFIG";

/// A running process, killed when this is dropped.
pub(crate) struct ServerProcess {
    pub address: SocketAddr,
    directory: PathBuf,
    config: String,
    process: Child,
}

impl ServerProcess {
    /// Starts the process with this configuration in TOML. Returns once it responds.
    pub(crate) async fn start(directory: &Path, config: &str) -> Self {
        let address = lasting_address();
        let process = spawn(directory, address, config);
        let mut server = Self { address, directory: directory.to_owned(), config: config.to_owned(), process };
        server.accepts().await;
        // It opens its port before it has its keys.
        within("the server having a certificate", async {
            while !directory.join("ca.pem").exists() {
                look_again().await;
            }
        })
        .await;
        server
    }

    /// Kills the process and starts it again at the same address. Returns once it accepts connections.
    pub(crate) async fn kill_and_restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = spawn(&self.directory, self.address, &self.config);
        self.accepts().await;
    }

    async fn accepts(&mut self) {
        within("the server accepting", async {
            while tokio::net::TcpStream::connect(self.address).await.is_err() {
                assert!(self.process.try_wait().unwrap().is_none(), "the server has ended by itself");
                look_again().await;
            }
        })
        .await;
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns an address that can be used again after a restart. Its port is below those that the system assigns to
/// outgoing connections, so that none of them takes it.
fn lasting_address() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let ports = (0..1_000).map(|_| (std::process::id() + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000 + 10_000);
    let addresses = ports.map(|port| SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).expect("below 20,000"))));
    addresses.into_iter().find(|address| std::net::TcpListener::bind(address).is_ok()).expect("a free port")
}

fn spawn(directory: &Path, address: SocketAddr, config: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "control_plane", "--ignored", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(ADDRESS, address.to_string())
        .env(CONFIG, config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

pub(crate) fn run() {
    let Ok(directory) = std::env::var(DIRECTORY) else {
        println!("this is started by the scenarios, with {DIRECTORY}, {ADDRESS} and {CONFIG}");
        return;
    };
    let variable = |name| std::env::var(name).unwrap();
    let options = ServeOptions {
        data_directory: directory.into(),
        https: variable(ADDRESS).parse().unwrap(),
        host_command: fake_host::command(),
        assets: None,
        config: Config::parse(&variable(CONFIG)).unwrap(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(serve(options, |_| {}, std::future::pending())).unwrap();
}
