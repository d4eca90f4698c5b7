pub mod contract;
pub mod fake_host;
pub mod http;
pub mod installation;
pub mod issuer;
pub mod operator;
pub mod pebble;
pub mod plane;
pub mod postgres;
pub mod server_process;

use std::time::Duration;

/// Longest wait of a test.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

/// Waits a moment before a condition that sends no notification is checked again.
pub async fn look_again() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}
