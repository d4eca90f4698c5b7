//! Whose certificates are believed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ureq::tls::{Certificate, PemItem, parse_pem};

/// Where distributions keep the authorities that everybody trusts.
const SYSTEM: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// Those in the file; without one those of SSL_CERT_FILE, or of this machine.
pub fn trusted(file: Option<&Path>) -> Result<Vec<Certificate<'static>>, String> {
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
