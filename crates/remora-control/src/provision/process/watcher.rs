//! Waits for the end of a process and limits the length of its log meanwhile.

use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use remora_session::HostId;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::process::Child;

use super::{Known, host_log};

const LOG_CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// Watches the process of a host.
pub(super) struct Watcher {
    pub(super) host: HostId,
    pub(super) known: Arc<Known>,
}

impl Watcher {
    /// Watches a process that this control plane has started.
    pub(super) async fn watch_child(self, mut child: Child) {
        let status = tokio::select! {
            status = child.wait() => status,
            never = self.keep_log_short() => match never {},
        };
        let how = match status {
            Ok(status) => describe(status),
            Err(error) => format!("The render host ended; how is not known: {error}."),
        };
        self.known.exited(&self.host, how);
    }

    /// Watches a process of another control plane. Its exit status is known only to its parent.
    pub(super) async fn watch_adopted(self, handle: Arc<OwnedFd>) {
        let ended = async {
            // SAFETY: the descriptor stays open and the same: the Arc is immutable and lives in the AsyncFd.
            let readable = unsafe { AsyncFd::register_with_interest(handle, Interest::READABLE) }?;
            readable.readable().await.map(|_| ())
        };
        let result = tokio::select! {
            result = ended => result,
            never = self.keep_log_short() => match never {},
        };
        match result {
            Ok(()) => self.known.exited(&self.host, "The render host ended unexpectedly.".to_owned()),
            Err(error) => tracing::error!(host = %self.host, %error, "the render host cannot be watched"),
        }
    }

    async fn keep_log_short(&self) -> std::convert::Infallible {
        let log = self.known.log_path(&self.host);
        loop {
            self.known.clock.sleep(LOG_CHECK_INTERVAL).await;
            if let Err(error) = host_log::bound(&log) {
                tracing::warn!(log = %log.display(), %error, "the host's log cannot be kept short");
            }
        }
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "The render host ended.".to_owned(),
        (Some(code), _) => format!("The render host ended unexpectedly with exit status {code}."),
        (None, Some(signal)) => format!("The render host was ended by signal {signal}."),
        (None, None) => "The render host ended unexpectedly.".to_owned(),
    }
}
