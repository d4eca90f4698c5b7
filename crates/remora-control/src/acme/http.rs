//! HTTP client for requests to the authority, on the same library as the other clients of this crate.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::error::AcmeError;

const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Longest response. Certificate chains have about 10 KiB.
const ANSWER_BYTES_MAX: u64 = 256 * 1_024;

/// Sends requests on threads for blocking work.
#[derive(Clone)]
pub(super) struct Http {
    agent: ureq::Agent,
}

impl Http {
    pub(super) fn new(ca_file: Option<&Path>) -> Result<Self, AcmeError> {
        let authorities = match ca_file {
            Some(path) => read(path)?,
            None => rustls_native_certs::load_native_certs().certs,
        };
        let roots: Vec<_> = authorities.iter().map(|authority| Certificate::from_der(authority).to_owned()).collect();
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .root_certs(RootCerts::new_with_certs(&roots))
            .build();
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(ANSWER_MAX))
            .http_status_as_error(false)
            .max_redirects(0)
            .tls_config(tls)
            .build()
            .new_agent();
        Ok(Self { agent })
    }
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, AcmeError> {
    let unusable = |problem: String| AcmeError::CaFile { path: path.display().to_string(), problem };
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(unusable("it contains no certificate".into())),
        Ok(found) => Ok(found),
        Err(error) => Err(unusable(error.to_string())),
    }
}

impl HttpClient for Http {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let agent = self.agent.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = match body.collect().await {
                Ok(body) => body.to_bytes(),
                Err(never) => match never {},
            };
            let answered = tokio::task::spawn_blocking(move || send(&agent, parts, &body)).await;
            let answer = answered.map_err(|error| Error::Other(Box::new(error)))?;
            answer.map(BytesResponse::from).map_err(|error| Error::Other(Box::new(error)))
        })
    }
}

/// Sends a request. Blocks for a bounded time.
fn send(agent: &ureq::Agent, parts: http::request::Parts, body: &[u8]) -> Result<Response<Full<Bytes>>, ureq::Error> {
    // A GET request must have no body, not even an empty one.
    let response = if body.is_empty() {
        agent.run(Request::from_parts(parts, ()))?
    } else {
        agent.run(Request::from_parts(parts, body))?
    };
    let (parts, mut body) = response.into_parts();
    let bytes = body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
    Ok(Response::from_parts(parts, Full::from(bytes)))
}
