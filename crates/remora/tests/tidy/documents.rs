//! Documents name only files that exist.

use std::fs;

use crate::sources::{files, paths, root};

/// Endings of code spans that are file names.
const FILE_NAMES: &[&str] = &[".json", ".md", ".proto", ".rs", ".sh", ".sql", ".toml", ".ts", ".wgsl"];

/// Returns the text between back quotes.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn links_lead_to_files_that_exist() {
    let root = root();
    for document in files("", &["md"]) {
        let path = &document.path;
        let base = root.join(path).parent().expect("a file has a folder").to_owned();
        for target in document.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") {
                assert!(base.join(file).exists(), "{path} links to {file}, which does not exist");
            }
        }
    }
}

#[test]
fn paths_in_documents_exist() {
    let root = root();
    let folders: Vec<String> = fs::read_dir(&root)
        .expect("the root is readable")
        .map(|entry| entry.expect("the root is readable").path())
        .filter(|path| path.is_dir())
        .map(|path| format!("{}/", path.file_name().unwrap_or_default().to_string_lossy()))
        .filter(|folder| folder != "target/")
        .collect();
    for document in files("", &["md"]) {
        let is_path = |code: &&str| {
            folders.iter().any(|folder| code.starts_with(folder.as_str())) && !code.contains([' ', '*', '…', '{'])
        };
        for path in code_spans(&document.text).filter(is_path) {
            assert!(
                root.join(path).exists() || path.contains("/dist") || path.contains("node_modules"),
                "{} names {path}, which does not exist",
                document.path
            );
        }
    }
}

#[test]
fn file_names_in_the_architecture_exist() {
    let paths: Vec<String> = paths().into_iter().map(|path| format!("/{path}")).collect();
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is readable");
    for name in code_spans(&text).filter(|code| !code.contains([' ', '*', '…', '{', ':']) && !code.starts_with('/')) {
        let exists = if name.ends_with('/') {
            paths.iter().any(|path| path.contains(&format!("/{name}")))
        } else if FILE_NAMES.iter().any(|ending| name.ends_with(ending)) {
            paths.iter().any(|path| path.ends_with(&format!("/{name}")))
        } else {
            true
        };
        assert!(exists, "ARCHITECTURE.md names {name}, which does not exist");
    }
}
