//! A signal that wakes the reconcile loop. It carries no data, because the loop reads the store.

use std::sync::Arc;

use tokio::sync::Notify;

/// A signal for the reconcile loop. Clones are the same bell.
#[derive(Clone, Debug, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    /// Wakes the loop. Several rings before it listens wake it once.
    pub fn ring(&self) {
        self.0.notify_one();
    }

    /// Waits for the next ring.
    pub async fn rung(&self) {
        self.0.notified().await;
    }
}
