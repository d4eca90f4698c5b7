//! Starts the executable as a newcomer does and checks its output, its files and its end.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

fn up(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_remora"));
    command.args(["up", "--https", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data-dir"]).arg(data);
    command.stdin(Stdio::null());
    command
}

fn assert_refused(output: &Output, says: &[&str], data: &Path) {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert_eq!(complaint.lines().filter(|line| line.starts_with("remora: ")).count(), 1, "{complaint}");
    for text in says {
        assert!(complaint.contains(text), "{complaint} does not say {text:?}");
    }
    assert!(!data.exists(), "something was left behind");
}

/// Polls until a condition yields a value; the limit is generous for machines under load.
fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what} did not happen within a minute");
        thread::yield_now();
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // The process has ended already unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn without_a_vulkan_driver_the_error_names_the_package() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let data = directory.path().join("data");
    let nowhere = directory.path().join("none.json");
    let output = up(&data)
        .env("VK_DRIVER_FILES", &nowhere)
        .env("VK_ICD_FILENAMES", &nowhere)
        .output()
        .expect("the executable runs");
    assert_refused(&output, &["no Vulkan driver", "apt-get install", "mesa-vulkan-drivers"], &data);
}

#[test]
fn the_error_names_an_adapter_that_does_not_exist() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let data = directory.path().join("data");
    let output = up(&data).env("REMORA_ADAPTER", "no such adapter").output().expect("the executable runs");
    assert_refused(&output, &["no such adapter"], &data);
}

#[test]
fn a_host_started_by_hand_explains_how_hosts_are_started() {
    let output = Command::new(env!("CARGO_BIN_EXE_remora"))
        .arg("host")
        .stdin(Stdio::null())
        .output()
        .expect("the executable runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("started by `remora up`"));
}

#[test]
fn the_connection_file_exists_while_it_runs_and_sigterm_ends_it() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let data = directory.path().join("data");
    let mut running = Running(up(&data).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts"));
    let connection = data.join("connection.json");
    let text = eventually("the start", || std::fs::read_to_string(&connection).ok());
    let connection_fields: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    for field in ["endpoint", "stsEndpoint", "accountDomain", "portal", "accountId", "accountKey", "caFile"] {
        assert!(connection_fields[field].is_string(), "{field} is missing in {text}");
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&connection).expect("there").permissions());
    assert_eq!(mode & 0o777, 0o600);

    let pid = rustix::process::Pid::from_child(&running.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    let status = eventually("the end", || running.0.try_wait().expect("a child"));
    assert!(status.success(), "{status}");
    assert!(!connection.exists());
}

#[test]
fn with_share_it_prints_the_address_and_the_ca_for_other_machines() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let data = directory.path().join("data");
    let mut command = up(&data);
    command.args(["--share", "workstation.example"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut running = Running(command.spawn().expect("it starts"));
    let text = eventually("the start", || std::fs::read_to_string(data.join("connection.json")).ok());
    let connection: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let address = connection["addresses"][0].as_str().expect("an address for others");
    assert!(address.starts_with("https://workstation.example:"), "{address}");
    assert_eq!(connection["endpoint"], address);

    let pid = rustix::process::Pid::from_child(&running.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    let mut said = String::new();
    let mut output = running.0.stdout.take().expect("it is piped");
    std::io::Read::read_to_string(&mut output, &mut said).expect("text");
    for text in [address, &format!("{address}/ca.pem"), "On other machines", "http://localhost:"] {
        assert!(said.contains(text), "{said} does not say {text:?}");
    }
}

#[test]
fn a_shared_name_must_not_be_a_url() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let data = directory.path().join("data");
    let output = up(&data).args(["--share", "https://workstation"]).output().expect("the executable runs");
    assert_refused(&output, &["--share https://workstation", "DNS name"], &data);
}

/// Returns a command that runs the executable with a small file system mounted on a directory; `None`, with a message,
/// if mounting is not permitted.
fn on_a_small_disk(directory: &Path) -> Option<Command> {
    const MOUNT: &str = r#"mount -t tmpfs -o size=4m none "$0" && exec "$@""#;
    let unshare = |program: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", MOUNT]).arg(directory).args(program);
        command
    };
    if unshare(&["true"]).output().is_ok_and(|output| output.status.success()) {
        return Some(unshare(&[env!("CARGO_BIN_EXE_remora")]));
    }
    eprintln!("skipped: mounting a file system is not permitted here");
    None
}

/// Returns the status code of a GET request.
fn status(address: &str, path: &str) -> Option<String> {
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1).map(str::to_owned)
}

#[test]
fn a_service_is_not_ready_while_its_disk_is_full() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let disk = directory.path().join("disk");
    std::fs::create_dir(&disk).expect("it is new");
    let Some(mut serve) = on_a_small_disk(&disk) else { return };
    let config = directory.path().join("remora.toml");
    std::fs::write(&config, "[listen]\nmetrics = '127.0.0.1:0'\n").expect("it is writable");
    serve.args(["serve", "--https", "127.0.0.1:0", "--data-dir"]).arg(disk.join("data")).arg("--config").arg(&config);
    let mut running = Running(serve.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts"));
    let lines = BufReader::new(running.0.stdout.take().expect("it is piped")).lines();
    let metrics =
        lines.map_while(Result::ok).find_map(|line| line.strip_prefix("Metrics are at http://").map(str::to_owned));
    let metrics = metrics.expect("it says where its metrics are");
    let address = metrics.strip_suffix("/metrics").expect("an address");
    assert_eq!(status(address, "/readyz").as_deref(), Some("200"));

    // Only the service sees the file system, so it is reached through its process.
    let rubbish = Path::new(&format!("/proc/{}/root", running.0.id())).join(disk.strip_prefix("/").expect("absolute"));
    let rubbish = rubbish.join("rubbish");
    let mut file = std::fs::File::create(&rubbish).expect("the disk has room yet");
    while file.write_all(&[0; 4_096]).is_ok() {}
    eventually("being not ready", || (status(address, "/readyz")? == "503").then_some(()));
    assert_eq!(status(address, "/healthz").as_deref(), Some("200"));
    drop(file);
    std::fs::remove_file(&rubbish).expect("it is there");
    eventually("being ready again", || (status(address, "/readyz")? == "200").then_some(()));
}
