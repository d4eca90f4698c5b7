//! Compiles the renderer's shaders ahead, in a process that sees no client, so that hosts begin with them.

use std::{
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use remora_control::{
    config::{Config, Size},
    provision::{SHADER_CACHE_FORM, SHADER_CACHE_VARIABLES},
};

/// Where compiled shaders are kept: in the user's cache directory, or else in the data directory.
pub fn directory(data_directory: &Path) -> PathBuf {
    dirs::cache_dir().unwrap_or_else(|| data_directory.to_owned()).join("remora/shaders")
}

/// Fills the directory in the background. A host that starts before it is full compiles what is missing itself.
pub fn compile_ahead(program: &Path, config: &Config, directory: &Path) {
    let mut adapters: Vec<Option<String>> = Size::ALL.map(|size| config.sizes.of(size).adapter.clone()).to_vec();
    adapters.dedup();
    let (program, directory) = (program.to_owned(), directory.to_owned());
    let compile = move || {
        if let Err(error) = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory) {
            tracing::warn!(%error, directory = %directory.display(), "shaders cannot be compiled ahead");
            return;
        }
        for adapter in adapters {
            let status = Command::new(&program)
                .args(["host", "--compile-shaders"])
                .args(adapter.map(|name| format!("--adapter={name}")))
                .envs(SHADER_CACHE_VARIABLES.map(|variable| (variable, &directory)))
                .envs(SHADER_CACHE_FORM)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            match status {
                Ok(status) if status.success() => {}
                Ok(status) => tracing::warn!(%status, "shaders could not be compiled ahead"),
                Err(error) => tracing::warn!(%error, "shaders could not be compiled ahead"),
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("shaders".to_owned()).spawn(compile) {
        tracing::warn!(%error, "shaders could not be compiled ahead");
    }
}
