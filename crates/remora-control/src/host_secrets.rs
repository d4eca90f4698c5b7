//! The secrets with which hosts authenticate themselves to the control plane.
//!
//! A secret is derived from the host's id and a key of the control plane. It is never stored, not even as a hash. A
//! launch that is repeated after a crash has the same secret, and access to the database is not enough to impersonate a
//! host.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use remora_session::HostId;

/// Derives and verifies the secrets of all hosts.
pub struct HostSecrets(hmac::Key);

impl HostSecrets {
    /// Uses this key for all secrets.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// Returns the secret of a host.
    pub fn of(&self, host: &HostId) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, host.as_str().as_bytes()))
    }

    /// Returns whether this is the secret of the host, in constant time.
    pub fn matches(&self, host: &HostId, secret: &str) -> bool {
        URL_SAFE_NO_PAD
            .decode(secret)
            .is_ok_and(|secret| hmac::verify(&self.0, host.as_str().as_bytes(), &secret).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_valid_for_one_host_and_one_control_plane() {
        let (mine, other) = (HostSecrets::new(&[1; 32]), HostSecrets::new(&[2; 32]));
        let (a, b): (HostId, HostId) = ("a".parse().unwrap(), "b".parse().unwrap());
        assert!(mine.matches(&a, &mine.of(&a)));
        assert!(!mine.matches(&b, &mine.of(&a)));
        assert!(!mine.matches(&a, &other.of(&a)));
        assert!(!mine.matches(&a, ""));
    }
}
