//! The running `up`: a control plane with an account and pages of its own.

use std::time::Duration;

use remora_protocol::origins::Origins;

use super::core::{Core, CoreOptions, bind, bind_watchers, local_address};
use super::data_directory::{DataDirectory, Hold};
use super::local_account::LocalAccount;
use super::models::Models;
use super::network_names::NetworkNames;
use super::{Connection, ServerError, UpOptions, connection};
use crate::control_plane::LocalSignIn;
use crate::machine::Machine;
use crate::portal::PortalOptions;
use crate::portal::guard::Guard;
use crate::random;

/// Time for ending all sessions and hosts. A stop may take five seconds; the rest is for the listeners and the store.
const DRAIN_MAX: Duration = Duration::from_secs(4);

/// A running `up`.
pub(super) struct Running {
    core: Core,
    connection: Connection,
}

impl Running {
    pub(crate) async fn start(options: UpOptions) -> Result<Self, ServerError> {
        let UpOptions { data_directory, https, http, models, engine_triangles, assets, host_command, config } = options;
        if !http.ip().is_loopback() {
            return Err(ServerError::NotLoopback { address: http });
        }
        let models = Models::new(&models, engine_triangles)?;
        let https = bind("--https", https, &data_directory, Hold::Alone).await?;
        let http = bind("--http", http, &data_directory, Hold::Alone).await?;
        let watchers = bind_watchers(&config, &data_directory, Hold::Alone).await?;
        let network = NetworkNames::new(local_address(&https), config.listen.name.as_deref(), &Machine::own());
        let guard = Guard { port: local_address(&http).port() };
        let directory = DataDirectory::open(&data_directory, Hold::Alone)?;
        connection::remove(directory.path())?;
        let account = LocalAccount::open(directory.path())?;
        let portal = PortalOptions { assets, models: models.offered.into() };
        let mut core = Core::open(CoreOptions {
            directory,
            config,
            host_command,
            network: &network,
            local_origins: Origins::parse(guard.origins()).expect("loopback names are in origins"),
            portal: Some(portal.clone()),
            model_files: models.files,
            model_addresses: models.addresses,
        })
        .await?;
        account.admit(&core.store, &core.clock).await?;

        let secret = random::secret();
        let sign_in = LocalSignIn { account: account.id.clone(), secret: secret.clone() };
        core.serve_public(https, &network);
        core.serve_watchers(watchers);
        core.serve_plain(http, core.control_plane.loopback_router(guard, &portal, sign_in));
        let connection = Connection {
            endpoint: network.endpoint.clone(),
            sts_endpoint: network.endpoint.clone(),
            account_domain: network.account_domain(),
            portal: format!("http://localhost:{}/#secret={secret}", guard.port),
            account_id: account.id.to_string(),
            account_key: account.primary_key,
            addresses: network.addresses,
            ca_file: core.authority.certificate_path().to_owned(),
        };
        connection::write(core.directory.path(), &connection)?;
        Ok(Self { core, connection })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Runs until `shutdown` is done, then ends everything. The listeners close last, because hosts receive their
    /// orders through them.
    pub(crate) async fn until(self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        let core = self.core;
        core.reconcile_until(shutdown).await;
        connection::remove(core.directory.path())?;
        if !core.control_plane.reconciler().drain(core.clock.now() + DRAIN_MAX).await {
            tracing::error!("some render hosts could not be ended");
        }
        core.close().await;
        Ok(())
    }
}
