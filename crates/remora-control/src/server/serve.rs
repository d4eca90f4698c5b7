//! `remora serve`: a control plane alone, one of any number.
//!
//! ```text
//!   port bound ─▶ directory locked ─▶ store, keys ─▶ hosts on this machine adopted ─▶ accepts, `ready` called
//!     ─▶ (shutdown) ─▶ listeners close; sessions, hosts and leases go on
//! ```
//!
//! Unlike `up` it ends nothing but itself: hosts keep streaming while no control plane runs, and the next one, or
//! another on the same database, adopts them. It has no account of its own; its pages are for people with a key.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;

use remora_protocol::origins::Origins;

use super::ServerError;
use super::core::{Core, CoreOptions, bind, bind_watchers, local_address};
use super::data_directory::{DataDirectory, Hold};
use super::models::Models;
use super::place::Place;
use crate::config::Config;
use crate::machine::Machine;
use crate::portal::{Assets, PortalOptions};
use crate::provision::HostCommand;

/// What the operator chooses.
#[derive(Clone)]
pub struct ServeOptions {
    /// Keys, pid files and, unless the configuration names another database, `remora.db`. Made if it is not there.
    /// Control planes on one machine and one database elsewhere share it.
    pub data_directory: PathBuf,
    pub https: SocketAddr,
    pub host_command: HostCommand,
    /// The pages; `None` where the program does not bring them along.
    pub assets: Option<Assets>,
    pub config: Config,
}

/// Detail of the built-in engine that is shown first: hosts may be on any machine.
const ENGINE_TRIANGLES: u64 = 1_000_000;

/// Where a control plane is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serving {
    /// As clients know it.
    pub endpoint: String,
    pub https: SocketAddr,
    /// Of metrics and probes, if they have a listener.
    pub metrics: Option<SocketAddr>,
    /// To be trusted by clients, unless the operator has a certificate of another authority.
    pub ca_file: PathBuf,
}

/// Runs until `shutdown` is done. `ready` is called once, when everything accepts. Needs a tokio runtime with I/O and
/// time.
pub async fn serve(
    options: ServeOptions,
    ready: impl FnOnce(&Serving),
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let mut shutdown = pin!(shutdown);
    let (core, serving) = tokio::select! {
        biased;
        () = &mut shutdown => return Ok(()),
        started = start(options) => started?,
    };
    ready(&serving);
    core.reconcile_until(shutdown).await;
    core.close().await;
    Ok(())
}

async fn start(options: ServeOptions) -> Result<(Core, Serving), ServerError> {
    let ServeOptions { data_directory, https, host_command, assets, config } = options;
    let hold = if config.store.url.is_some() { Hold::Together } else { Hold::Alone };
    let https = bind("--https", https, &data_directory, hold).await?;
    let watchers = bind_watchers(&config, &data_directory, hold).await?;
    let (address, metrics) = (local_address(&https), watchers.as_ref().map(local_address));
    let place = Place::new(address, config.listen.name.as_deref(), &Machine::own());
    let models = Models::new(&[], ENGINE_TRIANGLES)?.offered;
    let portal = assets.map(|assets| PortalOptions { assets, models: models.into() });
    let directory = DataDirectory::open(&data_directory, hold)?;
    let mut core = Core::open(CoreOptions {
        directory,
        config,
        host_command,
        place: &place,
        local_origins: Origins::default(),
        portal,
        model_files: Vec::new(),
        model_addresses: Vec::new(),
    })
    .await?;
    core.serve_public(https, &place);
    core.serve_watchers(watchers);
    let ca_file = core.authority.certificate_path().to_owned();
    Ok((core, Serving { endpoint: place.endpoint, https: address, metrics, ca_file }))
}
