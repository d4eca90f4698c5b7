//! The log of a render host.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

/// Starts a host that fails at once, because its control plane has no certificate. Returns its log.
fn log(json_logs: bool) -> Vec<String> {
    let spec = serde_json::json!({
        "host_id": "one", "secret": "the-secret", "control_urls": ["https://localhost:1"], "control_ca_pem": "",
        "size": "Standard", "assignment": null, "hostname": "localhost", "listen_address": "127.0.0.1",
        "certificate_pem": "", "certificate_key_pem": "", "token_public_key_pem": "", "allowed_origins": [],
        "model_files": [], "adapter": null, "primitives_max": null, "exclusive": "until-disconnect", "fence": "off",
        "json_logs": json_logs, "start_milliseconds_max": 1000,
    });
    let mut host = Command::new(env!("CARGO_BIN_EXE_remora"))
        .arg("host")
        .env_remove("REMORA_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the executable runs");
    let mut input = host.stdin.take().expect("it is piped");
    writeln!(input, "{spec}").expect("the host reads its specification");
    let output = host.wait_with_output().expect("the host ends");
    assert!(!output.status.success());
    String::from_utf8(output.stderr).expect("UTF-8").lines().map(str::to_owned).collect()
}

#[test]
fn a_host_logs_in_the_form_of_the_service_and_with_a_correlation_vector() {
    let lines = log(true);
    let warning: serde_json::Value =
        serde_json::from_str(&lines[0]).unwrap_or_else(|error| panic!("{error}: {lines:?}"));
    assert!(warning["message"].as_str().is_some_and(|text| text.contains("not fenced off")), "{warning}");
    let span = &warning["span"];
    assert_eq!((&span["name"], &span["host"]), (&"host".into(), &"one".into()));
    assert!(span["ms_cv"].as_str().is_some_and(|vector| vector.len() == 22), "{warning}");

    let lines = log(false);
    assert!(serde_json::from_str::<serde_json::Value>(&lines[0]).is_err(), "{lines:?}");
    assert!(lines[0].contains("ms_cv=") && lines[0].contains("not fenced off"), "{lines:?}");
    assert!(!lines.concat().contains("the-secret"));
}
