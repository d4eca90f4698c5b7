//! Obtains and renews a certificate of a public authority by ACME (RFC 8555).
//!
//! ```text
//!   certificate.json ─▶ due? ─▶ lock ─▶ order ─▶ challenge, through the HTTPS listener ─▶ certificate.json
//!        └── missing or expired ─▶ the local CA's certificate until there is a new one
//! ```
//!
//! Control planes that share a data directory share its certificate: one of them orders it, under a lock, and all of
//! them read it. Challenges are files of the directory too, so each of them can respond. A failure is recorded in the
//! directory with the time of the next attempt, so that neither restarts nor other control planes exceed the
//! authority's rate limits.

mod certificate_request;
mod challenges;
mod error;
mod files;
mod http;
mod order;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use remora_session::Timestamp;
use tokio::time::timeout;

use self::certificate_request::CertificateRequest;
pub(crate) use self::challenges::Challenges;
pub(crate) use self::challenges::PROTOCOL;
pub(crate) use self::error::AcmeError;
use self::error::OrderError;
use self::files::{Failures, Files, Obtained};
use self::http::Http;
use self::order::order;
use crate::authority::ServerCertificate;
use crate::certificate::CurrentCertificate;
use crate::clock::Clock;
use crate::config;

/// Interval at which control planes look for a new certificate and check whether it is due for renewal.
const LOOK_INTERVAL: Duration = Duration::from_mins(1);
/// Time limit of one order, including its challenges.
const ORDER_MAX: Duration = Duration::from_mins(5);
/// Pause after a failure, doubled with each further one. Let's Encrypt allows five failures per name and hour.
const PAUSE: Duration = Duration::from_mins(15);
const PAUSE_MAX: Duration = Duration::from_hours(12);
/// A certificate is renewed when less than a third of its lifetime is left.
const RENEWAL_PART: u32 = 3;

/// Keeps one certificate current.
pub struct Acme {
    request: CertificateRequest,
    files: Files,
    challenges: Challenges,
    http: Http,
    clock: Clock,
    current: Arc<CurrentCertificate>,
}

impl Acme {
    /// Starts with the stored certificate, or else with `local`. Returns `None` if no authority is configured.
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
        let request = CertificateRequest { directory_url, domains, contact: config.contact.clone() };
        let this = Self { request, files, challenges, http, clock, current: CurrentCertificate::new(local.clone())? };
        this.take_up(&local);
        Ok(Some(this))
    }

    /// Returns the certificate in use: the authority's, or the local one.
    pub fn current(&self) -> Arc<CurrentCertificate> {
        self.current.clone()
    }

    /// Returns the open challenges, to which the listener responds.
    pub fn challenges(&self) -> Challenges {
        self.challenges.clone()
    }

    /// Obtains and renews the certificate; `local` is used while there is none. Never returns. May be dropped at any
    /// point.
    pub async fn keep_current(self, local: Arc<CurrentCertificate>) {
        loop {
            self.renew_if_due().await;
            self.take_up(&local.pem());
            self.clock.sleep(LOOK_INTERVAL).await;
        }
    }

    /// Uses the stored certificate from now on if it is valid, or else `local`.
    fn take_up(&self, local: &ServerCertificate) {
        let now = self.clock.now();
        let stored = self.stored().filter(|stored| now < stored.ends_at);
        let certificate = stored.map_or_else(|| local.clone(), |stored| stored.certificate);
        if certificate == self.current.pem() {
            return;
        }
        match self.current.replace(certificate) {
            Ok(()) => tracing::info!(domains = self.request.domains.join(", "), "certificate replaced"),
            Err(error) => tracing::error!(%error, "cannot use the new certificate; the old one stays in use"),
        }
    }

    async fn renew_if_due(&self) {
        if !self.is_due() {
            return;
        }
        let lock = match self.files.try_lock() {
            Ok(Some(lock)) => lock,
            // Another control plane is ordering the certificate. It is read in a later round.
            Ok(None) => return,
            Err(error) => return self.failed(&error.into()),
        };
        if self.is_due()
            && let Err(error) = self.renew().await
        {
            self.failed(&error);
        }
        // Released only after a failure is recorded: otherwise another control plane would try at once.
        drop(lock);
    }

    async fn renew(&self) -> Result<(), OrderError> {
        let ordered = timeout(ORDER_MAX, order(&self.request, &self.http, &self.files, &self.challenges)).await;
        let certificate = ordered.map_err(|_| OrderError::Late(ORDER_MAX.as_secs()))??;
        self.files.store(&Obtained::by(&self.request, certificate)?)?;
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

    /// Returns the recorded failures for the configured names and authority.
    fn failures(&self) -> Option<Failures> {
        self.files.failures().filter(|failures| failures.are_of(&self.request))
    }

    /// Returns the stored certificate if it is for the configured names and authority.
    fn stored(&self) -> Option<StoredCertificate> {
        let obtained = self.files.obtained().filter(|obtained| obtained.is(&self.request))?;
        let (begins_at, ends_at) = obtained.validity().ok()?;
        Some(StoredCertificate { begins_at, ends_at, certificate: obtained.certificate() })
    }

    /// Records a failure with the time of the next attempt.
    fn failed(&self, error: &OrderError) {
        let count = self.failures().map_or(0, |failures| failures.count);
        let pause = PAUSE.saturating_mul(1 << count.min(16)).min(PAUSE_MAX);
        tracing::error!(
            %error,
            directory = self.request.directory_url,
            domains = self.request.domains.join(", "),
            "no certificate has been issued; the one in use stays, or the local CA's; next attempt in {} min",
            pause.as_secs() / 60
        );
        let failures = Failures::new(&self.request, count.saturating_add(1), self.clock.now() + pause);
        if let Err(error) = self.files.record_failures(&failures) {
            tracing::error!(%error, "cannot record the failure");
        }
    }
}

struct StoredCertificate {
    begins_at: Timestamp,
    ends_at: Timestamp,
    certificate: ServerCertificate,
}

impl StoredCertificate {
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
    fn a_failure_delays_the_next_attempt_of_the_same_order_only() {
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
        assert!(!misspelt.is_due() && !open("b.example").is_due(), "a restart does not shorten the pause");
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
