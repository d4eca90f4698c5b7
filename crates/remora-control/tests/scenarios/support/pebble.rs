//! Pebble, Let's Encrypt's small ACME server for tests. `scripts/setup.sh test` installs it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use remora_control::Authority;
use remora_session::Timestamp;

use super::look_again;

const ATTEMPTS: usize = 5;
/// Time limit for the start, which takes a fraction of a second.
const LIFE: Duration = Duration::from_hours(24);

pub(crate) struct Pebble {
    child: Child,
    pub directory_url: String,
    pub ca_file: PathBuf,
}

/// Returns the path of Pebble. Prints a message and returns `None` if it is not installed.
fn program() -> Option<PathBuf> {
    let installed: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../target/tools/pebble"].iter().collect();
    let found = installed.is_file();
    if !found {
        println!("skipped: no Pebble; scripts/setup.sh test installs it where there is Go");
    }
    found.then_some(installed)
}

impl Pebble {
    /// Starts Pebble. It validates every name at that port of this machine. Certificates are valid for `life`.
    pub(crate) async fn start(directory: &Path, now: Timestamp, challenge_port: u16, life: Duration) -> Option<Self> {
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
            // Pebble ends if another program takes the port first.
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
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
                if tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok() {
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

/// Starts a name server that resolves every name to 127.0.0.1, until the test's process ends. Pebble asks by TCP.
fn serve_names() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            thread::spawn(move || answer_names(stream));
        }
    });
    address
}

/// Answers queries until the client closes the connection. Each message is preceded by its length (RFC 1035, 4.2.2).
fn answer_names(mut stream: TcpStream) {
    let mut length = [0; 2];
    while stream.read_exact(&mut length).is_ok() {
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        if stream.read_exact(&mut query).is_err() {
            return;
        }
        let Some(answer) = answer_name(&query) else { return };
        let length = u16::try_from(answer.len()).expect("an answer is short");
        if stream.write_all(&[&length.to_be_bytes(), &answer[..]].concat()).is_err() {
            return;
        }
    }
}

fn answer_name(query: &[u8]) -> Option<Vec<u8>> {
    const HEADER_BYTES: usize = 12;
    const A: [u8; 4] = [0, 1, 0, 1];
    let name_bytes = query.get(HEADER_BYTES..)?.iter().position(|&byte| byte == 0)?;
    let question_end = HEADER_BYTES + name_bytes + 1 + A.len();
    let mut answer = query.get(..question_end)?.to_vec();
    let asks_for_address = answer.ends_with(&A);
    // Header: a response with one question and up to one answer.
    answer[2..HEADER_BYTES].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(asks_for_address), 0, 0, 0, 0]);
    if asks_for_address {
        // Answer: the name of the question, type and class, a minute, four bytes.
        answer.extend([0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(Ipv4Addr::LOCALHOST.octets());
    }
    Some(answer)
}
