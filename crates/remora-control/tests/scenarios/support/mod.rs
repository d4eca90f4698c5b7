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

/// No wait of a test is longer; what has not happened by then does not happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

/// Between two looks at something that tells nobody when it changes, so that looking leaves it time to change.
pub async fn look_again() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}
