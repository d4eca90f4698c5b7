//! The inputs of the state machine, the actions it asks for, and the inputs it refuses.

use crate::{Address, HostId, LeaseMinutes};

/// An input that changes a session. Events may arrive late, twice or out of order; one that changes nothing is not an
/// error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Only time has passed: leases end, starts time out, hosts fall silent.
    TimePassed,
    /// The owner, or the control plane on the owner's behalf, ends the session.
    Stopped,
    /// There is no room for the host that is due to be launched. The session waits.
    NoRoom {
        /// The host that found no room.
        host: HostId,
    },
    /// The host counts as existing from now on, and the control plane that sends this event launches it. The event is
    /// not needed where the number of hosts is unlimited. Unlike the others it is refused when it changes nothing, so
    /// that only one control plane launches the host.
    RoomGranted {
        /// The host that is launched next.
        host: HostId,
    },
    /// The control plane that was granted room gives it back because the capacity is exceeded.
    RoomReturned {
        /// The host that is not launched.
        host: HostId,
    },
    /// The fleet was asked for the host and has not refused.
    HostLaunched {
        /// The host that was asked for.
        host: HostId,
    },
    /// The host reports its state. A host only moves forward, from Starting to Ready to Failed, so late reports are
    /// recognised without a sequence number.
    HostReported {
        /// The host that reports.
        host: HostId,
        /// Its state.
        reported: Reported,
    },
    /// The fleet could not launch the host, or the host has died.
    HostLost {
        /// The lost host.
        host: HostId,
        /// Reason, written for the owner of the session.
        why: String,
    },
    /// Nothing is left of the host.
    HostGone {
        /// The host that is gone.
        host: HostId,
        /// Name of the host that replaces it if one is needed; it must never have been used before.
        next: HostId,
    },
}

/// State that a host reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reported {
    /// The host opens its graphics device and ports.
    Starting,
    /// Clients can connect at this address.
    Ready(Address),
    /// The host cannot run.
    Failed {
        /// Reason, written for the owner of the session.
        why: String,
    },
}

/// An action that a session needs from outside. Every action is idempotent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Apply [`Event::TimePassed`].
    Settle,
    /// Make sure that the host exists, then apply [`Event::HostLaunched`] or [`Event::HostLost`]. Apply
    /// [`Event::NoRoom`] if the fleet is full.
    Launch(HostId),
    /// Make sure that the host does not exist, then apply [`Event::HostGone`].
    Destroy(HostId),
    /// Delete the session: it ended long enough ago.
    Forget,
}

/// Reason for refusing an [`Event`]. Only the control plane and its hosts cause these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The event names a host of the past.
    #[error("the event names a host that this session does not have")]
    OtherHost,
    /// Another control plane was granted the room, or the session no longer waits for it.
    #[error("room for the host has been taken, or is not needed")]
    NotWaiting,
    /// The replacement has the name of the host that it replaces.
    #[error("the next host needs a name of its own")]
    SameHost,
}

/// Reason for refusing to extend a lease. The owner of the session is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtendRefused {
    /// The session is no longer live.
    #[error("the session has ended")]
    Ended,
    /// Leases only become longer.
    #[error("the new lease must be longer than the current one of {} minutes", current.get())]
    NotLonger {
        /// Length of the lease as it is.
        current: LeaseMinutes,
    },
}
