//! What a host is told at its start, made of what all hosts are told and what one session needs.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use remora_protocol::link::HostSpec;
use remora_session::{HostId, Session, Timestamp};

use crate::authority::{Authority, AuthorityError};
use crate::host_secrets::HostSecrets;
use crate::tls::CurrentCertificate;

pub struct LaunchPlan {
    pub control_url: String,
    /// Name under which clients reach the hosts.
    pub hostname: String,
    pub listen_address: IpAddr,
    pub token_public_key_pem: String,
    pub allowed_origins: Vec<String>,
    pub model_files: Vec<String>,
    pub start_max: Duration,
    pub secrets: Arc<HostSecrets>,
    /// Signs a certificate for each host.
    pub authority: Arc<Authority>,
    /// What hosts show instead, where the operator has a certificate for `hostname`.
    pub operators_certificate: Option<Arc<CurrentCertificate>>,
}

/// Longer than any lease.
const CERTIFICATE_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl LaunchPlan {
    /// Name and secret are the same for the same host, so that a launch can be repeated.
    pub fn spec(&self, session: &Session, host: &HostId, now: Timestamp) -> Result<HostSpec, AuthorityError> {
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        if !names.contains(&self.hostname) {
            names.push(self.hostname.clone());
        }
        let certificate = match &self.operators_certificate {
            Some(certificate) => certificate.pem(),
            None => self.authority.issue(&names, CERTIFICATE_LIFE, now)?,
        };
        Ok(HostSpec {
            host_id: host.to_string(),
            secret: self.secrets.of(host),
            control_url: self.control_url.clone(),
            control_ca_pem: self.authority.certificate_pem().to_owned(),
            session_id: session.key.session.to_string(),
            account_id: session.key.account.to_string(),
            size: session.size.as_str().to_owned(),
            hostname: self.hostname.clone(),
            listen_address: self.listen_address,
            certificate_pem: certificate.certificate_pem,
            certificate_key_pem: certificate.key_pem,
            token_public_key_pem: self.token_public_key_pem.clone(),
            allowed_origins: self.allowed_origins.clone(),
            model_files: self.model_files.clone(),
            lease_milliseconds: milliseconds(session.lease.duration()),
            start_milliseconds_max: milliseconds(self.start_max),
        })
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
