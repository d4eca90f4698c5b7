//! Reports of hosts and the orders that answer them.

use remora_protocol::link::{HostOrder, StopReason};
use remora_session::{Ending, Event, HostId, Phase, Reported};

use super::{RecordError, SessionView, Sessions};
use crate::store::Stored;

impl Sessions {
    /// Records the report of a host and returns its next order; `None` if the host is not known.
    pub(crate) async fn report(&self, host: &HostId, reported: Reported) -> Result<Option<HostOrder>, RecordError> {
        if let Some(stored) = self.store.session_of_host(host).await? {
            return self.report_of_session(stored, host, reported).await;
        }
        if let Some(order) = self.report_of_idle(host, &reported).await? {
            return Ok(Some(order));
        }
        // A session may have claimed the host between the two queries.
        match self.store.session_of_host(host).await? {
            Some(stored) => self.report_of_session(stored, host, reported).await,
            None => Ok(None),
        }
    }

    async fn report_of_session(
        &self,
        stored: Stored,
        host: &HostId,
        reported: Reported,
    ) -> Result<Option<HostOrder>, RecordError> {
        let key = stored.session.key.clone();
        match self.record_on(stored, &Event::HostReported { host: host.clone(), reported }).await {
            Ok(view) => Ok(Some(self.order(&view))),
            Err(RecordError::Refused(_)) => {
                tracing::info!(session = %key, %host, "the session has another host by now");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Records the report of an idle host. Returns `None` if the host is not idle.
    async fn report_of_idle(&self, host: &HostId, reported: &Reported) -> Result<Option<HostOrder>, RecordError> {
        let Some(mut idle) = self.store.idle_hosts().await?.into_iter().find(|idle| idle.id == *host) else {
            return Ok(None);
        };
        let now = self.clock.now();
        match reported {
            // The process ends by itself; the reconcile loop notices and replaces the host.
            Reported::Failed { why } => {
                tracing::warn!(%host, why, "an idle render host did not start");
                return Ok(Some(HostOrder::Stop { reason: StopReason::NotNeeded }));
            }
            Reported::Ready(address) if idle.address.is_none() => idle.address = Some(address.clone()),
            Reported::Starting | Reported::Ready(_) if now.since(idle.heard_at) < self.policy.silence_max / 2 => {
                return Ok(Some(HostOrder::Wait));
            }
            Reported::Starting | Reported::Ready(_) => {}
        }
        idle.heard_at = now;
        let still_idle = self.store.replace_idle_host(&idle).await?;
        Ok(still_idle.then_some(HostOrder::Wait))
    }

    /// Returns the order for the session's host.
    fn order(&self, view: &SessionView) -> HostOrder {
        match &view.session.phase {
            Phase::Starting { .. } | Phase::Ready { .. } => {
                HostOrder::Run(self.plan.assignment(&view.session, view.session.lease_remaining(view.at)))
            }
            Phase::Restarting { .. } | Phase::Ended { how: Ending::NoCapacity { .. } | Ending::Failed { .. }, .. } => {
                HostOrder::Stop { reason: StopReason::NotNeeded }
            }
            Phase::Ended { how: Ending::Stopped, .. } => HostOrder::Stop { reason: StopReason::Stopped },
            Phase::Ended { how: Ending::Expired, .. } => HostOrder::Stop { reason: StopReason::LeaseExpired },
        }
    }
}
