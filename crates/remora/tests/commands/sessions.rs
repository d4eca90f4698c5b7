//! `remora session`, `token` and `usage` with a running `remora up`.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Output, Stdio},
};

use crate::support::Up;

fn remora(up: &Up, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_remora"));
    for name in ["ENDPOINT", "STS_ENDPOINT", "ACCOUNT", "ACCOUNT_KEY", "ACCOUNT_KEY_FILE", "CA"] {
        command.env_remove(format!("REMORA_{name}"));
    }
    command.args(arguments).env("REMORA_CONNECTION", up.connection_path()).stdin(Stdio::null());
    command
}

fn run(up: &Up, arguments: &[&str]) -> Output {
    remora(up, arguments).output().expect("the executable runs")
}

#[track_caller]
fn done(up: &Up, arguments: &[&str]) -> String {
    let output = run(up, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[track_caller]
fn json(up: &Up, arguments: &[&str]) -> serde_json::Value {
    let text = done(up, arguments);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
}

#[track_caller]
fn fails(status: i32, says: &str, output: &Output) {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{complaint}");
    assert!(complaint.contains(says), "{complaint} does not say {says:?}");
}

#[test]
fn a_session_is_created_watched_stopped_and_billed() {
    let up = Up::start();
    let created = run(&up, &["session", "create", "one", "--size", "premium", "--lease", "1h30m", "--wait", "--json"]);
    assert!(created.status.success(), "{created:?}");
    let session: serde_json::Value = serde_json::from_slice(&created.stdout).expect("one document");
    assert_eq!((&session["status"], &session["size"]), (&"Ready".into(), &"Premium".into()));
    assert_eq!(session["maxLeaseTimeMinutes"], 90);
    assert!(String::from_utf8_lossy(&created.stderr).contains("one is Starting"), "{created:?}");

    let hosts = std::fs::read_dir(up.data().join("hosts")).expect("it is there").flatten();
    let logs = hosts.filter(|file| file.path().extension().is_some_and(|extension| extension == "log"));
    let log: String = logs.map(|log| std::fs::read_to_string(log.path()).expect("it is a text")).collect();
    assert!(log.contains("fenced off"), "{log}");

    let list = done(&up, &["session", "list"]);
    assert!(list.contains("one") && list.contains("1 h 30 min"), "{list}");
    assert_eq!(json(&up, &["session", "list", "--json"])["sessions"][0], session);
    assert_eq!(json(&up, &["session", "extend", "one", "--lease", "2h", "--json"])["maxLeaseTimeMinutes"], 120);

    let mut watch =
        remora(&up, &["session", "watch", "one"]).stdout(Stdio::piped()).spawn().expect("the executable runs");
    let mut lines = BufReader::new(watch.stdout.take().expect("it is piped")).lines().map_while(Result::ok);
    assert!(lines.next().is_some_and(|line| line.starts_with("one is Ready at ")));
    assert!(done(&up, &["session", "stop", "one"]).contains("Stopped"));
    assert_eq!(lines.next().as_deref(), Some("one is Stopped"));
    assert!(watch.wait().expect("a child").success());
    assert!(done(&up, &["session", "list"]).contains("no live sessions"));

    let usage = json(&up, &["usage", "--json"]);
    assert_eq!((&usage["records"][0]["id"], &usage["totals"][1]["sessions"]), (&"one".into(), &1.into()), "{usage}");
    let csv = done(&up, &["usage", "--csv", "--from", "2020-01-01"]);
    assert!(csv.starts_with("id,size,readyTime,endTime,billedSeconds,owner,subject\none,Premium,"), "{csv}");
    assert_eq!(done(&up, &["token"]).trim().split('.').count(), 3);
}

#[test]
fn errors_have_exit_statuses_and_messages() {
    let up = Up::start();
    fails(5, "SessionNotFound", &run(&up, &["session", "get", "absent"]));
    fails(2, "a lease is", &run(&up, &["session", "create", "--lease", "2d"]));
    fails(2, "a session id is", &run(&up, &["session", "get", "a/b"]));
    done(&up, &["session", "create", "one"]);
    fails(1, "409 Conflict", &run(&up, &["session", "create", "one", "--lease", "5"]));
    let mut wrong_key = remora(&up, &["token"]);
    fails(1, "key is wrong", &wrong_key.env("REMORA_ACCOUNT_KEY", "wrong").output().expect("it runs"));
    // A valid CA that did not sign the certificate.
    let mut distrusted = remora(&up, &["token", "--ca"]);
    distrusted.arg(up.other_ca());
    fails(3, "name its CA with --ca", &distrusted.output().expect("it runs"));
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("https://{}", free.local_addr().expect("bound"));
    let mut unreachable = remora(&up, &["token"]);
    unreachable.env("REMORA_ENDPOINT", &address);
    drop(free);
    fails(3, "cannot be reached", &unreachable.output().expect("it runs"));
    let mut nowhere = remora(&up, &["token"]);
    nowhere.env("REMORA_CONNECTION", up.data().join("absent.json"));
    fails(2, "absent.json", &nowhere.output().expect("it runs"));
}

/// `| head` closes the pipe early.
#[test]
fn a_closed_pipe_ends_a_command_quietly() {
    let up = Up::start();
    done(&up, &["session", "create", "one"]);
    for arguments in [
        &["session", "list"][..],
        &["session", "list", "--json"],
        &["session", "watch", "one"],
        &["usage", "--csv"],
        &["token"],
        &["account", "list", "--help"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = remora(&up, arguments).stdout(writer).output().expect("the executable runs");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut doctor = remora(&up, &["doctor", "--json", "--data-dir"]);
    let status = doctor.arg(up.data()).stdout(writer).status().expect("the executable runs");
    assert!(matches!(status.code(), Some(0 | 1)), "its usual statuses, but {status}");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("it is on every Linux");
    let output = remora(&up, &["token"]).stdout(full).output().expect("the executable runs");
    fails(2, "standard output cannot be written", &output);
}
