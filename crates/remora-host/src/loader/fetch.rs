//! Fetches a model from an address: never more than memory allows, whatever length was announced, and only from hosts
//! that models may come from (`destination.rs`).
//!
//! Failures reveal nothing of the answer except its status.

use std::{io::Read, sync::Arc, time::Duration};

use remora_protocol::link::RemoteModels;
use ureq::{Agent, Error, unversioned::transport::DefaultConnector};

use super::{destination::Destinations, failure::LoadFailure};

const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);
const FETCH_TIME_MAX: Duration = Duration::from_mins(10);
const REDIRECTS_MAX: u32 = 5;
const READ_BYTES: usize = 1 << 18;

/// Fetches a whole file. `progress` is told the fraction that has arrived; `check` is called between pieces and can end
/// the transfer.
pub(super) fn fetch(
    uri: &str,
    remote: &RemoteModels,
    bytes_max: u64,
    progress: &mut dyn FnMut(f32),
    check: &dyn Fn() -> Result<(), LoadFailure>,
) -> Result<Vec<u8>, LoadFailure> {
    let response = agent(uri, remote).get(uri).call().map_err(|error| {
        tracing::info!(%error, "a model could not be fetched");
        failure(uri, &error)
    })?;
    let status = response.status();
    if !status.is_success() {
        return Err(LoadFailure::NotFound(format!("{uri} answered {status} instead of a model")));
    }
    let length = response.body().content_length();
    if length.is_some_and(|length| length > bytes_max) {
        return Err(LoadFailure::too_large(uri));
    }
    let mut source = response.into_body().into_reader();
    let mut bytes = Vec::new();
    let mut piece = vec![0; READ_BYTES];
    loop {
        check()?;
        let count = source.read(&mut piece).map_err(|error| {
            tracing::info!(%error, "fetching a model broke off");
            LoadFailure::NotFound(format!("{uri} broke off before its end, or took too long"))
        })?;
        if count == 0 {
            return Ok(bytes);
        }
        if (bytes.len() + count) as u64 > bytes_max {
            return Err(LoadFailure::too_large(uri));
        }
        bytes.extend_from_slice(&piece[..count]);
        if let Some(length) = length.filter(|&length| length > 0) {
            progress(bytes.len() as f32 / length as f32);
        }
    }
}

fn agent(uri: &str, remote: &RemoteModels) -> Agent {
    let tls = ureq::tls::TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .build();
    let config = Agent::config_builder()
        .proxy(None)
        .timeout_connect(Some(CONNECT_TIME_MAX))
        .timeout_recv_response(Some(ANSWER_TIME_MAX))
        .timeout_global(Some(FETCH_TIME_MAX))
        .max_redirects(REDIRECTS_MAX)
        .http_status_as_error(false)
        .tls_config(tls)
        .build();
    Agent::with_parts(config, DefaultConnector::new(), Destinations::of_model(uri, remote))
}

/// Returns the failure for the client. It names only the kind of the error, because the error quotes headers and
/// certificates of the answer.
fn failure(uri: &str, error: &Error) -> LoadFailure {
    let why = match error {
        Error::HostNotFound => {
            return LoadFailure::Refused(format!(
                "{uri}, or an address that it redirects to, has no public host; models are fetched from public \
                 addresses and from the hosts that the operator allows (models.allowed_hosts)"
            ));
        }
        Error::Timeout(_) => "there was no answer in time".to_owned(),
        Error::TooManyRedirects => format!("it redirects more than {REDIRECTS_MAX} times"),
        Error::Io(error) => error.kind().to_string(),
        Error::Rustls(_) | Error::Tls(_) | Error::TlsRequired => "its certificate is not accepted".to_owned(),
        Error::BadUri(_) => "the address, or one that it redirects to, is not an http or https address".to_owned(),
        _ => "the answer is not sound HTTP".to_owned(),
    };
    LoadFailure::NotFound(format!("{uri} could not be fetched: {why}"))
}
