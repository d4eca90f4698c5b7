//! The life of a leased session: a value and pure functions, without network, clock or randomness.
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
//! - [`Session::apply`], [`extended`](Session::extended) and [`stopped`](Session::stopped) are the only ways from one
//!   value to the next.
//! - [`Session::due`] derives the next action from the stored session. There is no queue of effects, so a crash between
//!   a decision and its execution loses nothing.
//! - [`Session::wake_at`] returns when the session needs attention: `due(t)` returns an action exactly when
//!   `wake_at() <= t`.
//!
//! A session has at most one host: the next one is named only when the last one is gone. An ended session stays ended.
//! If it still names a host, that host must be destroyed. Times and new names are arguments.

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
