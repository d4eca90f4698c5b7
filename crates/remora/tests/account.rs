//! `remora account` on the database of a data directory while a control plane uses it.

use std::{
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

fn account(data: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_remora"))
        .args(["account"])
        .args(arguments)
        .arg("--data-dir")
        .arg(data)
        .stdin(Stdio::null())
        .output()
        .expect("the executable runs")
}

fn json(data: &Path, arguments: &[&str]) -> Value {
    let output = account(data, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

fn assert_fails(output: &Output, status: i32, says: &str) {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{complaint}");
    assert!(complaint.starts_with("remora: ") && complaint.contains(says), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    assert!(output.stdout.is_empty());
}

struct Serving(Child);

impl Serving {
    fn start(data: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_remora"));
        command.args(["serve", "--https", "127.0.0.1:0", "--data-dir"]).arg(data);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let serving = Self(child.expect("it starts"));
        let deadline = Instant::now() + Duration::from_mins(1);
        while !account(data, &["list"]).status.success() {
            assert!(Instant::now() < deadline, "no database within a minute");
            thread::yield_now();
        }
        serving
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // The process has ended already unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn accounts_are_managed_while_a_control_plane_runs() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let data = directory.path();
    let _serving = Serving::start(data);
    assert_eq!(json(data, &["list"]), serde_json::json!([]));

    let created = json(data, &["create", "--name", "studio"]);
    let id = created["accountId"].as_str().expect("an id");
    assert_eq!(created["name"], "studio");
    assert_ne!(created["primaryKey"], created["secondaryKey"]);
    let shown = String::from_utf8(account(data, &["list"]).stdout).expect("text");
    assert!(shown.contains(id) && shown.contains("studio"), "{shown}");
    let stored = std::fs::read(data.join("remora.db-wal")).unwrap_or_default();
    for key in ["primaryKey", "secondaryKey"] {
        let key = created[key].as_str().expect("a key");
        assert!(!shown.contains(key));
        assert!(!stored.windows(key.len()).any(|window| window == key.as_bytes()), "a key is stored as it is");
    }

    let rotated = json(data, &["rotate-key", id, "--key", "secondary"]);
    assert_eq!(rotated["key"], "secondary");
    assert_ne!(rotated["accountKey"], created["secondaryKey"]);

    json(data, &["delete", id]);
    assert_eq!(json(data, &["list"]), serde_json::json!([]));
    for arguments in [["delete", id], ["rotate-key", id]] {
        assert_fails(&account(data, &arguments), 1, "there is no account");
    }
}

#[test]
fn errors_explain_what_is_accepted() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    assert_fails(&account(directory.path(), &["list"]), 2, "there is no database");
    let _serving = Serving::start(directory.path());
    assert_fails(&account(directory.path(), &["delete", "studio"]), 2, "an account id is a GUID");
    assert_fails(&account(directory.path(), &["create", "--name", "a\nb"]), 1, "control character");
    let elsewhere = ["list", "--store", "mysql://user:secret@machine"];
    assert_fails(&account(directory.path(), &elsewhere), 2, "--store takes an address such as postgres://");
}
