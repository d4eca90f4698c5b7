//! Pebble, the small ACME authority of Let's Encrypt for tests. `scripts/setup.sh test` installs it.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use remora_control::authority::Authority;
use remora_session::Timestamp;
use tokio::net::TcpStream;

use super::look_again;

const ATTEMPTS: usize = 5;
/// One that starts takes a fraction of a second; one that cannot ends.
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);

pub struct Pebble {
    child: Child,
    pub directory_url: String,
    pub ca_file: PathBuf,
}

/// Where Pebble is; `None`, with a word, where it is not.
fn program() -> Option<PathBuf> {
    let installed: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../target/tools/pebble"].iter().collect();
    let found = installed.is_file();
    if !found {
        println!("skipped: no Pebble; scripts/setup.sh test installs it where there is Go");
    }
    found.then_some(installed)
}

impl Pebble {
    /// Its challenges go to that port of this machine, whatever name they are for. Certificates are good for `life`.
    pub async fn start(directory: &Path, now: Timestamp, challenge_port: u16, life: Duration) -> Option<Self> {
        let program = program()?;
        std::fs::create_dir_all(directory).unwrap();
        let authority = Authority::open(directory, now).unwrap();
        let certificate = authority.issue(&["localhost".to_owned()], LIFE, now).unwrap();
        let [certificate_file, key_file, config_file] =
            ["pebble.pem", "pebble.key", "pebble.json"].map(|name| directory.join(name));
        std::fs::write(&certificate_file, &certificate.certificate_pem).unwrap();
        std::fs::write(&key_file, &certificate.key_pem).unwrap();
        let name_server = serve_names();
        for _ in 0..ATTEMPTS {
            // Another program may take the port before Pebble does, which then ends.
            let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let config = serde_json::json!({ "pebble": {
                "listenAddress": format!("127.0.0.1:{port}"),
                "managementListenAddress": "",
                "certificate": certificate_file,
                "privateKey": key_file,
                "httpPort": 1,
                "tlsPort": challenge_port,
                "ocspResponderURL": "",
                "externalAccountBindingRequired": false,
                "retryAfter": { "authz": 1, "order": 1 },
                "profiles": { "default": { "description": "for tests", "validityPeriod": life.as_secs() } },
            } });
            std::fs::write(&config_file, config.to_string()).unwrap();
            let mut child = Command::new(&program)
                .arg("-config")
                .arg(&config_file)
                .args(["-strict", "-dnsserver", &name_server.to_string()])
                .env("PEBBLE_VA_NOSLEEP", "1")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            while child.try_wait().unwrap().is_none() {
                if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok() {
                    let directory_url = format!("https://localhost:{port}/dir");
                    return Some(Self { child, directory_url, ca_file: authority.certificate_path().to_owned() });
                }
                look_again().await;
            }
        }
        panic!("Pebble ends as soon as it is started");
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A name server for which every name is 127.0.0.1, until the test's process ends.
fn serve_names() -> SocketAddr {
    const HEADER_BYTES: usize = 12;
    const A: [u8; 4] = [0, 1, 0, 1];
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            let Some(name_bytes) = query[HEADER_BYTES..length].iter().position(|&byte| byte == 0) else { continue };
            let question_end = HEADER_BYTES + name_bytes + 1 + A.len();
            let asks_for_address = query[question_end - A.len()..question_end] == A;
            let mut answer = query[..question_end].to_vec();
            // A response, and one question, up to one answer, nothing else.
            answer[2..HEADER_BYTES].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(asks_for_address), 0, 0, 0, 0]);
            if asks_for_address {
                // The name of the question, type and class, a minute, four bytes.
                answer.extend([0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
                answer.extend(Ipv4Addr::LOCALHOST.octets());
            }
            let _ = socket.send_to(&answer, from);
        }
    });
    address
}
