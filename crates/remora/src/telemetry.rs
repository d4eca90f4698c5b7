//! Logs on standard error, and traces that are exported to the collector of the configuration.

use std::{fmt, io::IsTerminal as _, sync::Arc, time::Duration};

use async_trait::async_trait;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use remora_control::Telemetry;
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::filter_fn, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};
use ureq::{
    Agent,
    tls::{RootCerts, TlsConfig},
};

use crate::{
    authorities,
    trace_ids::{CorrelatedIds, CorrelatedTracer},
};

/// Limit of one export; traces are lost if the collector takes longer.
const EXPORT_MAX: Duration = Duration::from_secs(3);
/// Limit of the export of the last traces when the program ends.
const FLUSH_MAX: Duration = Duration::from_secs(1);
const ANSWER_BYTES_MAX: u64 = 64 << 10;
const TRACES_PATH: &str = "/v1/traces";

/// Running telemetry. Exports the last traces when it is dropped.
#[must_use]
pub(crate) struct Started(Option<SdkTracerProvider>);

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(provider) = &self.0
            && let Err(error) = provider.shutdown_with_timeout(FLUSH_MAX)
        {
            tracing::warn!(%error, "the last traces could not be exported");
        }
    }
}

/// Starts logging and tracing; a program calls it once. `REMORA_LOG` overrides `level`.
pub(crate) fn start(level: &str, telemetry: &Telemetry) -> Result<Started, String> {
    let filter = EnvFilter::try_from_env("REMORA_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let log = if telemetry.json_logs {
        log.json().flatten_event(true).with_current_span(true).with_span_list(false).with_filter(filter).boxed()
    } else {
        log.with_ansi(std::io::stderr().is_terminal()).with_filter(filter).boxed()
    };
    let provider = telemetry.otlp_endpoint.as_deref().map(provider).transpose()?;
    let traces = provider.as_ref().map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(CorrelatedTracer(provider.tracer("remora")))
            .with_filter(filter_fn(|metadata| metadata.target().starts_with("remora")))
    });
    tracing_subscriber::registry().with(log).with(traces).init();
    Ok(Started(provider))
}

fn provider(endpoint: &str) -> Result<SdkTracerProvider, String> {
    let endpoint = endpoint.trim_end_matches('/');
    let url = if endpoint.ends_with(TRACES_PATH) { endpoint.to_owned() } else { format!("{endpoint}{TRACES_PATH}") };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Collector::new()?)
        .with_endpoint(url)
        .with_timeout(EXPORT_MAX)
        .build()
        .map_err(|error| format!("traces cannot be sent to telemetry.otlp_endpoint {endpoint}: {error}"))?;
    let resource = Resource::builder().with_service_name("remora").build();
    Ok(SdkTracerProvider::builder()
        .with_id_generator(CorrelatedIds::default())
        .with_resource(resource)
        .with_batch_exporter(exporter)
        .build())
}

/// HTTP client of the exporter. It may block because the exporter calls it on a thread of its own.
struct Collector(Agent);

impl Collector {
    fn new() -> Result<Self, String> {
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .root_certs(RootCerts::Specific(Arc::new(authorities::trusted(None)?)))
            .build();
        let agent = Agent::config_builder()
            .timeout_global(Some(EXPORT_MAX))
            .http_status_as_error(false)
            .max_redirects(0)
            .tls_config(tls)
            .build()
            .new_agent();
        Ok(Self(agent))
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Collector")
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let mut response = self.0.run(Request::from_parts(head, &body[..]))?;
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
        Ok(response.map(|_| Bytes::from(body)))
    }
}
