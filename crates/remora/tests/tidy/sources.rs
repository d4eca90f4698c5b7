//! Access to the files of the repository.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Folders that hold nothing that a person wrote.
const GENERATED_FOLDERS: &[&str] = &["target", "node_modules", "dist", ".git", "test-output"];

/// One text file of the repository.
pub(crate) struct Source {
    /// Path relative to the root, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Returns the text without the `tests` module at its end: tests may do what the program may not.
    pub(crate) fn program(&self) -> &str {
        self.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(&self.text)
    }

    /// Returns whether the name of the file has an extension.
    pub(crate) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }

    /// Returns whether the whole file belongs to a test, an example or a benchmark.
    pub(crate) fn is_test(&self) -> bool {
        let path = &self.path;
        path.ends_with("/tests.rs") || ["/tests/", "/examples/", "/benches/"].iter().any(|part| path.contains(part))
    }

    /// Returns the name of the folder below `crates/` that contains the file.
    pub(crate) fn crate_name(&self) -> &str {
        self.path.split('/').nth(1).expect("the path begins with crates/NAME/")
    }
}

/// Returns the folder that contains the workspace's manifest.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace exists")
}

/// Returns the files below a folder whose names have one of the extensions, sorted by path.
pub(crate) fn files(below: &str, extensions: &[&str]) -> Vec<Source> {
    let root = root();
    let mut paths = Vec::new();
    walk(&root.join(below), &mut paths);
    paths
        .iter()
        .filter(|path| path.extension().is_some_and(|found| extensions.iter().any(|extension| found == *extension)))
        .map(|path| Source { path: relative(&root, path), text: fs::read_to_string(path).expect("sources are UTF-8") })
        .collect()
}

/// Returns the paths of all files of the repository relative to its root, sorted.
pub(crate) fn paths() -> Vec<String> {
    let root = root();
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.iter().map(|path| relative(&root, path)).collect()
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).expect("the path is below the root").to_string_lossy().into_owned()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.expect("the folder is readable").path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !path.is_dir() {
            found.push(path);
        } else if !path.is_symlink() && !GENERATED_FOLDERS.contains(&name.as_str()) {
            walk(&path, found);
        }
    }
}
