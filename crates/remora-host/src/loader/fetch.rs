//! Fetches a model from an address: to the end, but never more than memory allows, whatever length was announced.

use std::{io::Read, sync::Arc, time::Duration};

use super::LoadFailure;

const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);
const FETCH_TIME_MAX: Duration = Duration::from_secs(600);
const REDIRECTS_MAX: u32 = 5;
const READ_BYTES: usize = 1 << 18;

/// `check` is asked between pieces whether to go on.
pub fn fetch(
    uri: &str,
    bytes_max: u64,
    progress: &mut dyn FnMut(f32),
    check: &dyn Fn() -> Result<(), LoadFailure>,
) -> Result<Vec<u8>, LoadFailure> {
    let tls = ureq::tls::TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .build();
    let agent = ureq::Agent::config_builder()
        .timeout_connect(Some(CONNECT_TIME_MAX))
        .timeout_recv_response(Some(ANSWER_TIME_MAX))
        .timeout_global(Some(FETCH_TIME_MAX))
        .max_redirects(REDIRECTS_MAX)
        .http_status_as_error(false)
        .tls_config(tls)
        .build()
        .new_agent();
    let response =
        agent.get(uri).call().map_err(|error| LoadFailure::NotFound(format!("{uri} could not be fetched: {error}")))?;
    let status = response.status();
    if !status.is_success() {
        return Err(LoadFailure::NotFound(format!("{uri} answered {status} instead of a model")));
    }
    let length = response.body().content_length();
    let too_large =
        |bytes: u64| LoadFailure::TooLarge(format!("{uri} has at least {bytes} bytes; this host can take {bytes_max}"));
    if let Some(length) = length.filter(|&length| length > bytes_max) {
        return Err(too_large(length));
    }
    let mut source = response.into_body().into_reader();
    let mut bytes = Vec::new();
    let mut piece = vec![0; READ_BYTES];
    loop {
        check()?;
        let count =
            source.read(&mut piece).map_err(|error| LoadFailure::NotFound(format!("{uri} broke off: {error}")))?;
        if count == 0 {
            return Ok(bytes);
        }
        if (bytes.len() + count) as u64 > bytes_max {
            return Err(too_large((bytes.len() + count) as u64));
        }
        bytes.extend_from_slice(&piece[..count]);
        if let Some(length) = length.filter(|&length| length > 0) {
            progress(bytes.len() as f32 / length as f32);
        }
    }
}
