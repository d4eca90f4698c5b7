//! The certificate authorities that a client trusts.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ureq::tls::{Certificate, PemItem, parse_pem};

/// Bundles in which Linux distributions install the common authorities.
const SYSTEM: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// Returns the certificates in `file`; without one, those of `SSL_CERT_FILE` or of this machine.
pub(crate) fn trusted(file: Option<&Path>) -> Result<Vec<Certificate<'static>>, String> {
    let named = file.map(Path::to_owned).or_else(|| std::env::var_os("SSL_CERT_FILE").map(PathBuf::from));
    let pem = match named {
        Some(path) => {
            fs::read(&path).map_err(|error| format!("the CA file {} cannot be read: {error}", path.display()))?
        }
        None => SYSTEM.iter().find_map(|path| fs::read(path).ok()).unwrap_or_default(),
    };
    let certificates = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    Ok(certificates.collect())
}
