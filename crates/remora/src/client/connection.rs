//! The service and the account of a client: from flags, the environment, or the connection file of a `remora up` on
//! this machine.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Deserialize;

use crate::{configuration::default_data_directory, failure::Failure};

const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Service and account (default: the connection file of `remora up`)")]
pub(crate) struct ConnectionArguments {
    #[expect(clippy::doc_markdown, reason = "the text is shown in --help")]
    /// Address of the service, such as https://localhost:8443
    #[arg(long, value_name = "URL", env = "REMORA_ENDPOINT", global = true)]
    endpoint: Option<String>,
    /// Address of the token service, if it differs
    #[arg(long, value_name = "URL", env = "REMORA_STS_ENDPOINT", global = true)]
    sts_endpoint: Option<String>,
    /// Id of the account
    #[arg(long, value_name = "ID", env = "REMORA_ACCOUNT", global = true)]
    account: Option<String>,
    /// Key of the account; other users of this machine can see it, so prefer --key-file or the environment
    #[arg(long, value_name = "KEY", env = "REMORA_ACCOUNT_KEY", hide_env_values = true, global = true)]
    key: Option<String>,
    /// File with the key of the account
    #[arg(long, value_name = "FILE", env = "REMORA_ACCOUNT_KEY_FILE", global = true, conflicts_with = "key")]
    key_file: Option<PathBuf>,
    /// PEM file of the CA to trust [default: the authorities of this machine]
    #[arg(long, value_name = "FILE", env = "REMORA_CA", global = true)]
    ca: Option<PathBuf>,
    /// Connection file of a `remora up` [default: connection.json in the default data directory]
    #[arg(long, value_name = "FILE", env = "REMORA_CONNECTION", global = true)]
    connection: Option<PathBuf>,
}

/// Complete parameters of a client.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Connection {
    /// URL without a slash at its end, like `sts_endpoint`.
    pub(crate) endpoint: String,
    pub(crate) sts_endpoint: String,
    pub(crate) account: String,
    pub(crate) key: String,
    pub(crate) ca_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConnectionFile {
    endpoint: String,
    sts_endpoint: String,
    account_id: String,
    account_key: String,
    ca_file: PathBuf,
}

impl ConnectionArguments {
    /// Combines flags and connection file; flags win. The default file is ignored if an endpoint is given, because it
    /// belongs to another service.
    pub(crate) fn connection(&self) -> Result<Connection, Failure> {
        let file = match (&self.connection, &self.endpoint) {
            (Some(path), _) => Some(read(path)?.ok_or_else(|| {
                Failure::unusable(format!("{} does not exist; `remora up` creates it while it runs", path.display()))
            })?),
            (None, Some(_)) => None,
            (None, None) => {
                let directory = default_data_directory().map_err(|error| Failure::unusable(error.to_string()))?;
                read(&directory.join("connection.json"))?
            }
        };
        self.over(file)
    }

    fn over(&self, file: Option<ConnectionFile>) -> Result<Connection, Failure> {
        let key = match &self.key_file {
            Some(path) => Some(
                fs::read_to_string(path)
                    .map_err(|error| {
                        Failure::unusable(format!("the key file {} cannot be read: {error}", path.display()))
                    })?
                    .trim()
                    .to_owned(),
            ),
            None => self.key.clone(),
        };
        let Some(endpoint) = self.endpoint.as_deref().or(file.as_ref().map(|file| &*file.endpoint)) else {
            return Err(Failure::unusable(
                "no service is known: start `remora up`, or give --endpoint, --account and REMORA_ACCOUNT_KEY, or \
                 --connection FILE",
            ));
        };
        let endpoint = address("--endpoint", endpoint)?;
        let sts_endpoint = match (&self.sts_endpoint, &file, &self.endpoint) {
            (Some(given), ..) => address("--sts-endpoint", given)?,
            (None, Some(file), None) => address("stsEndpoint", &file.sts_endpoint)?,
            (None, ..) => endpoint.clone(),
        };
        let (of_file, key_of_file, ca_of_file) = match file {
            Some(file) => (Some(file.account_id), Some(file.account_key), Some(file.ca_file)),
            None => (None, None, None),
        };
        let missing = |what: &str, how: &str| Failure::unusable(format!("{what} of {endpoint} is missing: give {how}"));
        let account = self.account.clone().or(of_file).ok_or_else(|| missing("the account", "--account"))?;
        // The id becomes part of paths and headers.
        if account.is_empty() || !account.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') {
            return Err(Failure::unusable(format!("--account {account}: an account id is a GUID")));
        }
        let key = key.or(key_of_file).ok_or_else(|| missing("the account key", "REMORA_ACCOUNT_KEY or --key-file"))?;
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::unusable("the account key contains characters that no key has"));
        }
        Ok(Connection { endpoint, sts_endpoint, account, key, ca_file: self.ca.clone().or(ca_of_file) })
    }
}

fn read(path: &Path) -> Result<Option<ConnectionFile>, Failure> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::unusable(format!("{} cannot be read: {error}", path.display()))),
    };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| Failure::unusable(format!("{} is not a connection file: {error}", path.display())))
}

/// Checks the address of a service. Unencrypted HTTP is accepted only on loopback, because keys and tokens travel over
/// it.
fn address(option: &str, text: &str) -> Result<String, Failure> {
    let authority = |scheme| text.strip_prefix(scheme).map(|rest: &str| rest.trim_end_matches('/'));
    let whole = |authority: &str| {
        !authority.is_empty()
            && !authority.contains(['/', '?', '#', '@'])
            && authority.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let accepted = "use https://NAME:PORT, or http:// for localhost";
    match (authority("https://"), authority("http://")) {
        (Some(authority), _) if whole(authority) => Ok(format!("https://{authority}")),
        (_, Some(authority)) if whole(authority) => {
            let name = authority.rsplit_once(':').map_or(authority, |(name, _)| name);
            if LOOPBACK.contains(&name) || LOOPBACK.contains(&authority) {
                return Ok(format!("http://{authority}"));
            }
            Err(Failure::unusable(format!("{option} {text}: keys must not be sent unencrypted; {accepted}")))
        }
        _ => Err(Failure::unusable(format!("{option} {text}: this is not the address of a service; {accepted}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> ConnectionFile {
        ConnectionFile {
            endpoint: "https://localhost:8443".into(),
            sts_endpoint: "https://localhost:8444".into(),
            account_id: "11111111-1111-1111-1111-111111111111".into(),
            account_key: "filekey".into(),
            ca_file: "/ca.pem".into(),
        }
    }

    #[test]
    fn flags_win_over_the_file() {
        let from_file = ConnectionArguments::default().over(Some(file())).map_err(|failure| failure.message);
        let Ok(from_file) = from_file else { panic!("{:?}", from_file.err()) };
        assert_eq!((&*from_file.sts_endpoint, &*from_file.key), ("https://localhost:8444", "filekey"));
        let said = ConnectionArguments {
            endpoint: Some("https://other.example/".into()),
            key: Some("mine".into()),
            ..ConnectionArguments::default()
        };
        let Ok(mixed) = said.over(Some(file())) else { panic!("it is whole") };
        assert_eq!((&*mixed.endpoint, &*mixed.sts_endpoint), ("https://other.example", "https://other.example"));
        assert_eq!((&*mixed.key, mixed.ca_file), ("mine", Some("/ca.pem".into())));
    }

    #[test]
    fn missing_parameters_are_named() {
        let refusal = |arguments: ConnectionArguments| match arguments.over(None) {
            Err(failure) => failure.message,
            Ok(_) => panic!("something is missing"),
        };
        assert!(refusal(ConnectionArguments::default()).contains("remora up"));
        let mut arguments =
            ConnectionArguments { endpoint: Some("https://a.example".into()), ..ConnectionArguments::default() };
        assert!(refusal(arguments.clone()).contains("--account"));
        arguments.account = Some("11111111-1111-1111-1111-111111111111".into());
        assert!(refusal(arguments.clone()).contains("REMORA_ACCOUNT_KEY"));
        arguments.key = Some("a\nb".into());
        assert!(refusal(arguments.clone()).contains("characters"));
        arguments.account = Some("../x".into());
        assert!(refusal(arguments).contains("GUID"));
    }

    #[test]
    fn keys_are_not_sent_unencrypted() {
        for good in ["https://a.example:8443", "https://[::1]:8443", "http://localhost:8080/", "http://[::1]:80"] {
            assert!(address("--endpoint", good).is_ok(), "{good}");
        }
        for bad in [
            "http://a.example",
            "http://localhost.evil.example",
            "ftp://a",
            "a.example",
            "https://",
            "https://a/b",
            "https://u@a",
        ] {
            assert!(address("--endpoint", bad).is_err(), "{bad}");
        }
    }
}
