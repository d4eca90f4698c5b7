//! The control plane: who may lease what, for how long, and on which render host.
//!
//! ```text
//!   clients ─▶ api/<generation>, api/sts, portal ─▶ sessions ─▶ store ◀─ reconcile ─▶ provision ─▶ hosts
//!                                                      ▲                    ▲                        │
//!   hosts ──▶ api/link ────────────────────────────────┘       bell, clock ─┘                        │
//!     ▲──────────────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! What a session is and does is decided by [`remora_session`]; here it is stored, told and carried out. Nothing has
//! to be remembered to be done: [`reconcile`] derives it from what is stored. The control plane renders nothing,
//! sees no picture and opens no model.
//!
//! [`up()`] is all of it in one call.

pub mod account;
pub mod acme;
pub mod api;
pub mod authority;
pub mod bell;
pub mod clock;
pub mod config;
pub mod control_plane;
pub mod disk;
pub mod host_secrets;
pub mod identity;
pub mod launch;
pub mod limits;
pub mod listen;
pub mod machine;
pub mod metrics;
mod owner;
mod pem;
pub mod portal;
pub mod private_file;
pub mod provision;
mod random;
pub mod reconcile;
pub mod sessions;
mod sight;
pub mod store;
pub mod tls;
pub mod token;
pub mod turn;
pub mod untrusted;
pub mod up;

pub use up::{Connection, ServeOptions, Serving, UpError, UpOptions, serve, up};
