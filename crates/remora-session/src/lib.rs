//! The life of a leased session: a value and three pure functions. No network, no clock, no randomness.
//!
//! ```text
//!                        HostReported(Ready)                lease over
//!   create ─▶ Starting ──────────────────────▶ Ready ───────────────────────▶ Ended(Expired)
//!              │  ▲                              │ Stopped                   ─▶ Ended(Stopped)
//!    HostLost, │  │ HostGone                     │ HostLost, Failed, silence ─▶ Ended(Failed)
//!      Failed, │  │ (next host)                  │
//!     too slow ▼  │                              │
//!           Restarting ── attempts used up ──────┴──────────────────────────▶ Ended(Failed)
//! ```
//!
//! - [`Session::apply`] is the only way from one value to the next.
//! - [`Session::due`] derives what has to be done from what is stored; there is no queue of effects, so a crash
//!   between deciding and doing loses nothing.
//! - [`Session::wake_at`] says when to look again: `due(t)` has an answer exactly when `wake_at() <= t`.
//!
//! A session has at most one host: the next one is named only when the last is gone. What has ended stays ended; an
//! ended session that still names a host is not finished, the host must be taken down. A session never asks what
//! time it is and never makes up a name: both are arguments.

mod event;
mod ids;
mod owner;
mod phase;
mod policy;
mod session;
mod timestamp;

pub use event::{Action, Event, ExtendRefused, Refused, Reported};
pub use ids::{
    AccountId, HostId, InvalidAccountId, InvalidHostId, InvalidLease, InvalidSessionId, InvalidSize, LeaseMinutes,
    SessionId, SessionKey, Size,
};
pub use owner::{InvalidPersonId, Owner, Person, PersonId};
pub use phase::{Address, Ending, Launch, Phase};
pub use policy::Policy;
pub use session::Session;
pub use timestamp::Timestamp;
