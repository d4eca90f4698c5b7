//! What happens to a session, what it asks for, and what it refuses.

use crate::{Address, HostId, LeaseMinutes};

/// Events may come late, twice or out of order: one that changes nothing is no error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Nothing but time: leases end, starts take too long, hosts fall silent.
    TimePassed,
    /// By the owner: the new total, not an increment.
    Extended { lease: LeaseMinutes },
    /// By the owner.
    Stopped,
    /// There is no room for the host that is to be launched. The session waits.
    NoRoom { host: HostId },
    /// From now on the host counts as one that exists: whoever says so launches it. Not needed where there is room for
    /// any number. Unlike other events it is refused when it changes nothing, so that one control plane says it.
    RoomGranted { host: HostId },
    /// By whoever was granted the room: it was one too many.
    RoomReturned { host: HostId },
    /// The fleet has been asked for the host and has not refused.
    HostLaunched { host: HostId },
    /// The host speaks for itself. A host only ever goes forward, Starting to Ready to Failed, so an old report that
    /// arrives late is recognised without a number.
    HostReported { host: HostId, reported: Reported },
    /// The fleet says that the host could not be launched or has died.
    HostLost { host: HostId, why: String },
    /// Nothing is left of the host.
    HostGone {
        host: HostId,
        /// The name of the host that takes its place, if one has to. Never used before.
        next: HostId,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reported {
    Starting,
    Ready(Address),
    Failed { why: String },
}

/// What a session needs from outside. Each is idempotent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Apply [`Event::TimePassed`].
    Settle,
    /// Make sure that the host exists, then apply [`Event::HostLaunched`] or [`Event::HostLost`]; or
    /// [`Event::NoRoom`].
    Launch(HostId),
    /// Make sure that the host does not exist, then apply [`Event::HostGone`].
    Destroy(HostId),
    /// It has been kept for long enough after its end; nobody will ask for it any more.
    Forget,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the session has ended")]
    Ended,
    #[error("the new lease must be longer than the current one of {} minutes", current.get())]
    NotLonger { current: LeaseMinutes },
    #[error("the event is of a host that this session does not have")]
    OtherHost,
    #[error("room for the host has been taken, or is not needed")]
    NotWaiting,
    #[error("the next host needs a name of its own")]
    SameHost,
}
