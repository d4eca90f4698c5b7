//! Which crate and which file may use what.

use std::collections::BTreeMap;

use crate::sources::files;

/// Crates of the project that each crate may depend on.
const MAY_DEPEND: &[(&str, &[&str])] = &[
    ("remora-session", &[]),
    ("remora-model", &[]),
    ("remora-asset", &["remora-model"]),
    ("remora-import", &["remora-model"]),
    ("remora-engine", &["remora-model"]),
    ("remora-build", &["remora-asset", "remora-model"]),
    ("remora-protocol", &[]),
    ("remora-scene", &["remora-asset"]),
    ("remora-convert", &["remora-asset", "remora-build", "remora-import", "remora-model"]),
    ("remora-render", &["remora-asset", "remora-scene"]),
    ("remora-stream", &["remora-protocol"]),
    (
        "remora-host",
        &[
            "remora-model",
            "remora-asset",
            "remora-import",
            "remora-build",
            "remora-engine",
            "remora-convert",
            "remora-scene",
            "remora-render",
            "remora-stream",
            "remora-protocol",
        ],
    ),
    ("remora-control", &["remora-session", "remora-protocol"]),
    (
        "remora",
        &[
            "remora-asset",
            "remora-build",
            "remora-import",
            "remora-control",
            "remora-convert",
            "remora-host",
            "remora-protocol",
        ],
    ),
];

/// Crates without input and output; time and ids are arguments.
const PURE: &[&str] = &[
    "remora-session",
    "remora-protocol",
    "remora-model",
    "remora-asset",
    "remora-import",
    "remora-build",
    "remora-engine",
    "remora-scene",
];

/// Files that may read a clock: one per program, and those of crates that time themselves.
const CLOCKS: &[&str] = &[
    "crates/remora-host/src/clock.rs",
    "crates/remora-convert/src/clock.rs",
    "crates/remora-control/src/clock.rs",
    "crates/remora/src/clock.rs",
    "crates/remora-stream/src/transport/thread.rs",
    "crates/remora-render/src/timing.rs",
];

/// Returns the names in the `[dependencies]` of each crate's manifest.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    files("crates", &["toml"])
        .into_iter()
        .filter(|source| source.path.ends_with("/Cargo.toml"))
        .map(|source| {
            let mut in_dependencies = false;
            let mut names = Vec::new();
            for line in source.text.lines() {
                if line.starts_with('[') {
                    in_dependencies = line == "[dependencies]" || line.starts_with("[target.");
                } else if in_dependencies && let Some((name, _)) = line.split_once(['.', '=', ' ']) {
                    names.push(name.trim().to_owned());
                }
            }
            (source.crate_name().to_owned(), names)
        })
        .collect()
}

#[test]
fn crates_depend_only_in_the_directions_of_the_architecture() {
    for (name, depends) in &dependencies() {
        let (_, allowed) = MAY_DEPEND
            .iter()
            .find(|(known, _)| known == name)
            .unwrap_or_else(|| panic!("{name} is not in MAY_DEPEND yet: list the crates that it may depend on"));
        for dependency in depends.iter().filter(|dependency| dependency.starts_with("remora")) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn pure_crates_have_no_input_or_output() {
    let dependencies = dependencies();
    for name in PURE {
        for forbidden in ["tokio", "axum", "hyper", "wgpu", "sqlx", "ureq", "rand", "uuid", "time", "mio", "str0m"] {
            assert!(
                !dependencies[*name].iter().any(|found| found == forbidden),
                "{name} must not depend on {forbidden}"
            );
        }
        for source in files(&format!("crates/{name}/src"), &["rs"]) {
            for forbidden in ["std::net::Tcp", "std::net::Udp", "std::fs", "std::process", "SystemTime::now"] {
                assert!(!source.program().contains(forbidden), "{} must not use {forbidden}", source.path);
            }
        }
    }
}

#[test]
fn one_file_per_program_reads_the_clock() {
    for source in files("crates", &["rs"]) {
        if source.is_test() || CLOCKS.contains(&source.path.as_str()) {
            continue;
        }
        for clock in ["Instant::now()", "SystemTime::now()", "now_utc()", ".elapsed()"] {
            let path = &source.path;
            assert!(!source.program().contains(clock), "{path} reads the clock ({clock}); time is an argument");
        }
    }
}

#[test]
fn only_the_store_knows_sql() {
    for source in files("crates", &["rs"]) {
        if source.path.starts_with("crates/remora-control/src/store/") || source.is_test() {
            continue;
        }
        assert!(!source.text.contains("sqlx::"), "{} knows SQL", source.path);
    }
}

#[test]
fn only_the_renderer_knows_the_graphics_interface_and_only_the_stream_knows_webrtc() {
    for source in files("crates", &["rs"]) {
        let path = &source.path;
        if path.starts_with("crates/remora/tests/tidy/") {
            continue;
        }
        assert!(!source.text.contains("wgpu::") || path.starts_with("crates/remora-render/"), "{path} knows wgpu");
        assert!(!source.text.contains("str0m::") || path.starts_with("crates/remora-stream/"), "{path} knows str0m");
    }
}
