//! The server's certificates and their renewal: one that the local CA signs, and the operator's own if there is one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::ServerError;
use crate::acme::Acme;
use crate::authority::{Authority, ServerCertificate};
use crate::certificate::{CurrentCertificate, TlsError};
use crate::clock::Clock;
use crate::config::{Config, Listen};
use crate::private_file;
use crate::tls;

/// Lifetime of certificates of the local CA.
const LIFE: Duration = Duration::from_hours(90 * 24);
/// Time after which the certificate is renewed, long before it expires. It is also renewed at every start.
const RENEWAL: Duration = Duration::from_hours(30 * 24);
/// Interval of checks whether the operator has renewed the certificate.
const LOOK_INTERVAL: Duration = Duration::from_hours(1);

/// All certificates of the server.
pub(super) struct Certificates {
    authority: Arc<Authority>,
    clock: Clock,
    names: Vec<String>,
    local: Arc<CurrentCertificate>,
    operators: Option<Operators>,
    /// Source of a public certificate; `None` if the operator has one.
    acme: Option<Acme>,
}

/// The operator's certificate.
struct Operators {
    files: Files,
    current: Arc<CurrentCertificate>,
}

/// Files of the operator's certificate.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Certificates {
    pub(crate) fn open(
        authority: Arc<Authority>,
        names: Vec<String>,
        config: &Config,
        data_directory: &Path,
        clock: Clock,
    ) -> Result<Self, ServerError> {
        let listen = &config.listen;
        let local = CurrentCertificate::new(authority.issue(&names, LIFE, clock.now())?)?;
        let operators = Files::of(listen)?.map(Operators::open).transpose()?;
        let acme = match &operators {
            Some(_) => None,
            None => Acme::open(&config.acme, listen.name.as_deref(), data_directory, local.pem(), clock.clone())?,
        };
        Ok(Self { authority, clock, names, local, operators, acme })
    }

    /// Returns the operator's own certificate, or that of the public authority in the configuration.
    pub(crate) fn operators(&self) -> Option<Arc<CurrentCertificate>> {
        let operators = self.operators.as_ref().map(|operators| operators.current.clone());
        operators.or_else(|| self.acme.as_ref().map(Acme::current))
    }

    /// Returns the certificates that connections choose from.
    pub(crate) fn choice(&self) -> tls::Certificates {
        let challenges = self.acme.as_ref().map(Acme::challenges);
        tls::Certificates { local: self.local.clone(), operators: self.operators(), challenges }
    }

    /// Renews certificates in time. Never returns; may be dropped at any point.
    pub(crate) async fn keep_current(mut self) {
        match self.acme.take() {
            Some(acme) => {
                let local = self.local.clone();
                tokio::join!(acme.keep_current(local), self.keep_files_current());
            }
            None => self.keep_files_current().await,
        }
    }

    async fn keep_files_current(self) {
        let mut renewal_at = self.clock.now() + RENEWAL;
        loop {
            self.clock.sleep(LOOK_INTERVAL).await;
            if let Some(operators) = &self.operators {
                operators.look();
            }
            if renewal_at <= self.clock.now() {
                self.renew();
                renewal_at = self.clock.now() + RENEWAL;
            }
        }
    }

    fn renew(&self) {
        match self.authority.issue(&self.names, LIFE, self.clock.now()) {
            Ok(certificate) => {
                if let Err(error) = self.local.replace(certificate) {
                    tracing::error!(%error, "the server certificate could not be replaced");
                }
            }
            Err(error) => tracing::error!(%error, "the server certificate could not be renewed"),
        }
    }
}

impl Operators {
    fn open(files: Files) -> Result<Self, ServerError> {
        let current = CurrentCertificate::new(files.read()?).map_err(|problem| files.refused(problem))?;
        Ok(Self { files, current })
    }

    /// Loads renewed files. Files that cannot be used, for instance while they are being replaced, are checked again
    /// later.
    fn look(&self) {
        let replaced = self.files.read().and_then(|certificate| {
            if certificate == self.current.pem() {
                return Ok(false);
            }
            self.current.replace(certificate).map_err(|problem| self.files.refused(problem))?;
            Ok(true)
        });
        match replaced {
            Ok(true) => tracing::info!(path = %self.files.certificate.display(), "certificate replaced"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the certificate in use is kept"),
        }
    }
}

impl Files {
    fn of(listen: &Listen) -> Result<Option<Self>, ServerError> {
        match (&listen.certificate, &listen.certificate_key, &listen.name) {
            (None, None, _) => Ok(None),
            (Some(certificate), Some(key), Some(_)) => {
                Ok(Some(Self { certificate: certificate.clone(), key: key.clone() }))
            }
            _ => Err(ServerError::CertificateIncomplete),
        }
    }

    fn read(&self) -> Result<ServerCertificate, ServerError> {
        let read = |path: &PathBuf| match private_file::read(path) {
            Ok(Some(content)) => Ok(content),
            Ok(None) => Err(ServerError::Certificate { path: path.clone(), problem: "there is no such file".into() }),
            Err(error) => Err(ServerError::Certificate { path: path.clone(), problem: error.to_string() }),
        };
        Ok(ServerCertificate { certificate_pem: read(&self.certificate)?, key_pem: read(&self.key)? })
    }

    fn refused(&self, problem: TlsError) -> ServerError {
        ServerError::Certificate { path: self.certificate.clone(), problem: problem.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use remora_session::Timestamp;

    use super::*;

    const NOW: Timestamp = Timestamp::from_milliseconds(1_750_000_000_000);

    fn write(directory: &std::path::Path, certificate: &ServerCertificate) -> Listen {
        let (certificate_path, key_path) = (directory.join("own.pem"), directory.join("own.key"));
        std::fs::write(&certificate_path, &certificate.certificate_pem).unwrap();
        std::fs::write(&key_path, &certificate.key_pem).unwrap();
        Listen {
            name: Some("remora.example".into()),
            certificate: Some(certificate_path),
            certificate_key: Some(key_path),
            ..Listen::default()
        }
    }

    #[test]
    fn a_renewed_file_is_taken_up_and_a_damaged_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let authority = Arc::new(Authority::open(directory.path(), NOW).unwrap());
        let names = ["remora.example".to_owned()];
        let [first, second] = [(); 2].map(|()| authority.issue(&names, LIFE, NOW).unwrap());
        let listen = write(directory.path(), &first);
        let (clock, _hand) = Clock::manual(NOW);
        let certificates = Certificates::open(
            authority,
            names.to_vec(),
            &Config { listen, ..Config::default() },
            directory.path(),
            clock,
        )
        .unwrap();
        let operators = certificates.operators.as_ref().unwrap();
        assert_eq!(operators.current.pem(), first);
        write(directory.path(), &ServerCertificate { key_pem: first.key_pem.clone(), ..second.clone() });
        operators.look();
        assert_eq!(operators.current.pem(), first, "a certificate without its own key");
        write(directory.path(), &second);
        operators.look();
        assert_eq!(operators.current.pem(), second);
    }

    #[test]
    fn half_of_a_certificate_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::open(directory.path(), NOW).unwrap();
        let whole = write(directory.path(), &authority.issue(&["remora.example".into()], LIFE, NOW).unwrap());
        assert!(matches!(Files::of(&whole), Ok(Some(_))));
        for half in [
            Listen { certificate: None, ..whole.clone() },
            Listen { certificate_key: None, ..whole.clone() },
            Listen { name: None, ..whole.clone() },
        ] {
            assert!(matches!(Files::of(&half), Err(ServerError::CertificateIncomplete)), "{half:?}");
        }
        let absent = Listen { certificate: Some(directory.path().join("none.pem")), ..whole };
        let Err(error) = Files::of(&absent).unwrap().unwrap().read() else { panic!("there is no such file") };
        assert!(error.to_string().contains("none.pem"), "{error}");
    }
}
