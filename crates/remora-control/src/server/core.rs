//! A control plane with its store, keys, fleet and listeners, as `up` and `serve` both need it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use remora_protocol::origins::Origins;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::ServerError;
use super::certificates::Certificates;
use super::data_directory::{DataDirectory, Hold};
use super::network_names::NetworkNames;
use crate::authority::Authority;
use crate::bell::Bell;
use crate::clock::Clock;
use crate::config::Config;
use crate::control_plane::{ControlPlane, Parts};
use crate::disk::DiskProbe;
use crate::host_secrets::HostSecrets;
use crate::identity::Identities;
use crate::launch::LaunchPlan;
use crate::listen;
use crate::metrics::Metrics;
use crate::portal::PortalOptions;
use crate::provision::{self, HostCommand, LocalPlacement};
use crate::store::Store;
use crate::{private_file, tls};

/// Interval of calls of [`Metrics::tidy_up`].
const METRICS_INTERVAL: Duration = Duration::from_secs(5);

/// Options that differ between `up` and `serve`.
pub(super) struct CoreOptions<'a> {
    pub directory: DataDirectory,
    pub config: Config,
    pub host_command: HostCommand,
    pub network: &'a NetworkNames,
    /// Origins of the service's own pages on listeners other than HTTPS.
    pub local_origins: Origins,
    pub portal: Option<PortalOptions>,
    pub model_files: Vec<String>,
    pub model_addresses: Vec<String>,
}

/// A running control plane.
pub(super) struct Core {
    pub directory: DataDirectory,
    pub clock: Clock,
    pub store: Arc<Store>,
    pub authority: Arc<Authority>,
    pub control_plane: ControlPlane,
    /// Pages that are served over HTTPS.
    portal: Option<PortalOptions>,
    acceptor: TlsAcceptor,
    closing: watch::Sender<bool>,
    /// Tasks of the listeners. Like those of `upkeep`, they end when this value is dropped.
    listeners: JoinSet<()>,
    upkeep: JoinSet<()>,
}

impl Core {
    pub(crate) async fn open(options: CoreOptions<'_>) -> Result<Self, ServerError> {
        let CoreOptions {
            directory,
            config,
            host_command,
            network,
            local_origins,
            portal,
            model_files,
            model_addresses,
        } = options;
        let cache_directory = cache_directory(&config, directory.path())?;
        let (clock, bell) = (Clock::system(), Bell::default());
        let store: Arc<Store> = Arc::new(Store::open(&config.store, directory.path()).await?);
        let keys = directory.lock_keys()?;
        let tokens = Arc::new(directory.tokens()?);
        let host_key = directory.host_key()?;
        let authority = Arc::new(Authority::open(directory.path(), clock.now())?);
        drop(keys);
        let certificates =
            Certificates::open(authority.clone(), network.names.clone(), &config, directory.path(), clock.clone())?;
        let identities = Arc::new(Identities::new(&config.identities, &clock)?);
        let own_origins = network.origins(&config.listen.peers).and(&local_origins);
        let portal = portal.filter(|_| config.listen.portal);
        let config = Arc::new(config);
        let policy = config.policy(clock.now());
        let placement = Arc::new(LocalPlacement {
            control_urls: [&network.control_url].into_iter().chain(&config.listen.peers).cloned().collect(),
            hostname: network.hostname.clone(),
            names: network.names.clone(),
            listen_address: network.listen_address,
            media: config.listen.media(),
            model_files,
            cache_directory,
            authority: authority.clone(),
            operators_certificate: certificates.operators(),
        });
        let hosts = directory.path().join("hosts");
        let kind = config.hosts.provisioner;
        let fleet = provision::open(kind, &hosts, host_command, placement.clone(), clock.clone(), bell.clone())?;
        let plan = LaunchPlan {
            control_ca_pem: authority.certificate_pem().to_owned(),
            token_public_key_pem: tokens.public_key_pem().to_owned(),
            allowed_origins: config.listen.origins.clone().and(&own_origins),
            model_addresses,
            start_max: policy.start_max,
            config: config.clone(),
            secrets: Arc::new(HostSecrets::new(&host_key)),
            provisioner: fleet.clone(),
        };
        let control_plane = ControlPlane::new(Parts {
            store: store.clone(),
            fleet,
            placement,
            clock: clock.clone(),
            bell,
            config,
            policy,
            tokens,
            identities: identities.clone(),
            plan,
            disk: Arc::new(DiskProbe::new(directory.path(), clock.clone())),
        });
        let acceptor = tls::acceptor(certificates.choice())?;
        let (closing, _) = watch::channel(false);
        let (listeners, mut upkeep) = (JoinSet::new(), JoinSet::new());
        upkeep.spawn(certificates.keep_current());
        upkeep.spawn(tidy_up(control_plane.metrics().clone(), clock.clone()));
        // Asks the issuers early, so that the first page need not wait for them.
        upkeep.spawn(async move { drop(identities.providers().await) });
        Ok(Self { directory, clock, store, authority, control_plane, portal, acceptor, closing, listeners, upkeep })
    }

    /// Starts to serve the API over TLS.
    pub(crate) fn serve_public(&mut self, listener: TcpListener, network: &NetworkNames) {
        let router = self.control_plane.public_router(&network.endpoint, self.portal.as_ref());
        self.listeners.spawn(listen::serve(listener, Some(self.acceptor.clone()), router, self.closing.subscribe()));
    }

    /// Starts to serve metrics and probes if the configuration contains a listener for them.
    pub(crate) fn serve_watchers(&mut self, listener: Option<TcpListener>) {
        if let Some(listener) = listener {
            self.serve_plain(listener, self.control_plane.watchers_router());
        }
    }

    /// Starts to serve in plain HTTP.
    pub(crate) fn serve_plain(&mut self, listener: TcpListener, router: Router) {
        self.listeners.spawn(listen::serve(listener, None, router, self.closing.subscribe()));
    }

    /// Runs the reconcile loop until `shutdown` is done.
    pub(crate) async fn reconcile_until(&self, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            () = shutdown => {}
            never = self.control_plane.reconciler().run() => match never {},
        }
    }

    /// Closes the listeners, which gives running requests a moment to end, and the store. Hosts and sessions stay as
    /// they are.
    pub(crate) async fn close(mut self) {
        self.upkeep.shutdown().await;
        self.closing.send_replace(true);
        while let Some(ended) = self.listeners.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a listener ended badly");
            }
        }
        self.store.close().await;
    }
}

/// Creates the directory of the cache. Hosts receive the path as JSON, so it must be UTF-8.
fn cache_directory(config: &Config, data_directory: &Path) -> Result<Option<String>, ServerError> {
    let Some(path) = config.cache.directory(data_directory) else { return Ok(None) };
    private_file::directory(&path).map_err(|source| ServerError::CacheDirectory { path: path.clone(), source })?;
    path.into_os_string().into_string().map(Some).map_err(|path| ServerError::CachePath { path: path.into() })
}

async fn tidy_up(metrics: Metrics, clock: Clock) {
    loop {
        clock.sleep(METRICS_INTERVAL).await;
        metrics.tidy_up();
    }
}

/// Opens a listener. If the port is taken because the data directory is in use, the error says so.
pub(super) async fn bind(
    option: &'static str,
    address: SocketAddr,
    data_directory: &Path,
    hold: Hold,
) -> Result<TcpListener, ServerError> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            if DataDirectory::is_in_use(data_directory, hold) {
                return Err(ServerError::DataDirectoryInUse { path: data_directory.to_owned() });
            }
            Err(ServerError::PortTaken { option, address })
        }
        Err(source) => Err(ServerError::Listen { option, address, source }),
    }
}

/// Opens the listener for metrics and probes if the configuration contains one.
pub(super) async fn bind_watchers(
    config: &Config,
    data_directory: &Path,
    hold: Hold,
) -> Result<Option<TcpListener>, ServerError> {
    match config.listen.metrics {
        Some(address) => bind("listen.metrics", address, data_directory, hold).await.map(Some),
        None => Ok(None),
    }
}

/// Returns the address of a listener.
pub(super) fn local_address(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().expect("a bound socket has an address")
}
