//! Placement of hosts on this machine.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use remora_protocol::link::{Media, Placement};
use remora_session::Timestamp;

use crate::authority::{Authority, AuthorityError};
use crate::certificate::CurrentCertificate;

/// Longer than the maximum age of an idle host plus any lease, so that no certificate expires under a session.
const CERTIFICATE_LIFE: Duration = Duration::from_hours(7 * 24);

/// How hosts of this machine are reached, and what they find on it.
pub struct LocalPlacement {
    /// Base URLs of the control planes; this one's is first.
    pub control_urls: Vec<String>,
    /// Name under which clients reach this machine.
    pub hostname: String,
    /// Names and addresses of this machine, all of which the certificates of hosts contain.
    pub names: Vec<String>,
    /// Address on which hosts listen.
    pub listen_address: IpAddr,
    /// Addresses and ports of media connections.
    pub media: Media,
    /// Absolute paths of files that the operator offers as models.
    pub model_files: Vec<String>,
    /// Absolute path of the cache of converted models; `None` if the configuration disables it.
    pub cache_directory: Option<String>,
    /// Signs a certificate for each host.
    pub authority: Arc<Authority>,
    /// The operator's certificate for `hostname`, which hosts use instead of one of the authority.
    pub operators_certificate: Option<Arc<CurrentCertificate>>,
}

impl LocalPlacement {
    /// Returns the placement of a new host. Without a certificate of the operator, it contains a new one.
    pub(super) fn place(&self, scratch_directory: Option<String>, now: Timestamp) -> Result<Placement, AuthorityError> {
        let certificate = match &self.operators_certificate {
            Some(certificate) => certificate.pem(),
            None => self.authority.issue(&self.names, CERTIFICATE_LIFE, now)?,
        };
        Ok(Placement {
            control_urls: self.control_urls.clone(),
            hostname: self.hostname.clone(),
            listen_address: self.listen_address,
            certificate_pem: certificate.certificate_pem,
            certificate_key_pem: certificate.key_pem,
            media: self.media.clone(),
            model_files: self.model_files.clone(),
            cache_directory: self.cache_directory.clone(),
            scratch_directory,
        })
    }

    /// Returns a text that changes when placements change so that hosts with an older one must be replaced.
    ///
    /// The URLs of the control planes are left out: they differ between control planes that share hosts, and a host
    /// that reaches none of them is replaced because of its silence. The cache's directory is left out because a host
    /// works with any, or none.
    pub(super) fn revision(&self) -> String {
        let certificate = self.operators_certificate.as_ref().map(|certificate| certificate.pem().certificate_pem);
        serde_json::json!([
            self.hostname,
            self.names,
            self.listen_address,
            self.media,
            self.model_files,
            self.authority.certificate_pem(),
            certificate,
        ])
        .to_string()
    }
}
