//! Where a session is, and what exists there.

use crate::{HostId, Timestamp};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// A host has a name, and from its launch on a process; it has not reported Ready.
    Starting {
        host: HostId,
        /// 1 for the first host of the session.
        attempt: u32,
        launch: Launch,
    },
    /// The host could not be started. It must be gone before the next one is named.
    Restarting { host: HostId, attempt: u32, why: String, failed_at: Timestamp },
    /// The lease runs.
    Ready {
        host: HostId,
        address: Address,
        since: Timestamp,
        /// When the host was last heard of, to within half of [`silence_max`](crate::Policy::silence_max): whichever
        /// control plane hears it stores that, and no control plane judges by anything else.
        heard_at: Timestamp,
    },
    /// Nothing leads out of here. A host that is still named must still be taken down.
    Ended {
        how: Ending,
        at: Timestamp,
        /// When it became Ready, if it ever did: the start of what was used.
        ready_since: Option<Timestamp>,
        host: Option<HostId>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Launch {
    /// To be launched from then on.
    Wanted {
        from: Timestamp,
    },
    /// To be launched as soon as there is room, the one that has waited longest first.
    Waiting {
        since: Timestamp,
    },
    /// Its room is taken, and whoever took it launches it; if they have crashed, anybody does in the end.
    Granted {
        since: Timestamp,
        at: Timestamp,
    },
    Done {
        at: Timestamp,
    },
    /// It was running before there was a session, and listens there.
    Claimed {
        address: Address,
        at: Timestamp,
    },
}

/// Where clients reach a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub hostname: String,
    pub handshake_port: u16,
    pub inspector_port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By its owner.
    Stopped,
    /// The lease was over.
    Expired,
    /// There was no room for a host. For the owner: for how long none became free.
    NoCapacity { why: String },
    /// For the owner: what went wrong.
    Failed { why: String },
}

impl Phase {
    /// The host that exists or may exist.
    pub fn host(&self) -> Option<&HostId> {
        match self {
            Phase::Starting { host, .. } | Phase::Restarting { host, .. } | Phase::Ready { host, .. } => Some(host),
            Phase::Ended { host, .. } => host.as_ref(),
        }
    }

    /// Whether the host that is named takes up room: it exists, may exist, or is about to.
    pub fn occupies(&self) -> bool {
        match self {
            Phase::Starting { launch: Launch::Wanted { .. } | Launch::Waiting { .. }, .. } => false,
            Phase::Starting { .. } | Phase::Restarting { .. } | Phase::Ready { .. } => true,
            Phase::Ended { host, .. } => host.is_some(),
        }
    }
}
