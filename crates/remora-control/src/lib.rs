//! The control plane: accounts, sessions, leases and render hosts.
//!
//! ```text
//!   clients ─▶ api/<generation>, api/sts, portal ─▶ sessions ─▶ store ◀─ reconcile ─▶ provision ─▶ hosts
//!                                                      ▲                    ▲                        │
//!   hosts ──▶ api/link ────────────────────────────────┘       bell, clock ─┘                        │
//!     ▲──────────────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! [`remora_session`] decides how a session proceeds; this crate stores it, reports it and carries out its actions.
//! There is no queue of effects: [`reconcile`] derives all actions from the store. The control plane renders nothing,
//! sees no frames and opens no models.
//!
//! [`up()`] does everything in one call; [`serve()`] runs a control plane alone.

mod account;
mod acme;
mod api;
mod authority;
mod bell;
mod certificate;
mod clock;
mod config;
mod control_plane;
mod disk;
mod host_secrets;
mod identity;
mod launch;
mod limits;
mod listen;
mod machine;
mod metrics;
mod owner;
mod pem;
mod portal;
pub mod private_file;
mod provision;
mod random;
mod reconcile;
mod register;
mod server;
mod sessions;
mod store;
mod tls;
mod token;
mod turn;
pub mod untrusted;
mod visibility;

pub use account::{Account, KeyHash, KeySlot, new_account_id, new_key};
pub use acme::Acme;
pub use api::openapi::DOCUMENTS as OPENAPI_DOCUMENTS;
pub use authority::{Authority, ServerCertificate};
pub use bell::Bell;
pub use certificate::CurrentCertificate;
pub use clock::{Clock, ManualClock};
pub use config::{Config, Fence, HostsConfig, Rate, Size, StoreConfig, Telemetry, is_host_name};
pub use control_plane::{ControlPlane, LocalSignIn, Parts};
pub use disk::DiskProbe;
pub use host_secrets::HostSecrets;
pub use identity::{ATTEMPT_PAUSE, Identities};
pub use launch::LaunchPlan;
pub use listen::serve as serve_connections;
pub use machine::Machine;
pub use portal::guard::Guard;
pub use portal::{Asset, Assets, OfferedModel, OfferedModels, PortalOptions};
pub use provision::{
    Condition, HostCommand, LocalPlacement, ProcessFleet, ProvisionError, Provisioner, Remains, SHADER_CACHE_FORM,
    SHADER_CACHE_VARIABLES, SimulatedFleet,
};
pub use register::{NewAccount, Register, RegisterError};
pub use server::{Connection, ServeOptions, ServerError, Serving, UpOptions, serve, up};
pub use store::{Generation, IdleHost, Insert, Inserted, ListPosition, Quota, Share, Store, StoreError, Stored, Usage};
pub use tls::{Certificates, acceptor as tls_acceptor};
pub use token::{LIFE as TOKEN_LIFE, Tokens, new_private_key_pem};
