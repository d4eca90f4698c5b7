//! Compiles the renderer's shaders ahead, in a process that sees no client, so that hosts begin with them.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use remora_control::{Config, SHADER_CACHE_FORM, SHADER_CACHE_VARIABLES, Size, private_file};

/// Returns the directory of compiled shaders: in the user's cache directory, or else in the data directory. Hosts run what
/// is in it, so there is none if other users could write there.
pub fn directory(data_directory: &Path) -> Option<PathBuf> {
    prepared(dirs::cache_dir().unwrap_or_else(|| data_directory.to_owned()).join("remora/shaders"))
}

fn prepared(directory: PathBuf) -> Option<PathBuf> {
    match private_file::directory(&directory) {
        Ok(()) => Some(directory),
        Err(error) => {
            tracing::warn!(%error, directory = %directory.display(), "shaders are not compiled ahead");
            None
        }
    }
}

/// Fills the directory in the background. A host that starts before it is full compiles what is missing itself.
pub fn compile_ahead(program: &Path, config: &Config, directory: &Path) {
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
                Ok(status) => tracing::warn!(%status, "shaders could not be compiled ahead"),
                Err(error) => tracing::warn!(%error, "shaders could not be compiled ahead"),
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("shaders".to_owned()).spawn(compile) {
        tracing::warn!(%error, "shaders could not be compiled ahead");
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
        let everybodys = parent.path().join("everybodys");
        std::fs::create_dir(&everybodys).unwrap();
        std::fs::set_permissions(&everybodys, std::fs::Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(prepared(everybodys), None);
    }
}
