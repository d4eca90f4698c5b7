//! Traces are exported to a collector.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

use crate::support::terminate;

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // The process has ended already unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Export {
    request_line: String,
    content_type: String,
    body: Vec<u8>,
}

/// Starts a collector that accepts every request and passes it on.
fn collector() -> (String, Receiver<Export>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    let (exports, received) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
            let mut lines = Vec::new();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).expect("HTTP");
                if line.trim().is_empty() {
                    break;
                }
                lines.push(line.trim().to_ascii_lowercase());
            }
            let header = |name: &str| {
                let line = lines.iter().find_map(|line| line.strip_prefix(name));
                line.map(|value| value.trim_start_matches(':').trim().to_owned()).unwrap_or_default()
            };
            let mut body = vec![0; header("content-length").parse().expect("a length")];
            reader.read_exact(&mut body).expect("a body");
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.write_all(answer.as_bytes()).expect("it listens");
            let export = Export { request_line: lines[0].clone(), content_type: header("content-type"), body };
            if exports.send(export).is_err() {
                return;
            }
        }
    });
    (address, received)
}

fn contains(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_request_is_a_span_with_its_correlation_vector() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (address, received) = collector();
    let config = directory.path().join("remora.toml");
    fs::write(&config, format!("[telemetry]\notlp_endpoint = \"{address}\"\njson_logs = true\n")).expect("writable");
    let log = directory.path().join("log");
    let mut serve = Command::new(env!("CARGO_BIN_EXE_remora"))
        .args(["serve", "--https", "127.0.0.1:0", "--data-dir"])
        .arg(directory.path().join("data"))
        .arg("--config")
        .arg(&config)
        .env("REMORA_LOG", "debug")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(fs::File::create(&log).expect("writable"))
        .spawn()
        .map(Running)
        .expect("it starts");
    let mut said = String::new();
    BufReader::new(serve.0.stdout.take().expect("it is piped")).read_line(&mut said).expect("it says where");
    let endpoint = said.split_whitespace().nth(2).expect("Remora serves ENDPOINT").to_owned();

    let token = Command::new(env!("CARGO_BIN_EXE_remora"))
        .args(["token", "--endpoint", &endpoint, "--account", "11111111-1111-1111-1111-111111111111", "--ca"])
        .arg(directory.path().join("data/ca.pem"))
        .env("REMORA_ACCOUNT_KEY", "the-secret-key")
        .output()
        .expect("the executable runs");
    assert_eq!(token.status.code(), Some(1), "{token:?}");
    terminate(&serve.0);
    let status = serve.0.wait().expect("a child");
    let log = fs::read_to_string(&log).expect("UTF-8");
    assert!(status.success(), "{status}: {log}");

    let export = received.recv_timeout(Duration::from_mins(1)).expect("it was flushed at the end");
    assert_eq!(export.request_line, "post /v1/traces http/1.1");
    assert_eq!(export.content_type, "application/x-protobuf");
    for text in ["remora", "request", "ms_cv", "/accounts/{account}/token"] {
        assert!(contains(&export.body, text), "{text}");
    }
    assert!(!contains(&export.body, "the-secret-key") && !log.contains("the-secret-key"));
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    let answered = lines.iter().find(|line| line["message"] == "answered").expect("requests are logged");
    assert_eq!((&answered["status"], &answered["route"]), (&401.into(), &"/accounts/{account}/token".into()));
    let vector = answered["span"]["ms_cv"].as_str().and_then(|vector| vector.strip_suffix(".0")).expect("a vector");
    let id = STANDARD_NO_PAD.decode(vector).expect("base64");
    assert!(export.body.windows(id.len()).any(|window| window == id), "the trace has the vector as its id");
}
