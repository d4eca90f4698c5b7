//! The shape of the project, held by a test that reads manifests and sources: see the invariants in ARCHITECTURE.md.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Which crates of the project a crate may depend on.
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
    ("remora-render", &["remora-asset", "remora-build", "remora-model", "remora-scene"]),
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

/// Crates that are told the time and never touch the world.
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

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace is there")
}

/// Files below a directory, relative to the root, sorted.
fn files(below: &str, extension: &str) -> Vec<(String, String)> {
    fn walk(directory: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        for entry in entries {
            let path = entry.expect("a readable directory").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && !["target", "node_modules", "dist", ".git"].contains(&name.as_str()) {
                walk(&path, extension, found);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    let root = root();
    let mut found = Vec::new();
    walk(&root.join(below), extension, &mut found);
    found.sort();
    found
        .into_iter()
        .map(|path| {
            let relative = path.strip_prefix(&root).expect("below the root").to_string_lossy().into_owned();
            (relative, fs::read_to_string(&path).expect("sources are UTF-8"))
        })
        .collect()
}

/// Names in the `[dependencies]` of each crate's manifest.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    files("crates", "toml")
        .into_iter()
        .filter(|(path, _)| path.ends_with("/Cargo.toml"))
        .map(|(path, text)| {
            let name = path.split('/').nth(1).expect("crates/NAME/Cargo.toml").to_owned();
            let mut in_dependencies = false;
            let mut names = Vec::new();
            for line in text.lines() {
                if line.starts_with('[') {
                    in_dependencies = line == "[dependencies]" || line.starts_with("[target.");
                } else if in_dependencies && let Some((name, _)) = line.split_once(['.', '=', ' ']) {
                    names.push(name.trim().to_owned());
                }
            }
            (name, names)
        })
        .collect()
}

/// Code without what follows `#[cfg(test)]`: tests may do what the program may not.
fn program(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs") || path.contains("/examples/") || path.contains("/benches/")
}

#[test]
fn crates_depend_in_the_directions_of_the_architecture_only() {
    let dependencies = dependencies();
    for (name, depends) in &dependencies {
        let (_, allowed) = MAY_DEPEND.iter().find(|(known, _)| known == name).unwrap_or_else(|| {
            panic!("{name} has no place in the architecture yet: say which crates it may depend on")
        });
        for dependency in depends.iter().filter(|dependency| dependency.starts_with("remora")) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn a_module_with_parts_is_a_folder_with_a_mod_rs() {
    for (path, _) in files("crates", "rs") {
        let folder = root().join(path.trim_end_matches(".rs"));
        let has_parts = folder.is_dir() && !folder.join("main.rs").is_file();
        assert!(!has_parts, "{path} belongs into its folder, as mod.rs");
    }
}

#[test]
fn pure_crates_cannot_reach_the_world() {
    let dependencies = dependencies();
    for name in PURE {
        for forbidden in ["tokio", "axum", "hyper", "wgpu", "sqlx", "ureq", "rand", "uuid", "time", "mio", "str0m"] {
            assert!(
                !dependencies[*name].iter().any(|found| found == forbidden),
                "{name} must not depend on {forbidden}"
            );
        }
        for (path, text) in files(&format!("crates/{name}/src"), "rs") {
            for forbidden in ["std::net::Tcp", "std::net::Udp", "std::fs", "std::process", "SystemTime::now"] {
                assert!(!program(&text).contains(forbidden), "{path} must not use {forbidden}");
            }
        }
    }
}

#[test]
fn one_file_per_program_reads_the_clock() {
    for (path, text) in files("crates", "rs") {
        if is_test(&path) || CLOCKS.contains(&path.as_str()) {
            continue;
        }
        for clock in ["Instant::now()", "SystemTime::now()", "now_utc()", ".elapsed()"] {
            assert!(!program(&text).contains(clock), "{path} reads the clock ({clock}); time is an argument");
        }
    }
}

#[test]
fn only_the_store_knows_sql() {
    for (path, text) in files("crates", "rs") {
        if path.starts_with("crates/remora-control/src/store/") || is_test(&path) {
            continue;
        }
        assert!(!text.contains("sqlx::"), "{path} knows SQL");
    }
}

#[test]
fn only_the_renderer_knows_the_graphics_interface_and_only_the_stream_knows_webrtc() {
    for (path, text) in files("crates", "rs") {
        if path.ends_with("/tidy.rs") {
            continue;
        }
        assert!(!text.contains("wgpu::") || path.starts_with("crates/remora-render/"), "{path} knows wgpu");
        assert!(!text.contains("str0m::") || path.starts_with("crates/remora-stream/"), "{path} knows str0m");
    }
}

#[test]
fn nothing_is_left_unfinished() {
    let sources = files("crates", "rs").into_iter().chain(files("web", "ts")).chain(files("crates", "wgsl"));
    for (path, text) in sources.filter(|(path, _)| !path.ends_with("/tidy.rs")) {
        for mark in
            ["todo!", "unimplemented!", "TODO", "FIXME", "XXX", "dbg!(", "#[ignore]", "test.only(", "test.skip("]
        {
            assert!(!text.contains(mark), "{path} contains {mark}");
        }
    }
}

#[test]
fn documents_name_files_that_exist() {
    let root = root();
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docs/arrasset.md",
        "docs/azure-remote-rendering.md",
        "docs/benchmarks.md",
        "docs/operations.md",
        "docs/sdk-from-arr.md",
        "docs/your-page.md",
        "examples/README.md",
    ] {
        let text = fs::read_to_string(root.join(document)).unwrap_or_else(|error| panic!("{document}: {error}"));
        let base = root.join(document).parent().expect("a file has a directory").to_owned();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") {
                assert!(base.join(file).exists(), "{document} links to {file}, which is not there");
            }
        }
        let quoted = text.split('`').skip(1).step_by(2).filter(|code| {
            let is_path = ["crates/", "web/", "proto/", "scripts/", "docs/", "deploy/"]
                .iter()
                .any(|start| code.starts_with(start));
            is_path && !code.contains([' ', '*', '…', '{'])
        });
        for path in quoted {
            assert!(
                root.join(path).exists() || path.contains("/dist") || path.contains("node_modules"),
                "{document} names {path}, which is not there"
            );
        }
    }
}
