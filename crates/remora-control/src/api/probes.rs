//! Endpoints for monitoring, without authentication:
//!
//! | path | response |
//! |---|---|
//! | `GET /healthz` | 200 while the process runs |
//! | `GET /readyz` | 200 while the store responds and the disk is writable, otherwise 503 with the reason |
//! | `GET /metrics` | Prometheus text; not on the public listener |

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};

use super::common::uncached;
use crate::disk::DiskProbe;
use crate::metrics::{Metrics, Stock};
use crate::store::{Store, StoreError};

/// Time limit for the store. Monitoring systems have short timeouts themselves.
const STORE_MAX: Duration = Duration::from_secs(2);
const CACHE: &str = "no-store, no-cache";
const EXPOSITION_FORMAT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// State of the handlers.
#[derive(Clone)]
pub(crate) struct Probes {
    /// The store that `/readyz` and `/metrics` query.
    pub store: Arc<Store>,
    /// Metrics to export.
    pub metrics: Metrics,
    /// Checks that the disk is writable.
    pub disk: Arc<DiskProbe>,
}

/// Returns the routes of the public listener.
pub(crate) fn public(probes: Probes) -> Router {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).with_state(probes)
}

/// Returns all routes, for listeners that the network does not reach.
pub(crate) fn all(probes: Probes) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(probes.clone()).merge(public(probes))
}

async fn healthz() -> Response {
    uncached("ok\n".into_response(), CACHE)
}

async fn readyz(State(probes): State<Probes>) -> Response {
    let ready = in_time(async {
        probes.store.next_wake().await?;
        Ok(probes.disk.is_writable().await)
    });
    match ready.await {
        Ok(true) => uncached("ready\n".into_response(), CACHE),
        Ok(false) => {
            unready("The data directory cannot be written to; the disk may be full. The log says why.\n".into())
        }
        Err(response) => response,
    }
}

async fn metrics(State(probes): State<Probes>) -> Response {
    let stock = in_time(async {
        let (live, idle) = (probes.store.live_counts().await?, probes.store.idle_hosts().await?);
        Ok(Stock { live, idle })
    });
    match stock.await {
        Ok(stock) => ([(header::CONTENT_TYPE, EXPOSITION_FORMAT)], probes.metrics.render(&stock)).into_response(),
        Err(response) => response,
    }
}

/// Waits for a query of the store, or returns the 503 that says why it failed. Details of the database go only to the
/// log.
async fn in_time<T>(asked: impl Future<Output = Result<T, StoreError>>) -> Result<T, Response> {
    let reason = match tokio::time::timeout(STORE_MAX, asked).await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(failure)) => {
            tracing::error!(error = &failure as &dyn std::error::Error, "the store does not respond");
            "The store refuses. The log says why.\n".to_owned()
        }
        Err(_) => format!("The store has not answered within {} seconds.\n", STORE_MAX.as_secs()),
    };
    Err(unready(reason))
}

fn unready(reason: String) -> Response {
    uncached((StatusCode::SERVICE_UNAVAILABLE, reason).into_response(), CACHE)
}
