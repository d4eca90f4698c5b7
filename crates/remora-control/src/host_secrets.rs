//! The secrets by which hosts authenticate.
//!
//! A secret is derived from the host's name and a key of the control plane. It is therefore not stored, not even as a
//! hash: a launch that is repeated after a crash yields the same secret, and read access to the database is not enough
//! to report as a host.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use remora_session::HostId;

/// Derives and verifies the secrets of hosts.
pub struct HostSecrets(hmac::Key);

impl HostSecrets {
    /// Returns the secrets that derive from a key.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// Returns the secret of a host, safe in a URL.
    pub(crate) fn of(&self, host: &HostId) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, host.as_str().as_bytes()))
    }

    /// Compares a secret in constant time.
    pub(crate) fn matches(&self, host: &HostId, secret: &str) -> bool {
        URL_SAFE_NO_PAD
            .decode(secret)
            .is_ok_and(|secret| hmac::verify(&self.0, host.as_str().as_bytes(), &secret).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_of_one_host_and_one_control_plane() {
        let (mine, other) = (HostSecrets::new(&[1; 32]), HostSecrets::new(&[2; 32]));
        let (a, b): (HostId, HostId) = ("a".parse().unwrap(), "b".parse().unwrap());
        assert!(mine.matches(&a, &mine.of(&a)));
        assert!(!mine.matches(&b, &mine.of(&a)));
        assert!(!mine.matches(&a, &other.of(&a)));
        assert!(!mine.matches(&a, ""));
    }
}
