//! The certificate to order.

/// The certificate to obtain and the authority to obtain it from.
#[derive(Clone, Debug)]
pub(super) struct CertificateRequest {
    /// URL of the authority's directory.
    pub directory_url: String,
    /// Names of the certificate.
    pub domains: Vec<String>,
    /// Contact addresses for the authority.
    pub contact: Vec<String>,
}
