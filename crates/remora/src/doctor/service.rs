//! Checks of the control plane: data directory, database, address and certificate authority.

use std::{
    fs::{self, File, TryLockError},
    net::{TcpListener, TcpStream, ToSocketAddrs as _},
    path::Path,
    time::Duration,
};

use remora_control::Config;

use super::Finding;
use crate::configuration::HTTPS;

const CONNECT_MAX: Duration = Duration::from_secs(3);
const POSTGRES_PORT: u16 = 5432;

/// Returns whether a control plane uses the directory now.
pub(crate) fn is_in_use(data_directory: &Path) -> bool {
    let lock = File::options().write(true).open(data_directory.join("lock"));
    lock.is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Checks whether the data directory can be written.
pub(crate) fn data_directory(path: &Path, in_use: bool) -> Finding {
    const TOPIC: &str = "data directory";
    let shown = path.display();
    if in_use {
        return Finding::fine(TOPIC, format!("{shown} is in use by Remora now"));
    }
    let nearest = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let probe = nearest.join(format!(".remora-doctor-{}", std::process::id()));
    match File::create_new(&probe).and_then(|_| fs::remove_file(&probe)) {
        Ok(()) if nearest == path => Finding::fine(TOPIC, format!("{shown} can be written")),
        Ok(()) => Finding::fine(TOPIC, format!("{shown} will be created at the first start")),
        Err(error) => Finding::missing(
            TOPIC,
            format!("{} cannot be written: {error}", nearest.display()),
            "Choose another directory with --data-dir, or give this user permission to write there.",
        ),
    }
}

/// Checks whether the database accepts connections.
pub(crate) fn database(config: &Config) -> Finding {
    const TOPIC: &str = "database";
    let Some(url) = &config.store.url else {
        return Finding::fine(TOPIC, "SQLite, a file in the data directory");
    };
    // Only the address is shown because the rest can contain a password.
    let authority = url.parse::<ureq::http::Uri>().ok().and_then(|uri| uri.authority().cloned());
    let Some(authority) = authority else {
        let advice = "Write store.url like postgres://user:password@machine/database.";
        return Finding::missing(TOPIC, "store.url is not the address of a database", advice);
    };
    let (host, port) = (authority.host().to_owned(), authority.port_u16().unwrap_or(POSTGRES_PORT));
    match reach(&host, port) {
        Ok(()) => Finding::fine(TOPIC, format!("PostgreSQL answers at {host}:{port}")),
        Err(why) => Finding::missing(
            TOPIC,
            format!("PostgreSQL does not answer at {host}:{port}: {why}"),
            "Start it, or correct store.url in the configuration.",
        ),
    }
}

/// Opens a TCP connection and closes it.
fn reach(host: &str, port: u16) -> Result<(), String> {
    let addresses = (host, port).to_socket_addrs().map_err(|error| error.to_string())?;
    let mut why = "the name has no address".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_MAX) {
            Ok(_) => return Ok(()),
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

/// Checks whether the address of the API is free.
pub(crate) fn listener(config: &Config, in_use: bool) -> Finding {
    const TOPIC: &str = "address";
    let address = config.listen.https.unwrap_or(HTTPS);
    match TcpListener::bind(address) {
        Ok(_) => Finding::fine(TOPIC, format!("{address} is free for the API")),
        Err(_) if in_use => Finding::fine(TOPIC, format!("{address} is in use, probably by Remora itself")),
        Err(error) => Finding::missing(
            TOPIC,
            format!("the API cannot be served at {address}: {error}"),
            "End the program that uses it, or choose another address with --https or listen.https.",
        ),
    }
}

/// Explains how clients trust the certificate authority of the installation.
pub(crate) fn authority(data_directory: &Path) -> Finding {
    const TOPIC: &str = "trust";
    let file = data_directory.join("ca.pem");
    if !file.exists() {
        let advice = "The first start creates a CA and prints the path of its certificate.";
        return Finding::hint(TOPIC, "there is no CA certificate yet", advice);
    }
    let shown = file.display();
    Finding::hint(
        TOPIC,
        format!("clients have to trust {shown}"),
        format!("curl --cacert '{shown}'; Python: REQUESTS_CA_BUNDLE and SSL_CERT_FILE; Windows: import it as a root."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_database_that_does_not_answer_is_named_without_its_password() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let config = |port: u16| {
            let text = format!("[store]\nurl = \"postgres://remora:hunter2@127.0.0.1:{port}/remora\"");
            Config::parse(&text).expect("a good configuration")
        };
        assert_eq!(database(&config(port)).verdict, Verdict::Fine);
        drop(listener);
        let refused = database(&config(port));
        assert_eq!(refused.verdict, Verdict::Missing);
        assert!(refused.found.contains(&format!("127.0.0.1:{port}")) && !refused.found.contains("hunter2"));
        assert_eq!(database(&Config::default()).verdict, Verdict::Fine);
    }

    #[test]
    fn a_directory_in_use_is_fine_and_one_that_is_a_file_is_not() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("data");
        assert!(data_directory(&path, false).found.contains("will be created"));
        fs::create_dir(&path).expect("it is writable");
        assert!(data_directory(&path, false).found.contains("can be written"));
        assert_eq!(fs::read_dir(&path).expect("it is there").count(), 0, "no file stays behind");
        let lock = File::create(path.join("lock")).expect("it is writable");
        assert!(!is_in_use(&path));
        lock.lock().expect("no other process has it");
        assert!(is_in_use(&path));
        let file = directory.path().join("lock-file");
        fs::write(&file, "").expect("it is writable");
        assert_eq!(data_directory(&file, false).verdict, Verdict::Missing);
    }

    #[test]
    fn a_taken_address_is_missing_unless_remora_uses_it() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = taken.local_addr().expect("bound");
        let config = Config::parse(&format!("[listen]\nhttps = \"{address}\"")).expect("a good configuration");
        assert_eq!(listener(&config, false).verdict, Verdict::Missing);
        assert_eq!(listener(&config, true).verdict, Verdict::Fine);
        drop(taken);
        assert_eq!(listener(&config, false).verdict, Verdict::Fine);
    }
}
