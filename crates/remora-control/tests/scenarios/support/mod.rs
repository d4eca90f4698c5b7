pub(crate) mod contract;
pub(crate) mod fake_host;
pub(crate) mod http;
pub(crate) mod installation;
pub(crate) mod issuer;
pub(crate) mod operator;
pub(crate) mod pebble;
pub(crate) mod plane;
pub(crate) mod postgres;
pub(crate) mod server_process;

use std::time::Duration;

/// Longest wait of a test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

/// Waits a moment before a condition that sends no notification is checked again.
pub(crate) async fn look_again() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}
