//! Compiles the renderer's shaders ahead of time, in a process that serves no client, for all hosts to start with.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use remora_control::{Config, SHADER_CACHE_FORM, SHADER_CACHE_VARIABLES, Size, private_file};

/// Returns the directory of compiled shaders, in the user's cache directory or else in the data directory.
///
/// Hosts run the code in it, so the result is `None` if other users can write to it.
pub(crate) fn directory(data_directory: &Path) -> Option<PathBuf> {
    prepared(dirs::cache_dir().unwrap_or_else(|| data_directory.to_owned()).join("remora/shaders"))
}

fn prepared(directory: PathBuf) -> Option<PathBuf> {
    match private_file::directory(&directory) {
        Ok(()) => Some(directory),
        Err(error) => {
            tracing::warn!(%error, directory = %directory.display(), "shaders are not compiled ahead of time");
            None
        }
    }
}

/// Fills the directory in the background. A host that starts earlier compiles missing shaders itself.
pub(crate) fn compile_ahead(program: &Path, config: &Config, directory: &Path) {
    let mut adapters: Vec<Option<String>> = Size::ALL.map(|size| config.sizes.of(size).adapter.clone()).to_vec();
    adapters.dedup();
    let (program, directory) = (program.to_owned(), directory.to_owned());
    let compile = move || {
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
                Ok(status) => tracing::warn!(%status, "shaders could not be compiled ahead of time"),
                Err(error) => tracing::warn!(%error, "shaders could not be compiled ahead of time"),
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("shaders".to_owned()).spawn(compile) {
        tracing::warn!(%error, "shaders could not be compiled ahead of time");
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_directory_that_others_can_write_to_is_not_used() {
        let parent = tempfile::tempdir().unwrap();
        let new = parent.path().join("remora/shaders");
        assert_eq!(prepared(new.clone()), Some(new.clone()));
        assert_eq!(new.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        let shared = parent.path().join("shared");
        std::fs::create_dir(&shared).unwrap();
        std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(prepared(shared), None);
    }
}
