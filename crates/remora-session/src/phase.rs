//! The phases of a session, with what exists in each of them.

use crate::{HostId, Timestamp};

/// The phase of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// A host has a name and, from its launch on, a process. It has not reported Ready.
    Starting {
        /// The host.
        host: HostId,
        /// Number of the attempt: 1 for the first host of the session.
        attempt: u32,
        /// Progress of the launch.
        launch: Launch,
    },
    /// The host could not be started. It must be gone before the next one is named.
    Restarting {
        /// The host that failed.
        host: HostId,
        /// Number of the attempt that failed.
        attempt: u32,
        /// Reason, written for the owner of the session.
        why: String,
        /// Time of the failure.
        failed_at: Timestamp,
    },
    /// The lease runs.
    Ready {
        /// The host.
        host: HostId,
        /// Where clients reach it.
        address: Address,
        /// Start of the lease.
        since: Timestamp,
        /// Time of the host's last report, to within half of [`silence_max`](crate::Policy::silence_max). The control
        /// plane that receives a report stores it, and all control planes judge by the stored time alone.
        heard_at: Timestamp,
    },
    /// The final phase. A host that is still named must be destroyed.
    Ended {
        /// Reason for the end.
        how: Ending,
        /// Time of the end.
        at: Timestamp,
        /// Time at which the session became Ready, if it ever did: the start of its usage.
        ready_since: Option<Timestamp>,
        /// The host, until nothing is left of it.
        host: Option<HostId>,
    },
}

/// Progress of the launch of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Launch {
    /// The host is due to be launched.
    Wanted {
        /// Earliest time of the launch.
        from: Timestamp,
    },
    /// The host is launched as soon as there is room. The session that has waited longest comes first.
    Waiting {
        /// Start of the wait.
        since: Timestamp,
    },
    /// Room is reserved, and the control plane that reserved it launches the host. If it crashes, another one does so
    /// later.
    Granted {
        /// Start of the wait.
        since: Timestamp,
        /// Time of the reservation.
        at: Timestamp,
    },
    /// The fleet has been asked for the host.
    Done {
        /// Time of the launch.
        at: Timestamp,
    },
    /// The host was running before the session was created.
    Claimed {
        /// Where clients reach it.
        address: Address,
        /// Time at which the session took it.
        at: Timestamp,
    },
}

/// Where clients reach a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Name or address of its machine.
    pub hostname: String,
    /// Port of the handshake.
    pub handshake_port: u16,
    /// Second port, which the original service's inspector used.
    pub inspector_port: u16,
}

/// Reason for the end of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The owner stopped it.
    Stopped,
    /// The lease is over.
    Expired,
    /// There was no room for a host.
    NoCapacity {
        /// Text for the owner.
        why: String,
    },
    /// The session has lost its host, or found none that starts.
    Failed {
        /// Text for the owner.
        why: String,
    },
}

impl Phase {
    /// Returns the host that exists or may exist.
    pub fn host(&self) -> Option<&HostId> {
        match self {
            Phase::Starting { host, .. } | Phase::Restarting { host, .. } | Phase::Ready { host, .. } => Some(host),
            Phase::Ended { host, .. } => host.as_ref(),
        }
    }

    /// Returns whether the named host takes up room: it exists, may exist, or is about to.
    pub fn occupies(&self) -> bool {
        match self {
            Phase::Starting { launch: Launch::Wanted { .. } | Launch::Waiting { .. }, .. } => false,
            Phase::Starting { .. } | Phase::Restarting { .. } | Phase::Ready { .. } => true,
            Phase::Ended { host, .. } => host.is_some(),
        }
    }
}
