//! A certificate of a public authority, obtained and renewed by RFC 8555 (ACME).
//!
//! ```text
//!   certificate.json ─▶ due? ─▶ lock ─▶ order ─▶ challenge, answered by the HTTPS listener ─▶ certificate.json
//!        └── missing, over ─▶ the local CA's certificate, until there is another
//! ```
//!
//! Control planes that share a data directory share its certificate: one of them orders it, under a lock, and all of them
//! read it. A challenge lies in the directory too, so that any of them can answer it. A failure is recorded there with the
//! time of the next attempt, so that neither restarts nor neighbours ask the authority more often than it allows.

mod challenges;
mod files;
mod http;
mod order;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use remora_session::Timestamp;
use tokio::time::timeout;

pub use self::challenges::{Challenges, PROTOCOL};
use self::files::{Failures, Files, Obtained};
use self::http::Http;
use self::order::{OrderError, order};
use crate::authority::ServerCertificate;
use crate::clock::Clock;
use crate::config;
use crate::tls::{CurrentCertificate, TlsError};

/// How soon a certificate that another control plane has obtained is taken up, and how often it is looked at whether one
/// is due.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);
/// One order, its challenges included.
const ORDER_MAX: Duration = Duration::from_secs(300);
/// After a failure, doubled with each one that follows. Let's Encrypt takes five failures of a name in an hour.
const PAUSE: Duration = Duration::from_secs(15 * 60);
const PAUSE_MAX: Duration = Duration::from_secs(12 * 60 * 60);
/// A certificate is renewed when less than 1/3 of its life is left.
const RENEWAL_PART: u32 = 3;

#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    #[error("{0} cannot be used: {1}")]
    File(String, std::io::Error),
    #[error("acme.ca_file {path} cannot be used: {problem}; it takes PEM certificates of authorities")]
    CaFile { path: String, problem: String },
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// The certificate to obtain, and the authority to obtain it from.
#[derive(Clone, Debug)]
struct Wanted {
    pub directory_url: String,
    pub domains: Vec<String>,
    pub contact: Vec<String>,
}

pub struct Acme {
    wanted: Wanted,
    files: Files,
    challenges: Challenges,
    http: Http,
    clock: Clock,
    current: Arc<CurrentCertificate>,
}

impl Acme {
    /// Begins with the certificate that is stored, or else with `local`. `None` if the configuration asks for none.
    pub fn open(
        config: &config::Acme,
        name: Option<&str>,
        data_directory: &Path,
        local: ServerCertificate,
        clock: Clock,
    ) -> Result<Option<Self>, AcmeError> {
        let Some(directory_url) = config.directory_url.clone() else { return Ok(None) };
        let domains = config.domains(name);
        let files = Files::open(data_directory)?;
        let challenges = Challenges::new(files.directory(), &domains);
        let http = Http::new(config.ca_file.as_deref())?;
        let wanted = Wanted { directory_url, domains, contact: config.contact.clone() };
        let this = Self { wanted, files, challenges, http, clock, current: CurrentCertificate::new(local.clone())? };
        this.take_up(&local);
        Ok(Some(this))
    }

    /// The authority's certificate, or the local one.
    pub fn current(&self) -> Arc<CurrentCertificate> {
        self.current.clone()
    }

    pub fn challenges(&self) -> Challenges {
        self.challenges.clone()
    }

    /// Obtains and renews the certificate. `local` stands in for it. Never returns; may be dropped at any point.
    pub async fn keep_current(self, local: Arc<CurrentCertificate>) {
        loop {
            self.renew_if_due().await;
            self.take_up(&local.pem());
            self.clock.sleep(LOOK_INTERVAL).await;
        }
    }

    /// Shows what is stored from now on, if it can be used, or else `local`.
    fn take_up(&self, local: &ServerCertificate) {
        let now = self.clock.now();
        let stored = self.stored().filter(|stored| now < stored.ends_at);
        let certificate = stored.map_or_else(|| local.clone(), |stored| stored.certificate);
        if certificate == self.current.pem() {
            return;
        }
        match self.current.replace(certificate) {
            Ok(()) => tracing::info!(domains = self.wanted.domains.join(", "), "certificate replaced"),
            Err(error) => tracing::error!(%error, "the certificate in use is kept"),
        }
    }

    async fn renew_if_due(&self) {
        if !self.is_due() {
            return;
        }
        let lock = match self.files.try_lock() {
            Ok(Some(lock)) => lock,
            // Another control plane is about it; its certificate is taken up when it is there.
            Ok(None) => return,
            Err(error) => return self.failed(&error.into()),
        };
        if self.is_due()
            && let Err(error) = self.renew().await
        {
            self.failed(&error);
        }
        // Not before a failure is on record: another control plane would ask at once.
        drop(lock);
    }

    async fn renew(&self) -> Result<(), OrderError> {
        let ordered = timeout(ORDER_MAX, order(&self.wanted, &self.http, &self.files, &self.challenges)).await;
        let certificate = ordered.map_err(|_| OrderError::Late(ORDER_MAX.as_secs()))??;
        self.files.store(&Obtained::by(&self.wanted, certificate)?)?;
        self.files.forget_failures()?;
        Ok(())
    }

    fn is_due(&self) -> bool {
        let now = self.clock.now();
        if self.failures().is_some_and(|failures| now < failures.next_at()) {
            return false;
        }
        self.stored().is_none_or(|stored| stored.renewal_at() <= now)
    }

    /// Returns the failures on record for the configured names and authority.
    fn failures(&self) -> Option<Failures> {
        self.files.failures().filter(|failures| failures.are_of(&self.wanted))
    }

    /// Returns the stored certificate if it is for the configured names and authority.
    fn stored(&self) -> Option<Stored> {
        let obtained = self.files.obtained().filter(|obtained| obtained.is(&self.wanted))?;
        let (begins_at, ends_at) = obtained.validity().ok()?;
        Some(Stored { begins_at, ends_at, certificate: obtained.certificate() })
    }

    /// Puts a failure on record, with the time of the next attempt.
    fn failed(&self, error: &OrderError) {
        let count = self.failures().map_or(0, |failures| failures.count);
        let pause = PAUSE.saturating_mul(1 << count.min(16)).min(PAUSE_MAX);
        tracing::error!(
            %error,
            directory = self.wanted.directory_url,
            domains = self.wanted.domains.join(", "),
            "no certificate has been issued; the one in use stays, or the local CA's; next attempt in {} min",
            pause.as_secs() / 60
        );
        let failures = Failures::new(&self.wanted, count.saturating_add(1), self.clock.now() + pause);
        if let Err(error) = self.files.record_failures(&failures) {
            tracing::error!(%error, "the failure cannot be recorded");
        }
    }
}

struct Stored {
    begins_at: Timestamp,
    ends_at: Timestamp,
    certificate: ServerCertificate,
}

impl Stored {
    fn renewal_at(&self) -> Timestamp {
        let life = self.ends_at.since(self.begins_at);
        self.begins_at + (life - life / RENEWAL_PART)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::Authority;
    use crate::config::Config;

    #[test]
    fn a_failure_delays_the_next_attempt_unless_the_operator_asks_for_something_else() {
        let directory = tempfile::tempdir().unwrap();
        let (clock, hand) = Clock::manual(Timestamp::from_milliseconds(1_750_000_000_000));
        let authority = Authority::open(directory.path(), clock.now()).unwrap();
        let local = authority.issue(&["a.example".to_owned()], PAUSE_MAX, clock.now()).unwrap();
        let open = |domain: &str| {
            let text = format!("[acme]\ndirectory_url = 'https://authority.example'\ndomains = ['{domain}']\n");
            let config = Config::parse(&text).unwrap().acme;
            Acme::open(&config, None, directory.path(), local.clone(), clock.clone()).unwrap().unwrap()
        };
        let misspelt = open("b.example");
        assert!(misspelt.is_due());
        misspelt.failed(&OrderError::Late(0));
        assert!(!misspelt.is_due() && !open("b.example").is_due(), "a restart changes nothing");
        assert!(open("a.example").is_due(), "the name has been corrected");
        hand.advance(PAUSE);
        assert!(misspelt.is_due());
        misspelt.failed(&OrderError::Late(0));
        hand.advance(PAUSE);
        assert!(!misspelt.is_due(), "the second pause is longer");
        hand.advance(PAUSE);
        assert!(misspelt.is_due());
    }
}
