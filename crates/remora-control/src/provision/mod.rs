//! The fleet: where hosts come from.
//!
//! The control plane names each host before it exists, so every call can be repeated safely.
//!
//! | provisioner | a host is |
//! |---|---|
//! | [`ProcessFleet`] | a process on this machine |
//! | [`SimulatedFleet`] | an entry in a table, controlled by a test |

mod host_log;
mod local;
mod pid_file;
mod process;
mod simulated;

use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use remora_protocol::link::HostSpec;
use remora_session::HostId;

pub use local::LocalPlacement;
pub use process::{HostCommand, ProcessFleet, SHADER_CACHE_FORM, SHADER_CACHE_VARIABLES};
pub use simulated::SimulatedFleet;

use crate::authority::AuthorityError;
use crate::bell::Bell;
use crate::clock::Clock;
use crate::config::ProvisionerKind;

/// Reason why a host could not be started or ended.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The program cannot be executed.
    #[error("the render host program {program} could not be started: {source}")]
    Start {
        /// Path of the program.
        program: String,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// A file of the fleet's directory cannot be used.
    #[error("{path}: {source}")]
    File {
        /// Path of the file.
        path: String,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// The process did not take its specification.
    #[error("the host could not be told what to do: {0}")]
    Tell(#[source] std::io::Error),
    /// The process cannot be signalled.
    #[error("the process of host {host} cannot be signalled: {source}")]
    Signal {
        /// The host of that process.
        host: HostId,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// The host's certificate cannot be signed.
    #[error(transparent)]
    Certificate(#[from] AuthorityError),
    /// The fleet takes no more hosts.
    #[error("{0}")]
    Refused(String),
}

/// Progress of a host's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remains {
    /// Nothing is left of the host.
    Gone,
    /// The host has been told to end.
    Going,
}

/// State of a host's process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It runs, or is about to.
    Running,
    /// It has ended.
    Exited {
        /// Text for the owner of the session.
        how: String,
    },
}

/// A host of the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetHost {
    /// Name of the host.
    pub id: HostId,
    /// State of its process.
    pub condition: Condition,
}

/// Starts, lists and ends hosts. The provisioner decides where a host runs: it adds the
/// [placement](remora_protocol::link::Placement) to the specification.
pub trait Provisioner: Send + Sync {
    /// Returns a text that changes when the placements of new hosts change so that idle hosts must be replaced.
    fn revision(&self) -> String;

    /// Makes the host exist. A host that has existed before is not started again, whatever became of it. Does not wait
    /// until it is ready.
    fn ensure<'a>(&'a self, host: &'a HostId, spec: &'a HostSpec) -> BoxFuture<'a, Result<(), ProvisionError>>;

    /// Makes the host not exist, including everything that is left of it. Returns at once; repeated calls reach
    /// [`Remains::Gone`] within seconds.
    fn destroy<'a>(&'a self, host: &'a HostId) -> BoxFuture<'a, Result<Remains, ProvisionError>>;

    /// Returns all hosts that exist, including those that have exited and were not destroyed.
    fn list(&self) -> BoxFuture<'_, Result<Vec<FleetHost>, ProvisionError>>;
}

/// Opens the provisioner that the configuration names. `directory` is for its files.
pub(crate) fn open(
    kind: ProvisionerKind,
    directory: &Path,
    command: HostCommand,
    placement: Arc<LocalPlacement>,
    clock: Clock,
    bell: Bell,
) -> Result<Arc<dyn Provisioner>, ProvisionError> {
    match kind {
        ProvisionerKind::Processes => Ok(Arc::new(ProcessFleet::open(directory, command, placement, clock, bell)?)),
    }
}
