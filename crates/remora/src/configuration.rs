//! The configuration of an installation: a data directory and a TOML file.
//!
//! The file is the one given by `--config`, or `remora.toml` in the data directory if it exists. Flags override it.

use std::{
    fmt::Write as _,
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use clap::Args;
use remora_control::Config;
use thiserror::Error;

/// Default address of the API.
pub(crate) const HTTPS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);
/// Default address of the web page.
#[cfg(feature = "host")]
pub(crate) const HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

const FILE_NAME: &str = "remora.toml";
/// Generous: the commented file with every key has about 10 kB.
const FILE_BYTES_MAX: u64 = 1 << 20;

#[derive(Debug, Args)]
pub(crate) struct ConfigurationArguments {
    /// Directory of accounts, sessions and keys [default: the XDG data directory]
    #[arg(long, value_name = "DIR", env = "REMORA_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Configuration file [default: remora.toml in the data directory, if it exists]
    #[arg(long, value_name = "FILE", env = "REMORA_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Debug, Error)]
pub(crate) enum ConfigurationError {
    #[error("there is no home directory for the data; name a directory with --data-dir")]
    NoHome,
    #[error("the configuration {path} cannot be read: {source}")]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("the configuration {path} has more than {FILE_BYTES_MAX} bytes")]
    TooLong { path: PathBuf },
    #[error("{path}{place}: {problem}")]
    Refused { path: PathBuf, place: String, problem: String },
}

impl ConfigurationArguments {
    /// Returns the data directory and the checked configuration.
    pub(crate) fn load(&self) -> Result<(PathBuf, Config), String> {
        let data_directory =
            self.data_dir.clone().map_or_else(default_data_directory, Ok).map_err(|error| error.to_string())?;
        let config = match &self.config {
            Some(path) => read(path),
            None => match read(&data_directory.join(FILE_NAME)) {
                Err(ConfigurationError::Unreadable { source, .. })
                    if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
                {
                    Ok(Config::default())
                }
                found => found,
            },
        };
        Ok((data_directory, config.map_err(|error| error.to_string())?))
    }
}

/// Returns the user's data directory, which `remora up` uses unless `--data-dir` names another.
pub(crate) fn default_data_directory() -> Result<PathBuf, ConfigurationError> {
    dirs::data_dir().map(|data| data.join("remora")).ok_or(ConfigurationError::NoHome)
}

fn read(path: &Path) -> Result<Config, ConfigurationError> {
    let unreadable = |source| ConfigurationError::Unreadable { path: path.to_owned(), source };
    if fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        return Err(ConfigurationError::TooLong { path: path.to_owned() });
    }
    parse(path, &fs::read_to_string(path).map_err(unreadable)?)
}

fn parse(path: &Path, text: &str) -> Result<Config, ConfigurationError> {
    let refused = |place, problem| ConfigurationError::Refused { path: path.to_owned(), place, problem };
    let config = Config::parse(text).map_err(|error| {
        let place = error.span().map_or_else(String::new, |span| place(text, span.start));
        refused(place, error.message().replace('\n', "; "))
    })?;
    config.check().map_err(|error| refused(String::new(), error.to_string()))?;
    Ok(config)
}

/// Returns the position of an error, such as `, line 3 (page_size = "many")`.
fn place(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count();
    let mut place = format!(", line {}", line + 1);
    if let Some(content) = text.lines().nth(line).map(str::trim).filter(|content| !content.is_empty()) {
        write!(place, " ({content})").expect("writing to a string cannot fail");
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        parse(Path::new("remora.toml"), text).unwrap_err().to_string()
    }

    #[test]
    fn an_error_names_file_line_and_what_is_accepted() {
        let misspelt = refusal("[sessions]\npage_size = 5\nkeep_ended_day = 3\n");
        for part in ["remora.toml, line 3 (keep_ended_day = 3)", "unknown field", "`keep_ended_days`"] {
            assert!(misspelt.contains(part), "{misspelt}");
        }
        let wrong = refusal("[sessions]\npage_size = \"many\"\n");
        for part in ["line 2 (page_size = \"many\")", "invalid type: string \"many\", expected u32"] {
            assert!(wrong.contains(part), "{wrong}");
        }
        for text in ["[sessions\n", "listen.https = \"nowhere\"", "[connection]\nexclusive = \"never\""] {
            assert!(refusal(text).contains("line ") && !refusal(text).contains('\n'), "{}", refusal(text));
        }
    }

    #[test]
    fn an_invalid_value_is_refused_with_its_key() {
        let refusal = refusal("[limits]\nreads = { per_second = 0, burst = 1 }\n");
        assert!(refusal.starts_with("remora.toml: limits.reads.per_second = 0: "), "{refusal}");
    }

    #[test]
    fn a_named_file_must_exist_and_the_default_file_need_not() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let data_dir = Some(directory.path().to_owned());
        let arguments = |config| ConfigurationArguments { data_dir: data_dir.clone(), config };
        assert_eq!(arguments(None).load().expect("defaults").1, Config::default());
        let absent = directory.path().join("absent.toml");
        assert!(arguments(Some(absent)).load().unwrap_err().contains("absent.toml"));
        fs::write(directory.path().join(FILE_NAME), "[sessions]\npage_size = 7\n").expect("it is writable");
        assert_eq!(arguments(None).load().expect("it is right").1.sessions.page_size, 7);
    }
}
