//! A `remora up` with a temporary directory.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

pub(crate) struct Up {
    child: Child,
    directory: tempfile::TempDir,
}

impl Up {
    /// Starts the service and returns when it accepts requests.
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let data = directory.path().join("data");
        let child = Command::new(env!("CARGO_BIN_EXE_remora"))
            .args(["up", "--https", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data-dir"])
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        let up = Self { child, directory };
        let connection = up.connection_path();
        eventually("the start", || connection.exists().then_some(()));
        up
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) fn connection_path(&self) -> PathBuf {
        self.data().join("connection.json")
    }

    /// Writes a CA certificate that signed no certificate of this service, and returns its path.
    pub(crate) fn other_ca(&self) -> PathBuf {
        let path = self.directory.path().join("other.pem");
        std::fs::write(&path, OTHER_CA).expect("it is writable");
        path
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        terminate(&self.child);
        // The service stops its hosts, so the end is waited for.
        let _ = self.child.wait();
    }
}

pub(crate) fn terminate(child: &Child) {
    let _ = rustix::process::kill_process(rustix::process::Pid::from_child(child), rustix::process::Signal::TERM);
}

/// Polls until a condition yields a value; the limit is generous for machines under load.
pub(crate) fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what} did not happen within a minute");
        thread::yield_now();
    }
}

/// A CA certificate whose key was deleted.
const OTHER_CA: &str = "\
-----BEGIN CERTIFICATE-----
MIIBkTCCATegAwIBAgIUJCowNTg5RAF1LqNBCLT7O+l1hdkwCgYIKoZIzj0EAwIw
HTEbMBkGA1UEAwwSU29tZWJvZHkgZWxzZSdzIENBMCAXDTI2MTEyMjEzNDIwOVoY
DzIxMjYxMDI5MTM0MjA5WjAdMRswGQYDVQQDDBJTb21lYm9keSBlbHNlJ3MgQ0Ew
WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAR7whJyjjXNGxyn9t9x/1iN3gt3kid6
+UQQktsbc94a1P1FOjXNIM28zE0ZEIQzlTudlZ2gm0idSIAbCBTgxgHao1MwUTAd
BgNVHQ4EFgQUNejspT2GlLv2alwU75Ta5sKbHrswHwYDVR0jBBgwFoAUNejspT2G
lLv2alwU75Ta5sKbHrswDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBF
AiB+MuBouNJsDC3omWxcpIqumkRDWW5Dsj3ERxojw0oyLQIhAJxFde1h51ELsTka
N9saEjY85LLAGcevMT+/Fp3G+nnM
-----END CERTIFICATE-----
";
