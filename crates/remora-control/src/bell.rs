//! Wakes the reconcile loop. The bell carries no data, because all work is derived from the store.

use std::sync::Arc;

use tokio::sync::Notify;

/// A bell. Clones ring and hear the same one.
#[derive(Clone, Debug, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    /// Rings the bell. If the loop is not waiting, any number of rings are remembered as one.
    pub fn ring(&self) {
        self.0.notify_one();
    }

    /// Waits for a ring.
    pub async fn rung(&self) {
        self.0.notified().await;
    }
}
