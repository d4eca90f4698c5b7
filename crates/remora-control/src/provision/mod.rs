//! Where hosts come from. Hosts are named before they exist, so that everything can be said twice.
//!
//! | fleet | a host is |
//! |---|---|
//! | [`ProcessFleet`] | a process on this machine |
//! | [`SimulatedFleet`] | an entry in a table, moved by a test |

mod host_log;
mod pid_file;
mod process;
mod simulated;

use std::future::Future;
use std::pin::Pin;

use remora_protocol::link::HostSpec;
use remora_session::HostId;

pub use process::{HostCommand, ProcessFleet, SHADER_CACHE_FORM, SHADER_CACHE_VARIABLES};
pub use simulated::SimulatedFleet;

pub type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T, ProvisionError>> + Send + 'a>>;

#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    #[error("the render host program {program} could not be started: {source}")]
    Start { program: String, source: std::io::Error },
    #[error("{path}: {source}")]
    File { path: String, source: std::io::Error },
    #[error("the host could not be told what to do: {0}")]
    Tell(#[source] std::io::Error),
    #[error("the process of host {host} cannot be signalled: {source}")]
    Signal { host: HostId, source: std::io::Error },
    #[error("{0}")]
    Refused(String),
}

/// Whether something is left of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remains {
    Gone,
    /// It has been told to end; ask again.
    Going,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    Running,
    /// For the owner of the session.
    Exited {
        how: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetHost {
    pub id: HostId,
    pub condition: Condition,
}

pub trait Provisioner: Send + Sync {
    /// Makes the host exist. One that has existed is not started again, whatever became of it. Does not wait for it
    /// to be ready.
    fn ensure<'a>(&'a self, spec: &'a HostSpec) -> Doing<'a, ()>;

    /// Makes the host not exist, its remains included. Returns at once; repeated until [`Remains::Gone`], it gets
    /// there within seconds.
    fn destroy<'a>(&'a self, host: &'a HostId) -> Doing<'a, Remains>;

    /// All hosts that exist, exited ones that have not been destroyed included.
    fn list(&self) -> Doing<'_, Vec<FleetHost>>;
}
